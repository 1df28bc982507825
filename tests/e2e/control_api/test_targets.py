"""What security profiles are attached to, as stock boto3 sees it, through `warden serve`."""

from typing import Any

import pytest

from tests.e2e.control_api.asked import arn, refusal


def test_attachments_are_listed_from_both_sides_page_by_page(iot: Any) -> None:
    iot.create_thing_group(thingGroupName="both:sides")
    targets = [arn("all/registered-things"), arn("all/unregistered-things"), arn("thinggroup/both:sides")]
    for name in ("both-1", "both-2"):
        iot.create_security_profile(securityProfileName=name)
        for target in targets:
            iot.attach_security_profile(securityProfileName=name, securityProfileTargetArn=target)
            iot.attach_security_profile(securityProfileName=name, securityProfileTargetArn=target)

    pages = iot.get_paginator("list_targets_for_security_profile").paginate(
        securityProfileName="both-1", PaginationConfig={"PageSize": 1}
    )
    assert [[row["arn"] for row in page["securityProfileTargets"]] for page in pages] == [[each] for each in targets]

    pages = iot.get_paginator("list_security_profiles_for_target").paginate(
        securityProfileTargetArn=targets[2], PaginationConfig={"PageSize": 1}
    )
    assert [page["securityProfileTargetMappings"] for page in pages] == [
        [
            {
                "securityProfileIdentifier": {"name": name, "arn": arn(f"securityprofile/{name}")},
                "target": {"arn": targets[2]},
            }
        ]
        for name in ("both-1", "both-2")
    ]

    for _ in range(2):
        iot.detach_security_profile(securityProfileName="both-1", securityProfileTargetArn=targets[2])
    left = iot.list_targets_for_security_profile(securityProfileName="both-1")["securityProfileTargets"]
    assert [row["arn"] for row in left] == targets[:2]
    mapped = iot.list_security_profiles_for_target(securityProfileTargetArn=targets[2])
    assert [row["securityProfileIdentifier"]["name"] for row in mapped["securityProfileTargetMappings"]] == ["both-2"]
    for name in ("both-1", "both-2"):
        iot.delete_security_profile(securityProfileName=name)
    for target in targets:
        assert (
            iot.list_security_profiles_for_target(securityProfileTargetArn=target)["securityProfileTargetMappings"]
            == []
        )


@pytest.mark.parametrize(
    "target",
    [
        arn("all/things", region="eu-west-1"),
        arn("all/things", account="123456789012"),
        arn("all/other-things"),
        arn("thinggroup/"),
        arn("thinggroup/a b"),
        arn("thing/a"),
        "all/things",
        "arn:aws:sns:us-east-1:000000000000:all/things",
    ],
)
def test_a_target_of_elsewhere_or_of_no_form_is_refused(iot: Any, target: str) -> None:
    for call in (iot.attach_security_profile, iot.detach_security_profile):
        code, status, message = refusal(call, securityProfileName="any", securityProfileTargetArn=target)
        assert (code, status) == ("InvalidRequestException", 400)
        assert message.startswith("securityProfileTargetArn: ")
    assert refusal(iot.list_security_profiles_for_target, securityProfileTargetArn=target)[1] == 400


def test_a_group_or_a_profile_that_does_not_exist_cannot_be_attached(iot: Any) -> None:
    iot.create_security_profile(securityProfileName="lonely")
    for name, target in (("lonely", "thinggroup/nowhere"), ("nobody", "all/things")):
        code, status, message = refusal(
            iot.attach_security_profile, securityProfileName=name, securityProfileTargetArn=arn(target)
        )
        assert (code, status) == ("ResourceNotFoundException", 404)
        assert target.removeprefix("thinggroup/") in message or name in message


def test_a_target_has_five_profiles_at_most(iot: Any) -> None:
    iot.create_thing_group(thingGroupName="crowd")
    names = [f"crowd-{number}" for number in range(6)]
    for name in names:
        iot.create_security_profile(securityProfileName=name)
    attach = iot.attach_security_profile
    for name in names[:5]:
        attach(securityProfileName=name, securityProfileTargetArn=arn("thinggroup/crowd"))

    code, status, _ = refusal(attach, securityProfileName=names[5], securityProfileTargetArn=arn("thinggroup/crowd"))
    assert (code, status) == ("LimitExceededException", 410)
    attach(securityProfileName=names[0], securityProfileTargetArn=arn("thinggroup/crowd"))

    iot.delete_security_profile(securityProfileName=names[0])
    attach(securityProfileName=names[5], securityProfileTargetArn=arn("thinggroup/crowd"))
