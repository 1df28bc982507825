"""Security profiles as stock boto3 makes, changes, lists and deletes them, through `warden serve`."""

import time
from typing import Any

import pytest

from tests.e2e.control_api.asked import EVERY_MEMBER, arn, refusal, stored
from tests.home import behavior


def test_every_member_of_a_profile_comes_back_as_it_was_given(iot: Any) -> None:
    created = iot.create_security_profile(
        securityProfileName="whole:one", tags=[{"Key": "team", "Value": "blue"}], **EVERY_MEMBER
    )
    assert created["securityProfileArn"] == arn("securityprofile/whole:one")

    found = iot.describe_security_profile(securityProfileName="whole:one")

    assert stored(iot, "whole:one") == EVERY_MEMBER
    assert (found["securityProfileArn"], found["version"]) == (created["securityProfileArn"], 1)
    assert found["creationDate"] == found["lastModifiedDate"]
    assert abs(found["creationDate"].timestamp() - time.time()) < 3600


def test_an_update_keeps_what_it_does_not_name_and_replaces_what_it_does(iot: Any) -> None:
    iot.create_security_profile(securityProfileName="kept", **EVERY_MEMBER)

    updated = iot.update_security_profile(
        securityProfileName="kept", securityProfileDescription="", behaviors=[behavior(1)]
    )

    expected = EVERY_MEMBER | {"securityProfileDescription": "", "behaviors": [behavior(1)]}
    assert stored(iot, "kept") == expected
    assert {name: updated[name] for name in expected} == expected
    assert updated["version"] == 2
    assert updated["lastModifiedDate"] >= updated["creationDate"]


@pytest.mark.parametrize(
    ("flag", "members"),
    [
        ("deleteBehaviors", ["behaviors"]),
        ("deleteAlertTargets", ["alertTargets"]),
        ("deleteAdditionalMetricsToRetain", ["additionalMetricsToRetain", "additionalMetricsToRetainV2"]),
        ("deleteMetricsExportConfig", ["metricsExportConfig"]),
    ],
)
def test_a_delete_flag_removes_its_members_and_cannot_be_given_together_with_them(
    iot: Any, flag: str, members: list[str]
) -> None:
    name = f"less-{flag}"
    iot.create_security_profile(securityProfileName=name, **EVERY_MEMBER)
    for member in members:
        code, status, message = refusal(
            iot.update_security_profile, securityProfileName=name, **{flag: True, member: EVERY_MEMBER[member]}
        )
        assert (code, status) == ("InvalidRequestException", 400)
        assert flag in message
        assert member in message
    assert stored(iot, name) == EVERY_MEMBER

    iot.update_security_profile(securityProfileName=name, **{flag: True})

    assert stored(iot, name) == {member: value for member, value in EVERY_MEMBER.items() if member not in members}


def test_a_delete_flag_of_false_deletes_nothing(iot: Any) -> None:
    iot.create_security_profile(securityProfileName="false-flag", **EVERY_MEMBER)

    iot.update_security_profile(securityProfileName="false-flag", deleteBehaviors=False, behaviors=[behavior(5)])

    assert stored(iot, "false-flag") == EVERY_MEMBER | {"behaviors": [behavior(5)]}


def test_a_change_for_another_version_than_the_current_one_is_a_conflict(iot: Any) -> None:
    iot.create_security_profile(securityProfileName="versioned")
    iot.update_security_profile(securityProfileName="versioned", expectedVersion=1, securityProfileDescription="b")

    for call in (iot.update_security_profile, iot.delete_security_profile):
        code, status, _ = refusal(call, securityProfileName="versioned", expectedVersion=1)
        assert (code, status) == ("VersionConflictException", 409)
    assert iot.describe_security_profile(securityProfileName="versioned")["version"] == 2

    iot.delete_security_profile(securityProfileName="versioned", expectedVersion=2)
    code, status, _ = refusal(iot.describe_security_profile, securityProfileName="versioned")
    assert (code, status) == ("ResourceNotFoundException", 404)


