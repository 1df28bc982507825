"""What is wrong with a behavior that cannot be judged, in the words that its author reads."""

from typing import Any

import msgspec
import pytest

from warden.domain.behaviors.criteria import problems
from warden.domain.behaviors.metrics import CLOUD_METRICS, DEVICE_METRICS
from warden.domain.behaviors.profile import Behavior

PORTS_SET = {"comparisonOperator": "in-port-set", "value": {"ports": [8888]}}
BYTES = {"comparisonOperator": "less-than", "value": {"count": 5}, "durationSeconds": 300}
CIDRS = {"comparisonOperator": "in-cidr-set", "value": {"cidrs": ["10.0.0.0/8"]}}
DURATIONS = "300, 600, 900, 1800, 3600"
OPERATOR = "criteria.comparisonOperator"
STATIC_ONLY = "this release evaluates static thresholds only (comparisonOperator and value)"

METRICS = ", ".join(sorted(DEVICE_METRICS))


def found(metric: str | None = "aws:listening-tcp-ports", /, **members: Any) -> list[str]:
    says = {"name": "B", "metric": metric, **members}
    return list(
        problems(msgspec.convert({name: value for name, value in says.items() if value is not None}, Behavior), {})
    )


@pytest.mark.parametrize(
    ("metric", "criteria"),
    [
        pytest.param("aws:listening-tcp-ports", PORTS_SET, id="ports in a set"),
        pytest.param("aws:listening-udp-ports", {**PORTS_SET, "value": {"ports": []}}, id="ports in an empty set"),
        pytest.param("aws:destination-ip-addresses", CIDRS, id="addresses in networks"),
        pytest.param(
            "aws:destination-ip-addresses",
            {"comparisonOperator": "not-in-cidr-set", "value": {"cidrs": ["192.0.2.1", "2001:db8::/32", "10.1.1.1/8"]}},
            id="bare addresses, both families, host bits",
        ),
        *(
            pytest.param("aws:all-bytes-out", {**BYTES, "durationSeconds": seconds}, id=f"bytes over {seconds} s")
            for seconds in (300, 600, 900, 1800, 3600)
        ),
        pytest.param(
            "aws:num-established-tcp-connections",
            {"comparisonOperator": "less-than", "value": {"count": 5}},
            id="connections without a duration, which AWS documents none for",
        ),
        pytest.param("aws:num-established-tcp-connections", BYTES, id="connections with a duration"),
        pytest.param("aws:num-listening-tcp-ports", BYTES, id="a gauge with a duration"),
        pytest.param(
            "aws:listening-tcp-ports",
            {**PORTS_SET, "consecutiveDatapointsToAlarm": 10, "consecutiveDatapointsToClear": 1},
            id="counts at the ends of their range",
        ),
        pytest.param("aws:all-bytes-in", None, id="no criteria, so the metric is only kept"),
        pytest.param(None, None, id="neither metric nor criteria"),
    ],
)
def test_nothing_is_wrong_with(metric: str | None, criteria: Any) -> None:
    assert found(metric, criteria=criteria) == []


@pytest.mark.parametrize("metric", DEVICE_METRICS.values(), ids=lambda metric: metric.name)
def test_a_metric_takes_the_operators_of_its_kind_and_no_others(metric: Any) -> None:
    value = {"count": {"count": 1}, "ports": {"ports": [1]}, "cidrs": {"cidrs": ["::/0"]}}[metric.kind.member]
    every = {operator for other in DEVICE_METRICS.values() for operator in other.kind.operators} | {"in-set"}
    duration = {"durationSeconds": 300} if metric.takes_duration else {}
    taken = {
        operator
        for operator in every
        if not found(metric.name, criteria={"comparisonOperator": operator, "value": value, **duration})
    }
    assert taken == set(metric.kind.operators)


