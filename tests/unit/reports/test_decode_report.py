"""What devices send, in each form they are known to send it, and the report it means."""

import json
from pathlib import Path
from typing import Any

import cbor2
import msgspec
import pytest

from warden.domain.reports import DECODERS
from warden.domain.reports.report import (
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

FIXTURES = Path(__file__).parents[2] / "fixtures"
HEADER = {"header": {"report_id": 7, "version": "1.0"}}
ENCODERS = {"json": lambda document: json.dumps(document).encode(), "cbor": cbor2.dumps}
formats = pytest.mark.parametrize("fmt", ["json", "cbor"])


def plain(report: Report) -> Report:
    """The same report, whatever names it was read under."""
    return msgspec.convert(report, Report, from_attributes=True)


def decode(document: Any, fmt: str) -> Report:
    return plain(DECODERS[fmt](ENCODERS[fmt](document)).report)


def decode_metrics(metrics: Any, fmt: str) -> Metrics | None:
    return decode({**HEADER, "metrics": metrics}, fmt).metrics


def tcp(connections: list[Connection] | None, total: int | None) -> TcpConnections:
    return TcpConnections(EstablishedConnections(connections, total))


LONG_NAMES = Report(
    Header(1795347862, "1.0"),
    Metrics(
        listening_tcp_ports=ListeningPorts([Port(8081, "lo"), Port(8883, "lo"), Port(2024, "0.0.0.0")], 3),  # noqa: S104
        listening_udp_ports=ListeningPorts([Port(5353, "lo")], 1),
        network_stats=NetworkStats(0, 0, 0, 0),
        tcp_connections=tcp(
            [
                Connection("127.0.0.1:38980", "lo", 8081),
                Connection("127.0.0.1:8883", "lo", 36356),
                Connection("127.0.0.1:8081", "lo", 38980),
                Connection("127.0.0.1:36356", "lo", 8883),
            ],
            4,
        ),
    ),
    {"cpu_usage": [{"number": 53.3}]},
)


@formats
def test_the_long_report_of_awss_python_agent_is_read_whole(fmt: str) -> None:
    assert DECODERS[fmt]((FIXTURES / f"report_long.{fmt}").read_bytes()).report == LONG_NAMES


@formats
def test_the_short_report_of_awss_python_agent_mixes_names_and_means_the_same(fmt: str) -> None:
    report = plain(DECODERS[fmt]((FIXTURES / f"report_short.{fmt}").read_bytes()).report)
    assert report.header == Header(1795347862, "1.0")
    assert report.metrics is not None
    assert report.metrics.network_stats == NetworkStats(2070812954, 213699386, 362095, 339809)
    assert LONG_NAMES.metrics is not None
    assert report.metrics.listening_tcp_ports == LONG_NAMES.metrics.listening_tcp_ports
    assert report.metrics.listening_udp_ports == LONG_NAMES.metrics.listening_udp_ports
    assert report.metrics.tcp_connections == LONG_NAMES.metrics.tcp_connections
    assert report.custom_metrics == {"cpu_usage": [{"number": 100.0}]}


@pytest.mark.parametrize("file", ["agent_c_long.cbor", "agent_c_short.cbor"])
def test_the_local_ports_that_awss_c_agent_writes_as_text_are_numbers(file: str) -> None:
    report = plain(DECODERS["cbor"]((FIXTURES / "clients" / file).read_bytes()).report)
    assert report.metrics is not None
    assert report.metrics.tcp_connections == tcp(
        [Connection("203.0.113.9:8883", None, 51002), Connection("198.51.100.20:443", None, 51010)], 2
    )


@formats
def test_every_block_in_long_names(fmt: str) -> None:
    document = {
        "header": {"report_id": 1790000600, "version": "1.0"},
        "metrics": {
            "listening_tcp_ports": {
                "ports": [{"interface": "wlan0", "port": 80}, {"interface": "::", "port": 8443}],
                "total": 2,
            },
            "listening_udp_ports": {"ports": [], "total": 0},
            "network_stats": {"bytes_in": 5120, "bytes_out": 640, "packets_in": 40, "packets_out": 8},
            "tcp_connections": {
                "established_connections": {
                    "connections": [
                        {"local_interface": "wlan0", "local_port": 50112, "remote_addr": "192.0.2.10:8883"},
                        {"local_port": 50113, "remote_addr": "[2001:db8::7]:443"},
                    ],
                    "total": 2,
                },
            },
        },
        "custom_metrics": {
            "load": [{"number": 0.25}],
            "temperatures": [{"number_list": [40.5, 41]}],
            "modules": [{"string_list": ["boot:1.0", "app/2"]}],
            "resolvers": [{"ip_list": ["192.0.2.53", "2001:db8::53"]}],
        },
    }
    assert decode(document, fmt) == Report(
        Header(1790000600, "1.0"),
        Metrics(
            NetworkStats(5120, 640, 40, 8),
            tcp([Connection("192.0.2.10:8883", "wlan0", 50112), Connection("[2001:db8::7]:443", None, 50113)], 2),
            ListeningPorts([Port(80, "wlan0"), Port(8443, "::")], 2),
            ListeningPorts([], 0),
        ),
        document["custom_metrics"],
    )


@formats
def test_short_names_with_a_sampled_list_and_counts_alone(fmt: str) -> None:
    document = {
        "hed": {"rid": 1790000900, "v": "1.0"},
        "met": {
            "tp": {"pts": [{"port": 1883, "interface": "eth1"}], "t": 64},
            "tc": {"ec": {"t": 5}},
            "ns": {"bi": 70400, "bo": 1200, "pi": 402, "po": 12},
        },
        "cmet": {"battery": [{"number": 79}]},
    }
    assert decode(document, fmt) == Report(
        Header(1790000900, "1.0"),
        Metrics(NetworkStats(70400, 1200, 402, 12), tcp(None, 5), ListeningPorts([Port(1883, "eth1")], 64)),
        {"battery": [{"number": 79}]},
    )


def test_cbor_in_its_shortest_form() -> None:
    payload = bytes.fromhex(
        "a3"
        "63686564 a2 63726964 1a6ab13f04 6176 63312e30"
        "636d6574 a2"
        "627570 a2 63707473 81 a1 627074 191633 6174 01"
        "626e73 a2 626269 1a00011300 62626f 1904b0"
        "64636d6574 a1 6472737369 81 a1 666e756d626572 3846"
    )
    assert plain(DECODERS["cbor"](payload).report) == Report(
        Header(1790000900, "1.0"),
        Metrics(NetworkStats(70400, 1200), listening_udp_ports=ListeningPorts([Port(5683)], 1)),
        {"rssi": [{"number": -71}]},
    )


def test_cbor_of_indefinite_lengths_means_the_same() -> None:
    payload = bytes.fromhex("bf 63686564 bf 63726964 07 6176 7f 6131 622e30 ff ff 636d6574 bf ff ff")
    assert plain(DECODERS["cbor"](payload).report) == Report(Header(7, "1.0"), Metrics())


@pytest.mark.parametrize(
    "number",
    [b"\x18\x2a", b"\x1b" + bytes(7) + b"\x2a", b"\xf9\x51\x40", b"\xfa\x42\x28\x00\x00", b"\xfb\x40\x45" + bytes(6)],
    ids=["a byte", "8 bytes", "a half float", "a float", "a double"],
)
def test_cbor_numbers_of_any_width_are_counts(number: bytes) -> None:
    payload = cbor2.dumps({"hed": {"rid": 7, "v": "1.0"}, "met": {"ns": {"bi": 99}}}).replace(b"\x18\x63", number)
    assert plain(DECODERS["cbor"](payload).report).metrics == Metrics(network_stats=NetworkStats(bytes_in=42))


CLAMPED = 2**64 - 1


@pytest.mark.parametrize(
    ("written", "count"),
    [
        ("0", 0),
        ("-0.0", 0),
        ("7.0", 7),
        ("1e+15", 10**15),
        ("18446744073709551615", CLAMPED),
        ("9223372036854775808", 2**63),
        ("18446744073709551616", CLAMPED),
        ("1.8446744073709552e19", CLAMPED),
        ("1.8446744073709552e+19", CLAMPED),
        ("18446744073709552000.0", CLAMPED),
        ("1.84467440737097e+19", CLAMPED),
        ("18446744073709734000", CLAMPED),
        ("null", None),
    ],
)
def test_a_count_is_a_whole_number_however_it_is_written(written: str, count: int | None) -> None:
    payload = f'{{"header":{{"report_id":7,"version":"1.0"}},"metrics":{{"network_stats":{{"bytes_in":{written}}}}}}}'
    report = DECODERS["json"](payload.encode()).report
    assert report.metrics == Metrics(network_stats=NetworkStats(bytes_in=count))
    assert report.metrics.network_stats is not None
    assert type(report.metrics.network_stats.bytes_in) is type(count)


@formats
@pytest.mark.parametrize(
    ("written", "report_id"),
    [(1, 1), (1.0, 1), (1790000600.0, 1790000600), (2**63, 2**63), (2**64 - 1, 2**64 - 1)],
)
def test_any_positive_whole_number_is_an_id(written: float, report_id: int, fmt: str) -> None:
    header = decode({"header": {"report_id": written, "version": "1.0"}, "metrics": {}}, fmt).header
    assert header.report_id == report_id
    assert type(header.report_id) is int


@formats
@pytest.mark.parametrize("version", ["1.0", "1.1", "1.10", "1.00", "1.65535"])
def test_any_minor_version_is_taken(version: str, fmt: str) -> None:
    assert decode({"hed": {"rid": 7, "v": version}, "met": {}}, fmt).header.version == version


@formats
@pytest.mark.parametrize(
    ("metrics", "meant"),
    [
        ({}, Metrics()),
        ({"listening_tcp_ports": {}}, Metrics(listening_tcp_ports=ListeningPorts())),
        ({"tp": {"pts": []}}, Metrics(listening_tcp_ports=ListeningPorts([]))),
        ({"tp": {"t": 3}}, Metrics(listening_tcp_ports=ListeningPorts(total=3))),
        ({"tp": {"ports": [{"pt": 1, "interface": ""}]}}, Metrics(listening_tcp_ports=ListeningPorts([Port(1, "")]))),
        (
            {"tp": {"pts": [{"pt": 65535}, {"pt": 65535}], "t": 1}},
            Metrics(listening_tcp_ports=ListeningPorts([Port(65535)] * 2, 1)),
        ),
        (
            {"up": {"pts": [{"pt": 22.0, "if": "e" * 256}]}},
            Metrics(listening_udp_ports=ListeningPorts([Port(22, "e" * 256)])),
        ),
        ({"ns": {}}, Metrics(network_stats=NetworkStats())),
        ({"network_stats": {"bi": 1, "bytes_out": 2}}, Metrics(network_stats=NetworkStats(1, 2))),
        ({"tc": {}}, Metrics(tcp_connections=TcpConnections())),
        ({"tc": {"established_connections": {"cs": []}}}, Metrics(tcp_connections=tcp([], None))),
        (
            {"tc": {"ec": {"cs": [{"rad": "192.0.2.1:0", "lp": 0, "li": None}]}}},
            Metrics(tcp_connections=tcp([Connection("192.0.2.1:0", None, 0)], None)),
        ),
        (
            {"tc": {"ec": {"cs": [{"rad": "2001:db8::1:443", "s": "ESTABLISHED", "rp": 443}]}}},
            Metrics(tcp_connections=tcp([Connection("2001:db8::1:443")], None)),
        ),
        ({"tp": None, "network_stats": None}, Metrics()),
    ],
    ids=[
        "no metric",
        "an empty block",
        "an empty list, which is a datapoint",
        "a count without a list",
        "long and short names mixed within an object",
        "one port on two interfaces, and fewer in total",
        "a port as a float, an interface of 256 characters",
        "no counter",
        "long and short names of two counters",
        "no connections",
        "an empty list of connections",
        "a null interface, as the Python agent sends it",
        "IPv6 without brackets, and keys that are reserved",
        "null for what is not known",
    ],
)
def test_all_metrics_are_optional(metrics: Any, meant: Metrics, fmt: str) -> None:
    assert decode_metrics(metrics, fmt) == meant


CUSTOM = {
    "a number": {"m": [{"number": -1.5}]},
    "an empty object": {"m": [{}]},
    "no datapoint": {"m": []},
    "no metric": {},
    "a type that its value has not": {"m": [{"number": "four"}]},
    "a type nobody knows": {"m": [{"histogram": {"a": [1, {"b": None}]}}]},
    "two types": {"m": [{"number": 1, "string_list": ["a"]}]},
    "a name with colons, quotes and letters beyond ASCII": {'a:"\u00fc": b': [{"string_list": [":", "\U0001f980"]}]},
    "names that are other fields' names": {"metrics": [{"number": 1}], "met": [{"number": 2}]},
    "values as deep as may be": {"m": [{"number": [[[[[[[[[[[[]]]]]]]]]]]]}]},
    "numbers as large as may be": {"m": [{"number_list": [1.7976931348623157e308, 10**300, -(2**63)]}]},
}


@pytest.mark.parametrize("fmt", ["json", "cbor"])
@pytest.mark.parametrize("custom", CUSTOM.values(), ids=CUSTOM.keys())
def test_custom_metrics_are_held_to_their_form_only(custom: Any, fmt: str) -> None:
    if fmt == "cbor" and custom == CUSTOM["numbers as large as may be"]:
        custom = {"m": [{"number_list": [1.7976931348623157e308, 2**64 - 1, -(2**64)]}]}
    assert decode({**HEADER, "custom_metrics": custom}, fmt) == Report(Header(7, "1.0"), None, custom)


@formats
def test_keys_nobody_knows_are_ignored(fmt: str) -> None:
    unknown = {"x": [{"y": None}], "": 1.5}
    document = {
        **unknown,
        "hed": {**unknown, "rid": 7, "v": "1.0"},
        "met": {**unknown, "tp": {"pts": [{"pt": 1, **unknown}], **unknown}},
    }
    assert decode(document, fmt) == Report(Header(7, "1.0"), Metrics(listening_tcp_ports=ListeningPorts([Port(1)])))


def test_escapes_in_json_change_nothing() -> None:
    payload = rb'{"he\u0061der":{"report\u005fid":7,"version":"1\u002e0"},"custom_metrics":{"\u003a\ud83e\udd80":[]}}'
    assert DECODERS["json"](payload).report == Report(Header(7, "1.0"), None, {":\U0001f980": []})


def test_white_space_in_json_changes_nothing() -> None:
    payload = json.dumps({**HEADER, "metrics": {"network_stats": {"bytes_in": 1}}}, indent="\t").encode() + b" \r\n"
    assert DECODERS["json"](payload).report.metrics == Metrics(network_stats=NetworkStats(1))


@formats
def test_a_list_of_5000_ports_is_read(fmt: str) -> None:
    metrics = decode_metrics({"listening_tcp_ports": {"ports": [{"port": 1}] * 5000}}, fmt)
    assert metrics == Metrics(listening_tcp_ports=ListeningPorts([Port(1)] * 5000))


def test_a_report_of_128_kb_is_read() -> None:
    payload = json.dumps({**HEADER, "metrics": {}}).encode()
    assert DECODERS["json"](payload.ljust(128 * 1024)).report.metrics == Metrics()
