"""What other stacks declare is updated in place or replaced, and a rollback restores it."""

from typing import Any

import pytest

from tests.aws.alert_account import ALERT_ROLE
from tests.aws.conftest import ACCOUNT, REGION
from tests.aws.provider.declared import EACH, EVERYTHING, FEW, LEAST, NAME, PORTS, WHOLE, by_hand, group
from tests.aws.user_stack import DIMENSION, METRIC, PROFILE, Declared, UserStack
from warden.handlers.parts import Clients

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
