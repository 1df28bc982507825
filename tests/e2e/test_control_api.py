"""The control API as stock boto3 sees it, through `warden serve`."""

import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.home import ACCOUNT, REGION, ROLE, Home, behavior, eventually, listening, running

FOREVER = 4_102_444_800
SNS = {"alertTargetArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:anything", "roleArn": ROLE}
BYTES_OUT = {
    "name": "Bytes out",
    "metric": "aws:all-bytes-out",
    "criteria": {
        "comparisonOperator": "less-than-equals",
        "value": {"count": 10_000},
        "durationSeconds": 300,
        "consecutiveDatapointsToAlarm": 2,
        "consecutiveDatapointsToClear": 3,
    },
    "suppressAlerts": True,
    "exportMetric": True,
}
EVERY_MEMBER: dict[str, Any] = {
    "securityProfileDescription": "All that a profile can say",
    "behaviors": [BYTES_OUT, behavior(22, 8888)],
    "alertTargets": {"SNS": SNS},
    "additionalMetricsToRetain": ["aws:all-packets-in"],
    "additionalMetricsToRetainV2": [
        {"metric": "aws:all-packets-out", "exportMetric": False},
        {
            "metric": "aws:num-messages-sent",
            "metricDimension": {"dimensionName": "SomeTopics", "operator": "NOT_IN"},
            "exportMetric": True,
        },
        {"metric": "battery_level"},
    ],
    "metricsExportConfig": {"mqttTopic": "exports/metrics", "roleArn": ROLE},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running(tmp_path_factory.mktemp("home") / "data") as started:
        yield started


@pytest.fixture(scope="module")
def iot(home: Home) -> Any:
    return home.client("iot")


def arn(resource: str, *, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:iot:{region}:{account}:{resource}"


def refusal(call: Any, **arguments: Any) -> tuple[str, int, str]:
    """Code, HTTP status and message of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


def stored(iot: Any, name: str) -> dict[str, Any]:
    """What a profile says, without what the service adds."""
    found = iot.describe_security_profile(securityProfileName=name)
    added = ("ResponseMetadata", "securityProfileName", "securityProfileArn", "version")
    return {member: value for member, value in found.items() if member not in (*added, *TIMES)}


TIMES = ("creationDate", "lastModifiedDate")


# Security profiles


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
    assert refusal(iot.list_security_profiles, metricName="x", nextToken=token)[0] == "InvalidRequestException"
    assert refusal(iot.list_active_violations, nextToken=token)[0] == "InvalidRequestException"


UNJUDGEABLE = {
    "a statistical threshold": (
        {"metric": "aws:all-bytes-out", "criteria": {"statisticalThreshold": {"statistic": "p90"}}},
        "behaviors[0].criteria.statisticalThreshold: ",
    ),
    "machine learning": (
        {"metric": "aws:all-bytes-out", "criteria": {"mlDetectionConfig": {"confidenceLevel": "HIGH"}}},
        "behaviors[0].criteria.mlDetectionConfig: ",
    ),
    "a cloud-side metric": (
        {"metric": "aws:num-messages-sent", "criteria": {"comparisonOperator": "less-than", "value": {"count": 1}}},
        "behaviors[0].metric: aws:num-messages-sent ",
    ),
    "a dimension": (
        {"metric": "aws:all-bytes-out", "metricDimension": {"dimensionName": "d"}},
        "behaviors[0].metricDimension: ",
    ),
    "a custom metric that does not exist": ({"metric": "battery_level"}, "behaviors[0].metric: "),
    "an operator that the metric does not have": (
        {
            "metric": "aws:listening-tcp-ports",
            "criteria": {"comparisonOperator": "less-than", "value": {"ports": [1]}},
        },
        "behaviors[0].criteria.comparisonOperator: ",
    ),
    "a value that the metric does not have": (
        {
            "metric": "aws:listening-tcp-ports",
            "criteria": {"comparisonOperator": "in-port-set", "value": {"count": 1}},
        },
        "behaviors[0].criteria.value: ",
    ),
    "a CIDR that is none": (
        {
            "metric": "aws:destination-ip-addresses",
            "criteria": {"comparisonOperator": "in-cidr-set", "value": {"cidrs": ["10.0.0.0/8", "10.0.0.0/33"]}},
        },
        "behaviors[0].criteria.value.cidrs[1]: ",
    ),
    "a duration that AWS does not have": (
        {
            "metric": "aws:all-bytes-out",
            "criteria": {"comparisonOperator": "less-than", "value": {"count": 1}, "durationSeconds": 301},
        },
        "behaviors[0].criteria.durationSeconds: ",
    ),
    "no duration where one is needed": (
        {"metric": "aws:all-bytes-out", "criteria": {"comparisonOperator": "less-than", "value": {"count": 1}}},
        "behaviors[0].criteria.durationSeconds: ",
    ),
    "a duration of a list": (
        {
            "metric": "aws:listening-tcp-ports",
            "criteria": {"comparisonOperator": "in-port-set", "value": {"ports": [1]}, "durationSeconds": 300},
        },
        "behaviors[0].criteria.durationSeconds: ",
    ),
    "criteria without a metric": (
        {"criteria": {"comparisonOperator": "less-than", "value": {"count": 1}}},
        "behaviors[0].metric: ",
    ),
    "too many datapoints to alarm": (
        {
            "metric": "aws:listening-tcp-ports",
            "criteria": {
                "comparisonOperator": "in-port-set",
                "value": {"ports": [1]},
                "consecutiveDatapointsToAlarm": 11,
            },
        },
        "behaviors[0].criteria.consecutiveDatapointsToAlarm: ",
    ),
}


@pytest.mark.parametrize(("said", "beginning"), UNJUDGEABLE.values(), ids=UNJUDGEABLE)
def test_a_behavior_that_would_not_be_evaluated_is_refused_and_the_member_named(
    iot: Any, said: dict[str, Any], beginning: str
) -> None:
    code, status, message = refusal(
        iot.create_security_profile, securityProfileName="refused", behaviors=[{"name": "one", **said}]
    )

    assert (code, status) == ("InvalidRequestException", 400)
    assert message.startswith(beginning)
    assert refusal(iot.describe_security_profile, securityProfileName="refused")[1] == 404


def test_an_update_is_held_to_the_same_rules_and_changes_nothing_where_it_breaks_one(iot: Any) -> None:
    iot.create_security_profile(securityProfileName="ruled", behaviors=[behavior(1)])

    said, beginning = UNJUDGEABLE["machine learning"]
    code, _, message = refusal(
        iot.update_security_profile, securityProfileName="ruled", behaviors=[{"name": "one", **said}]
    )

    assert code == "InvalidRequestException"
    assert message.startswith(beginning)
    assert iot.describe_security_profile(securityProfileName="ruled")["version"] == 1


@pytest.mark.parametrize(
    ("target", "member"),
    [
        (SNS | {"alertTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue"}, "alertTargets.SNS.alertTargetArn"),
        (SNS | {"roleArn": f"arn:aws:iam::{ACCOUNT}:user/me"}, "alertTargets.SNS.roleArn"),
    ],
    ids=["an ARN of no topic", "an ARN of no role"],
)
def test_an_alert_target_is_a_topic_and_a_role(iot: Any, target: dict[str, str], member: str) -> None:
    iot.create_security_profile(securityProfileName=f"target-{member}".replace(".", "-"))
    for call in (iot.create_security_profile, iot.update_security_profile):
        code, status, message = refusal(
            call, securityProfileName=f"target-{member}".replace(".", "-"), alertTargets={"SNS": target}
        )
        assert (code, status) == ("InvalidRequestException", 400)
        assert message.startswith(f"{member}: ")


# Targets


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


# Violations


@pytest.fixture(scope="module")
def violated(home: Home, iot: Any) -> dict[str, list[str]]:
    """Three things in violation of two profiles, one of them of a behavior whose alerts are suppressed; the third
    has recovered. Returns: Each thing's violation ids, oldest first."""
    quiet = behavior(22, name="quiet") | {"suppressAlerts": True}
    things = [home.thing(f"violator-{number}") for number in range(3)]
    iot.create_thing_group(thingGroupName="violators")
    for thing in things:
        iot.add_thing_to_thing_group(thingGroupName="violators", thingName=thing)
    home.profile("loud-ports", behavior(22, name="loud"), target="thinggroup/violators")
    home.profile("quiet-ports", quiet, target="thinggroup/violators")
    device = home.device("violators")
    for thing in things:
        device.hear(thing)
        device.report(thing, listening(23, report_id=1))
    device.report(things[0], listening(24, report_id=2))
    device.report(things[2], listening(22, report_id=2))
    assert eventually(lambda: len(iot.list_active_violations()["activeViolations"]) == 4)
    assert eventually(lambda: len(home.events(thingName=things[2])) == 4)
    return {thing: [event["violationId"] for event in reversed(home.events(thingName=thing))] for thing in things}


def test_active_violations_say_when_they_began_and_what_was_seen_last(
    home: Home, violated: dict[str, list[str]]
) -> None:
    found = home.active(thingName="violator-0")

    assert {each["violationId"] for each in found} == set(violated["violator-0"])
    for each in found:
        assert each["thingName"] == "violator-0"
        assert each["behavior"]["criteria"] == {
            "comparisonOperator": "in-port-set",
            "value": {"ports": [22]},
            "consecutiveDatapointsToAlarm": 1,
            "consecutiveDatapointsToClear": 1,
        }
        assert each["lastViolationValue"] == {"ports": [24]}
        assert each["lastViolationTime"] > each["violationStartTime"]
        assert each["verificationState"] == "UNKNOWN"


ACTIVE_FILTERS: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "a thing": ({"thingName": "violator-1"}, [("violator-1", "loud-ports"), ("violator-1", "quiet-ports")]),
    "a thing that recovered": ({"thingName": "violator-2"}, []),
    "a profile": ({"securityProfileName": "loud-ports"}, [("violator-0", "loud-ports"), ("violator-1", "loud-ports")]),
    "a thing and a profile": (
        {"thingName": "violator-0", "securityProfileName": "quiet-ports"},
        [("violator-0", "quiet-ports")],
    ),
    "suppressed alerts": (
        {"listSuppressedAlerts": True},
        [("violator-0", "quiet-ports"), ("violator-1", "quiet-ports")],
    ),
    "alerts that are not suppressed": (
        {"listSuppressedAlerts": False, "thingName": "violator-0"},
        [("violator-0", "loud-ports")],
    ),
    "static thresholds": (
        {"behaviorCriteriaType": "STATIC", "thingName": "violator-0"},
        [("violator-0", "loud-ports"), ("violator-0", "quiet-ports")],
    ),
    "machine learning": ({"behaviorCriteriaType": "MACHINE_LEARNING"}, []),
    "statistics": ({"behaviorCriteriaType": "STATISTICAL"}, []),
    "verified ones": ({"verificationState": "TRUE_POSITIVE"}, []),
    "unverified ones": (
        {"verificationState": "UNKNOWN", "thingName": "violator-1"},
        [("violator-1", "loud-ports"), ("violator-1", "quiet-ports")],
    ),
    "an unknown thing": ({"thingName": "never-seen"}, []),
}


@pytest.mark.usefixtures("violated")
@pytest.mark.parametrize(("filters", "expected"), ACTIVE_FILTERS.values(), ids=ACTIVE_FILTERS)
def test_active_violations_are_filtered_by(
    home: Home, filters: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    found = home.active(**filters)

    assert sorted((each["thingName"], each["securityProfileName"]) for each in found) == expected


@pytest.mark.usefixtures("violated")
@pytest.mark.parametrize(
    ("filters", "number"),
    [
        ({}, 8),
        ({"thingName": "violator-2"}, 4),
        ({"securityProfileName": "loud-ports"}, 4),
        ({"listSuppressedAlerts": True}, 4),
        ({"listSuppressedAlerts": False, "thingName": "violator-0"}, 1),
        ({"behaviorCriteriaType": "STATIC"}, 8),
        ({"behaviorCriteriaType": "STATISTICAL"}, 0),
        ({"verificationState": "UNKNOWN", "securityProfileName": "quiet-ports", "thingName": "violator-2"}, 2),
        ({"verificationState": "FALSE_POSITIVE"}, 0),
    ],
    ids=str,
)
def test_violation_events_are_filtered_by_every_member_at_once(
    home: Home, filters: dict[str, Any], number: int
) -> None:
    assert len(home.events(**filters)) == number


def test_violation_events_come_newest_first_and_page_by_page(
    home: Home, iot: Any, violated: dict[str, list[str]]
) -> None:
    events = home.events()
    times = [event["violationEventTime"] for event in events]
    assert times == sorted(times, reverse=True)
    assert {event["violationId"] for event in events} == {each for ids in violated.values() for each in ids}

    pages = iot.get_paginator("list_violation_events").paginate(
        startTime=0, endTime=FOREVER, PaginationConfig={"PageSize": 1}
    )
    single = [page["violationEvents"] for page in pages]
    assert all(len(page) <= 1 for page in single)
    assert [event for page in single for event in page] == events

    pages = iot.get_paginator("list_active_violations").paginate(PaginationConfig={"PageSize": 1})
    starts = [each["violationStartTime"] for page in pages for each in page["activeViolations"]]
    assert len(starts) == 4
    assert starts == sorted(starts, reverse=True)


@pytest.mark.usefixtures("violated")
def test_the_time_range_of_events_includes_both_its_ends(home: Home, iot: Any) -> None:
    times = sorted({event["violationEventTime"] for event in home.events(thingName="violator-2")})
    assert len(times) == 2
    began, cleared = times

    def between(start: Any, end: Any) -> list[str]:
        found = iot.list_violation_events(thingName="violator-2", startTime=start, endTime=end)
        return sorted({event["violationEventType"] for event in found["violationEvents"]})

    assert between(began, cleared) == ["alarm-cleared", "in-alarm"]
    assert between(began, began) == ["in-alarm"]
    assert between(cleared, FOREVER) == ["alarm-cleared"]
    assert between(0, began.timestamp() - 1) == []
    code, status, message = refusal(iot.list_violation_events, startTime=cleared, endTime=began)
    assert (code, status) == ("InvalidRequestException", 400)
    assert message.startswith("startTime: ")


def test_an_event_says_what_was_observed_and_how_the_behavior_was_configured(
    home: Home, violated: dict[str, list[str]]
) -> None:
    cleared, began = home.events(thingName="violator-2", securityProfileName="quiet-ports")

    assert (began["violationEventType"], began["metricValue"]) == ("in-alarm", {"ports": [23]})
    assert (cleared["violationEventType"], cleared["metricValue"]) == ("alarm-cleared", {"ports": [22]})
    assert began["violationId"] == cleared["violationId"]
    assert began["violationId"] in violated["violator-2"]
    assert began["behavior"]["suppressAlerts"] is True
    assert began["verificationState"] == "UNKNOWN"


# The rest of the surface


def test_an_operation_of_a_later_release_says_so_and_is_not_retried(home: Home) -> None:
    client = boto3.client(
        "iot",
        endpoint_url=home.url,
        region_name=REGION,
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 5, "mode": "standard"}),
    )

    with pytest.raises(ClientError) as caught:
        client.start_on_demand_audit_task(targetCheckNames=["LOGGING_DISABLED_CHECK"])

    response = caught.value.response
    assert response["Error"]["Code"] == "NotImplementedException"
    assert response["Error"]["Message"].startswith("StartOnDemandAuditTask ")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert response["ResponseMetadata"]["RetryAttempts"] == 0


def test_tags_of_what_is_not_device_defenders_are_for_the_surroundings_to_answer(iot: Any) -> None:
    thing = iot.create_thing(thingName="tagged")["thingArn"]
    for call, more in (
        (iot.tag_resource, {"tags": [{"Key": "a", "Value": "b"}]}),
        (iot.untag_resource, {"tagKeys": ["a"]}),
        (iot.list_tags_for_resource, {}),
    ):
        code, status, message = refusal(call, resourceArn=thing, **more)
        assert (code, status) == ("NotImplementedException", 501)
        assert "surroundings" in message

        code, status, message = refusal(call, resourceArn=arn("securityprofile/x"), **more)
        assert (code, status) == ("NotImplementedException", 501)
        assert "by this release" in message
