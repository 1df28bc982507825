"""Requests made from the service model: the least and the most of what a shape allows, and each way to break it."""

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from warden.control_api.http import HttpRequest

LONG_TEXT = 300
"""Characters of a text that the model gives no length."""

_CHOSEN = {"EvaluationStatistic": "p99.99"}  # whose pattern lists what it allows
_OTHER = "\0"  # in no pattern and in no enum of the model
_BITS = {"integer": 31, "long": 63}


def least(shape: Shape | None) -> Any:
    """The smallest value: required members only, everything as short and as low as may be."""
    match shape:
        case None:
            return {}
        case StructureShape():
            return {name: least(shape.members[name]) for name in shape.required_members}
        case ListShape():
            return [least(shape.member)] * shape.metadata.get("min", 0)
        case MapShape():
            return {}
    return _scalar(shape, most=False)


def most(shape: Shape | None, *, items: int | None = None) -> Any:
    """The largest value: every member, everything as long and as high as may be; lists of `items`, if that is said."""
    match shape:
        case None:
            return {}
        case StructureShape():
            return {name: most(member, items=items) for name, member in shape.members.items()}
        case ListShape():
            count = shape.metadata.get("max", 3) if items is None else max(items, shape.metadata.get("min", 0))
            return [most(shape.member, items=items)] * count
        case MapShape():
            return {key: most(shape.value, items=items) for key in shape.key.metadata["enum"]}
    return _scalar(shape, most=True)


def _scalar(shape: Shape, *, most: bool) -> Any:
    match shape.type_name:
        case "string":
            return _text(shape, most=most)
        case "integer" | "long" as kind:
            low, high = shape.metadata.get("min", -(2 ** _BITS[kind])), shape.metadata.get("max", 2 ** _BITS[kind] - 1)
            return high if most else low
        case "double":
            return 1.7e308 if most else -1.7e308
        case "boolean":
            return most
        case "timestamp":
            return datetime(2027 if most else 1970, 1, 1, tzinfo=UTC)
    raise LookupError(shape.type_name)


def _text(shape: Shape, *, most: bool) -> str:
    if "enum" in shape.metadata:
        return str(shape.metadata["enum"][-1 if most else 0])
    if shape.name in _CHOSEN:
        return _CHOSEN[shape.name]
    some = shape.serialization.get("location") == "uri" or shape.metadata.get("pattern", "").endswith(("+", "+$"))
    shortest = shape.metadata.get("min", int(some))  # an empty label is no label
    return "a" * (shape.metadata.get("max", LONG_TEXT) if most else shortest)


def written(operation: OperationModel, given: Mapping[str, Any]) -> HttpRequest:
    """A request as it travels, of members that need not be what the model allows."""
    shapes = operation.input_shape.members
    path, query, body = operation.http["requestUri"], {}, {}
    for name, value in given.items():
        shape = shapes.get(name)
        key = shape.serialization.get("name", name) if shape else name
        match shape and shape.serialization.get("location"):
            case "uri":
                path = path.replace(f"{{{key}}}", quote(_written(value), safe=""))
            case "querystring":
                query[key] = _written(value)
            case _:
                body[key] = value
    return HttpRequest(
        operation.http["method"], path, urlencode(query), body=json.dumps(body).encode() if body else b""
    )


def _written(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str) else json.dumps(value)


@dataclass(frozen=True)
class Breach:
    """A request that breaks the model once.

    Attributes:
        about: How, for people.
        where: The member, as messages name it.
        given: The request's members.
    """

    about: str
    where: str
    given: dict[str, Any]


