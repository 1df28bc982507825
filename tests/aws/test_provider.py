"""What other stacks declare: made, changed, replaced, rolled back and deleted by the control API's own rules."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.aws.alert_account import ALERT_ROLE, RULES, TOPIC, make_role, trusting, with_queues
from tests.aws.conftest import ACCOUNT, REGION, Clock
from tests.aws.user_stack import DIMENSION, METRIC, PROFILE, STACK, Declared, UserStack
from warden.handlers.parts import Clients, Parts
from warden.settings import Settings

ANOTHER_STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/pumps/7a1c2d30-9d3c-11ef-8a3b-0a58a9feac02"
CLOUDFORMATIONS_ID = "cameras-Profile-1J6KX2Q0ZJ7BQ"
"""What it makes up for a resource whose creation it gave up before an answer came."""


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


@pytest.fixture
def parts(aws: Clients, settings: Settings, clock: Clock) -> Parts:
    """An account with two groups and an alert role."""
    for name in ("one", "two"):
        aws("iot").create_thing_group(thingGroupName=name)
    make_role(aws, ALERT_ROLE, trust=trusting(), action="sns:Publish", resource=TOPIC)
    return Parts(with_queues(settings), region=REGION, clients=aws, clock=clock)


@pytest.fixture
def stack(parts: Parts) -> UserStack:
    return UserStack(parts)


# Creation


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


def by_hand(stack: UserStack, kind: str, name: str) -> None:
    match kind:
        case _ if kind == PROFILE:
            stack.api("create_security_profile", securityProfileName=name)
        case _ if kind == METRIC:
            stack.api("create_custom_metric", metricName=name, metricType="number", clientRequestToken="t")
        case _:
            values = ["a/#"]
            stack.api("create_dimension", name=name, type="TOPIC_FILTER", stringValues=values, clientRequestToken="t")


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


def test_a_profile_whose_target_is_refused_is_not_there(stack: UserStack) -> None:
    told = stack.fail("Profile", PROFILE, **{**WHOLE, "TargetArns": [EVERYTHING, group("none")]})

    assert "ResourceNotFoundException: securityProfileTargetArn: there is no thing group 'none'" in told
    assert not stack.exists(PROFILE, "cameras")
    stack.clean_up()


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


# Updates and rollbacks


CHANGES: dict[str, dict[str, Any]] = {
    "the description": {"SecurityProfileDescription": "another"},
    "no description": {"SecurityProfileDescription": None},
    "a behavior": {"Behaviors": [PORTS, {**FEW, "SuppressAlerts": False}]},
    "the order of behaviors": {"Behaviors": [FEW, PORTS]},
    "a behavior less": {"Behaviors": [FEW]},
    "no behaviors": {"Behaviors": None},
    "no alert targets": {"AlertTargets": None},
    "other retained metrics": {"AdditionalMetricsToRetainV2": [{"Metric": "aws:all-bytes-out"}]},
    "no retained metrics": {"AdditionalMetricsToRetainV2": None},
    "another export": {"MetricsExportConfig": {"MqttTopic": "elsewhere", "RoleArn": ALERT_ROLE}},
    "no export": {"MetricsExportConfig": None},
    "another target": {"TargetArns": [group("two"), EVERYTHING]},
    "no targets": {"TargetArns": None},
    "another tag": {"Tags": [{"Key": "team", "Value": "audio"}, {"Key": "new", "Value": "x"}]},
    "no tags": {"Tags": None},
    "all at once": {
        **dict.fromkeys([name for name in WHOLE if name != "SecurityProfileName"], None),
        "Behaviors": [PORTS],
    },
}


def changed(change: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (WHOLE | change).items() if value is not None}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_profile_is_updated_in_place_and_a_rollback_restores_it(stack: UserStack, change: dict[str, Any]) -> None:
    """An update leaves what a creation would have made, and the way back leaves what was there."""
    stack.make("Profile", PROFILE, **WHOLE)
    before = stack.profile("cameras")
    stack.make("Other", PROFILE, **(changed(change) | {"SecurityProfileName": "other"}))
    wanted = stack.profile("other") | {"securityProfileName": "cameras"}
    assert wanted != before

    assert stack.make("Profile", PROFILE, **changed(change)) == "cameras"
    assert without_nothing(stack.profile("cameras")) == without_nothing(wanted)
    assert stack.make("Profile", PROFILE, **WHOLE) == "cameras"
    assert stack.profile("cameras") == before
    assert not stack.replaced


def without_nothing(said: dict[str, Any]) -> dict[str, Any]:
    """The API can empty a description, not remove it."""
    return {member: value for member, value in said.items() if value != ""}


def test_an_update_that_fails_half_way_is_rolled_back(stack: UserStack) -> None:
    stack.make("Profile", PROFILE, **WHOLE)
    before = stack.profile("cameras")
    broken = changed({"Behaviors": [PORTS], "Tags": None, "TargetArns": [group("two"), group("none")]})

    assert "there is no thing group 'none'" in stack.fail("Profile", PROFILE, **broken)
    assert stack.make("Profile", PROFILE, **WHOLE) == "cameras"

    assert stack.profile("cameras") == before


def test_an_update_that_is_delivered_twice_is_one(stack: UserStack) -> None:
    stack.make("Profile", PROFILE, **WHOLE)
    event = stack.event("Update", "Profile", Declared(PROFILE, changed({"Behaviors": [PORTS]}), "cameras"))
    first = stack.send(event)
    said, version = stack.profile("cameras"), stack.version("cameras")

    assert stack.send(event) == first
    assert (stack.profile("cameras"), stack.version("cameras")) == (said, version)


def test_what_others_added_goes_with_the_next_update(stack: UserStack) -> None:
    """As CloudFormation does it: the profile is what the template says."""
    stack.make("Profile", PROFILE, **WHOLE)
    wanted = stack.profile("cameras")
    arn = f"arn:aws:iot:{REGION}:{ACCOUNT}:securityprofile/cameras"
    stack.api("tag_resource", resourceArn=arn, tags=[{"Key": "by", "Value": "hand"}])
    stack.api("attach_security_profile", securityProfileName="cameras", securityProfileTargetArn=group("two"))
    stack.api("update_security_profile", securityProfileName="cameras", deleteBehaviors=True)

    stack.make("Profile", PROFILE, **WHOLE)

    assert stack.profile("cameras") == wanted


def test_a_resource_that_somebody_deleted_is_made_again(stack: UserStack) -> None:
    stack.make("Profile", PROFILE, **WHOLE)
    wanted = stack.profile("cameras")
    stack.api("delete_security_profile", securityProfileName="cameras")

    assert stack.make("Profile", PROFILE, **WHOLE) == "cameras"

    assert stack.profile("cameras") == wanted


def test_more_targets_than_a_page_has_are_kept(stack: UserStack, aws: Clients) -> None:
    names = [f"g{number:03}" for number in range(27)]
    for name in names:
        aws("iot").create_thing_group(thingGroupName=name)
    stack.make("Profile", PROFILE, SecurityProfileName="p", TargetArns=[group(name) for name in names])
    kept = {group(name) for name in names[:-1]}

    stack.make("Profile", PROFILE, SecurityProfileName="p", TargetArns=sorted(kept))

    found = stack.api("list_targets_for_security_profile", securityProfileName="p", maxResults=250)
    assert {target["arn"] for target in found["securityProfileTargets"]} == kept


def test_a_custom_metric_and_a_dimension_are_updated_in_place(stack: UserStack) -> None:
    stack.make("M", METRIC, MetricName="heat", MetricType="number", DisplayName="Degrees")
    stack.make("D", DIMENSION, Name="d", Type="TOPIC_FILTER", StringValues=["a/#"])

    assert stack.make("M", METRIC, MetricName="heat", MetricType="number") == "heat"
    assert stack.make("D", DIMENSION, Name="d", Type="TOPIC_FILTER", StringValues=["b", "a/#"]) == "d"

    assert not stack.api("describe_custom_metric", metricName="heat").get("displayName")
    assert stack.api("describe_dimension", name="d")["stringValues"] == ["b", "a/#"]
    stack.make("M", METRIC, MetricName="heat", MetricType="number", DisplayName="Degrees")
    assert stack.api("describe_custom_metric", metricName="heat")["displayName"] == "Degrees"


# Replacements


@EACH
def test_another_name_makes_another_one_and_the_old_one_goes_at_the_end(stack: UserStack, kind: str) -> None:
    stack.make("R", kind, **{NAME[kind]: "old", **LEAST[kind]})

    assert stack.make("R", kind, **{NAME[kind]: "new", **LEAST[kind]}) == "new"

    assert [stack.exists(kind, name) for name in ("old", "new")] == [True, True]
    stack.clean_up()
    assert [stack.exists(kind, name) for name in ("old", "new")] == [False, True]


@EACH
def test_a_rolled_back_replacement_leaves_the_old_one_as_it_was(stack: UserStack, kind: str) -> None:
    """CloudFormation asks for the old properties, then has the replacement deleted."""
    stack.make("R", kind, **{NAME[kind]: "old", **LEAST[kind]})
    stack.make("R", kind, **{NAME[kind]: "new", **LEAST[kind]})
    [(_, old)], stack.replaced = stack.replaced, []

    assert stack.make("R", kind, **old.properties) == "old"
    stack.clean_up()

    assert [stack.exists(kind, name) for name in ("old", "new")] == [True, False]
    assert stack.drop("R")["Status"] == "SUCCESS"
    assert not stack.exists(kind, "old")


def test_a_name_that_is_given_up_or_given_later_makes_another_one(stack: UserStack) -> None:
    made = stack.make("R", METRIC, MetricType="number")
    stack.make("R", METRIC, MetricType="number", MetricName="given")
    stack.clean_up()
    assert not stack.exists(METRIC, made)

    assert stack.make("R", METRIC, MetricType="number") == made
    stack.clean_up()
    assert stack.api("list_custom_metrics")["metricNames"] == [made]


def test_another_type_makes_another_metric_where_no_name_is_given_and_a_rollback_leaves_one(stack: UserStack) -> None:
    old = stack.make("M", METRIC, MetricType="number")
    new = stack.make("M", METRIC, MetricType="string-list")
    stack.replaced.clear()

    assert new != old
    assert stack.make("M", METRIC, MetricType="number") == old
    stack.clean_up()

    assert stack.api("list_custom_metrics")["metricNames"] == [old]


def test_another_type_needs_another_name(stack: UserStack) -> None:
    stack.make("M", METRIC, MetricName="m", MetricType="number", DisplayName="x")

    told = stack.fail("M", METRIC, MetricName="m", MetricType="string-list")

    assert "metricType: 'm' is of 'number'" in told
    assert "needs another name" in told
    assert stack.make("M", METRIC, MetricName="m", MetricType="number", DisplayName="x") == "m"
    assert stack.api("describe_custom_metric", metricName="m")["metricType"] == "number"


@EACH
def test_a_replacement_takes_nobodys_name(stack: UserStack, kind: str) -> None:
    by_hand(stack, kind, "theirs")
    stack.make("R", kind, **{NAME[kind]: "mine", **LEAST[kind]})

    answer = stack.declare("R", kind, **{NAME[kind]: "theirs", **LEAST[kind]})

    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", "mine")
    assert stack.make("R", kind, **{NAME[kind]: "mine", **LEAST[kind]}) == "mine"
    assert stack.exists(kind, "theirs")


def test_a_replacement_that_is_refused_half_way_leaves_nothing(stack: UserStack) -> None:
    stack.make("Profile", PROFILE, **WHOLE)

    answer = stack.declare(
        "Profile", PROFILE, **(WHOLE | {"SecurityProfileName": "new", "TargetArns": [EVERYTHING, group("none")]})
    )

    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", "cameras")
    assert not stack.exists(PROFILE, "new")
    assert stack.exists(PROFILE, "cameras")


# Deletion


@EACH
def test_a_deletion_may_come_twice_or_for_what_is_gone(stack: UserStack, kind: str) -> None:
    stack.make("R", kind, **{NAME[kind]: "r", **LEAST[kind]})
    event = stack.event("Delete", "R", stack.resources["R"])

    assert stack.send(event) == {"Status": "SUCCESS", "PhysicalResourceId": "r", "Data": {}}
    assert not stack.exists(kind, "r")
    assert stack.send(event)["Status"] == "SUCCESS"


def test_a_metric_in_use_stays_and_says_who_uses_it(stack: UserStack) -> None:
    stack.make("M", METRIC, MetricName="heat", MetricType="number")
    stack.make("P", PROFILE, SecurityProfileName="p", AdditionalMetricsToRetainV2=[{"Metric": "heat"}])

    answer = stack.drop("M")

    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", "heat")
    assert "'heat', which is used by p" in answer["Reason"]
    assert stack.drop("P")["Status"] == stack.drop("M")["Status"] == "SUCCESS"


@EACH
def test_what_others_made_under_the_name_since_stays(stack: UserStack, kind: str) -> None:
    stack.make("R", kind, **{NAME[kind]: "r", **LEAST[kind]})
    match kind:
        case _ if kind == PROFILE:
            stack.api("delete_security_profile", securityProfileName="r")
        case _ if kind == METRIC:
            stack.api("delete_custom_metric", metricName="r")
        case _:
            stack.api("delete_dimension", name="r")
    by_hand(stack, kind, "r")

    assert stack.drop("R")["Status"] == "SUCCESS"

    assert stack.exists(kind, "r")


@EACH
@pytest.mark.parametrize("named", [True, False], ids=["a name given", "none"])
def test_a_creation_that_cloudformation_gave_up_leaves_nothing(stack: UserStack, kind: str, *, named: bool) -> None:
    """The deletion then has an id that CloudFormation made up."""
    properties = {**({NAME[kind]: "r"} if named else {}), **LEAST[kind]}
    made = stack.make("R", kind, **properties)

    answer = stack.delete("R", Declared(kind, properties, CLOUDFORMATIONS_ID))

    assert answer["Status"] == "SUCCESS"
    assert not stack.exists(kind, made)


@EACH
def test_a_creation_that_never_came_through_deletes_nothing(stack: UserStack, kind: str) -> None:
    by_hand(stack, kind, "theirs")
    stack.make("Another", kind, **{NAME[kind]: "anothers", **LEAST[kind]})

    for name in ("theirs", "anothers"):
        given_up = Declared(kind, {NAME[kind]: name, **LEAST[kind]}, CLOUDFORMATIONS_ID)
        assert stack.delete("R", given_up)["Status"] == "SUCCESS"

    assert [stack.exists(kind, name) for name in ("theirs", "anothers")] == [True, True]


# What fails for now, and who may do what


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


def test_each_change_is_told_as_an_api_call_of_the_stacks(stack: UserStack, aws: Clients) -> None:
    heard: list[dict[str, Any]] = []

    def listen(params: Any, **_: Any) -> None:
        heard.extend(params["Entries"])

    aws("events").meta.events.register("before-parameter-build.events.PutEvents", listen)
    try:
        stack.make("M", METRIC, MetricName="heat", MetricType="number")
        stack.drop("M")
    finally:
        aws("events").meta.events.unregister("before-parameter-build.events.PutEvents", listen)

    details = [entry["Detail"] for entry in heard]
    assert len(details) == 2
    for operation, detail in zip(("CreateCustomMetric", "DeleteCustomMetric"), details, strict=True):
        assert f'"operation":"{operation}"' in detail.replace(" ", "")
        assert STACK in detail
        assert "cloudformation.amazonaws.com" in detail
        assert "heat" in detail


def test_a_resource_of_no_kind_can_be_removed(stack: UserStack) -> None:
    assert stack.delete("R", Declared("Custom::Other", {}, "x"))["Status"] == "SUCCESS"