def test_a_name_in_use_is_refused_with_the_resource_that_has_it(iot: Any) -> None:
    iot.create_security_profile(securityProfileName="twice")

    with pytest.raises(iot.exceptions.ResourceAlreadyExistsException) as caught:
        iot.create_security_profile(securityProfileName="twice")

    assert caught.value.response["resourceId"] == "twice"
    assert caught.value.response["resourceArn"] == arn("securityprofile/twice")


def test_what_is_missing_cannot_be_updated_described_or_listed_and_its_deletion_succeeds(iot: Any) -> None:
    for call in (
        iot.update_security_profile,
        iot.describe_security_profile,
        iot.list_targets_for_security_profile,
    ):
        assert refusal(call, securityProfileName="missing")[:2] == ("ResourceNotFoundException", 404)
    iot.delete_security_profile(securityProfileName="missing")


def test_a_profile_created_again_under_its_name_is_a_new_one(iot: Any) -> None:
    iot.create_security_profile(securityProfileName="phoenix", securityProfileDescription="old")
    iot.attach_security_profile(securityProfileName="phoenix", securityProfileTargetArn=arn("all/things"))
    iot.update_security_profile(securityProfileName="phoenix", securityProfileDescription="older")
    iot.delete_security_profile(securityProfileName="phoenix")

    iot.create_security_profile(securityProfileName="phoenix")

    assert stored(iot, "phoenix") == {}
    assert iot.describe_security_profile(securityProfileName="phoenix")["version"] == 1
    assert iot.list_targets_for_security_profile(securityProfileName="phoenix")["securityProfileTargets"] == []


def test_lists_go_on_page_by_page_and_filter_by_metric_or_dimension_but_not_both(iot: Any) -> None:
    names = [f"page-{letter}" for letter in "abc"]
    for name in names:
        iot.create_security_profile(securityProfileName=name, behaviors=[behavior(1)])
    iot.create_security_profile(securityProfileName="page-odd", **EVERY_MEMBER)

    def listed(size: int, **filters: Any) -> list[str]:
        pages = iot.get_paginator("list_security_profiles").paginate(PaginationConfig={"PageSize": size}, **filters)
        found = [each for page in pages for each in page["securityProfileIdentifiers"]]
        assert all(each["arn"] == arn(f"securityprofile/{each['name']}") for each in found)
        return [each["name"] for each in found if each["name"].startswith("page-")]

    assert listed(1) == listed(250) == [*names, "page-odd"]
    assert listed(1, metricName="aws:listening-tcp-ports") == [*names, "page-odd"]
    assert listed(1, metricName="aws:all-packets-in") == listed(2, metricName="battery_level") == ["page-odd"]
    assert listed(1, dimensionName="SomeTopics") == ["page-odd"]
    assert listed(1, dimensionName="OtherTopics") == []
    code, status, message = refusal(iot.list_security_profiles, metricName="a", dimensionName="b")
    assert (code, status) == ("InvalidRequestException", 400)
    assert "metricName" in message
    assert "dimensionName" in message


def test_a_token_that_was_tampered_with_or_belongs_to_another_list_is_refused(iot: Any) -> None:
    for name in ("token-a", "token-b"):
        iot.create_security_profile(securityProfileName=name)
    token = iot.list_security_profiles(maxResults=1)["nextToken"]
    middle = len(token) // 2
    other = "A" if token[middle] != "A" else "B"

    for broken in (token[:middle] + other + token[middle + 1 :], token[:-4], "x", token + "="):
        code, status, message = refusal(iot.list_security_profiles, nextToken=broken)
        assert (code, status) == ("InvalidRequestException", 400)
        assert message.startswith("nextToken: ")
    assert (
        refusal(iot.list_security_profiles, metricName="battery_level", nextToken=token)[0] == "InvalidRequestException"
    )
    assert refusal(iot.list_active_violations, nextToken=token)[0] == "InvalidRequestException"
