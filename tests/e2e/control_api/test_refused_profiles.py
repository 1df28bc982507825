"""What a security profile may not say, and that stock boto3 is told which member it was."""

from typing import Any

import pytest

from tests.e2e.control_api.asked import SNS, refusal
from tests.home import ACCOUNT, REGION, behavior

UNJUDGEABLE = {
    "a statistical threshold": (
        {"metric": "aws:all-bytes-out", "criteria": {"statisticalThreshold": {"statistic": "p90"}}},
        "behaviors[0].criteria.statisticalThreshold: ",
    ),
    "machine learning": (
        {"metric": "aws:all-bytes-out", "criteria": {"mlDetectionConfig": {"confidenceLevel": "HIGH"}}},
        "behaviors[0].criteria.mlDetectionConfig: ",
    ),
    "a cloud-side metric": (
        {"metric": "aws:num-messages-sent", "criteria": {"comparisonOperator": "less-than", "value": {"count": 1}}},
        "behaviors[0].metric: aws:num-messages-sent ",
    ),
    "a dimension": (
        {"metric": "aws:all-bytes-out", "metricDimension": {"dimensionName": "d"}},
        "behaviors[0].metricDimension: ",
    ),
    "a custom metric that does not exist": ({"metric": "battery_power"}, "behaviors[0].metric: "),
    "an operator that the metric does not have": (
        {
            "metric": "aws:listening-tcp-ports",
            "criteria": {"comparisonOperator": "less-than", "value": {"ports": [1]}},
        },
        "behaviors[0].criteria.comparisonOperator: ",
    ),
    "a value that the metric does not have": (
        {
            "metric": "aws:listening-tcp-ports",
            "criteria": {"comparisonOperator": "in-port-set", "value": {"count": 1}},
        },
        "behaviors[0].criteria.value: ",
    ),
    "a CIDR that is none": (
        {
            "metric": "aws:destination-ip-addresses",
            "criteria": {"comparisonOperator": "in-cidr-set", "value": {"cidrs": ["10.0.0.0/8", "10.0.0.0/33"]}},
        },
        "behaviors[0].criteria.value.cidrs[1]: ",
    ),
    "a duration that AWS does not have": (
        {
            "metric": "aws:all-bytes-out",
            "criteria": {"comparisonOperator": "less-than", "value": {"count": 1}, "durationSeconds": 301},
        },
        "behaviors[0].criteria.durationSeconds: ",
    ),
    "no duration where one is needed": (
        {"metric": "aws:all-bytes-out", "criteria": {"comparisonOperator": "less-than", "value": {"count": 1}}},
        "behaviors[0].criteria.durationSeconds: ",
    ),
    "a duration of a list": (
        {
            "metric": "aws:listening-tcp-ports",
            "criteria": {"comparisonOperator": "in-port-set", "value": {"ports": [1]}, "durationSeconds": 300},
        },
        "behaviors[0].criteria.durationSeconds: ",
    ),
    "criteria without a metric": (
        {"criteria": {"comparisonOperator": "less-than", "value": {"count": 1}}},
        "behaviors[0].metric: ",
    ),
    "too many datapoints to alarm": (
        {
            "metric": "aws:listening-tcp-ports",
            "criteria": {
                "comparisonOperator": "in-port-set",
                "value": {"ports": [1]},
                "consecutiveDatapointsToAlarm": 11,
            },
        },
        "behaviors[0].criteria.consecutiveDatapointsToAlarm: ",
    ),
}


@pytest.mark.parametrize(("said", "beginning"), UNJUDGEABLE.values(), ids=UNJUDGEABLE)
def test_a_behavior_that_would_not_be_evaluated_is_refused_and_the_member_named(
    iot: Any, said: dict[str, Any], beginning: str
) -> None:
    code, status, message = refusal(
        iot.create_security_profile, securityProfileName="refused", behaviors=[{"name": "one", **said}]
    )

    assert (code, status) == ("InvalidRequestException", 400)
    assert message.startswith(beginning)
    assert refusal(iot.describe_security_profile, securityProfileName="refused")[1] == 404


def test_an_update_is_held_to_the_same_rules_and_changes_nothing_where_it_breaks_one(iot: Any) -> None:
    iot.create_security_profile(securityProfileName="ruled", behaviors=[behavior(1)])

    said, beginning = UNJUDGEABLE["machine learning"]
    code, _, message = refusal(
        iot.update_security_profile, securityProfileName="ruled", behaviors=[{"name": "one", **said}]
    )

    assert code == "InvalidRequestException"
    assert message.startswith(beginning)
    assert iot.describe_security_profile(securityProfileName="ruled")["version"] == 1


@pytest.mark.parametrize(
    ("target", "member"),
    [
        (SNS | {"alertTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue"}, "alertTargets.SNS.alertTargetArn"),
        (SNS | {"roleArn": f"arn:aws:iam::{ACCOUNT}:user/me"}, "alertTargets.SNS.roleArn"),
    ],
    ids=["an ARN of no topic", "an ARN of no role"],
)
def test_an_alert_target_is_a_topic_and_a_role(iot: Any, target: dict[str, str], member: str) -> None:
    iot.create_security_profile(securityProfileName=f"target-{member}".replace(".", "-"))
    for call in (iot.create_security_profile, iot.update_security_profile):
        code, status, message = refusal(
            call, securityProfileName=f"target-{member}".replace(".", "-"), alertTargets={"SNS": target}
        )
        assert (code, status) == ("InvalidRequestException", 400)
        assert message.startswith(f"{member}: ")
