"""What is asked of the control API: names, profiles, and how it refuses."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.home import ACCOUNT, REGION, ROLE, behavior

FOREVER = 4_102_444_800
SNS = {"alertTargetArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:anything", "roleArn": ROLE}
BYTES_OUT = {
    "name": "Bytes out",
    "metric": "aws:all-bytes-out",
    "criteria": {
        "comparisonOperator": "less-than-equals",
        "value": {"count": 10_000},
        "durationSeconds": 300,
        "consecutiveDatapointsToAlarm": 2,
        "consecutiveDatapointsToClear": 3,
    },
    "suppressAlerts": True,
    "exportMetric": True,
}
EVERY_MEMBER: dict[str, Any] = {
    "securityProfileDescription": "All that a profile can say",
    "behaviors": [BYTES_OUT, behavior(22, 8888)],
    "alertTargets": {"SNS": SNS},
    "additionalMetricsToRetain": ["aws:all-packets-in"],
    "additionalMetricsToRetainV2": [
        {"metric": "aws:all-packets-out", "exportMetric": False},
        {
            "metric": "aws:num-messages-sent",
            "metricDimension": {"dimensionName": "SomeTopics", "operator": "NOT_IN"},
            "exportMetric": True,
        },
        {"metric": "battery_level"},
    ],
    "metricsExportConfig": {"mqttTopic": "exports/metrics", "roleArn": ROLE},
}


def arn(resource: str, *, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:iot:{region}:{account}:{resource}"


def refusal(call: Any, **arguments: Any) -> tuple[str, int, str]:
    """Code, HTTP status and message of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


def stored(iot: Any, name: str) -> dict[str, Any]:
    """What a profile says, without what the service adds."""
    found = iot.describe_security_profile(securityProfileName=name)
    added = ("ResponseMetadata", "securityProfileName", "securityProfileArn", "version")
    return {member: value for member, value in found.items() if member not in (*added, *TIMES)}


TIMES = ("creationDate", "lastModifiedDate")
