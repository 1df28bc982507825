"""AWS's rest-json protocol, from the server's side: the parts of a request to values, a result to an answer's body.

Bytes that come in are hostile: whatever is wrong with them is an InvalidRequest.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote

from botocore.model import ListShape, MapShape, Shape, StructureShape

from warden.control_api.validation import QUOTED, quote
from warden.domain.errors import InvalidRequest

LONGEST_BODY = 1_000_000
"""Bytes."""

LONGEST_PATH, LONGEST_QUERY = 4_000, 16_000
"""Characters, percent-encoded."""

_MOST_PARAMETERS = 100
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_NUMBER = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,19})?")


def read_body(body: bytes) -> dict[str, Any]:
    """The members of a JSON object, strictly: UTF-8, no key twice, no NaN. No body at all is an empty object."""
    if len(body) > LONGEST_BODY:
        raise InvalidRequest(f"body: expected at most {LONGEST_BODY} bytes, got {len(body)}")
    if not body:
        return {}
    try:
        value = json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError:
        raise InvalidRequest("body: expected JSON, got one that is nested too deeply") from None
    except ValueError as error:  # no UTF-8, no JSON, or a number of thousands of digits
        raise InvalidRequest(f"body: expected JSON in UTF-8: {str(error)[:QUOTED]}") from None
    if not isinstance(value, dict):
        raise InvalidRequest(f"body: expected an object, got {quote(value)}")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise InvalidRequest(f"body: expected each member once, got {quote(twice)} twice")
    return result


def _no_constant(name: str) -> NoReturn:
    raise InvalidRequest(f"body: expected finite numbers, got {name}")


def read_query(query: str, shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """The parameters that have a shape, in the shape's type; others are nobody's business.

    Args:
        query: As sent.
        shapes: By parameter name.
    """
    if not query:
        return {}
    if len(query) > LONGEST_QUERY:
        raise InvalidRequest(f"query: expected at most {LONGEST_QUERY} characters, got {len(query)}")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
    except UnicodeDecodeError:
        raise InvalidRequest("query: expected percent-encoded UTF-8") from None
    except ValueError:
        raise InvalidRequest(f"query: expected at most {_MOST_PARAMETERS} parameters") from None
    result: dict[str, Any] = {}
    for name, text in pairs:
        if name in result:
            raise InvalidRequest(f"{name}: expected once, got {quote(result[name])} and {quote(text)}")
        if name in shapes:
            result[name] = from_text(text, shapes[name])
    return result


def read_label(text: str) -> str:
    """A part of a path, decoded."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequest(f"path: expected percent-encoded UTF-8, got {quote(text)}") from None


def from_text(text: str, shape: Shape) -> Any:
    """What a text of a path or query means for a shape; the text itself, which a reader then refuses, if nothing."""
    return _FROM_TEXT.get(shape.type_name, _as_it_is)(text)


def _as_it_is(text: str) -> str:
    return text


def _boolean(text: str) -> bool | str:
    return {"true": True, "false": False}.get(text, text)


def _integer(text: str) -> int | str:
    return int(text) if _INTEGER.fullmatch(text) else text


def _timestamp(text: str) -> datetime | float | str:
    if _NUMBER.fullmatch(text):
        return float(text)
    try:
        moment = datetime.fromisoformat(text)
        return text if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return text


_FROM_TEXT: Mapping[str, Callable[[str], Any]] = {
    "boolean": _boolean,
    "integer": _integer,
    "long": _integer,
    "timestamp": _timestamp,
}

Writer = Callable[[Any], Any]
"""A result's value to what JSON knows. Raises TypeError where the value is not of its shape: a mistake of ours."""


class Writers:
    """Writers by shape; one of each."""

    def __init__(self) -> None:
        self._made: dict[str, Writer] = {}

    def of(self, shape: Shape) -> Writer:
        """The writer of a shape."""
        if shape.name not in self._made:
            self._made[shape.name] = self._make(shape)
        return self._made[shape.name]

    def of_members(self, name: str, shapes: Mapping[str, Shape]) -> Writer:
        """The writer of an object with the given members."""
        members = {
            member: (shape.serialization.get("name", member), self.of(shape)) for member, shape in shapes.items()
        }

        def write(value: Mapping[str, Any]) -> dict[str, Any]:
            result = {}
            for member, item in value.items():
                if member not in members:
                    raise TypeError(f"{name} has no member {member}")
                if item is not None:
                    key, writer = members[member]
                    result[key] = writer(item)
            return result

        return write

    def _make(self, shape: Shape) -> Writer:
        if isinstance(shape, StructureShape):
            return self.of_members(shape.name, shape.members)
        if isinstance(shape, ListShape):
            item = self.of(shape.member)
            return lambda value: [item(entry) for entry in value]
        if isinstance(shape, MapShape):
            each = self.of(shape.value)
            return lambda value: {name: each(entry) for name, entry in value.items()}
        return _scalar(shape)


def _scalar(shape: Shape) -> Writer:
    kind, convert = _SCALARS[shape.type_name]

    def write(value: Any) -> Any:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise TypeError(f"{shape.name}: expected a {shape.type_name}, got {quote(value)}")
        return convert(value) if convert else value

    return write


def _epoch_seconds(moment: datetime) -> float:
    if moment.tzinfo is None:
        raise TypeError(f"expected a time zone, got {moment.isoformat()}")
    return moment.timestamp()


_SCALARS: Mapping[str, tuple[type | tuple[type, ...], Callable[[Any], Any] | None]] = {
    "string": (str, None),
    "boolean": (bool, None),
    "integer": (int, None),
    "long": (int, None),
    "double": ((int, float), None),
    "timestamp": (datetime, _epoch_seconds),
}