@pytest.mark.parametrize(
    ("metric", "members", "expected"),
    [
        pytest.param(
            None, {"criteria": PORTS_SET}, ["metric: required where there are criteria"], id="criteria of no metric"
        ),
        pytest.param(
            "aws:bytes",
            {},
            [f"metric: expected one of {METRICS} or a custom metric (there is none), got 'aws:bytes'"],
            id="a metric that nobody knows, although it is not judged",
        ),
        pytest.param(
            "cpu_usage",
            {"criteria": {"comparisonOperator": "less-than", "value": {"number": 5}}},
            [f"metric: expected one of {METRICS} or a custom metric (there is none), got 'cpu_usage'"],
            id="a custom metric: only its name is complained of, since nothing is known of its kind",
        ),
        pytest.param(
            "aws:all-bytes-in",
            {"metricDimension": {"dimensionName": "Topics"}},
            ["metricDimension: applies to cloud-side metrics, which this release does not evaluate yet"],
            id="a dimension",
        ),
        pytest.param(
            "aws:listening-tcp-ports",
            {"criteria": {}},
            [
                "criteria.comparisonOperator: aws:listening-tcp-ports takes in-port-set, not-in-port-set, got None",
                "criteria.value: aws:listening-tcp-ports is compared with ports, got nothing",
            ],
            id="empty criteria",
        ),
        pytest.param(
            "aws:listening-tcp-ports",
            {"criteria": {**PORTS_SET, "comparisonOperator": "less-than"}},
            [f"{OPERATOR}: aws:listening-tcp-ports takes in-port-set, not-in-port-set, got 'less-than'"],
            id="a list compared like a number",
        ),
        pytest.param(
            "aws:all-bytes-in",
            {"criteria": {**BYTES, "value": {"count": 5, "ports": [1]}}},
            ["criteria.value: aws:all-bytes-in is compared with count, got count, ports"],
            id="two values",
        ),
        pytest.param(
            "aws:all-bytes-in",
            {"criteria": {**BYTES, "value": {"number": 5}}},
            ["criteria.value: aws:all-bytes-in is compared with count, got number"],
            id="a value of another kind",
        ),
        pytest.param(
            "aws:all-bytes-in",
            {"criteria": {**BYTES, "value": {}}},
            ["criteria.value: aws:all-bytes-in is compared with count, got nothing"],
            id="a value that holds nothing",
        ),
        pytest.param(
            "aws:destination-ip-addresses",
            {
                "criteria": {
                    **CIDRS,
                    "value": {"cidrs": ["10.0.0.0/8", "10.0.0.0/33", "10.0.0", "a.b.c.d", "10.0.0.0/0.0.0.255"]},
                }
            },
            [
                "criteria.value.cidrs[1]: expected an IP address or CIDR, got '10.0.0.0/33'",
                "criteria.value.cidrs[2]: expected an IP address or CIDR, got '10.0.0'",
                "criteria.value.cidrs[3]: expected an IP address or CIDR, got 'a.b.c.d'",
                "criteria.value.cidrs[4]: expected an IP address or CIDR, got '10.0.0.0/0.0.0.255'",
            ],
            id="what is no network",
        ),
        pytest.param(
            "aws:listening-tcp-ports",
            {"criteria": {**PORTS_SET, "durationSeconds": 300}},
            ["criteria.durationSeconds: a list such as aws:listening-tcp-ports has none, got 300"],
            id="a list over a duration",
        ),
        pytest.param(
            "aws:all-bytes-in",
            {"criteria": {**BYTES, "durationSeconds": None}},
            [f"criteria.durationSeconds: aws:all-bytes-in needs one of {DURATIONS}"],
            id="bytes over no duration",
        ),
        pytest.param(
            "aws:all-bytes-in",
            {"criteria": {**BYTES, "durationSeconds": 301}},
            [f"criteria.durationSeconds: expected one of {DURATIONS}, got 301"],
            id="a duration of the author's own",
        ),
        pytest.param(
            "aws:num-established-tcp-connections",
            {"criteria": {**BYTES, "durationSeconds": 0}},
            [f"criteria.durationSeconds: expected one of {DURATIONS}, got 0"],
            id="no duration at all is not a duration of 0",
        ),
        pytest.param(
            "aws:listening-tcp-ports",
            {"criteria": {**PORTS_SET, "consecutiveDatapointsToAlarm": 0, "consecutiveDatapointsToClear": 11}},
            [
                "criteria.consecutiveDatapointsToAlarm: expected an integer from 1 to 10, got 0",
                "criteria.consecutiveDatapointsToClear: expected an integer from 1 to 10, got 11",
            ],
            id="counts beyond their range",
        ),
        pytest.param(
            "aws:all-bytes-in",
            {"criteria": {"comparisonOperator": "less-than", "statisticalThreshold": {"statistic": "p90"}}},
            [f"criteria.statisticalThreshold: {STATIC_ONLY}"],
            id="a statistical threshold",
        ),
        pytest.param(
            "aws:all-bytes-in",
            {"criteria": {"mlDetectionConfig": {"confidenceLevel": "HIGH"}}},
            [f"criteria.mlDetectionConfig: {STATIC_ONLY}"],
            id="a model",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(metric: str | None, members: dict[str, Any], expected: list[str]) -> None:
    assert found(metric, **members) == expected


@pytest.mark.parametrize("metric", sorted(CLOUD_METRICS))
def test_a_cloud_side_metric_is_named_as_not_evaluated_yet(metric: str) -> None:
    expected = [f"metric: {metric} is a cloud-side metric, which this release does not evaluate yet"]
    assert found(metric, criteria={"comparisonOperator": "less-than", "value": {"count": 5}}) == expected
