"""What a device is told when its report is refused: enough to correct it."""

import json
from typing import Any

import cbor2
import pytest

from warden.domain.errors import ReportRejected
from warden.domain.reports import DECODERS

ENCODERS = {"json": lambda document: json.dumps(document).encode(), "cbor": cbor2.dumps}
LONG = {"header": {"report_id": 7, "version": "1.0"}}
SHORT = {"hed": {"rid": 7, "v": "1.0"}}
formats = pytest.mark.parametrize("fmt", ["json", "cbor"])


def rejection(payload: bytes, fmt: str) -> ReportRejected:
    with pytest.raises(ReportRejected) as refusal:
        DECODERS[fmt](payload)
    return refusal.value


def long(**metrics: Any) -> dict[str, Any]:
    return {**LONG, "metrics": metrics}


def short(**metrics: Any) -> dict[str, Any]:
    return {**SHORT, "met": metrics}


def ports(*items: Any) -> dict[str, Any]:
    return long(listening_tcp_ports={"ports": items})


def connections(*items: Any) -> dict[str, Any]:
    return short(tc={"ec": {"cs": items}})


def custom(value: Any) -> dict[str, Any]:
    return {**LONG, "custom_metrics": value}


COUNT = "expected a whole number from 0 to 18446744073709551615"
PORT = "expected a whole number from 1 to 65535"
ID = "expected a whole number from 1 to 18446744073709551615"
HOLDING = "expected an array holding one object"
VERSION = 'expected "1.0" or another "1.x"'
FINITE = "expected a finite number in the range of a double"
INTERFACE = "expected a string of at most 256 characters"
ALL = "expected at most 30000 values in all"
RESOLVER = {"rad": "192.0.2.53:53"}


