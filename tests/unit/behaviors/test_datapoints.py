"""What a reader of a report would write down as its datapoints."""

import json
from pathlib import Path
from typing import Any

import cbor2
import pytest

from tests.unit.behaviors.given import hosts
from warden.domain.behaviors.metrics import DEVICE_METRICS, datapoints
from warden.domain.behaviors.profile import MetricValue
from warden.domain.reports import DECODERS

FIXTURES = Path(__file__).parents[2] / "fixtures"

LONG = {
    "header": {"report_id": 1790000600, "version": "1.0"},
    "metrics": {
        "listening_tcp_ports": {
            "ports": [{"interface": "eth0", "port": 502}, {"interface": "::", "port": 22}],
            "total": 2,
        },
        "listening_udp_ports": {"ports": [], "total": 0},
        "network_stats": {"bytes_in": 51_877, "bytes_out": 8_064, "packets_in": 290, "packets_out": 88},
        "tcp_connections": {
            "established_connections": {
                "connections": [
                    {"local_interface": "eth0", "local_port": 50_001, "remote_addr": "198.51.100.20:8883"},
                    {"local_port": 50_002, "remote_addr": "[2001:db8:9::a]:443"},
                ],
                "total": 2,
            }
        },
    },
    "custom_metrics": {
        "battery_pct": [{"number": 64.5}],
        "core_temps": [{"number_list": [38.0, 39.5]}],
        "fw_modules": [{"string_list": ["boot:3.0"]}],
        "dns_servers": [{"ip_list": ["198.51.100.53"]}],
    },
}
SHORT = {
    "hed": {"rid": 1790000900, "v": "1.0"},
    "met": {
        "tp": {"pts": [{"port": 8080, "interface": "eth1"}], "t": 71},
        "tc": {"ec": {"t": 6}},
        "ns": {"bi": 61_200, "bo": 1_450, "pi": 377, "po": 14},
    },
    "cmet": {"battery_pct": [{"number": 63}]},
}
COMPACT = {
    "hed": {"rid": 1790000900, "v": "1.0"},
    "met": {"up": {"pts": [{"pt": 5684}], "t": 1}, "ns": {"bi": 61_200, "bo": 1_450}},
    "cmet": {"rssi": [{"number": -68}]},
}


def read(document: Any) -> Any:
    in_json = datapoints(DECODERS["json"](json.dumps(document).encode()))
    assert datapoints(DECODERS["cbor"](cbor2.dumps(document))) == in_json, "the format does not matter"
    return in_json


def metrics(**blocks: Any) -> Any:
    return read({"header": {"report_id": 7, "version": "1.0"}, "metrics": blocks})


def connected(*addresses: str, **more: Any) -> Any:
    connections = [{"remote_addr": address} for address in addresses]
    return metrics(tcp_connections={"established_connections": {"connections": connections, **more}})


@pytest.mark.parametrize("fmt", ["json", "cbor"])
@pytest.mark.parametrize(
    ("name", "stats"),
    [
        pytest.param("report_long", {"bi": 0, "bo": 0, "pi": 0, "po": 0}, id="long names"),
        pytest.param(
            "report_short",
            {"bi": 2_070_812_954, "bo": 213_699_386, "pi": 362_095, "po": 339_809},
            id="the short names of AWS's Python agent",
        ),
    ],
)
def test_a_real_agents_report_says_what_a_reader_would_write_down(name: str, fmt: str, stats: dict[str, int]) -> None:
    payload = (FIXTURES / f"{name}.{fmt}").read_bytes()
    assert datapoints(DECODERS[fmt](payload)) == {
        **stats,
        "tp": {2024, 8081, 8883},
        "nt": 3,
        "up": {5353},
        "nu": 1,
        "ip": hosts("127.0.0.1"),
        "nc": 4,
    }


def test_a_report_in_long_names_with_every_block() -> None:
    assert read(LONG) == {
        "bi": 51_877,
        "bo": 8_064,
        "pi": 290,
        "po": 88,
        "tp": {22, 502},
        "nt": 2,
        "up": set(),
        "nu": 0,
        "ip": hosts("2001:db8:9::a", "198.51.100.20"),
        "nc": 2,
    }


