"""Dimensions: what of their life the service model does not tell."""

from typing import Any

import pytest

from tests.contract.account import DAY, NOW, Account, arn
from warden.domain.behaviors.limits import Limits

TOPICS: dict[str, Any] = {
    "name": "topics", "type": "TOPIC_FILTER", "stringValues": ["site/+/alarm"], "clientRequestToken": "t-1"
}  # fmt: skip


def using(name: str) -> dict[str, Any]:
    """A profile that retains a cloud-side metric of the dimension's topics."""
    retained = {"metric": "aws:num-messages-sent", "metricDimension": {"dimensionName": "topics"}}
    return {"securityProfileName": name, "additionalMetricsToRetainV2": [retained]}


def test_a_dimension_asked_for_again_with_the_same_token_is_the_one_that_is_there(account: Account) -> None:
    first = account("create_dimension", **TOPICS)
    account.now += DAY

    assert account("create_dimension", **TOPICS) == first == {"name": "topics", "arn": arn("dimension/topics")}
    assert account("describe_dimension", name="topics")["lastModifiedDate"].timestamp() == NOW / 1000


@pytest.mark.parametrize(
    "other",
    [{"clientRequestToken": "t-2"}, {"stringValues": ["other"]}, {"tags": [{"Key": "a", "Value": "b"}]}],
    ids=lambda other: next(iter(other)),
)
def test_a_name_in_use_is_refused_where_token_or_request_differ(account: Account, other: dict[str, Any]) -> None:
    account("create_dimension", **TOPICS)

    told = account.error("create_dimension", **TOPICS | other)

    assert told["Error"]["Code"] == "ResourceAlreadyExistsException"
    assert (told["resourceId"], told["resourceArn"]) == ("topics", arn("dimension/topics"))
    assert account("describe_dimension", name="topics")["stringValues"] == ["site/+/alarm"]


def test_an_update_replaces_the_values_and_keeps_the_rest(account: Account) -> None:
    account("create_dimension", **TOPICS, tags=[{"Key": "a", "Value": "b"}])
    before = account("describe_dimension", name="topics")
    account.now += DAY

    updated = account("update_dimension", name="topics", stringValues=["b", "a"])

    assert updated == account("describe_dimension", name="topics")
    assert {member for member in before if before[member] != updated[member]} == {"stringValues", "lastModifiedDate"}
    assert updated["stringValues"] == ["b", "a"]
    assert account("list_tags_for_resource", resourceArn=updated["arn"])["tags"] == [{"Key": "a", "Value": "b"}]


@pytest.mark.parametrize(
    "value",
    [
        "#",
        "+",
        "a",
        "/",
        "a/#",
        "+/+/#",
        "a//b",
        "a/+/b",
        "$aws/things/+/shadow",
        "a/${iot:ClientId}/b",
        "é 1",
        "a" * 256,
    ],
)
def test_a_topic_filter_is_taken(account: Account, value: str) -> None:
    account("create_dimension", **TOPICS | {"stringValues": ["x", value]})
    account("update_dimension", name="topics", stringValues=[value])
    assert account("describe_dimension", name="topics")["stringValues"] == [value]


@pytest.mark.parametrize("value", ["a#", "#/a", "a/#/b", "a/b#", "##", "a+", "+a/b", "a/b+/c", "++", "a\0b"])
def test_what_is_no_topic_filter_is_named_by_its_place(account: Account, value: str) -> None:
    account("create_dimension", **TOPICS)
    for call, given in (
        ("create_dimension", TOPICS | {"name": "more", "stringValues": ["fine", value]}),
        ("update_dimension", {"name": "topics", "stringValues": ["fine", value]}),
    ):
        code, status, message = account.refusal(call, **given)
        assert (code, status) == ("InvalidRequestException", 400)
        assert message.startswith("stringValues[1]: expected ")
        assert repr(value) in message
    assert account("describe_dimension", name="topics")["stringValues"] == ["site/+/alarm"]
    assert account("list_dimensions")["dimensionNames"] == ["topics"]


def test_a_dimension_in_use_is_kept_and_its_users_are_named(account: Account) -> None:
    account("create_dimension", **TOPICS)
    for name in ("one", "two"):
        account("create_security_profile", **using(name))

    code, status, message = account.refusal("delete_dimension", name="topics")

    assert (code, status) == ("InvalidRequestException", 400)
    assert message.startswith("name: ")
    assert message.endswith("one, two")
    for name in ("one", "two"):
        account("delete_security_profile", securityProfileName=name)
    account("delete_dimension", name="topics")
    assert account.refusal("describe_dimension", name="topics")[1] == 404


def test_a_dimension_that_is_not_there_is_deleted_without_complaint(account: Account) -> None:
    account("create_dimension", **TOPICS)
    for _ in range(2):
        account("delete_dimension", name="topics")


def test_there_are_ten_dimensions_at_most(account: Account) -> None:
    for number in range(10):
        account("create_dimension", **TOPICS | {"name": f"d-{number}"})
    code, status, message = account.refusal("create_dimension", **TOPICS)
    assert (code, status) == ("LimitExceededException", 410)
    assert "10" in message
    account("create_dimension", **TOPICS | {"name": "d-0"})  # there already
    account("delete_dimension", name="d-0")
    account("create_dimension", **TOPICS)


def test_the_quota_is_adjustable() -> None:
    account = Account(limits=Limits(dimensions=1))
    account("create_dimension", **TOPICS)
    assert account.refusal("create_dimension", **TOPICS | {"name": "more"})[1] == 410
