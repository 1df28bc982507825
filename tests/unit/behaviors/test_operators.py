"""What each comparison means for each metric: criteria state what is normal.

Source: AWS IoT Device Defender Developer Guide, Detect behaviors and Device-side metrics.
"""

from typing import Any

import pytest

from tests.unit.behaviors.given import behavior, hosts, outcome
from warden.domain.behaviors.metrics import DEVICE_METRICS, Kind

COUNTS = [metric for metric in DEVICE_METRICS.values() if metric.kind is Kind.COUNT]
PORTS = [metric for metric in DEVICE_METRICS.values() if metric.kind is Kind.PORTS]
MOST = 2**64 - 1


def of(metrics: list[Any]) -> Any:
    return pytest.mark.parametrize("metric", metrics, ids=lambda metric: metric.name)


def test_aws_documents_these_ten_device_side_metrics() -> None:
    assert {
        metric.name: (metric.kind.member, metric.accumulates, metric.takes_duration)
        for metric in DEVICE_METRICS.values()
    } == {
        "aws:all-bytes-in": ("count", True, True),
        "aws:all-bytes-out": ("count", True, True),
        "aws:all-packets-in": ("count", True, True),
        "aws:all-packets-out": ("count", True, True),
        "aws:num-listening-tcp-ports": ("count", False, True),
        "aws:num-listening-udp-ports": ("count", False, True),
        "aws:num-established-tcp-connections": ("count", False, False),
        "aws:listening-tcp-ports": ("ports", False, False),
        "aws:listening-udp-ports": ("ports", False, False),
        "aws:destination-ip-addresses": ("cidrs", False, False),
    }


def test_no_two_metrics_share_a_code() -> None:
    assert len({metric.code for metric in DEVICE_METRICS.values()}) == len(DEVICE_METRICS)


@of(COUNTS)
@pytest.mark.parametrize(
    ("operator", "limit", "value", "expected"),
    [
        pytest.param("less-than", 10, 9, "conforms", id="9 is less than 10"),
        pytest.param("less-than", 10, 10, "violates", id="10 is not less than 10"),
        pytest.param("less-than", 10, 11, "violates", id="11 is not less than 10"),
        pytest.param("less-than", 0, 0, "violates", id="nothing is less than 0"),
        pytest.param("less-than-equals", 10, 10, "conforms", id="10 is at most 10"),
        pytest.param("less-than-equals", 10, 11, "violates", id="11 is more than 10"),
        pytest.param("less-than-equals", 0, 0, "conforms", id="0 is at most 0"),
        pytest.param("greater-than", 10, 11, "conforms", id="11 is greater than 10"),
        pytest.param("greater-than", 10, 10, "violates", id="10 is not greater than 10"),
        pytest.param("greater-than", 10, 0, "violates", id="0 is not greater than 10"),
        pytest.param("greater-than-equals", 10, 10, "conforms", id="10 is at least 10"),
        pytest.param("greater-than-equals", 10, 9, "violates", id="9 is less than at least 10"),
        pytest.param("less-than-equals", MOST, MOST, "conforms", id="the largest count is at most itself"),
        pytest.param("less-than", MOST, MOST, "violates", id="the largest count is not less than itself"),
        pytest.param("greater-than", MOST - 1, MOST, "conforms", id="the largest count is compared exactly"),
    ],
)
def test_a_count_is_compared(metric: Any, operator: str, limit: int, value: int, expected: str) -> None:
    assert outcome(behavior(metric.name, operator, limit), {metric.code: value}) == expected


@of(PORTS)
@pytest.mark.parametrize(
    ("operator", "ports", "observed", "expected"),
    [
        pytest.param("in-port-set", [8888], [8888], "conforms", id="the one port that is expected"),
        pytest.param("in-port-set", [8888], [443, 8888], "violates", id="another port beside the expected one"),
        pytest.param("in-port-set", [8888], [443], "violates", id="another port instead of the expected one"),
        pytest.param("in-port-set", [22, 8888], [8888], "conforms", id="not every expected port has to be open"),
        pytest.param("in-port-set", [8888], [], "conforms", id="no port is open, and that is always normal"),
        pytest.param("in-port-set", [], [1], "violates", id="no port is expected and one is open"),
        pytest.param("in-port-set", [], [], "conforms", id="no port is expected and none is open"),
        pytest.param("in-port-set", [1, 65535], [1, 65535], "conforms", id="the smallest and the largest port"),
        pytest.param("not-in-port-set", [23], [22], "conforms", id="a port that is not forbidden"),
        pytest.param("not-in-port-set", [23], [22, 23], "violates", id="a forbidden port beside another"),
        pytest.param("not-in-port-set", [22, 23], [23], "violates", id="one of the forbidden ports"),
        pytest.param("not-in-port-set", [23], [], "conforms", id="no port is open, which nothing forbids"),
        pytest.param("not-in-port-set", [], [1], "conforms", id="nothing is forbidden"),
    ],
)
def test_a_list_of_ports_is_judged_whole(
    metric: Any, operator: str, ports: list[int], observed: list[int], expected: str
) -> None:
    assert outcome(behavior(metric.name, operator, ports), {metric.code: set(observed)}) == expected


