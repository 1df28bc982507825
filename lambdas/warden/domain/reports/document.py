"""A decoded but untyped report → a Report: tolerant in names and forms of numbers, exact about what is wrong.

Each object's fields may come under long or short names, one of the two per field; keys nobody knows are ignored.
Null in place of an optional field is as if it were absent.
"""

import re
from collections.abc import Callable, Iterable
from itertools import product
from typing import Any, NoReturn

from msgspec.structs import fields

from warden.domain.errors import ReportRejected
from warden.domain.reports.addresses import host, is_port
from warden.domain.reports.problems import Problem, quoted
from warden.domain.reports.report import (
    MAX_BYTES,
    MAX_COUNT,
    MAX_DEPTH,
    MAX_INTERFACE_LENGTH,
    MAX_ITEMS,
    MAX_NUMBER,
    MAX_PORT,
    MAX_VALUES,
    SHORT,
    Connection,
    EstablishedConnections,
    Header,
    ListeningPorts,
    Metrics,
    NetworkStats,
    Part,
    Port,
    Report,
    TcpConnections,
)

Reader = Callable[[Any], Any]

_PLAIN = frozenset({str, bool, type(None)})
# 2^64 as a double with some rounding: agents subtract unsigned 64-bit counters and print the difference as a double.
_CLAMPED_UP_TO = int(2.0**64 * (1 + 1e-14))
_VERSION = re.compile(r"1\.[0-9]{1,5}")


