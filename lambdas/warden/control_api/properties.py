"""CloudFormation's properties as an operation's members: named in Pascal case there, and all scalars as texts.

Source: CloudFormation User Guide, Custom resource request objects; property names as `AWS::IoT::*` have them.
"""

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from warden.control_api.wire import from_text

_NUMBER = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?")


def members(properties: Mapping[str, Any], shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """An operation's members.

    Args:
        properties: As CloudFormation sends them.
        shapes: The operation's, by name.

    Returns: What has a shape, in its type; whatever has none, or is no text of its type, as it came, for a reader of
        `control_api.validation` to refuse.
    """
    known = {_pascal(name): name for name in shapes}
    result = {}
    for key, value in properties.items():
        name = known.get(key, key[:1].lower() + key[1:])
        result[name] = _value(value, shapes[name]) if name in shapes else value
    return result


def _pascal(name: str) -> str:
    return name[:1].upper() + name[1:]


def _value(given: Any, shape: Shape) -> Any:
    if isinstance(shape, StructureShape) and isinstance(given, dict):
        return members(given, shape.members)
    if isinstance(shape, MapShape) and isinstance(given, dict):
        return {name: _value(value, shape.value) for name, value in given.items()}
    if isinstance(shape, ListShape) and isinstance(given, list):
        return [_value(value, shape.member) for value in given]
    if isinstance(given, str):
        return _double(given) if shape.type_name == "double" else from_text(given, shape)
    return given


def _double(text: str) -> float | str:
    number = float(text) if _NUMBER.fullmatch(text) else float("nan")
    return number if isfinite(number) else text