@pytest.mark.parametrize(
    ("operator", "cidrs", "observed", "expected"),
    [
        pytest.param("in-cidr-set", ["10.0.0.0/8"], ["10.1.2.3"], "conforms", id="an address inside"),
        pytest.param("in-cidr-set", ["10.0.0.0/8"], ["10.1.2.3", "11.0.0.0"], "violates", id="one inside, one outside"),
        pytest.param("in-cidr-set", ["10.0.0.0/8"], [], "conforms", id="no connection, and that is always normal"),
        pytest.param("in-cidr-set", [], ["10.1.2.3"], "violates", id="no address is expected and one is there"),
        pytest.param(
            "in-cidr-set",
            ["10.0.0.0/8", "192.0.2.7"],
            ["10.9.9.9", "192.0.2.7"],
            "conforms",
            id="each in another network",
        ),
        pytest.param("in-cidr-set", ["0.0.0.0/0"], ["2001:db8::1"], "violates", id="all of IPv4 holds no IPv6 address"),
        pytest.param("in-cidr-set", ["::/0"], ["192.0.2.1"], "violates", id="all of IPv6 holds no IPv4 address"),
        pytest.param(
            "in-cidr-set", ["0.0.0.0/0", "::/0"], ["192.0.2.1", "2001:db8::1"], "conforms", id="all of both families"
        ),
        pytest.param(
            "not-in-cidr-set", ["10.0.0.0/8"], ["11.0.0.0"], "conforms", id="an address outside what is forbidden"
        ),
        pytest.param(
            "not-in-cidr-set",
            ["10.0.0.0/8"],
            ["11.0.0.0", "10.0.0.0"],
            "violates",
            id="a forbidden address beside another",
        ),
        pytest.param("not-in-cidr-set", ["10.0.0.0/8"], [], "conforms", id="no connection, which nothing forbids"),
        pytest.param("not-in-cidr-set", ["::/0"], ["192.0.2.1"], "conforms", id="forbidding IPv6 does not forbid IPv4"),
        pytest.param("not-in-cidr-set", [], ["192.0.2.1"], "conforms", id="nothing is forbidden"),
    ],
)
def test_a_list_of_addresses_is_judged_whole(
    operator: str, cidrs: list[str], observed: list[str], expected: str
) -> None:
    assert outcome(behavior("aws:destination-ip-addresses", operator, cidrs), {"ip": hosts(*observed)}) == expected


@pytest.mark.parametrize("metric", DEVICE_METRICS.values(), ids=lambda metric: metric.name)
@pytest.mark.parametrize("limit", [0, 5, MOST])
def test_a_metric_that_the_report_leaves_out_means_nothing(metric: Any, limit: int) -> None:
    """Nor where nothing could conform, as no count is less than 0."""
    others = {
        other.code: {"count": 1, "ports": {1}, "cidrs": hosts("192.0.2.1")}[other.kind.member]
        for other in DEVICE_METRICS.values()
        if other is not metric
    }
    for operator in metric.kind.operators:
        says = behavior(metric.name, operator, limit if metric.kind is Kind.COUNT else [])
        assert outcome(says, others) == "nothing", operator


def test_the_camera_of_the_guide_alarms_for_port_443() -> None:
    """Developer Guide, Troubleshooting: a camera is expected to use TCP port 8888 only."""
    camera = behavior("aws:listening-tcp-ports", "in-port-set", [8888], name="Listening TCP Ports")
    assert outcome(camera, {"tp": {443, 8888}}) == "violates"
    assert outcome(camera, {"tp": {8888}}) == "conforms"
