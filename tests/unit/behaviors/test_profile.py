"""A security profile in Python's spelling and in AWS's."""

from typing import Any

import msgspec
import pytest

from warden.domain.behaviors.profile import AlertTarget, Behavior, MetricValue, SecurityProfile

EVERYTHING: dict[str, Any] = {
    "securityProfileName": "factory",
    "securityProfileDescription": "All of it",
    "behaviors": [
        {
            "name": "Bytes",
            "metric": "aws:all-bytes-out",
            "metricDimension": {"dimensionName": "Topics", "operator": "IN"},
            "criteria": {
                "comparisonOperator": "less-than",
                "value": {"count": 0},
                "durationSeconds": 300,
                "consecutiveDatapointsToAlarm": 1,
                "consecutiveDatapointsToClear": 2,
                "statisticalThreshold": {"statistic": "p90"},
                "mlDetectionConfig": {"confidenceLevel": "LOW"},
            },
            "suppressAlerts": False,
            "exportMetric": True,
        }
    ],
    "alertTargets": {"SNS": {"alertTargetArn": "arn:aws:sns:eu-west-1:123456789012:a", "roleArn": "r"}},
    "additionalMetricsToRetain": ["aws:all-bytes-in"],
    "additionalMetricsToRetainV2": [
        {"metric": "cpu", "metricDimension": {"dimensionName": "Topics"}, "exportMetric": False}
    ],
    "metricsExportConfig": {"mqttTopic": "t", "roleArn": "r"},
}


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"securityProfileName": "factory"}, id="a name alone"),
        pytest.param(EVERYTHING, id="every member there is, and falsehood and zero among them"),
    ],
)
def test_a_profile_is_given_back_as_it_was_given(document: dict[str, Any]) -> None:
    profile = msgspec.convert(document, SecurityProfile)
    assert msgspec.json.decode(msgspec.json.encode(profile)) == document
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(profile), type=SecurityProfile) == profile


def test_a_profile_names_its_alert_target_if_it_has_one() -> None:
    assert SecurityProfile(security_profile_name="p").alert_target is None
    found = msgspec.convert(EVERYTHING, SecurityProfile).alert_target
    assert found == AlertTarget(alert_target_arn="arn:aws:sns:eu-west-1:123456789012:a", role_arn="r")


def test_metrics_are_kept_for_behaviors_and_for_both_lists_of_wishes() -> None:
    profile = msgspec.convert(EVERYTHING, SecurityProfile)
    assert list(profile.retained_metrics()) == ["aws:all-bytes-out", "aws:all-bytes-in", "cpu"]


def test_an_empty_list_and_zero_are_members_of_a_value() -> None:
    assert MetricValue(count=0).members() == {"count": 0}
    assert MetricValue(ports=()).members() == {"ports": ()}
    assert MetricValue().members() == {}


def test_a_behavior_is_alerted_with_its_consecutive_counts_filled_in() -> None:
    given: dict[str, Any] = {
        "name": "B",
        "metric": "aws:all-bytes-in",
        "criteria": {
            "comparisonOperator": "less-than",
            "value": {"count": 5},
            "durationSeconds": 300,
            "consecutiveDatapointsToClear": 3,
        },
    }
    counts = {"consecutiveDatapointsToAlarm": 1, "consecutiveDatapointsToClear": 3}
    expected = {**given, "criteria": {**given["criteria"], **counts}}
    assert msgspec.convert(given, Behavior).as_alerted() == expected


def test_a_behavior_without_criteria_is_alerted_as_it_is() -> None:
    assert Behavior(name="B", metric="aws:all-bytes-in", suppress_alerts=True).as_alerted() == {
        "name": "B",
        "metric": "aws:all-bytes-in",
        "suppressAlerts": True,
    }
