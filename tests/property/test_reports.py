"""Of any report: one meaning whatever its names and format; of anything else: a rejection and nothing worse."""

import json
from collections.abc import Callable
from typing import Any

import cbor2
import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from warden.domain.errors import ReportRejected
from warden.domain.reports import DECODERS
from warden.domain.reports.report import (
    SHORT,
    Connection,
    EstablishedConnections,
    Header,
    ListeningPorts,
    Metrics,
    NetworkStats,
    Port,
    Report,
    TcpConnections,
)

ENCODERS: dict[str, Callable[[Any], bytes]] = {
    "json": lambda document: json.dumps(document, ensure_ascii=False).encode(),
    "json with escapes": lambda document: json.dumps(document).encode(),
    "cbor": cbor2.dumps,
    "cbor of indefinite lengths": lambda document: cbor2.dumps(document, indefinite_containers=True),
}
some = settings(max_examples=150, deadline=None)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
counts = st.none() | st.integers(0, 2**64 - 1)
interfaces = st.none() | st.sampled_from(["lo", "::", ""]) | text
addresses = st.builds(
    lambda ip, port: f"[{ip}]:{port}" if ip.version == 6 else f"{ip}:{port}", st.ip_addresses(), st.integers(0, 65535)
)
listening = st.builds(
    ListeningPorts, st.none() | st.lists(st.builds(Port, st.integers(1, 65535), interfaces), max_size=3), counts
)
established = st.builds(
    EstablishedConnections,
    st.none() | st.lists(st.builds(Connection, addresses, interfaces, st.none() | st.integers(0, 65535)), max_size=3),
    counts,
)
metrics = st.builds(
    Metrics,
    st.none() | st.builds(NetworkStats, counts, counts, counts, counts),
    st.none() | st.builds(TcpConnections, st.none() | established),
    st.none() | listening,
    st.none() | listening,
)
finite = st.floats(allow_nan=False, allow_infinity=False)
values = st.integers(-(2**64), 2**64 - 1) | finite | text | st.lists(finite, max_size=3) | st.lists(text, max_size=3)
customs = st.dictionaries(
    text, st.lists(st.dictionaries(st.sampled_from(["number", "ip_list", "x"]), values), max_size=1)
)
headers = st.builds(Header, st.integers(1, 2**64 - 1), st.sampled_from(["1.0", "1.0", "1.0", "1.1", "1.12"]))
reports = st.builds(Report, headers, st.none() | metrics, st.none() | customs).filter(
    lambda report: report.metrics is not None or report.custom_metrics is not None
)

long_names = st.just(lambda name: name)
short_names = st.just(lambda name: SHORT[name])
mixed_names = st.randoms(use_true_random=False).map(
    lambda random: lambda name: SHORT[name] if random.random() < 0.5 else name
)
names = long_names | short_names | mixed_names


def document(part: Any, name: Callable[[str], str]) -> Any:
    """A report as a device would write it, each field's name as `name` has it; what is None is left out."""
    if isinstance(part, list):
        return [document(item, name) for item in part]
    if not isinstance(part, msgspec.Struct):
        return part
    fields = {field: getattr(part, field) for field in part.__struct_fields__}
    return {name(field): document(value, name) for field, value in fields.items() if value is not None}


def decode(encoding: str, written: Any) -> Report:
    """The report that bytes mean, whatever names it was read under."""
    report = DECODERS[encoding.split(maxsplit=1)[0]](ENCODERS[encoding](written)).report
    return msgspec.convert(report, Report, from_attributes=True)


def outcome(fmt: str, payload: bytes) -> Report | None:
    """The report, or None where it is refused as it should be."""
    try:
        report = DECODERS[fmt](payload).report
    except ReportRejected as error:
        rejected = error
    else:
        cbor2.dumps(document(report, lambda name: name))
        msgspec.json.encode(report)
        return report
    assert rejected.message.isascii()
    assert len(rejected.message) < 400
    assert rejected.report_id is None or 1 <= rejected.report_id < 2**64
    return None