@formats
@pytest.mark.parametrize(
    ("document", "message"),
    [
        (None, "report: expected an object, got null"),
        ([], "report: expected an object, got an array of 0"),
        ("report", 'report: expected an object, got "report"'),
        ({}, "header: expected an object, got nothing"),
        ({"metrics": {}}, "header: expected an object, got nothing"),
        ({"met": {}}, "hed: expected an object, got nothing"),
        ({"header": None, "metrics": {}}, "header: expected an object, got null"),
        ({"header": {"version": "1.0"}, "metrics": {}}, f"header.report_id: {ID}, got nothing"),
        ({"hed": {"v": "1.0"}, "met": {}}, f"hed.rid: {ID}, got nothing"),
        ({"header": {"report_id": 7}, "metrics": {}}, f"header.version: {VERSION}, got nothing"),
        (LONG, "report: expected metrics or custom_metrics or both, got neither"),
        ({**SHORT, "met": None, "cmet": None}, "report: expected metrics or custom_metrics or both, got neither"),
        ({**LONG, "metrics": []}, "metrics: expected an object, got an array of 0"),
        ({**SHORT, "metrics": 5}, "metrics: expected an object, got 5"),
        (long(listening_tcp_ports=[8080]), "metrics.listening_tcp_ports: expected an object, got an array of 1"),
        (
            long(listening_udp_ports={"ports": {}}),
            "metrics.listening_udp_ports.ports: expected an array, got an object of 0",
        ),
        (long(listening_tcp_ports={"total": -1}), f"metrics.listening_tcp_ports.total: {COUNT}, got -1"),
        (ports(80), "metrics.listening_tcp_ports.ports[0]: expected an object, got 80"),
        (ports({"port": 80}, {}), f"metrics.listening_tcp_ports.ports[1].port: {PORT}, got nothing"),
        (ports({"port": 0}), f"metrics.listening_tcp_ports.ports[0].port: {PORT}, got 0"),
        (ports({"port": 65536}), f"metrics.listening_tcp_ports.ports[0].port: {PORT}, got 65536"),
        (ports({"port": "80"}), f'metrics.listening_tcp_ports.ports[0].port: {PORT}, got "80"'),
        (ports({"port": True}), f"metrics.listening_tcp_ports.ports[0].port: {PORT}, got true"),
        (ports({"port": None}), f"metrics.listening_tcp_ports.ports[0].port: {PORT}, got null"),
        (
            ports({"port": 80, "interface": 5}),
            f"metrics.listening_tcp_ports.ports[0].interface: {INTERFACE}, got 5",
        ),
        (
            ports({"port": 80, "interface": "e" * 257}),
            f'metrics.listening_tcp_ports.ports[0].interface: {INTERFACE}, got "{"e" * 100}..."',
        ),
        (
            ports(*[{"port": 1}] * 5001),
            "metrics.listening_tcp_ports.ports: expected at most 5000 items, got an array of 5001",
        ),
        (long(network_stats={"bytes_in": 1.5}), f"metrics.network_stats.bytes_in: {COUNT}, got 1.5"),
        (long(network_stats={"bytes_in": "5"}), f'metrics.network_stats.bytes_in: {COUNT}, got "5"'),
        (short(ns={"po": 1.9e19}), f"met.ns.po: {COUNT}, got 1.9e+19"),
        (short(ns={"pi": False}), f"met.ns.pi: {COUNT}, got false"),
        (short(ns={"bi": 1, "bytes_in": 1}), "met.ns.bytes_in: expected one of bytes_in and bi, got both"),
        (short(tc=[]), "met.tc: expected an object, got an array of 0"),
        (short(tc={"ec": 4}), "met.tc.ec: expected an object, got 4"),
        (connections(RESOLVER, RESOLVER, RESOLVER, {"rad": 42}), "met.tc.ec.cs[3].rad: expected ip:port, got 42"),
        (connections({"rad": "192.0.2.1"}), 'met.tc.ec.cs[0].rad: expected ip:port, got "192.0.2.1"'),
        (connections({"lp": 5}), "met.tc.ec.cs[0].rad: expected ip:port, got nothing"),
        *[
            (
                connections({**RESOLVER, "lp": written}),
                f"met.tc.ec.cs[0].lp: expected a whole number from 0 to 65535, got {json.dumps(written)}",
            )
            for written in ("", "65536", "-1", "0x16", "1e3", "000080", " 80", "\u0663")
        ],
        (connections({"rad": None}), "met.tc.ec.cs[0].rad: expected ip:port, got null"),
        (
            connections({**RESOLVER, "lp": 65536}),
            "met.tc.ec.cs[0].lp: expected a whole number from 0 to 65535, got 65536",
        ),
        (
            connections({**RESOLVER, "li": 1}),
            f"met.tc.ec.cs[0].li: {INTERFACE}, got 1",
        ),
        (custom([]), "custom_metrics: expected an object, got an array of 0"),
        (custom({"cpu": {"number": 0}}), f"custom_metrics.cpu: {HOLDING}, got an object of 1"),
        (custom({"cpu": 5}), f"custom_metrics.cpu: {HOLDING}, got 5"),
        (custom({"cpu": None}), f"custom_metrics.cpu: {HOLDING}, got null"),
        (custom({"cpu": [5]}), f"custom_metrics.cpu: {HOLDING}, got an array holding 5"),
        (custom({"cpu": [{}, {}]}), f"custom_metrics.cpu: {HOLDING}, got an array of 2"),
        ({**SHORT, "cmet": {"a b.c": 1}}, f'cmet["a b.c"]: {HOLDING}, got 1'),
        (custom({"\u00fc\u0007": "\u00fc"}), f'custom_metrics["\\u00fc\\u0007"]: {HOLDING}, got "\\u00fc"'),
        ({"header": {"report_id": 7, "version": "2.0"}, "metrics": {}}, f'header.version: {VERSION}, got "2.0"'),
        ({"header": {"report_id": 7, "version": 1.0}, "metrics": {}}, f"header.version: {VERSION}, got 1.0"),
        ({"header": {"report_id": 7, "version": "1.0\n"}, "metrics": {}}, f'header.version: {VERSION}, got "1.0\\n"'),
        ({"header": {"report_id": 0, "version": "1.0"}, "metrics": {}}, f"header.report_id: {ID}, got 0"),
        ({"header": {"report_id": -5, "version": "1.0"}, "metrics": {}}, f"header.report_id: {ID}, got -5"),
        ({"header": {"report_id": "7", "version": "1.0"}, "metrics": {}}, f'header.report_id: {ID}, got "7"'),
        ({"header": {"report_id": 1.5, "version": "1.0"}, "metrics": {}}, f"header.report_id: {ID}, got 1.5"),
        ({"header": {"report_id": 1e20, "version": "1.0"}, "metrics": {}}, f"header.report_id: {ID}, got 1e+20"),
        ({"header": {"report_id": True, "version": "1.0"}, "metrics": {}}, f"header.report_id: {ID}, got true"),
        (long(network_stats={"bytes_in": float("nan")}), f"metrics.network_stats.bytes_in: {FINITE}, got NaN"),
        (custom({"a": [{"number": float("-inf")}]}), f"custom_metrics.a[0].number: {FINITE}, got -Infinity"),
        ({**SHORT, "cmet": {}, "x": [0] * 30_000}, f"x: {ALL}, got more"),
        (custom({"a": [{"number_list": [0] * 30_000}]}), f"custom_metrics.a[0].number_list: {ALL}, got more"),
    ],
)
def test_the_message_says_where_what_was_expected_and_what_was_there(document: Any, message: str, fmt: str) -> None:
    assert rejection(ENCODERS[fmt](document), fmt).message == message


