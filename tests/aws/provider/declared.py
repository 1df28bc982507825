"""What the stacks here declare: one of each kind with the least it needs, and a profile with all that it can say."""

from typing import Any

import pytest

from tests.aws.alert_account import ALERT_ROLE, TOPIC
from tests.aws.conftest import ACCOUNT, REGION
from tests.aws.user_stack import DIMENSION, METRIC, PROFILE, UserStack


def group(name: str) -> str:
    return f"arn:aws:iot:{REGION}:{ACCOUNT}:thinggroup/{name}"


EVERYTHING = f"arn:aws:iot:{REGION}:{ACCOUNT}:all/things"
TARGETS = [group("one"), EVERYTHING]
ALERTS = {"SNS": {"AlertTargetArn": TOPIC, "RoleArn": ALERT_ROLE}}
PORTS = {
    "Name": "ports",
    "Metric": "aws:listening-tcp-ports",
    "Criteria": {"ComparisonOperator": "in-port-set", "Value": {"Ports": [443, 8883]}},
}
FEW = {
    "Name": "few",
    "Metric": "aws:num-established-tcp-connections",
    "Criteria": {
        "ComparisonOperator": "less-than",
        "Value": {"Count": "10"},
        "DurationSeconds": 300,
        "ConsecutiveDatapointsToAlarm": 2,
        "ConsecutiveDatapointsToClear": 3,
    },
    "SuppressAlerts": True,
}
WHOLE: dict[str, Any] = {
    "SecurityProfileName": "cameras",
    "SecurityProfileDescription": "What cameras do",
    "Behaviors": [PORTS, FEW],
    "AlertTargets": ALERTS,
    "AdditionalMetricsToRetainV2": [{"Metric": "aws:all-bytes-in", "ExportMetric": False}],
    "MetricsExportConfig": {"MqttTopic": "metrics", "RoleArn": ALERT_ROLE},
    "Tags": [{"Key": "team", "Value": "video"}, {"Key": "empty", "Value": ""}],
    "TargetArns": TARGETS,
}
NAME = {PROFILE: "SecurityProfileName", METRIC: "MetricName", DIMENSION: "Name"}
LEAST: dict[str, dict[str, Any]] = {
    PROFILE: {},
    METRIC: {"MetricType": "number"},
    DIMENSION: {"Type": "TOPIC_FILTER", "StringValues": ["a/#"]},
}
EACH = pytest.mark.parametrize("kind", [PROFILE, METRIC, DIMENSION], ids=lambda kind: kind[18:])


def by_hand(stack: UserStack, kind: str, name: str) -> None:
    match kind:
        case _ if kind == PROFILE:
            stack.api("create_security_profile", securityProfileName=name)
        case _ if kind == METRIC:
            stack.api("create_custom_metric", metricName=name, metricType="number", clientRequestToken="t")
        case _:
            values = ["a/#"]
            stack.api("create_dimension", name=name, type="TOPIC_FILTER", stringValues=values, clientRequestToken="t")
