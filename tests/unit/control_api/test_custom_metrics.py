"""Custom metrics: what of their life the service model does not tell."""

from typing import Any

import pytest

from tests.contract.account import DAY, NOW, Account, arn, behavior
from warden.domain.behaviors.limits import Limits

LEVEL: dict[str, Any] = {"metricName": "level", "metricType": "number", "clientRequestToken": "t-1"}
FULL = 5


def watched(name: str, metric: str = "level") -> dict[str, Any]:
    """A profile with a behavior of a metric of type number."""
    return {"securityProfileName": name, "behaviors": [behavior(metric, "less-than", {"number": 5.0})]}


USERS: dict[str, dict[str, Any]] = {
    "a behavior": watched("user"),
    "a behavior without criteria": {
        "securityProfileName": "user",
        "behaviors": [{"name": "one", "metric": "level"}],
    },
    "a metric to retain": {"securityProfileName": "user", "additionalMetricsToRetainV2": [{"metric": "level"}]},
    "a metric to retain, the older way": {
        "securityProfileName": "user",
        "additionalMetricsToRetain": ["level"],
    },
}


def test_a_metric_asked_for_again_with_the_same_token_is_the_one_that_is_there(account: Account) -> None:
    first = account("create_custom_metric", **LEVEL, displayName="Level", tags=[{"Key": "a", "Value": "b"}])
    account.now += DAY

    again = account("create_custom_metric", **LEVEL, displayName="Level", tags=[{"Key": "a", "Value": "b"}])

    assert first == again == {"metricName": "level", "metricArn": arn("custommetric/level")}
    found = account("describe_custom_metric", metricName="level")
    assert found["creationDate"].timestamp() == found["lastModifiedDate"].timestamp() == NOW / 1000


