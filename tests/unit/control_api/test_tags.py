"""Tags of security profiles, custom metrics and dimensions, by ARN."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.account import Account, arn

Create = Callable[..., Any]
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "securityprofile": ("create_security_profile", {"securityProfileName": "a:b"}),
    "custommetric": ("create_custom_metric", {"metricName": "a:b", "metricType": "number"}),
    "dimension": ("create_dimension", {"name": "a:b", "type": "TOPIC_FILTER", "stringValues": ["#"]}),
}
A, B, EMPTY = {"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}, {"Key": "c", "Value": ""}
FIFTY = [{"Key": f"k-{number:02}", "Value": "v"} for number in range(50)]
every_kind = pytest.mark.parametrize("kind", KINDS)


def made(account: Account, kind: str, *tags: dict[str, str]) -> str:
    """Create what carries the tags. Returns its ARN."""
    call, given = KINDS[kind]
    account(call, **given, **({"tags": list(tags)} if tags else {}))
    return arn(f"{kind}/a:b")


def tags(account: Account, resource: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = account("list_tags_for_resource", resourceArn=resource)["tags"]
    return found


@every_kind
def test_tags_given_at_creation_are_listed(account: Account, kind: str) -> None:
    assert tags(account, made(account, kind, B, A, EMPTY)) == [A, B, EMPTY]


@every_kind
def test_tags_are_added_replaced_and_taken_away(account: Account, kind: str) -> None:
    resource = made(account, kind)
    assert tags(account, resource) == []

    account("tag_resource", resourceArn=resource, tags=[A, EMPTY])
    account("tag_resource", resourceArn=resource, tags=[{"Key": "a", "Value": "new"}, B])
    assert tags(account, resource) == [{"Key": "a", "Value": "new"}, B, EMPTY]

    account("untag_resource", resourceArn=resource, tagKeys=["a", "c", "never there"])
    assert tags(account, resource) == [B]


@every_kind
def test_tags_end_with_what_they_are_of(account: Account, kind: str) -> None:
    resource = made(account, kind, A)
    delete = KINDS[kind][0].replace("create", "delete")
    [(member, name), *_] = KINDS[kind][1].items()
    account(delete, **{member: name})

    for call, more in (
        ("list_tags_for_resource", {}),
        ("tag_resource", {"tags": [B]}),
        ("untag_resource", {"tagKeys": ["a"]}),
    ):
        code, status, message = account.refusal(call, resourceArn=resource, **more)
        assert (code, status) == ("ResourceNotFoundException", 404)
        assert message.startswith("resourceArn: ")
    assert tags(account, made(account, kind)) == []


@every_kind
def test_tags_change_nothing_else(account: Account, kind: str) -> None:
    resource = made(account, kind)
    describe = KINDS[kind][0].replace("create", "describe")
    [(member, name), *_] = KINDS[kind][1].items()
    before = account(describe, **{member: name})
    account.now += 1000

    account("tag_resource", resourceArn=resource, tags=[A])

    assert account(describe, **{member: name}) == before


@every_kind
def test_a_resource_has_fifty_tags_at_most(account: Account, kind: str) -> None:
    resource = made(account, kind, *FIFTY)
    account("tag_resource", resourceArn=resource, tags=[{"Key": "k-00", "Value": "replaced"}])

    code, status, message = account.refusal("tag_resource", resourceArn=resource, tags=[A])

    assert (code, status) == ("LimitExceededException", 410)
    assert "50" in message
    assert len(tags(account, resource)) == 50


def test_fifty_one_tags_at_once_are_over_the_quota_too(account: Account) -> None:
    resource = made(account, "securityprofile")
    assert account.refusal("tag_resource", resourceArn=resource, tags=[*FIFTY, A])[:2] == (
        "LimitExceededException",
        410,
    )


@every_kind
def test_nothing_is_created_with_more_than_fifty_tags(account: Account, kind: str) -> None:
    """CreateSecurityProfile declares no LimitExceededException."""
    call, given = KINDS[kind]
    code, status, message = account.refusal(call, **given, tags=[*FIFTY, A])
    expected = ("InvalidRequestException", 400) if kind == "securityprofile" else ("LimitExceededException", 410)
    assert (code, status) == expected
    assert message.startswith("tags: ")
    assert account.refusal("list_tags_for_resource", resourceArn=arn(f"{kind}/a:b"))[1] == 404


@every_kind
@pytest.mark.parametrize("bad", [[A, {"Key": "a", "Value": "2"}], [{"Key": "aws:x", "Value": "1"}], [{"Key": "AWS:x"}]])
def test_a_key_given_twice_or_reserved_is_refused(account: Account, kind: str, bad: list[dict[str, str]]) -> None:
    call, given = KINDS[kind]
    for refused in (
        account.refusal(call, **given | ({"metricName": "x"} if kind == "custommetric" else {}), tags=bad),
        account.refusal("tag_resource", resourceArn=made(account, kind), tags=bad),
    ):
        assert refused[:2] == ("InvalidRequestException", 400)
        assert refused[2].startswith("tags: ")
        assert repr(bad[0]["Key"]) in refused[2]


@pytest.mark.parametrize(
    "resource",
    [
        arn("securityprofile/a:b", account="999999999999"),
        arn("securityprofile/a:b", region="eu-west-1"),
        arn("securityprofile/a:b", partition="aws-cn"),
        arn("securityprofile"),
        arn("thing/a:b"),
        arn("SecurityProfile/a:b"),
        "arn:aws:sns:us-east-1:123456789012:securityprofile/a:b",
        "securityprofile/a:b",
        "",
    ],
)
def test_an_arn_of_elsewhere_or_of_nothing_here_is_refused(account: Account, resource: str) -> None:
    made(account, "securityprofile", A)
    for call, more in (
        ("list_tags_for_resource", {}),
        ("tag_resource", {"tags": [B]}),
        ("untag_resource", {"tagKeys": ["a"]}),
    ):
        code, status, message = account.refusal(call, resourceArn=resource, **more)
        assert (code, status) == ("InvalidRequestException", 400)
        assert message.startswith("resourceArn: expected arn:aws:iot:us-east-1:123456789012:")
    assert tags(account, arn("securityprofile/a:b")) == [A]


@pytest.mark.parametrize("kind", ["mitigationaction", "scheduledaudit", *KINDS])
def test_what_does_not_exist_has_no_tags(account: Account, kind: str) -> None:
    code, status, message = account.refusal("tag_resource", resourceArn=arn(f"{kind}/nothing"), tags=[A])
    assert (code, status) == ("ResourceNotFoundException", 404)
    assert "nothing" in message


def test_resources_of_one_name_have_tags_of_their_own(account: Account) -> None:
    resources = {kind: made(account, kind, {"Key": "kind", "Value": kind}) for kind in KINDS}
    for kind, resource in resources.items():
        assert tags(account, resource) == [{"Key": "kind", "Value": kind}]
