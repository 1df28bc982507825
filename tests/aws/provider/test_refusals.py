"""What a template says wrong is told as the control API tells it, and what fails for now is repeated."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.aws.alert_account import RULES, TOPIC, make_role, trusting
from tests.aws.conftest import ACCOUNT
from tests.aws.provider.declared import ALERTS, EVERYTHING, FEW, PORTS, TARGETS, WHOLE, group
from tests.aws.user_stack import DIMENSION, METRIC, PROFILE, UserStack
from warden.handlers.parts import Clients


@pytest.mark.parametrize(
    ("kind", "properties", "told"),
    [
        pytest.param(
            PROFILE,
            {
                "Behaviors": [
                    {"Name": "b", "Metric": "aws:listening-tcp-ports", "Criteria": {"ComparisonOperator": "is"}}
                ]
            },
            r"behaviors\[0\]\.criteria\.comparisonOperator: expected one of less-than.*, got \"is\"",
            id="an enum",
        ),
        pytest.param(
            PROFILE,
            {"Behaviors": [{**FEW, "Criteria": {**FEW["Criteria"], "ConsecutiveDatapointsToAlarm": 11}}]},  # type: ignore[dict-item]
            r"behaviors\[0\]\.criteria\.consecutiveDatapointsToAlarm: expected an integer from 1 to 10, got 11",
            id="a range",
        ),
        pytest.param(
            PROFILE,
            {"Behaviors": [{**FEW, "SuppressAlerts": "maybe"}, {**FEW, "Criteria": {"DurationSeconds": "5 min"}}]},
            r"suppressAlerts: expected true or false, got \"maybe\"; .*durationSeconds: expected an integer",
            id="all that is wrong",
        ),
        pytest.param(PROFILE, {"Behavior": []}, r"nearest: behaviors\), got \"behavior\"", id="no property"),
        pytest.param(PROFILE, {"Behaviors": [PORTS, PORTS]}, "a name is used once, got 'ports' 2 times", id="a rule"),
        pytest.param(PROFILE, {"TargetArns": "all"}, r"targetArns: expected a list of ARNs, got \"all\"", id="targets"),
        pytest.param(PROFILE, {"SecurityProfileName": ""}, "securityProfileName: expected a string of 1", id="no name"),
        pytest.param(PROFILE, {"SecurityProfileName": ["a"]}, "securityProfileName: expected a string", id="a list"),
        pytest.param(PROFILE, {"SecurityProfileName": "a/b"}, "securityProfileName: expected a string", id="a slash"),
        pytest.param(PROFILE, {"Tags": [{"Key": "a"}, {"Key": "a"}]}, "tags: expected each key once", id="a tag twice"),
        pytest.param(METRIC, {}, "metricType: expected one of .*, got nothing", id="a required member"),
        pytest.param(METRIC, {"MetricName": "aws:x", "MetricType": "number"}, "does not begin with aws:", id="aws"),
        pytest.param(
            DIMENSION,
            {"Type": "TOPIC_FILTER", "StringValues": ["#/a"]},
            r"stringValues\[0\]: expected .*, got '#/a'",
            id="a filter",
        ),
        pytest.param(METRIC, {"TargetArns": [], "MetricType": "number"}, "targetArns", id="a profile's property"),
        pytest.param("Custom::Other", {}, "Type: expected one of .*, got 'Custom::Other'", id="no kind of ours"),
    ],
)
def test_what_is_wrong_is_told_as_the_control_api_tells_it(
    stack: UserStack, kind: str, properties: dict[str, Any], told: str
) -> None:
    assert re.search(told, stack.fail("R", kind, **properties))
    stack.clean_up()
    assert stack.api("list_security_profiles")["securityProfileIdentifiers"] == []


def test_a_reason_is_never_longer_than_cloudformation_takes(stack: UserStack) -> None:
    """The stack asserts it of each answer."""
    strange = [{"Name": f"b{number}", "Metric": "\N{GRINNING FACE}" * 200} for number in range(50)]

    assert stack.fail("Profile", PROFILE, Behaviors=strange)
    stack.clean_up()


def test_a_profile_whose_target_is_refused_is_not_there(stack: UserStack) -> None:
    told = stack.fail("Profile", PROFILE, **{**WHOLE, "TargetArns": [EVERYTHING, group("none")]})

    assert "ResourceNotFoundException: securityProfileTargetArn: there is no thing group 'none'" in told
    assert not stack.exists(PROFILE, "cameras")
    stack.clean_up()


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ({"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/elsewhere/alerts"}, "alertTargets.SNS.roleArn"),
        ({"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/thingwarden/test/none"}, "expected a role that exists"),
        ({"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/thingwarden/test/pinned"}, "AWS IoT cannot use"),
        ({"AlertTargetArn": "arn:aws:sqs:us-east-1:123456789012:q"}, "expected the ARN of an SNS topic"),
    ],
    ids=["outside role_arns", "none", "a trust that does not fit", "no topic"],
)
def test_an_alert_role_has_to_fit(stack: UserStack, aws: Clients, target: dict[str, str], told: str) -> None:
    pinned = trusting(RULES.replace("rule/*", "securityprofile/cameras"))
    role = f"arn:aws:iam::{ACCOUNT}:role/thingwarden/test/pinned"
    make_role(aws, role, trust=pinned, action="sns:Publish", resource=TOPIC)

    assert told in stack.fail("Profile", PROFILE, AlertTargets={"SNS": {**ALERTS["SNS"], **target}})


# What fails for now


@pytest.fixture
def failing(aws: Clients) -> Iterator[list[str]]:
    """Errors that AWS IoT's next answers about groups are, the first one first."""
    codes: list[str] = []

    class Refusal:
        status_code = 500

    def refuse(**_: Any) -> Any:
        if codes:
            return Refusal(), {"Error": {"Code": codes.pop(0), "Message": "later"}}
        return None

    aws("iot").meta.events.register("before-call.iot.DescribeThingGroup", refuse)
    yield codes
    aws("iot").meta.events.unregister("before-call.iot.DescribeThingGroup", refuse)


def test_what_fails_for_now_is_repeated(stack: UserStack, failing: list[str]) -> None:
    failing += ["ThrottlingException", "InternalFailureException", "ServiceUnavailableException"]

    stack.make("Profile", PROFILE, **WHOLE)

    assert stack.profile("cameras")["targets"] == {*TARGETS}
    assert stack.version("cameras") == 1
    assert len(stack.waited) == 3


def test_what_keeps_failing_fails_and_what_was_made_of_it_goes(stack: UserStack, failing: list[str]) -> None:
    failing += ["InternalFailureException"] * 100

    stack.fail("Profile", PROFILE, **WHOLE)
    assert stack.exists(PROFILE, "cameras"), "else this test shows nothing"
    stack.clean_up()

    assert not stack.exists(PROFILE, "cameras")
    assert sum(stack.waited) < 60


def test_the_deletion_after_a_failed_creation_leaves_the_next_one_alone(stack: UserStack, failing: list[str]) -> None:
    """A stack that is not rolled back: the resource is created anew before what had failed is deleted."""
    failing += ["InternalFailureException"] * 100
    stack.fail("Profile", PROFILE, **WHOLE)
    failing.clear()
    stack.api("delete_security_profile", securityProfileName="cameras")
    stack.make("Profile", PROFILE, **WHOLE)

    stack.clean_up()

    assert stack.exists(PROFILE, "cameras")
