"""Every operation that there is, asked for as little and as much as the model allows, answers what the model says."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore import xform_name
from moto import mock_aws

from tests.contract.account import Account
from tests.contract.answers import all_members, members, misfits
from tests.contract.examples import GROUP, LONG, OPERATIONS, furnish
from tests.contract.iot import plugged, service_model
from tests.contract.requests import least, most
from warden.adapters.aws_iot import IotThings
from warden.control_api.operations import NAMES, TAGS

LATER = [name for name in NAMES if name not in OPERATIONS]


@pytest.fixture(scope="module")
def registry() -> Iterator[IotThings]:
    """moto's, with a thing group."""
    with mock_aws():
        client = boto3.client("iot", region_name="us-east-1")
        client.create_thing_group(thingGroupName=GROUP)
        yield IotThings(lambda: client)


@pytest.fixture
def account(registry: IotThings) -> Iterator[tuple[Account, str]]:
    """A furnished account, and a violation in it."""
    made = Account(has_group=registry.has_group, child_groups=registry.below)
    yield made, furnish(made)
    made.close()


def asked(account: Account, name: str, request: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """The answer to a request as botocore parses it and as it was written; it fits its shape."""
    parsed = account(xform_name(name), **request)
    response = plugged()[1].response
    body = json.loads(response.body)
    assert response.status == 200
    assert list(misfits(service_model().operation_model(name).output_shape, body)) == []
    assert parsed.keys() == body.keys()
    return parsed, body


def smallest(name: str, violation: str) -> dict[str, Any]:
    given = least(service_model().operation_model(name).input_shape) | OPERATIONS[name].least
    return given | ({"violationId": violation} if "violationId" in given else {})


def largest(name: str, violation: str) -> dict[str, Any]:
    given = most(service_model().operation_model(name).input_shape) | OPERATIONS[name].most
    given |= {"violationId": violation} if "violationId" in given else {}
    return {member: value for member, value in given.items() if value is not None}


def test_every_operation_that_there_is_has_its_row() -> None:
    assert set(Account().operations) == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_smallest_request_is_answered_as_the_model_says(account: tuple[Account, str], name: str) -> None:
    asked(account[0], name, smallest(name, account[1]))


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_largest_request_is_answered_with_every_member_that_there_is(
    account: tuple[Account, str], name: str
) -> None:
    """All but those that the row says this release never has. A list is asked for with the token of its first page."""
    at, violation = account
    request, bodies = largest(name, violation), []
    output = service_model().operation_model(name).output_shape
    if "nextToken" in request:
        del request["nextToken"]
        first, body = asked(at, name, request | ({"maxResults": 1} if "maxResults" in request else {}))
        bodies.append(body)
        if token := first.get("nextToken"):
            bodies.append(asked(at, name, request | {"nextToken": token})[1])
    else:
        bodies.append(asked(at, name, request)[1])

    there = {member for body in bodies for member in members(output, body)}

    absent = OPERATIONS[name].absent
    assert {member for member in all_members(output) if not member.startswith(absent or ("-",))} == there


def test_a_list_has_a_token_while_more_follows_and_none_on_its_last_page(account: tuple[Account, str]) -> None:
    at, _ = account
    paged = [name for name in OPERATIONS if "maxResults" in largest(name, "v")]
    assert len(paged) == 8
    for name in paged:
        request = smallest(name, "v")
        pages = [asked(at, name, request | {"maxResults": 1})[0]]
        while token := pages[-1].get("nextToken"):
            pages.append(asked(at, name, request | {"maxResults": 1, "nextToken": token})[0])
        [member] = pages[0].keys() - {"nextToken"}
        whole = asked(at, name, request | {"maxResults": 250})[0]
        assert len(pages) > 2, name
        assert [row for page in pages for row in page[member]] == whole[member]
        assert "nextToken" not in whole


@pytest.mark.parametrize("name", [name for name in OPERATIONS if "nextToken" in largest(name, "v")])
def test_a_list_takes_no_token_that_it_did_not_give(account: tuple[Account, str], name: str) -> None:
    at, violation = account
    request = smallest(name, violation)
    others = [at("list_custom_metrics", maxResults=1)["nextToken"], at("list_dimensions", maxResults=1)["nextToken"]]
    for token in ("x", others[name == "ListCustomMetrics"]):
        code, status, message = at.refusal(xform_name(name), **request, nextToken=token)
        assert (code, status) == ("InvalidRequestException", 400)
        assert message.startswith("nextToken: ")


def test_a_profile_of_every_member_is_described_as_it_was_given(account: tuple[Account, str]) -> None:
    at, _ = account
    given = largest("CreateSecurityProfile", "")
    at("create_security_profile", **given)
    found = at("describe_security_profile", securityProfileName=given["securityProfileName"])
    tags = at("list_tags_for_resource", resourceArn=found["securityProfileArn"])["tags"]
    assert {member: found.get(member, tags) for member in given} == given


def test_what_a_deletion_named_is_gone(account: tuple[Account, str]) -> None:
    at, _ = account
    for name, kind in (("DeleteSecurityProfile", "security_profile"), ("DeleteDimension", "dimension")):
        request = smallest(name, "")
        at(xform_name(name), **request)
        described = {member: value for member, value in request.items() if member != "expectedVersion"}
        assert at.refusal(f"describe_{kind}", **described)[1] == 404
    at("describe_security_profile", securityProfileName=LONG)


@pytest.mark.parametrize("name", LATER)
def test_an_operation_of_a_later_release_says_so(name: str) -> None:
    at = Account()
    code, status, message = at.refusal(xform_name(name), **least(service_model().operation_model(name).input_shape))
    assert (code, status) == ("NotImplementedException", 501)
    assert name in message


def test_what_is_left_for_later_is_mitigation_models_and_audit() -> None:
    assert not set(LATER) & set(TAGS)
    assert all("Mitigation" in name or "Audit" in name or "Training" in name for name in LATER)
    assert len(LATER) == 63 - len(OPERATIONS)