class _Absent:
    """Stands for a value that cannot be quoted; its text says why."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


NOTHING = _Absent("nothing")
REPEATED = _Absent("several under one key")
"""What a decoder puts in place of the values of a key that was there more than once."""


def check_size(payload: bytes) -> None:
    """Refuse more bytes than MQTT messages may have on AWS. Raises ReportRejected."""
    if len(payload) > MAX_BYTES:
        raise ReportRejected(f"report: expected at most {MAX_BYTES} bytes, got {len(payload)}")


def read(document: Any) -> Report:
    """Read an untyped document. Raises ReportRejected with the first thing that is wrong."""
    try:
        check(document)
        return _report(document)
    except Problem as problem:
        raise ReportRejected(str(problem), report_id=_salvaged_id(document)) from None


def check(value: Any, depth: int = MAX_DEPTH) -> None:
    """Refuse what a report may hold nowhere, not even where nobody looks.

    That is: types JSON has not (CBOR's bytes, undefined, keys that are no text), repeated keys, numbers beyond a
    double's range, NaN, more than `depth` containers within each other, more than MAX_VALUES values. Raises Problem.
    """
    _Check().visit(value, depth)


class _Check:
    def __init__(self) -> None:
        self._left = MAX_VALUES

    def visit(self, value: Any, depth: int) -> None:
        kind = type(value)
        if kind is dict or kind is list:
            self._enter(value, depth)
        elif kind is int or kind is float:
            if not -MAX_NUMBER <= value <= MAX_NUMBER:
                raise Problem("a finite number in the range of a double", quoted(value))
        elif value is REPEATED:
            raise Problem("one value", quoted(value))
        elif kind not in _PLAIN:
            raise Problem("a type that JSON has", quoted(value))

    def _enter(self, container: Any, depth: int) -> None:
        self._left -= len(container)
        if self._left < 0:
            raise Problem(f"at most {MAX_VALUES} values in all", "more")
        if not depth:
            raise Problem(f"at most {MAX_DEPTH} levels of objects and arrays", "more")
        if type(container) is list:
            self._visit_parts(enumerate(container), depth)
        elif bytes in map(type, container):
            raise Problem("text as keys", "byte strings")
        else:
            self._visit_parts(container.items(), depth)

    def _visit_parts(self, parts: Iterable[tuple[Any, Any]], depth: int) -> None:
        part: Any = None
        try:
            for part, inner in parts:  # noqa: B007 (it is used below)
                if type(inner) not in _PLAIN:
                    self.visit(inner, depth - 1)
        except Problem as problem:
            problem.under(part)
            raise


def _whole(low: int, high: int, expected: str) -> Reader:
    def read_whole(value: Any) -> int:
        number = int(value) if type(value) is float and value.is_integer() else value
        if type(number) is not int or not low <= number <= high:
            raise Problem(expected, quoted(value))
        return number

    return read_whole


def _count(value: Any) -> int:
    count: int = _unclamped_count(value)
    return min(count, MAX_COUNT)


def _local_port(value: Any) -> int:
    """A port, or its digits as text: AWS's C agent writes them so in CBOR."""
    port: int = _any_port(int(value) if type(value) is str and is_port(value) else value)
    return port


def _text(value: Any) -> str:
    if type(value) is not str or len(value) > MAX_INTERFACE_LENGTH:
        raise Problem(f"a string of at most {MAX_INTERFACE_LENGTH} characters", quoted(value))
    return value


def _version(value: Any) -> str:
    if type(value) is not str or not _VERSION.fullmatch(value):
        raise Problem('"1.0" or another "1.x"', quoted(value))
    return value


def _remote_addr(value: Any) -> str:
    try:
        if type(value) is str and host(value):
            return value
    except ValueError:
        pass
    raise Problem("ip:port", quoted(value))


def _array_of(reader: Reader) -> Reader:
    def read_array(value: Any) -> list[Any]:
        if type(value) is not list:
            raise Problem("an array", quoted(value))
        if len(value) > MAX_ITEMS:
            raise Problem(f"at most {MAX_ITEMS} items", quoted(value))
        items: list[Any] = []
        try:
            for item in value:
                items.append(reader(item))  # noqa: PERF401 (its length is the index of the one that fails)
        except Problem as problem:
            problem.under(len(items))
            raise
        return items

    return read_array


def _custom_metrics(value: Any) -> dict[str, list[dict[str, Any]]]:
    if type(value) is not dict:
        raise Problem("an object", quoted(value))
    for name, objects in value.items():
        if type(objects) is not list or len(objects) > 1 or any(type(item) is not dict for item in objects):
            got = f"an array holding {quoted(objects[0])}" if _is_single(objects) else quoted(objects)
            raise Problem("an array holding one object", got, name)
    return value


def _is_single(value: Any) -> bool:
    return type(value) is list and len(value) == 1


def _refuse_both(long: str) -> NoReturn:
    raise Problem(f"one of {long} and {SHORT[long]}", "both")


class _Object:
    """Reads an object into a part of the model: one reader a field, under its long or its short name."""

    def __init__(self, make: type[Part], **readers: Reader) -> None:
        self._make = make
        self._by_name = {name: (long, reader) for long, reader in readers.items() for name in (long, SHORT[long])}
        self._required = [field.name for field in fields(make) if field.required]

    def __call__(self, value: Any) -> Any:
        if type(value) is not dict:
            raise Problem("an object", quoted(value))
        found: dict[str, Any] = {}
        name = ""
        try:
            for name, inner in value.items():
                if name in self._by_name:
                    long, reader = self._by_name[name]
                    if long in found:
                        _refuse_both(long)
                    found[long] = None if inner is None and long not in self._required else reader(inner)
            for name in self._missing(found, value):
                self._by_name[name][1](NOTHING)
        except Problem as problem:
            problem.under(name)
            raise
        return self._make(**found)

    def _missing(self, found: dict[str, Any], value: dict[str, Any]) -> list[str]:
        """Required fields that are not there, by the kind of names that are."""
        missing = [long for long in self._required if long not in found]
        if missing and any(long not in value for long in found):
            return [SHORT[long] for long in missing]
        return missing


_unclamped_count = _whole(0, _CLAMPED_UP_TO, f"a whole number from 0 to {MAX_COUNT}")
_any_port = _whole(0, MAX_PORT, f"a whole number from 0 to {MAX_PORT}")
_report_id = _whole(1, MAX_COUNT, f"a whole number from 1 to {MAX_COUNT}")
_listening = _Object(
    ListeningPorts,
    ports=_array_of(_Object(Port, port=_whole(1, MAX_PORT, f"a whole number from 1 to {MAX_PORT}"), interface=_text)),
    total=_count,
)
_connection = _Object(
    Connection,
    remote_addr=_remote_addr,
    local_port=_local_port,
    local_interface=_text,
)
_metrics = _Object(
    Metrics,
    listening_tcp_ports=_listening,
    listening_udp_ports=_listening,
    network_stats=_Object(NetworkStats, bytes_in=_count, bytes_out=_count, packets_in=_count, packets_out=_count),
    tcp_connections=_Object(
        TcpConnections,
        established_connections=_Object(EstablishedConnections, connections=_array_of(_connection), total=_count),
    ),
)
_root = _Object(
    Report,
    header=_Object(Header, report_id=_report_id, version=_version),
    metrics=_metrics,
    custom_metrics=_custom_metrics,
)


def _report(document: Any) -> Report:
    report: Report = _root(document)
    if report.metrics is None and report.custom_metrics is None:
        raise Problem("metrics or custom_metrics or both", "neither")
    return report


def _salvaged_id(document: Any) -> int | None:
    """The id of a document that is wrong elsewhere."""
    for header, report_id in product(("header", "hed"), ("report_id", "rid")):
        try:
            return int(_report_id(document[header][report_id]))
        except (LookupError, TypeError, Problem):
            continue
    return None