@pytest.mark.parametrize(
    "other",
    [
        {"clientRequestToken": "t-2"},
        {"metricType": "number-list"},
        {"displayName": "Other"},
        {"tags": [{"Key": "a", "Value": "b"}]},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_name_in_use_is_refused_where_token_or_request_differ(account: Account, other: dict[str, Any]) -> None:
    account("create_custom_metric", **LEVEL)

    told = account.error("create_custom_metric", **LEVEL | other)

    assert told["Error"]["Code"] == "ResourceAlreadyExistsException"
    assert (told["resourceId"], told["resourceArn"]) == ("level", arn("custommetric/level"))
    assert account("describe_custom_metric", metricName="level")["metricType"] == "number"


@pytest.mark.parametrize("name", ["aws:", "aws:level", "aws:all-bytes-out"])
def test_a_name_that_begins_as_awss_do_is_refused(account: Account, name: str) -> None:
    code, _, message = account.refusal("create_custom_metric", **LEVEL | {"metricName": name})
    assert code == "InvalidRequestException"
    assert message.startswith("metricName: ")
    assert "aws:" in message


def test_an_update_changes_the_display_name_and_nothing_else(account: Account) -> None:
    account("create_custom_metric", **LEVEL, displayName="Old", tags=[{"Key": "a", "Value": "b"}])
    before = account("describe_custom_metric", metricName="level")
    account.now += DAY

    updated = account("update_custom_metric", metricName="level", displayName="New")

    assert updated == account("describe_custom_metric", metricName="level")
    changed = {member for member in before if before[member] != updated[member]}
    assert changed == {"displayName", "lastModifiedDate"}
    assert (updated["displayName"], updated["lastModifiedDate"].timestamp()) == ("New", (NOW + DAY) / 1000)
    assert account("list_tags_for_resource", resourceArn=updated["metricArn"])["tags"] == [{"Key": "a", "Value": "b"}]


def test_a_metric_without_a_display_name_is_described_without_one(account: Account) -> None:
    account("create_custom_metric", **LEVEL)
    assert "displayName" not in account("describe_custom_metric", metricName="level")


@pytest.mark.parametrize("profile", USERS.values(), ids=USERS)
def test_a_metric_in_use_is_kept_and_its_users_are_named(account: Account, profile: dict[str, Any]) -> None:
    account("create_custom_metric", **LEVEL)
    account("create_security_profile", **profile)

    code, status, message = account.refusal("delete_custom_metric", metricName="level")

    assert (code, status) == ("InvalidRequestException", 400)
    assert message.startswith("metricName: ")
    assert message.endswith("user")
    account("describe_custom_metric", metricName="level")

    account("delete_security_profile", securityProfileName="user")
    account("delete_custom_metric", metricName="level")
    assert account.refusal("describe_custom_metric", metricName="level")[1] == 404


def test_of_many_users_ten_are_named_and_the_rest_counted(account: Account) -> None:
    account("create_custom_metric", **LEVEL)
    for number in range(12):
        account("create_security_profile", **watched(f"user-{number:02}"))
    message = account.refusal("delete_custom_metric", metricName="level")[2]
    assert message.endswith(", ".join(f"user-{number:02}" for number in range(10)) + " and 2 more")


def test_an_update_that_drops_the_last_use_lets_the_metric_go(account: Account) -> None:
    account("create_custom_metric", **LEVEL)
    account("create_security_profile", **watched("user"))
    account("update_security_profile", securityProfileName="user", deleteBehaviors=True)
    account("delete_custom_metric", metricName="level")


def test_a_metric_that_is_not_there_is_deleted_without_complaint(account: Account) -> None:
    account("delete_custom_metric", metricName="level")
    account("create_custom_metric", **LEVEL)
    for _ in range(2):
        account("delete_custom_metric", metricName="level")


def test_there_are_a_hundred_metrics_at_most(account: Account) -> None:
    for number in range(100):
        account("create_custom_metric", metricName=f"m-{number:03}", metricType="number", clientRequestToken="t")

    code, status, message = account.refusal("create_custom_metric", **LEVEL)

    assert (code, status) == ("LimitExceededException", 410)
    assert "100" in message
    account("create_custom_metric", metricName="m-000", metricType="number", clientRequestToken="t")  # there already
    account("delete_custom_metric", metricName="m-000")
    account("create_custom_metric", **LEVEL)


def test_the_quota_is_adjustable() -> None:
    account = Account(limits=Limits(custom_metrics=1))
    account("create_custom_metric", **LEVEL)
    assert account.refusal("create_custom_metric", **LEVEL | {"metricName": "more"})[1] == 410


def test_metrics_are_listed_by_name_page_by_page(account: Account) -> None:
    names = ["A", "a", "a-b", "a:b", "b"]
    for name in reversed(names):
        account("create_custom_metric", **LEVEL | {"metricName": name})
    found: list[str] = []
    token: dict[str, str] = {}
    for _ in names:
        page = account("list_custom_metrics", maxResults=1, **token)
        found += page["metricNames"]
        token = {"nextToken": page["nextToken"]} if "nextToken" in page else {}
    assert (sorted(found), token) == (names, {})
    assert account("list_custom_metrics")["metricNames"] == found
    assert account("list_dimensions")["dimensionNames"] == []


def test_a_metric_that_is_deleted_between_two_pages_costs_no_other(account: Account) -> None:
    for name in "abcd":
        account("create_custom_metric", **LEVEL | {"metricName": name})
    page = account("list_custom_metrics", maxResults=2)
    account("delete_custom_metric", metricName="b")  # the page's last
    rest = account("list_custom_metrics", nextToken=page["nextToken"])
    assert (page["metricNames"], rest["metricNames"]) == (["a", "b"], ["c", "d"])


def test_an_update_of_a_metric_and_of_its_profiles_use_each_others_state(account: Account) -> None:
    """A profile cannot name a metric that is deleted before it is written."""
    account("create_custom_metric", **LEVEL)
    account("delete_custom_metric", metricName="level")
    code, _, message = account.refusal("create_security_profile", **watched("user"))
    assert code == "InvalidRequestException"
    assert message.startswith("behaviors[0].metric: ")
    assert "'level'" in message