@given(reports, names, st.sampled_from(sorted(ENCODERS)))
@some
def test_a_report_means_the_same_in_any_names_and_format(report: Report, name: Any, encoding: str) -> None:
    assert decode(encoding, document(report, name)) == report


@given(reports, names, st.sampled_from(sorted(ENCODERS)), st.data())
@some
def test_keys_nobody_knows_change_nothing(report: Report, name: Any, encoding: str, data: st.DataObject) -> None:
    known = {*SHORT, *SHORT.values()}
    unknown = st.dictionaries(text.filter(lambda key: key not in known), values, max_size=2)
    written = document(report, name)
    for block in [written, *(value for key, value in written.items() if key not in {"custom_metrics", "cmet"})]:
        block.update(data.draw(unknown))
    assert decode(encoding, written) == report


@given(reports, names, st.sampled_from(sorted(ENCODERS)))
@some
def test_whole_floats_mean_what_integers_mean(report: Report, name: Any, encoding: str) -> None:
    def as_floats(value: Any) -> Any:
        match value:
            case dict():
                return {key: as_floats(inner) for key, inner in value.items()}
            case list():
                return [as_floats(inner) for inner in value]
            case int() if float(value) == value < 2**64:
                return float(value)
        return value

    assert decode(encoding, as_floats(document(report, name))) == report


@given(reports, names, st.sampled_from(["total", "t"]))
@some
def test_a_key_that_is_there_twice_is_refused(report: Report, name: Any, key: str) -> None:
    payload = json.dumps(document(report, name)).encode()
    again = json.dumps({name("listening_tcp_ports"): {key: 1}}).encode()
    twice = payload[:-1] + b',"x":{"a":1,' + again[1:-1] + b',"a":1}}'
    assert outcome("json", twice) is None


@given(reports, names, st.sampled_from(["json", "cbor"]), st.data())
@some
def test_a_report_with_any_bytes_changed_is_read_or_refused(
    report: Report, name: Any, fmt: str, data: st.DataObject
) -> None:
    payload = bytearray(ENCODERS[fmt](document(report, name)))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(payload) - 1))
        payload[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
        payload = payload or bytearray(b"\0")
    outcome(fmt, bytes(payload))


@given(st.binary(max_size=200), st.sampled_from(["json", "cbor"]))
@settings(max_examples=300, deadline=None)
@example(b"", "json")
@example(b'"\\ud800"', "json")
@example(b'{"hed":{"rid":1,"v":"1.0"},"cmet":{"\\ud800":[{"a":1e999}]}}', "json")
def test_any_bytes_are_read_or_refused(payload: bytes, fmt: str) -> None:
    outcome(fmt, payload)


keys = st.sampled_from([*SHORT, *SHORT.values()]) | text
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text | addresses,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


@given(trees, st.none() | trees, st.none() | trees)
@some
def test_any_json_value_is_read_or_refused(tree: Any, metrics: Any, custom: Any) -> None:
    around = {"hed": {"rid": 1, "v": "1.0"}, "metrics": metrics, "cmet": custom}
    for written in (tree, around):
        outcome("json", json.dumps(written).encode())


cbor_trees = st.recursive(
    trees | st.binary(max_size=3) | st.datetimes(timezones=st.timezones()) | st.decimals() | st.just(cbor2.undefined),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(keys | st.integers() | st.binary(max_size=2), inner, max_size=4)
        | st.builds(cbor2.CBORTag, st.integers(0, 2**64 - 1), inner)
    ),
    max_leaves=20,
)


@given(cbor_trees, st.none() | cbor_trees, st.none() | cbor_trees)
@some
def test_any_cbor_value_is_read_or_refused(tree: Any, metrics: Any, custom: Any) -> None:
    around = {"hed": {"rid": 1, "v": "1.0"}, "metrics": metrics, "cmet": custom}
    for written in (tree, around):
        outcome("cbor", cbor2.dumps(written))