JSON_IDS = [
    "nothing",
    "cut",
    "a byte order mark",
    "Latin-1",
    "single quotes",
    "two documents",
    "a word",
    "a key twice",
    "a number beyond a double",
    "an integer of 5,000 digits",
    "an integer of 50 digits",
    "too deep",
    "too large",
]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "report: expected JSON, got only its beginning"),
        (b'{"header":{"report_id":7,', "report: expected JSON, got only its beginning"),
        (b"\xef\xbb\xbf{}", "report: expected UTF-8 without a byte order mark, got one"),
        (b'{"a":"\xe9"}', "report: expected UTF-8, got something else at byte 6"),
        (b"{'a':1}", "report: expected JSON, got object keys must be strings (byte 1), near \"{'a':1}\""),
        (b"{} {}", 'report: expected JSON, got trailing characters (byte 4), near "{} {}"'),
        (b'{"a":nil}', 'report: expected JSON, got invalid character (byte 9), near "{\\"a\\":nil}"'),
        (
            b'{"hed":{"rid":7,"v":"1.0"},"met":{"ns":{"bi":5,"bi":6}}}',
            "met.ns.bi: expected one value, got several under one key",
        ),
        (
            b'{"hed":{"rid":7,"v":"1.0"},"met":{"ns":{"bi":1e400}}}',
            f"met.ns.bi: {FINITE}, got Infinity",
        ),
        (
            b'{"hed":{"rid":7,"v":"1.0"},"met":{"ns":{"bi":-' + b"1" * 5000 + b"}}}",
            f"met.ns.bi: {FINITE}, got an integer of more than 40 digits",
        ),
        (
            b'{"hed":{"rid":7,"v":"1.0"},"met":{"ns":{"bi":' + b"1" * 50 + b"}}}",
            f"met.ns.bi: {COUNT}, got an integer of more than 40 digits",
        ),
        (b"[" * 50_000, "report: expected at most 16 levels of objects and arrays, got more"),
        (b" " * 131_073, "report: expected at most 131072 bytes, got 131073"),
    ],
    ids=JSON_IDS,
)
def test_what_is_no_acceptable_json_is_told_why(payload: bytes, message: str) -> None:
    assert rejection(payload, "json").message == message


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"\xa0\x00\x00", "report: expected CBOR, got 2 bytes too many behind its end"),
        (b"\xa2\x61a\x01\x61a\x01", "report: expected CBOR, got error decoding map: Duplicate map key: 'a'"),
        (b"\xc1\x00", "report: expected CBOR, got tag 1, although no tag is allowed"),
        (b"\xa1\x41a\x01", "report: expected text as keys, got byte strings"),
        (b"\xa1\x61a\x42bb", "a: expected a type that JSON has, got a byte string of 2"),
        (b"\xa1\x61a\xf7", "a: expected a type that JSON has, got undefined"),
        (bytes(131_073), "report: expected at most 131072 bytes, got 131073"),
    ],
    ids=["bytes behind", "a key twice", "a tag", "bytes as key", "bytes as value", "undefined", "too large"],
)
def test_what_is_no_acceptable_cbor_is_told_why(payload: bytes, message: str) -> None:
    assert rejection(payload, "cbor").message == message


@formats
def test_cut_cbor_and_cut_json_are_told_that_something_is_missing(fmt: str) -> None:
    message = rejection(ENCODERS[fmt](LONG)[:-1], fmt).message
    assert "only its beginning" in message or "premature end" in message


@formats
@pytest.mark.parametrize(
    ("document", "report_id"),
    [
        (LONG, 7),
        ({**SHORT, "met": 5}, 7),
        ({"header": {"report_id": 7.0}, "metrics": {}}, 7),
        ({"hed": {"report_id": 2**64 - 1, "v": "2.0"}}, 2**64 - 1),
        ({"header": {"report_id": "7", "version": "1.0"}}, None),
        ({"header": {"report_id": 0, "version": "1.0"}}, None),
        ({"header": [7]}, None),
        ({"report_id": 7}, None),
        ("header", None),
        ([], None),
    ],
)
def test_the_id_is_known_where_it_can_be_read(document: Any, report_id: int | None, fmt: str) -> None:
    assert rejection(ENCODERS[fmt](document), fmt).report_id == report_id


@formats
@pytest.mark.parametrize("header", [*LONG.items(), *SHORT.items()])
@pytest.mark.parametrize("report_id", [1, 23, 24, 1790, 1790000600, 1790000600000])
def test_the_id_of_a_report_that_was_cut_is_known(header: Any, report_id: int, fmt: str) -> None:
    name, fields = header
    document = {name: {key: report_id if value == 7 else value for key, value in fields.items()}, "metrics": {}}
    assert rejection(ENCODERS[fmt](document)[:-1], fmt).report_id == report_id


@formats
def test_the_id_of_a_report_that_was_cut_within_it_is_not_known(fmt: str) -> None:
    payload = ENCODERS[fmt]({"header": {"report_id": 1790000600}})
    start = payload.index(b"report_id") + len(b"report_id") + 4
    assert rejection(payload[:start], fmt).report_id is None
