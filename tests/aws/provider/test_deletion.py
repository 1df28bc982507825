"""What other stacks declared goes with them, and nothing that others made; each change is told as the stack's."""

from typing import Any

import pytest

from tests.aws.provider.declared import EACH, LEAST, NAME, by_hand
from tests.aws.user_stack import METRIC, PROFILE, STACK, Declared, UserStack
from warden.handlers.parts import Clients

CLOUDFORMATIONS_ID = "cameras-Profile-1J6KX2Q0ZJ7BQ"
"""What it makes up for a resource whose creation it gave up before an answer came."""


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


def test_a_resource_of_no_kind_can_be_removed(stack: UserStack) -> None:
    assert stack.delete("R", Declared("Custom::Other", {}, "x"))["Status"] == "SUCCESS"


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
