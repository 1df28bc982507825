"""Whether an answer fits its shape, and which of the shape's members it has; made without the code under test."""

from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "long": int,
    "double": (int, float),
    "boolean": bool,
    "timestamp": (int, float),
}


def misfits(shape: Shape | None, value: Any, where: str = "") -> Iterator[str]:
    """What in a JSON value is not as its shape has it."""
    match shape:
        case None:
            yield from (f"{where}.{name}: unknown" for name in value)
        case StructureShape():
            yield from (f"{where}.{name}: unknown" for name in value.keys() - shape.members.keys())
            yield from (f"{where}.{name}: missing" for name in set(shape.required_members) - value.keys())
            for name in value.keys() & shape.members.keys():
                yield from misfits(shape.members[name], value[name], f"{where}.{name}")
        case ListShape():
            yield from _sized(shape, len(value), where)
            for item in value:
                yield from misfits(shape.member, item, f"{where}[]")
        case MapShape():
            for key, item in value.items():
                yield from misfits(shape.key, key, f"{where}.{key}")
                yield from misfits(shape.value, item, f"{where}.{key}")
        case _:
            yield from _scalar(shape, value, where)


def _scalar(shape: Shape, value: Any, where: str) -> Iterator[str]:
    kind = _TYPES[shape.type_name]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        yield f"{where}: {value!r} is no {shape.type_name}"
    elif isinstance(value, str):
        yield from _sized(shape, len(value), where)
        if value not in shape.metadata.get("enum", (value,)):
            yield f"{where}: {value!r} is not in the enum"
    elif not isinstance(value, bool):
        yield from _sized(shape, value, where)


def _sized(shape: Shape, size: float, where: str) -> Iterator[str]:
    low, high = shape.metadata.get("min", size), shape.metadata.get("max", size)
    if not low <= size <= high:
        yield f"{where}: {size} is not {low} to {high}"


def members(shape: Shape | None, value: Any, where: str = "") -> Iterator[str]:
    """Which of a shape's members a value has anywhere."""
    match shape:
        case StructureShape():
            for name in value.keys() & shape.members.keys():
                yield f"{where}.{name}".removeprefix(".")
                yield from members(shape.members[name], value[name], f"{where}.{name}")
        case ListShape():
            for item in value:
                yield from members(shape.member, item, f"{where}[]")
        case MapShape():
            for item in value.values():
                yield from members(shape.value, item, f"{where}{{}}")


def all_members(shape: Shape | None, where: str = "") -> Iterator[str]:
    """Every member that there is in a shape."""
    match shape:
        case StructureShape():
            for name, inner in shape.members.items():
                yield f"{where}.{name}".removeprefix(".")
                yield from all_members(inner, f"{where}.{name}")
        case ListShape():
            yield from all_members(shape.member, f"{where}[]")
        case MapShape():
            yield from all_members(shape.value, f"{where}{{}}")