def test_a_report_in_short_names_with_a_sampled_list() -> None:
    assert read(SHORT) == {"bi": 61_200, "bo": 1_450, "pi": 377, "po": 14, "tp": {8080}, "nt": 71, "nc": 6}


def test_a_report_with_a_port_in_its_shortest_form() -> None:
    assert read(COMPACT) == {"bi": 61_200, "bo": 1_450, "up": {5684}, "nu": 1}


def test_a_report_of_custom_metrics_alone_has_no_datapoint_of_aws_metrics() -> None:
    assert read({"header": LONG["header"], "custom_metrics": {"cpu_usage": [{"number": 5}]}}) == {}


def test_an_empty_metrics_block_has_no_datapoint() -> None:
    assert metrics() == {}


def test_the_total_counts_and_not_the_list_that_an_agent_sampled() -> None:
    ports = [{"port": 22}, {"port": 80}]
    assert metrics(listening_tcp_ports={"ports": ports, "total": 64})["nt"] == 64
    assert metrics(listening_udp_ports={"ports": ports, "total": 64})["nu"] == 64
    assert connected("192.0.2.1:443", total=64)["nc"] == 64


def test_a_total_below_the_lists_length_still_counts() -> None:
    assert metrics(listening_tcp_ports={"ports": [{"port": 22}], "total": 0}) == {"tp": {22}, "nt": 0}


def test_the_lists_length_counts_where_there_is_no_total() -> None:
    """Also for a port that is there once per interface: the agents' totals count it as often."""
    ports = [{"port": 22, "interface": "lo"}, {"port": 22, "interface": "eth0"}, {"port": 80}]
    assert metrics(listening_tcp_ports={"ports": ports}) == {"tp": {22, 80}, "nt": 3}
    assert metrics(listening_udp_ports={"ports": ports}) == {"up": {22, 80}, "nu": 3}
    assert connected("192.0.2.1:443", "192.0.2.1:80") == {"ip": hosts("192.0.2.1"), "nc": 2}


def test_a_total_without_a_list_is_a_count_and_no_list() -> None:
    assert metrics(listening_tcp_ports={"total": 3}, listening_udp_ports={"total": 4}) == {"nt": 3, "nu": 4}


def test_a_total_of_zero_says_that_the_list_is_empty() -> None:
    """So a client that leaves an empty list out clears a violation of it."""
    assert metrics(listening_tcp_ports={"total": 0}, listening_udp_ports={"total": 0}) == {
        "tp": set(),
        "nt": 0,
        "up": set(),
        "nu": 0,
    }
    assert metrics(tcp_connections={"established_connections": {"total": 0}}) == {"ip": set(), "nc": 0}


def test_an_empty_list_is_a_datapoint_and_so_is_its_length() -> None:
    assert metrics(listening_udp_ports={"ports": []}) == {"up": set(), "nu": 0}
    assert connected() == {"ip": set(), "nc": 0}


def test_a_block_that_holds_nothing_is_no_datapoint() -> None:
    assert metrics(listening_tcp_ports={}, network_stats={}, tcp_connections={}) == {}
    assert metrics(tcp_connections={"established_connections": {}}) == {}


def test_a_counter_of_zero_is_a_datapoint() -> None:
    assert metrics(network_stats={"bytes_in": 0}) == {"bi": 0}


def test_one_peer_is_one_address_in_whatever_form_its_connections_are_written() -> None:
    found = connected("192.0.2.1:443", "[::ffff:192.0.2.1]:80", "[2001:DB8::1]:443", "2001:db8:0::1:8883")
    assert found == {"ip": hosts("2001:db8::1", "192.0.2.1"), "nc": 4}


@pytest.mark.parametrize(
    ("metric", "datapoint", "shown"),
    [
        ("aws:all-bytes-in", 0, MetricValue(count=0)),
        ("aws:listening-udp-ports", set(), MetricValue(ports=())),
        ("aws:listening-tcp-ports", {443, 22}, MetricValue(ports=(22, 443))),
        (
            "aws:destination-ip-addresses",
            hosts("192.0.2.1", "2001:db8::a"),
            MetricValue(cidrs=("2001:db8::a", "192.0.2.1")),
        ),
    ],
)
def test_a_datapoint_is_shown_in_the_member_of_its_kind(metric: str, datapoint: Any, shown: MetricValue) -> None:
    assert DEVICE_METRICS[metric].kind.value(datapoint) == shown
