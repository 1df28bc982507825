"""Valid requests of every operation that this release has, where the model alone does not tell what is valid.

`OPERATIONS` is the one table: an operation without a row fails a test. A row gives, over what is generated from the
model, the members whose values mean something: names of what exists in an account that `furnish` has filled, ARNs,
behaviors that can be judged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.contract.account import ACCOUNT, MINUTE, NOW, REGION, Account, arn, behavior, listening

NAME, LONG = "one", "L" * 128
"""Of each kind of thing there is one of either name, so that the shortest and the longest request can name it."""

GROUP = "furnished"
THINGS = ("pump", "P" * 128)
TYPES = {"level": "number", "levels": "number-list", "users": "string-list", "peers": "ip-address-list"}
TOPIC, ROLE = f"arn:aws:sns:{REGION}:{ACCOUNT}:" + "t" * 256, f"arn:aws:iam::{ACCOUNT}:role/" + "r" * 512
TAGS = [{"Key": f"{number:0128}", "Value": "v" * 256} for number in range(50)]


def _behaviors() -> list[dict[str, Any]]:
    """As many as a profile may have, with names as long and values of as many elements as may be, of every kind."""
    values: list[tuple[str, str, dict[str, Any]]] = [
        ("aws:all-bytes-out", "less-than-equals", {"count": 2**63 - 1}),
        ("aws:listening-tcp-ports", "in-port-set", {"ports": [0, 65535, *range(1, 250)]}),
        ("aws:destination-ip-addresses", "not-in-cidr-set", {"cidrs": [f"10.0.{n}.0/24" for n in range(250)]}),
        ("level", "greater-than", {"number": -1.7e308}),
        ("levels", "in-set", {"numbers": [n / 8 for n in range(250)]}),
        ("users", "not-in-set", {"strings": [f"user {n}" for n in range(152)]}),
    ]
    found = [_named(f"{position:0128}", *value) for position, value in enumerate(values)]
    more = [
        _named(f"{position:0128}", "aws:listening-udp-ports", "in-port-set", {"ports": [5]})
        for position in range(6, 100)
    ]
    return [*found, *more]


def _named(name: str, metric: str, operator: str, value: dict[str, Any]) -> dict[str, Any]:
    windowed = {"durationSeconds": 3600} if "count" in value else {}
    counts = {"consecutiveDatapointsToAlarm": 10, "consecutiveDatapointsToClear": 10}
    return {
        **behavior(metric, operator, value, name=name, **windowed, **counts),
        "suppressAlerts": True,
        "exportMetric": True,
    }


BEHAVIORS = _behaviors()
PROFILE: dict[str, Any] = {
    "behaviors": BEHAVIORS,
    "alertTargets": {"SNS": {"alertTargetArn": TOPIC, "roleArn": ROLE}},
    "metricsExportConfig": {"mqttTopic": f"$aws/rules/{'r' * 128}/{'a' * 242}/b/c/d/e/f/g/h", "roleArn": ROLE},
    "additionalMetricsToRetain": ["aws:all-packets-in", *TYPES],
    "additionalMetricsToRetainV2": [
        {
            "metric": "aws:num-messages-sent",
            "metricDimension": {"dimensionName": LONG, "operator": "NOT_IN"},
            "exportMetric": True,
        }
    ],
}
PERIOD = {"startTime": datetime.fromtimestamp(0, UTC), "endTime": datetime.fromtimestamp(NOW / 1000, UTC)}

STATIC_ONLY = ("criteria.statisticalThreshold", "criteria.mlDetectionConfig", "metricDimension")
OTHER_VALUES = ("count", "cidrs", "number", "numbers", "strings")


@dataclass(frozen=True)
class Example:
    """How to ask for an operation.

    Attributes:
        least: Members of the smallest request, over those that are generated.
        most: Members of the largest one.
        absent: Members that the answer of the largest never has, or a beginning of their paths; why is said beside.
    """

    least: Mapping[str, Any] = field(default_factory=dict)
    most: Mapping[str, Any] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


def _both(member: str, least: Any, most: Any = None) -> dict[str, Any]:
    return {"least": {member: least}, "most": {member: least if most is None else most}}


# This release judges static thresholds only, and no cloud-side metrics, which alone have dimensions
_PROFILE_ABSENT = tuple(f"behaviors[].{member}" for member in STATIC_ONLY)
# The violations that `furnish` makes are of listening ports; additional info is machine learning's
_VIOLATION_ABSENT = (*STATIC_ONLY, *(f"criteria.value.{kind}" for kind in OTHER_VALUES), "criteria.durationSeconds")

OPERATIONS: Mapping[str, Example] = {
    "CreateSecurityProfile": Example(
        least={"securityProfileName": "n"}, most={**PROFILE, "securityProfileName": "n" * 128, "tags": TAGS}
    ),
    "UpdateSecurityProfile": Example(
        least={"securityProfileName": NAME},
        most={
            **PROFILE,
            "securityProfileName": LONG,
            "expectedVersion": 1,
            "deleteBehaviors": False,  # true is refused beside what it would delete
            "deleteAlertTargets": False,
            "deleteAdditionalMetricsToRetain": False,
            "deleteMetricsExportConfig": False,
        },
        absent=_PROFILE_ABSENT,
    ),
    "DescribeSecurityProfile": Example(**_both("securityProfileName", NAME, LONG), absent=_PROFILE_ABSENT),
    "DeleteSecurityProfile": Example(
        least={"securityProfileName": NAME}, most={"securityProfileName": LONG, "expectedVersion": 1}
    ),
    "ListSecurityProfiles": Example(most={"metricName": "level", "dimensionName": None}),  # either, not both
    "ValidateSecurityProfileBehaviors": Example(most={"behaviors": [*BEHAVIORS[:99], {"name": "x", "metric": "y"}]}),
    "AttachSecurityProfile": Example(
        least={"securityProfileName": NAME, "securityProfileTargetArn": arn("all/things")},
        most={"securityProfileName": LONG, "securityProfileTargetArn": arn(f"thinggroup/{GROUP}")},
    ),
    "DetachSecurityProfile": Example(
        least={"securityProfileName": NAME, "securityProfileTargetArn": arn("all/things")},
        most={"securityProfileName": LONG, "securityProfileTargetArn": arn(f"thinggroup/{GROUP}")},
    ),
    "ListTargetsForSecurityProfile": Example(**_both("securityProfileName", NAME)),
    "ListSecurityProfilesForTarget": Example(**_both("securityProfileTargetArn", arn("all/registered-things"))),
    "ListActiveViolations": Example(
        most={
            "thingName": THINGS[1],
            "securityProfileName": NAME,
            "behaviorCriteriaType": "STATIC",
            "listSuppressedAlerts": False,
            "verificationState": "TRUE_POSITIVE",
        },
        absent=(
            *(f"activeViolations[].behavior.{member}" for member in _VIOLATION_ABSENT),
            *(f"activeViolations[].lastViolationValue.{kind}" for kind in OTHER_VALUES),
            "activeViolations[].violationEventAdditionalInfo",
        ),
    ),
    "ListViolationEvents": Example(
        least=PERIOD,
        most={
            **PERIOD,
            "thingName": THINGS[1],
            "securityProfileName": NAME,
            "behaviorCriteriaType": "STATIC",
            "listSuppressedAlerts": False,
            "verificationState": "TRUE_POSITIVE",
        },
        absent=(
            *(f"violationEvents[].behavior.{member}" for member in _VIOLATION_ABSENT),
            *(f"violationEvents[].metricValue.{kind}" for kind in OTHER_VALUES),
            "violationEvents[].violationEventAdditionalInfo",
        ),
    ),
    "PutVerificationStateOnViolation": Example(),  # of a violation that `furnish` names
    "ListMetricValues": Example(
        least={"thingName": THINGS[0], "metricName": "aws:listening-tcp-ports", **PERIOD},
        most={
            "thingName": THINGS[1],
            "metricName": "aws:listening-tcp-ports",
            **PERIOD,
            "dimensionName": LONG,
            "dimensionValueOperator": "IN",
        },
        absent=tuple(f"metricDatumList[].value.{kind}" for kind in OTHER_VALUES),
    ),
    "CreateCustomMetric": Example(least={"metricName": "n"}, most={"metricName": "n" * 128, "tags": TAGS}),
    "UpdateCustomMetric": Example(**_both("metricName", NAME, LONG)),
    "DescribeCustomMetric": Example(**_both("metricName", NAME, LONG)),
    "ListCustomMetrics": Example(),
    "DeleteCustomMetric": Example(**_both("metricName", NAME, LONG)),
    "CreateDimension": Example(
        least={"name": "n", "stringValues": ["#"]},
        most={"name": "n" * 128, "stringValues": ["t/" * 128] * 100, "tags": TAGS},
    ),
    "UpdateDimension": Example(
        least={"name": NAME, "stringValues": ["#"]}, most={"name": LONG, "stringValues": ["t/" * 128] * 100}
    ),
    "DescribeDimension": Example(**_both("name", NAME, LONG)),
    "ListDimensions": Example(),
    "DeleteDimension": Example(**_both("name", NAME, "free")),
    "TagResource": Example(
        least={"resourceArn": arn(f"securityprofile/{NAME}")},
        most={"resourceArn": arn(f"dimension/{LONG}"), "tags": TAGS},
    ),
    "UntagResource": Example(
        least={"resourceArn": arn(f"custommetric/{NAME}")},
        most={"resourceArn": arn(f"securityprofile/{LONG}"), "tagKeys": [tag["Key"] for tag in TAGS]},
    ),
    "ListTagsForResource": Example(
        **_both("resourceArn", arn(f"custommetric/{NAME}"), arn(f"securityprofile/{LONG}")),
        absent=("nextToken",),  # 50 fit a page
    ),
}


def furnish(account: Account) -> str:
    """Fill an empty account with what the examples name. Returns: The id of a violation that is active."""
    for name, kind in [(NAME, "number"), (LONG, "string-list"), *TYPES.items()]:
        account("create_custom_metric", metricName=name, metricType=kind, displayName="d", tags=TAGS[:1])
    for name in (NAME, LONG, "free"):
        account("create_dimension", name=name, type="TOPIC_FILTER", stringValues=["a/+"], tags=TAGS[:1])
    ports = behavior("aws:listening-tcp-ports", "in-port-set", {"ports": [22]})
    said = {"suppressAlerts": False, "exportMetric": False}
    account(
        "create_security_profile",
        securityProfileName=NAME,
        behaviors=[{**ports, "name": name, **said} for name in ("a", "b", "c")],
        additionalMetricsToRetain=["level"],
    )
    account(
        "create_security_profile",
        securityProfileName=LONG,
        securityProfileDescription="d",
        tags=TAGS,
        **PROFILE,
    )
    account("create_security_profile", securityProfileName="third", additionalMetricsToRetain=["level"])
    for name, target in [
        *((NAME, f"all/{which}") for which in ("things", "registered-things", "unregistered-things")),
        *((name, "all/registered-things") for name in (LONG, "third")),
    ]:
        account("attach_security_profile", securityProfileName=name, securityProfileTargetArn=arn(target))
    for times in range(3):
        account.now = NOW - (3 - times) * 5 * MINUTE
        for thing in THINGS:
            account.report(thing, listening(23))
    account.now = NOW
    said = {"verificationState": "TRUE_POSITIVE", "verificationStateDescription": "d"}
    for violation in account("list_active_violations", thingName=THINGS[1])["activeViolations"]:
        account("put_verification_state_on_violation", violationId=violation["violationId"], **said)
    return str(account("list_active_violations", thingName=THINGS[0])["activeViolations"][0]["violationId"])
