"""Reports that are made to hurt: too deep, too long, ambiguous, or of types that no report needs. All must be refused.

Each is as large as a report may be wherever size is what hurts.
"""

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

import cbor2

LIMIT = 128 * 1024


class Hostile(NamedTuple):
    name: str
    format: str
    build: Callable[[], bytes]


def _json(metrics: str = "{}", custom: str = "{}", extra: str = "") -> bytes:
    return (
        f'{{"header":{{"report_id":7,"version":"1.0"}},"metrics":{metrics},"custom_metrics":{custom}{extra}}}'.encode()
    )


def _filled(before: bytes, unit: bytes, after: bytes = b"") -> bytes:
    return before + unit * ((LIMIT - len(before) - len(after)) // len(unit)) + after


def _fill_json(template: str, unit: str) -> bytes:
    before, after = _json(extra=template).split(b"@")
    return _filled(before, unit.encode(), after)


def _cbor(**blocks: Any) -> bytes:
    return cbor2.dumps({"hed": {"rid": 7, "v": "1.0"}, **blocks})


def _cbor_with(encoded: bytes) -> bytes:
    """A report in whose custom metric stands an item as it is encoded."""
    return _cbor(cmet={"m": [{"number": 24}]}).replace(b"\x18\x18", encoded)


def _cbor_start(key: str, head: bytes) -> bytes:
    """A report that is not complete: its second value begins with `head`."""
    return b"\xa2" + cbor2.dumps("hed") + cbor2.dumps({"rid": 7, "v": "1.0"}) + cbor2.dumps(key) + head


def _many_ports_then_a_bad_one() -> bytes:
    return _filled(
        b'{"header":{"report_id":7,"version":"1.0"},"metrics":{"listening_tcp_ports":{"ports":[',
        b'{"port":1},',
        b'{"port":0}]}}}',
    )


def _many_addresses_then_a_bad_one() -> bytes:
    head = '{"hed":{"rid":7,"v":"1.0"},"met":{"tc":{"ec":{"cs":['
    connections = [f'{{"rad":"[2001:db8::{index:x}]:443"}}' for index in range(3900)]
    return f'{head}{",".join(connections)},{{"rad":"x"}}]}}}}}}}}'.encode()


def _many_keys() -> bytes:
    keys = ",".join(f'"{index:x}":0' for index in range(13_000))
    return _json(extra=f",{keys}")[:-1] + b',"header":{}}'


def _many_cbor_keys() -> bytes:
    return cbor2.dumps({f"{index:x}": 0 for index in range(20_000)})


def _many_repeated_keys() -> bytes:
    return _fill_json(',"x":{@"a":0}', '"a":0,')


DUPLICATES = {
    "root": '{"header":{"report_id":7,"version":"1.0"},"metrics":{},"metrics":{}}',
    "header": '{"header":{"report_id":7,"report_id":7,"version":"1.0"},"metrics":{}}',
    "metrics": '{"header":{"report_id":7,"version":"1.0"},"metrics":{"network_stats":{},"network_stats":{}}}',
    "network statistics": '{"hed":{"rid":7,"v":"1.0"},"met":{"ns":{"bi":1,"bi":1}}}',
    "listening ports": '{"hed":{"rid":7,"v":"1.0"},"met":{"tp":{"t":1,"pts":[],"t":1}}}',
    "a port": '{"hed":{"rid":7,"v":"1.0"},"met":{"tp":{"pts":[{"pt":1,"pt":2}]}}}',
    "TCP connections": '{"hed":{"rid":7,"v":"1.0"},"met":{"tc":{"ec":{},"ec":{}}}}',
    "established connections": '{"hed":{"rid":7,"v":"1.0"},"met":{"tc":{"ec":{"t":null,"t":1}}}}',
    "a connection": '{"hed":{"rid":7,"v":"1.0"},"met":{"tc":{"ec":{"cs":[{"rad":"192.0.2.1:1","lp":1,"lp":2}]}}}}',
    "custom metrics": '{"hed":{"rid":7,"v":"1.0"},"cmet":{"m":[{"number":1}],"m":[{"number":2}]}}',
    "a custom metric": '{"hed":{"rid":7,"v":"1.0"},"cmet":{"m":[{"number":1,"number":2}]}}',
    "an object nobody knows": '{"hed":{"rid":7,"v":"1.0"},"met":{},"x":{"a":1,"a":2}}',
    "the header, one of them escaped": '{"header":{"report_id":7,"report\\u005fid":8,"version":"1.0"},"metrics":{}}',
    "network statistics, an escaped colon elsewhere to make up for the one that is lost": (
        '{"hed":{"rid":7,"v":"1.0"},"met":{"ns":{"bi":1,"bi":2}},"cmet":{"m":[{"string_list":["\\u003a"]}]}}'
    ),
    "custom metrics, once with an escaped colon": (
        '{"hed":{"rid":7,"v":"1.0"},"cmet":{"a\\u003ab":[{"number":1}],"a:b":[{"number":1}]}}'
    ),
    "long and short names": '{"hed":{"rid":7,"v":"1.0"},"met":{"ns":{"bi":1,"bytes_in":1}}}',
    "long and short names of the root": '{"hed":{"rid":7,"v":"1.0"},"header":{"rid":7,"v":"1.0"},"met":{}}',
    "long and short names, one of them null": '{"hed":{"rid":7,"v":"1.0"},"met":{"up":{"t":1,"total":null}}}',
}
"""Where a key is twice, to a report in JSON."""

_DUPLICATES = [
    Hostile(f"a key is twice in {where}", "json", lambda text=text: text.encode()) for where, text in DUPLICATES.items()
]

_JSON = {
    "nothing": lambda: b"",
    "too large by one byte": lambda: _filled(b"", b" ") + b" ",
    "128 KB of spaces": lambda: b" " * LIMIT,
    "128 KB of nested arrays": lambda: b"[" * LIMIT,
    "128 KB of nested objects": lambda: _filled(b"", b'{"a":'),
    "128 KB of nested arrays, closed": lambda: b"[" * (LIMIT // 2) + b"]" * (LIMIT // 2),
    "nested arrays in a custom metric": lambda: _json(custom='{"m":[{"number":' + "[" * 60_000 + "]" * 60_000 + "}]}"),
    "custom values 17 levels deep": lambda: _json(custom='{"m":[{"number":' + "[" * 13 + "]" * 13 + "}]}"),
    "500 levels under a key nobody knows": lambda: _json(extra=',"x":' + "[" * 500 + "]" * 500),
    "NaN": lambda: _json('{"network_stats":{"bytes_in":NaN}}'),
    "Infinity": lambda: _json('{"network_stats":{"bytes_in":Infinity}}'),
    "minus Infinity in a custom metric": lambda: _json(custom='{"m":[{"number":-Infinity}]}'),
    "a number beyond doubles": lambda: _json('{"network_stats":{"bytes_in":1e400}}'),
    "a number beyond doubles in a custom metric": lambda: _json(custom='{"m":[{"number":1e999999999}]}'),
    "an integer of 100,000 digits": lambda: _json('{"network_stats":{"bytes_in":' + "9" * 100_000 + "}}"),
    "an integer of 4,300 digits": lambda: _json(custom='{"m":[{"number":' + "9" * 4300 + "}]}"),
    "an id of 100,000 digits": lambda: b'{"header":{"report_id":' + b"9" * 100_000 + b',"version":"1.0"},"metrics":{}}',
    "28 integers of 4,300 digits": lambda: _fill_json(',"x":[@0]', "9" * 4300 + ","),
    "a fraction of 100,000 digits": lambda: _json('{"network_stats":{"bytes_in":0.' + "1" * 100_000 + "}}"),
    "UTF-16": lambda: _json().decode().encode("utf-16"),
    "UTF-32": lambda: _json().decode().encode("utf-32-le"),
    "a byte order mark": lambda: b"\xef\xbb\xbf" + _json(),
    "bytes that are no UTF-8 in a value": lambda: _json(custom='{"m":[{"string_list":["@"]}]}').replace(b"@", b"\xff"),
    "bytes that are no UTF-8 in a key": lambda: _json(extra=',"@":1').replace(b"@", b"\xc3"),
    "an overlong encoding": lambda: _json(custom='{"m":[{"string_list":["@"]}]}').replace(b"@", b"\xc0\xaf"),
    "a lone surrogate in a value": lambda: _json(custom='{"m":[{"string_list":["\\ud800"]}]}'),
    "a lone surrogate in a name": lambda: _json(custom='{"\\udfff":[{"number":1}]}'),
    "a lone surrogate before a number beyond doubles": lambda: _json(custom='{"\\ud800":[{"number":1e999}]}'),
    "a lone surrogate behind a number beyond doubles": lambda: _json(custom='{"m":[{"number":1e999}],"\\ud800":1}'),
    "a second document": lambda: _json() + _json(),
    "a NUL behind the document": lambda: _json() + b"\0",
    "a comment": lambda: _json() + b"// no",
    "single quotes": lambda: _json().replace(b'"', b"'"),
    "a trailing comma": lambda: _json()[:-1] + b",}",
    "a string that never ends": lambda: _filled(_json()[:-1] + b',"', b"a"),
    "a string of escapes": lambda: _filled(b'"', b"\\u0041", b'"'),
    "an array of numbers": lambda: _filled(b"[", b"0,", b"0]"),
    "an array of empty objects": lambda: _filled(b"[", b"{},", b"{}]"),
    "14,000 ports": lambda: _filled(b'{"hed":{"rid":7,"v":"1.0"},"met":{"tp":{"pts":[', b'{"pt":1},', b'{"pt":1}]}}}'),
    "65,000 custom values": lambda: _filled(
        b'{"hed":{"rid":7,"v":"1.0"},"cmet":{"m":[{"number_list":[', b"0,", b"0]}]}}"
    ),
    "ports, the last of them 0": _many_ports_then_a_bad_one,
    "remote addresses, all different, the last of them none": _many_addresses_then_a_bad_one,
    "13,000 keys nobody knows, and one twice": _many_keys,
    "one key 20,000 times": _many_repeated_keys,
    "a remote address of 100,000 characters": lambda: _json(
        '{"tcp_connections":{"established_connections":{"connections":[{"remote_addr":"' + "1" * 100_000 + ':1"}]}}}'
    ),
    "an interface of 100,000 characters": lambda: _json(
        '{"listening_tcp_ports":{"ports":[{"port":1,"interface":"' + "e" * 100_000 + '"}]}}'
    ),
    "a custom metric's name of 100,000 characters": lambda: _json(custom='{"' + "n" * 100_000 + '":1}'),
    "a version of 100,000 digits": lambda: b'{"hed":{"rid":7,"v":"1.' + b"1" * 100_000 + b'"},"met":{}}',
}

_CBOR = {
    "nothing": lambda: b"",
    "too large by one byte": lambda: _filled(b"", b"\x00") + b"\x00",
    "128 KB of nested arrays": lambda: b"\x81" * LIMIT,
    "128 KB of nested indefinite arrays": lambda: b"\x9f" * LIMIT,
    "128 KB of nested maps": lambda: _filled(b"", b"\xa1\x61a"),
    "128 KB of tags within tags": lambda: b"\xc6" * LIMIT,
    "custom values 17 levels deep": lambda: _cbor_with(b"\x81" * 12 + b"\x80"),
    "an array of 2^64 - 1 items": lambda: _cbor_start("met", b"\x9b" + b"\xff" * 8),
    "a map of 2^64 - 1 pairs": lambda: _cbor_start("met", b"\xbb" + b"\xff" * 8),
    "a byte string of 2^63 bytes": lambda: _cbor_start("met", b"\x5b\x80" + bytes(7)),
    "a text of 2^64 - 1 bytes": lambda: _cbor_start("met", b"\x7b" + b"\xff" * 8),
    "an array of 2^31 items": lambda: _cbor_start("met", b"\x9a\x80\x00\x00\x00"),
    "nested arrays that each announce 2^32 items": lambda: b"\x9a\xff\xff\xff\xff" * 12,
    "a date tag": lambda: _cbor_with(b"\xc1\x00"),
    "a big number": lambda: _cbor_with(b"\xc2\x41\x01"),
    "a big number of 100,000 bytes": lambda: _cbor_with(b"\xc2\x5a\x00\x01\x86\xa0" + b"\xff" * 100_000),
    "a decimal fraction of a huge exponent": lambda: _cbor_with(b"\xc4\x82\x1b" + b"\x7f" + b"\xff" * 7 + b"\x01"),
    "a big float of a huge exponent": lambda: _cbor_with(b"\xc5\x82\x1b" + b"\x7f" + b"\xff" * 7 + b"\x01"),
    "a regular expression": lambda: _cbor_with(b"\xd8\x23" + cbor2.dumps("(a+)+$")),
    "a MIME message": lambda: _cbor_with(b"\xd8\x24" + cbor2.dumps("X: y")),
    "a set": lambda: _cbor_with(b"\xd9\x01\x02\x81\x01"),
    "an address tag": lambda: _cbor_with(b"\xd9\x01\x04\x44\x7f\x00\x00\x01"),
    "a list that contains itself": lambda: _cbor_with(b"\xd8\x1c\x81\xd8\x1d\x00"),
    "references to strings": lambda: b"\xd9\x01\x00" + _cbor(met={}),
    "self-described CBOR": lambda: b"\xd9\xd9\xf7" + _cbor(met={}),
    "a tag nobody registered": lambda: _cbor_with(b"\xdb" + b"\xff" * 8 + b"\x00"),
    "bytes as a value": lambda: _cbor_with(b"\x41a"),
    "bytes as an address": lambda: _cbor(met={"tc": {"ec": {"cs": [{"rad": b"192.0.2.1:1"}]}}}),
    "bytes as a key": lambda: _cbor(met={b"ns": {}}),
    "bytes as a key nobody knows": lambda: _cbor(met={}, x=[{b"x": 1}]),
    "an integer as a key": lambda: _cbor(met={1: 1}),
    "null as a key": lambda: _cbor(met={None: 1}),
    "an array as a key": lambda: b"\xa1\x81\x01\x01",
    "a map as a key": lambda: b"\xa1\xa0\x01",
    "undefined": lambda: _cbor_with(b"\xf7"),
    "undefined as a block": lambda: _cbor(met=cbor2.undefined),
    "a simple value": lambda: _cbor_with(b"\xf8\xff"),
    "NaN": lambda: _cbor(met={"ns": {"bi": float("nan")}}),
    "NaN in a custom metric": lambda: _cbor(cmet={"m": [{"number": float("nan")}]}),
    "Infinity as a half float": lambda: _cbor_with(b"\xf9\x7c\x00"),
    "Infinity in a list": lambda: _cbor(cmet={"m": [{"number_list": [1.0, float("inf")]}]}),
    "a second document": lambda: _cbor(met={}) * 2,
    "a break behind the document": lambda: _cbor(met={}) + b"\xff",
    "a break alone": lambda: b"\xff",
    "a map that lacks a value": lambda: b"\xbf\x63hed\xff",
    "chunks of another type within a text": lambda: _cbor_with(b"\x7f\x41a\xff"),
    "a character cut in two chunks": lambda: _cbor_with(b"\x7f\x61\xc3\x61\xa9\xff"),
    "text that is no UTF-8": lambda: _cbor_with(b"\x61\xff"),
    "a surrogate in text": lambda: _cbor_with(b"\x63\xed\xa0\x80"),
    "a reserved length": lambda: _cbor_with(b"\x1c"),
    "empty maps as ports": lambda: _filled(_cbor_start("met", b"\xa1\x62tp\xa1\x63pts\x9f"), b"\xa0", b"\xff"),
    "a map of integers, their hashes alike": lambda: (
        b"\xbf"
        + b"".join(b"\x1b" + struct.pack(">Q", index * (2**61 - 1) % 2**64) + b"\0" for index in range(8))
        + b"\xff"
    ),
    "empty arrays under a key nobody knows": lambda: _filled(_cbor_start("x", b"\x9f"), b"\x80", b"\xff"),
    "empty maps under a key nobody knows": lambda: _filled(_cbor_start("x", b"\x9f"), b"\xa0", b"\xff"),
    "arrays of 12 levels under a key nobody knows": lambda: _filled(
        _cbor_start("x", b"\x9f"), b"\x81" * 12 + b"\x00", b"\xff"
    ),
    "26,000 ports": lambda: _filled(_cbor_start("met", b"\xa1\x62tp\xa1\x63pts\x9f"), b"\xa1\x62pt\x01", b"\xff"),
    "18,000 ports as floats": lambda: _filled(
        _cbor_start("met", b"\xa1\x62tp\xa1\x63pts\x9f"), b"\xa1\x62pt\xf9\x3c\x00", b"\xff"
    ),
    "65,000 pairs of one key": lambda: _filled(b"\xbf", b"\x60\x00", b"\xff"),
    "20,000 keys": _many_cbor_keys,
    "one key twice": lambda: b"\xa2\x61a\x01\x61a\x01",
    "one key twice, of 60,000 characters": lambda: b"\xa2" + (b"\x79\xea\x60" + b"k" * 60_000 + b"\x00") * 2,
    "one key twice, the second in chunks": lambda: b"\xa2\x61a\x01\x7f\x61a\xff\x01",
    "long and short names of one field": lambda: _cbor(met={"ns": {"bi": 1, "bytes_in": 1}}),
    "a count above 2^64": lambda: _cbor(met={"ns": {"bi": 1.9e19}}),
    "a negative count of 64 bits": lambda: _cbor_with(b"\x01").replace(b"\x63rid\x07", b"\x63rid\x3b" + b"\xff" * 8),
    "JSON": _json,
}

CORPUS: list[Hostile] = [
    *(Hostile(name, "json", build) for name, build in _JSON.items()),
    *(Hostile(name, "cbor", build) for name, build in _CBOR.items()),
    *_DUPLICATES,
]
