"""What other stacks declare is made by the control API's own rules, once, and nobody else's is taken."""

import re

import pytest

from tests.aws.alert_account import ALERT_ROLE, TOPIC
from tests.aws.conftest import ACCOUNT, REGION
from tests.aws.provider.declared import EACH, LEAST, NAME, TARGETS, WHOLE, by_hand
from tests.aws.user_stack import DIMENSION, METRIC, PROFILE, STACK, Declared, UserStack
from warden.handlers.parts import Parts

ANOTHER_STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/pumps/7a1c2d30-9d3c-11ef-8a3b-0a58a9feac02"


def test_a_profile_says_what_its_template_says(stack: UserStack) -> None:
    """Also numbers and switches, which CloudFormation hands on as texts."""
    answer = stack.declare("Profile", PROFILE, **WHOLE)

    assert answer == {
        "Status": "SUCCESS",
        "PhysicalResourceId": "cameras",
        "Data": {"SecurityProfileArn": f"arn:aws:iot:{REGION}:{ACCOUNT}:securityprofile/cameras"},
    }
    assert stack.profile("cameras") == {
        "securityProfileName": "cameras",
        "securityProfileDescription": "What cameras do",
        "behaviors": [
            {
                "name": "ports",
                "metric": "aws:listening-tcp-ports",
                "criteria": {"comparisonOperator": "in-port-set", "value": {"ports": [443, 8883]}},
            },
            {
                "name": "few",
                "metric": "aws:num-established-tcp-connections",
                "criteria": {
                    "comparisonOperator": "less-than",
                    "value": {"count": 10},
                    "durationSeconds": 300,
                    "consecutiveDatapointsToAlarm": 2,
                    "consecutiveDatapointsToClear": 3,
                },
                "suppressAlerts": True,
            },
        ],
        "alertTargets": {"SNS": {"alertTargetArn": TOPIC, "roleArn": ALERT_ROLE}},
        "additionalMetricsToRetainV2": [{"metric": "aws:all-bytes-in", "exportMetric": False}],
        "metricsExportConfig": {"mqttTopic": "metrics", "roleArn": ALERT_ROLE},
        "targets": {*TARGETS},
        "tags": {"team": "video", "empty": ""},
    }


def test_a_custom_metric_and_its_behavior_say_what_their_template_says(stack: UserStack) -> None:
    metric = stack.declare(
        "Metric",
        METRIC,
        MetricName="heat",
        MetricType="number",
        DisplayName="Degrees",
        Tags=[{"Key": "a", "Value": "b"}],
    )
    criteria = {"ComparisonOperator": "greater-than", "Value": {"Number": -0.5}}
    stack.make("P", PROFILE, SecurityProfileName="p", Behaviors=[{"Name": "b", "Metric": "heat", "Criteria": criteria}])

    arn = f"arn:aws:iot:{REGION}:{ACCOUNT}:custommetric/heat"
    assert (metric["PhysicalResourceId"], metric["Data"]) == ("heat", {"MetricArn": arn})
    found = stack.api("describe_custom_metric", metricName="heat")
    assert (found["metricType"], found["displayName"], stack.tags(arn)) == ("number", "Degrees", {"a": "b"})
    assert stack.profile("p")["behaviors"][0]["criteria"]["value"] == {"number": -0.5}


def test_a_dimension_says_what_its_template_says(stack: UserStack) -> None:
    answer = stack.declare("D", DIMENSION, Name="topics", Type="TOPIC_FILTER", StringValues=["a/#", "b/+"])

    arn = f"arn:aws:iot:{REGION}:{ACCOUNT}:dimension/topics"
    assert (answer["PhysicalResourceId"], answer["Data"]) == ("topics", {"Arn": arn})
    found = stack.api("describe_dimension", name="topics")
    assert (found["type"], found["stringValues"]) == ("TOPIC_FILTER", ["a/#", "b/+"])


@EACH
def test_without_a_name_it_is_named_for_its_stack_and_logical_id(stack: UserStack, parts: Parts, kind: str) -> None:
    name = stack.make("Cameras", kind, **LEAST[kind])

    assert re.fullmatch("cameras-Cameras-[A-Z2-7]{12}", name)
    assert stack.exists(kind, name)
    others = {
        name,
        stack.make("Others", kind, **LEAST[kind]),
        UserStack(parts, stack_id=ANOTHER_STACK).make("Cameras", kind, **LEAST[kind]),
    }
    assert len(others) == 3


def test_a_name_is_made_the_same_way_for_ever(stack: UserStack) -> None:
    """Another way would replace each nameless resource at its next update."""
    assert stack.make("Cameras", METRIC, MetricType="number") == "cameras-Cameras-4YQVJEZAMAQF"


def test_a_name_that_is_made_is_short_enough(parts: Parts) -> None:
    stack = UserStack(parts, stack_id=STACK.replace("/cameras/", f"/{'s' * 128}/"))

    assert len(stack.make("L" * 255, PROFILE)) == 128


@EACH
def test_a_failed_creation_never_deletes_what_stood_there_before(stack: UserStack, kind: str) -> None:
    by_hand(stack, kind, "theirs")

    told = stack.fail("Mine", kind, **{NAME[kind]: "theirs"}, **LEAST[kind])
    stack.clean_up()

    assert "ResourceAlreadyExistsException" in told
    assert "'theirs'" in told
    assert stack.exists(kind, "theirs")


@EACH
def test_what_another_resource_made_is_neither_taken_nor_deleted(stack: UserStack, parts: Parts, kind: str) -> None:
    properties = {NAME[kind]: "shared", **LEAST[kind]}
    stack.make("First", kind, **properties)

    for other, logical_id in [(stack, "Second"), (UserStack(parts, stack_id=ANOTHER_STACK), "First")]:
        assert "ResourceAlreadyExistsException" in other.fail(logical_id, kind, **properties)
        other.clean_up()

    assert stack.exists(kind, "shared")


@EACH
def test_a_creation_that_is_delivered_twice_is_one(stack: UserStack, kind: str) -> None:
    event = stack.event("Create", "R", Declared(kind, {NAME[kind]: "r", **LEAST[kind]}, ""))

    first, second = stack.send(event), stack.send(event)

    assert first == second
    assert first["Status"] == "SUCCESS"


@EACH
def test_a_creation_whose_answer_got_lost_succeeds_when_it_is_delivered_again(stack: UserStack, kind: str) -> None:
    event = stack.event("Create", "R", Declared(kind, LEAST[kind], ""))
    stack.reachable = False
    with pytest.raises(OSError, match="no way there"):  # Lambda delivers it again
        stack.send(event)
    stack.reachable = True

    answer = stack.send(event)

    assert answer["Status"] == "SUCCESS"
    assert stack.exists(kind, answer["PhysicalResourceId"])


def test_a_creation_that_is_delivered_again_late_takes_no_update_back(stack: UserStack) -> None:
    event = stack.event("Create", "Profile", Declared(PROFILE, WHOLE, ""))
    stack.send(event)
    stack.resources["Profile"] = Declared(PROFILE, WHOLE, "cameras")
    stack.make("Profile", PROFILE, SecurityProfileName="cameras", SecurityProfileDescription="new")
    before = stack.profile("cameras")

    stack.send(event)

    assert stack.profile("cameras") == before
