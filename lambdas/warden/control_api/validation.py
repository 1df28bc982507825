"""What the service model allows, checked: a value as it came in to the value an operation gets, and every problem.

A reader is made once per shape of the model. Nothing about a member (its name, length, range, pattern, enum) stands
here; the one departure from the model is `INNER_SPACES`.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from math import isfinite
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from warden.control_api import patterns
from warden.domain.errors import InvalidRequest

INNER_SPACES = frozenset({"BehaviorName"})
"""Shapes whose values may hold spaces between other characters, although their pattern knows none: AWS's own
examples name a behavior "Listening TCP Ports" (AWS IoT Device Defender Developer Guide, Troubleshooting)."""

QUOTED = 100
"""Characters of a value that a message repeats at most."""

MOST_PROBLEMS = 100
"""After so many, the rest of the input is not looked at."""

_KINDS = {dict: "an object", datetime: "a time"}
_TOLD = 10
_TOLD_CHARACTERS = 1_000
_EPOCH = datetime.fromtimestamp(0, UTC)

Where = tuple[str | int, ...]
"""Member names, list indexes and map keys that lead to a value; empty for the input itself."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input.

    Attributes:
        where: Leads to the value.
        found: The value, quoted and cut (`quote`), or "nothing".
        expected: What is allowed there.
    """

    where: Where
    found: str
    expected: str

    @property
    def path(self) -> str:
        """As a user would write it: `behaviors[0].criteria.value.ports[1]`."""
        return "".join(_segment(segment) for segment in self.where).removeprefix(".") or "body"

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}, got {self.found}"


def _segment(segment: str | int) -> str:
    if isinstance(segment, int):
        return f"[{segment}]"
    plain = len(segment) <= QUOTED and segment.isascii() and segment.replace("-", "_").isidentifier()
    return f".{segment}" if plain else f"[{quote(segment)}]"


def quote(value: object) -> str:
    """A value for a message: one line of ASCII, as JSON writes it, cut; collections only by their size."""
    if isinstance(value, str):
        rest = f"... ({len(value)} characters)" if len(value) > QUOTED else ""
        return json.dumps(value[:QUOTED]) + rest
    if isinstance(value, int) and value.bit_length() > 3 * QUOTED:  # its digits cost time, or are refused
        return f"an integer of {value.bit_length()} bits"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    return f"a list of {len(value)}" if isinstance(value, list) else _KINDS.get(type(value), "something else")


def invalid(problems: Sequence[Problem]) -> InvalidRequest:
    """The error that tells of problems, at least one; of the first ten, where there are more."""
    told = [str(problem)[:_TOLD_CHARACTERS] for problem in problems[:_TOLD]]
    if len(problems) > _TOLD:
        told.append(f"and {len(problems) - _TOLD} more")
    return InvalidRequest("; ".join(told))


class Enough(Exception):
    """As many problems as anyone wants to hear of have been found."""


class Problems:
    """Collects problems, in the order they are found."""

    def __init__(self) -> None:
        self._all: list[Problem] = []

    def add(self, where: Where, expected: str, found: str) -> None:
        """Note a problem. Raises Enough where it is the last one to be noted."""
        self._all.append(Problem(where, found, expected))
        if len(self._all) >= MOST_PROBLEMS:
            raise Enough

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._all)


@dataclass(frozen=True, slots=True)
class Reader:
    """Checks the values of a shape.

    Attributes:
        expected: What it takes, in words that follow "expected".
        read: (value, where it is, problems) to the value an operation gets; a bad one is noted and returned as it is.
    """

    expected: str
    read: Callable[[Any, Where, Problems], Any]


class Readers:
    """Readers by shape; one of each."""

    def __init__(self) -> None:
        self._made: dict[str, Reader] = {}

    def of(self, shape: Shape) -> Reader:
        """The reader of a shape. Raises LookupError for a type that no operation of ours takes."""
        if shape.name not in self._made:
            self._made[shape.name] = self._make(shape)
        return self._made[shape.name]

    def of_members(self, members: Mapping[str, Shape], required: Sequence[str]) -> Reader:
        """The reader of an object with the given members."""
        readers = {shape.serialization.get("name", name): (name, self.of(shape)) for name, shape in members.items()}
        return _structure(readers, [name for name in required if name in members])

    def _make(self, shape: Shape) -> Reader:
        if isinstance(shape, StructureShape):
            return self.of_members(shape.members, shape.required_members)
        if isinstance(shape, ListShape):
            return _list(shape, self.of(shape.member))
        if isinstance(shape, MapShape):
            return _map(self.of(shape.key), self.of(shape.value))
        return _SCALARS[shape.type_name](shape)


def _structure(members: Mapping[str, tuple[str, Reader]], required: Sequence[str]) -> Reader:
    def read(value: Any, where: Where, problems: Problems) -> Any:
        if not isinstance(value, dict):
            problems.add(where, "an object", quote(value))
            return value
        result = {}
        for key, item in value.items():
            if key not in members:
                problems.add((*where, key), _instead_of(key, members), quote(key))
            elif item is not None:  # null is how some clients write absence
                name, reader = members[key]
                result[name] = reader.read(item, (*where, name), problems)
        for name in required:
            if name not in result:
                problems.add((*where, name), members[name][1].expected, "nothing")
        return result

    return Reader("an object", read)


def _instead_of(key: str, members: Mapping[str, object]) -> str:
    near = get_close_matches(key, members, n=1, cutoff=0.75) if len(key) <= QUOTED else []
    return f"one of the members {', '.join(members)}" + (f" (nearest: {near[0]})" if near else "")


def _list(shape: Shape, item: Reader) -> Reader:
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max")
    expected = "a list" + _size(low, high, "items")

    def read(value: Any, where: Where, problems: Problems) -> Any:
        if not isinstance(value, list) or len(value) < low or (high is not None and len(value) > high):
            problems.add(where, expected, quote(value))
            return value
        return [item.read(entry, (*where, index), problems) for index, entry in enumerate(value)]

    return Reader(expected, read)


def _map(key: Reader, value: Reader) -> Reader:
    def read(given: Any, where: Where, problems: Problems) -> Any:
        if not isinstance(given, dict):
            problems.add(where, "an object", quote(given))
            return given
        return {
            key.read(name, (*where, name), problems): value.read(item, (*where, name), problems)
            for name, item in given.items()
        }

    return Reader("an object", read)


def _string(shape: Shape) -> Reader:
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max")
    allowed, pattern = frozenset(shape.metadata.get("enum", ())), shape.metadata.get("pattern")
    matches = patterns.matcher(pattern) if pattern else None
    spaces = shape.name in INNER_SPACES
    expected = "a string" + _size(low, high, "characters")
    if pattern:
        expected += f" matching {pattern}" + (", also with inner spaces" if spaces else "")
    if allowed:
        expected = "one of " + ", ".join(shape.metadata["enum"])

    def fits(value: str) -> bool:
        if allowed:
            return value in allowed
        if len(value) < low or (high is not None and len(value) > high) or not _is_text(value):
            return False
        return matches is None or matches(_without_inner_spaces(value) if spaces else value)

    def read(value: Any, where: Where, problems: Problems) -> Any:
        if not isinstance(value, str) or not fits(value):
            problems.add(where, expected, quote(value))
        return value

    return Reader(expected, read)


def _is_text(value: str) -> bool:
    """Not so with half a surrogate pair, which JSON can write and nothing can store."""
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)


def _without_inner_spaces(value: str) -> str:
    return value.replace(" ", "") if value.strip(" ") == value else value


def _integer(shape: Shape) -> Reader:
    bits = 31 if shape.type_name == "integer" else 63
    low, high = int(shape.metadata.get("min", -(2**bits))), int(shape.metadata.get("max", 2**bits - 1))
    expected = f"an integer from {low} to {high}"

    def read(value: Any, where: Where, problems: Problems) -> Any:
        if type(value) is not int or not low <= value <= high:
            problems.add(where, expected, quote(value))
        return value

    return Reader(expected, read)


def _double(shape: Shape) -> Reader:
    low, high = float(shape.metadata.get("min", "-inf")), float(shape.metadata.get("max", "inf"))
    bounded = "min" in shape.metadata or "max" in shape.metadata
    expected = f"a number from {low} to {high}" if bounded else "a number"

    def read(value: Any, where: Where, problems: Problems) -> Any:
        number = _finite(value)
        if number is None or not low <= number <= high:
            problems.add(where, expected, quote(value))
            return value
        return number

    return Reader(expected, read)


def _finite(value: object) -> float | None:
    """A number as a double; None where it is none, or beyond what a double holds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None


def _boolean(_: Shape) -> Reader:
    def read(value: Any, where: Where, problems: Problems) -> Any:
        if not isinstance(value, bool):
            problems.add(where, "true or false", quote(value))
        return value

    return Reader("true or false", read)


def _timestamp(_: Shape) -> Reader:
    expected = "a time (epoch seconds; in a query string also ISO 8601 with a time zone)"

    def read(value: Any, where: Where, problems: Problems) -> Any:
        if isinstance(value, datetime):
            return value
        moment = _moment(value)
        if moment is None:
            problems.add(where, expected, quote(value))
        return value if moment is None else moment

    return Reader(expected, read)


def _moment(value: object) -> datetime | None:
    seconds = _finite(value)
    try:
        return None if seconds is None else _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return None


def _size(low: int, high: int | None, unit: str) -> str:
    if high is None:
        return f" of at least {low} {unit}" if low else ""
    return f" of {low} to {high} {unit}" if low else f" of at most {high} {unit}"


_SCALARS: Mapping[str, Callable[[Shape], Reader]] = {
    "string": _string,
    "integer": _integer,
    "long": _integer,
    "double": _double,
    "boolean": _boolean,
    "timestamp": _timestamp,
}