def breaches(operation: OperationModel) -> Iterator[Breach]:
    """Every way to break the model of an operation's input, once each."""
    whole = most(operation.input_shape, items=1)
    for place in _places(operation.input_shape, (), ""):
        if place.required and place.location != "uri":  # without a label there is another path
            yield Breach("missing", place.name, _without(whole, place.keys))
        for about, value in _broken(place):
            yield Breach(about, place.name, _with(whole, place.keys, value))
        if place.location is None and isinstance(place.shape, StructureShape):
            yield Breach("unknown member", f"{place.name}.unknown", _with(whole, (*place.keys, "unknown"), 1))
        if isinstance(place.shape, MapShape):
            yield Breach("key", f"{place.name}.OTHER", _with(whole, (*place.keys, "OTHER"), most(place.shape.value)))
    if any("location" not in shape.serialization for shape in operation.input_shape.members.values()):
        yield Breach("unknown member", "unknown", {**whole, "unknown": 1})


@dataclass(frozen=True)
class _Place:
    shape: Shape
    keys: tuple[str | int, ...]
    name: str
    required: bool
    location: str | None


def _places(shape: Shape, keys: tuple[str | int, ...], name: str, location: str | None = None) -> Iterator[_Place]:
    """All values inside a value."""
    children: list[tuple[Shape, str | int, str, bool]] = []
    match shape:
        case StructureShape():
            for member, inner in shape.members.items():
                children.append((inner, member, f".{member}" if name else member, member in shape.required_members))
        case ListShape():
            children.append((shape.member, 0, "[0]", False))
        case MapShape():
            children += [(shape.value, key, f".{key}", False) for key in shape.key.metadata["enum"]]
    for inner, key, told, required in children:
        where = inner.serialization.get("location") if not keys else location
        yield _Place(inner, (*keys, key), name + told, required, where)
        yield from _places(inner, (*keys, key), name + told, where)


def _broken(place: _Place) -> Iterator[tuple[str, Any]]:
    """Values that the shape at a place does not allow, each with what is wrong."""
    if place.location != "uri":  # any label is a text
        yield from _of_other_types(place)
    low, high = place.shape.metadata.get("min"), place.shape.metadata.get("max")
    match place.shape.type_name:
        case "integer" | "long" as kind:
            yield "too low", (-(2 ** _BITS[kind]) if low is None else low) - 1
            yield "too high", (2 ** _BITS[kind] - 1 if high is None else high) + 1
        case "list":
            item = most(place.shape, items=1)
            yield from [("too few", item * (low - 1))] if low else []
            yield from [("too many", item * (high + 1))] if high else []
        case "string":
            emptied = place.location == "uri" and low == 1  # without a label there is another path
            yield from [("too short", "a" * (low - 1))] if low and not emptied else []
            yield from [("too long", "a" * (high + 1))] if high else []
            yield from [("pattern", _OTHER * (low or 1))] if "pattern" in place.shape.metadata else []
            yield from [("enum", name.swapcase()) for name in place.shape.metadata.get("enum", ())[:1]]


def _of_other_types(place: _Place) -> Iterator[tuple[str, Any]]:
    """What a place cannot hold at all."""
    in_query = place.location == "querystring"
    others: Mapping[str, tuple[Any, ...]] = {
        "string": () if in_query else (5, True, ["a"], {"a": "a"}),
        "integer": ("a", 1.5, True) if in_query else ("1", 1.5, True, [1]),
        "long": ("a", 1.5, True) if in_query else ("1", 1.5, True, [1]),
        "double": ("1", True, [1]),
        "boolean": ("yes", 1),
        "timestamp": ("yesterday", "2027-01-15T08:00:00"),
        "list": ({"0": 1}, "a", 5),
        "structure": ([], "a", 5),
        "map": ([], "a", 5),
    }
    for value in others[place.shape.type_name]:
        yield f"of another type {json.dumps(value)}", value


def _with(whole: Any, keys: tuple[str | int, ...], value: Any) -> Any:
    changed = copy.deepcopy(whole)
    _at(changed, keys)[keys[-1]] = value
    return changed


def _without(whole: Any, keys: tuple[str | int, ...]) -> Any:
    changed = copy.deepcopy(whole)
    del _at(changed, keys)[keys[-1]]
    return changed


def _at(whole: Any, keys: tuple[str | int, ...]) -> Any:
    for key in keys[:-1]:
        whole = whole[key]
    return whole
