"""YAML as files of ours have it: values with their lines.

A small part of YAML 1.2: no aliases, anchors and tags, no key twice, and of what is not quoted only null, true and
false, decimal integers and decimals are not text. So `no`, `22:22` and `2026-11-23` are the text that they look like.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)

MOST_BYTES = 4_194_304
DEEPEST = 20
"""Collections in one another; a profile has eight."""

CONSTANTS: Mapping[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
INTEGER = re.compile(r"[-+]?[0-9]{1,40}")
DECIMAL = re.compile(r"[-+]?(\.[0-9]{1,400}|[0-9]{1,400}(\.[0-9]{0,400})?)([eE][-+]?[0-9]{1,5})?")

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's, where PyYAML was built with it

Where = tuple[str | int, ...]


class Unreadable(Exception):
    """A text is no YAML of ours.

    Args:
        line: Where, from 1 on.
        why: What is wrong there.
    """

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}")
        self.line = line
        self.why = why


@dataclass(slots=True)
class Parsed:
    """A document.

    Attributes:
        value: Of dicts, lists, str, int, float, bool, None.
        lines: Line of each value, from 1 on, by the keys and positions that lead to it; of a member, its key's.
    """

    value: Any
    lines: dict[Where, int] = field(default_factory=dict)


def parse(data: bytes) -> list[Parsed]:
    """The documents of a file; empty ones are left out. Raises Unreadable."""
    if len(data) > MOST_BYTES:
        raise Unreadable(1, f"a file has at most {MOST_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(data.count(b"\n", 0, error.start) + 1, "this is not UTF-8") from error
    if match := _UNPRINTABLE.search(text):
        raise Unreadable(text.count("\n", 0, match.start()) + 1, f"a control character, {match[0]!r}")
    try:
        return list(_documents(yaml.parse(text, Loader=_Parser)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(mark.line + 1 if mark else 1, error.problem or "this is no YAML") from error
    except yaml.YAMLError as error:
        raise Unreadable(1, str(error)) from error


def _documents(events: Iterator[Event]) -> Iterator[Parsed]:
    building: _Building | None = None
    for event in events:
        if isinstance(event, DocumentStartEvent):
            building = _Building()
        elif isinstance(event, DocumentEndEvent):
            assert building
            if building.parsed.value is not None:
                yield building.parsed
        elif building:
            building.take(event)


@dataclass(slots=True)
class _Open:
    """A collection that has not ended, and where it is; of a mapping also the key that waits for its value."""

    collection: dict[str, Any] | list[Any]
    where: Where
    key: str | None = None


class _Building:
    """A document whose events come one after the other. It does not call itself, however deep the document is."""

    def __init__(self) -> None:
        self.parsed = Parsed(None)
        self._open: list[_Open] = []

    def take(self, event: Event) -> None:
        assert event.start_mark
        line = event.start_mark.line + 1
        if isinstance(event, CollectionEndEvent):
            self._open.pop()
            return
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
            raise Unreadable(line, "anchors and aliases (& and *) are not taken: write the value out")
        if isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag not in (None, "!"):
            raise Unreadable(line, f"tags such as {event.tag!r} are not taken")
        if isinstance(event, CollectionStartEvent):
            collection: dict[str, Any] | list[Any] = {} if isinstance(event, MappingStartEvent) else []
            where = self._put(collection, line)
            self._open.append(_Open(collection, where))
            if len(self._open) > DEEPEST:
                raise Unreadable(line, f"collections are at most {DEEPEST} deep")
        elif isinstance(event, ScalarEvent):
            self._scalar(event, line)

    def _scalar(self, event: ScalarEvent, line: int) -> None:
        inside = self._open[-1] if self._open else None
        if inside and isinstance(inside.collection, dict) and inside.key is None:
            if event.value in inside.collection:
                raise Unreadable(line, f"the key {event.value!r} is here twice")
            inside.key = event.value
            self.parsed.lines[(*inside.where, event.value)] = line
        else:
            self._put(event.value if event.style else _resolved(event.value), line)

    def _put(self, value: Any, line: int) -> Where:
        if not self._open:
            self.parsed.value = value
            self.parsed.lines[()] = line
            return ()
        inside = self._open[-1]
        if isinstance(inside.collection, list):
            inside.collection.append(value)
            where: Where = (*inside.where, len(inside.collection) - 1)
            self.parsed.lines[where] = line
            return where
        if inside.key is None:
            raise Unreadable(line, "a key is a text, not a collection")
        inside.collection[inside.key] = value
        where, inside.key = (*inside.where, inside.key), None
        return where


def _resolved(text: str) -> Any:
    """What a text without quotes means."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    if INTEGER.fullmatch(text):
        return int(text)
    return float(text) if DECIMAL.fullmatch(text) else text
