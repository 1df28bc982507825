"""What people ask every day, in a pipe and as JSON: profiles, targets, violations, events, things, metrics."""

import json
from typing import Any
from uuid import uuid4

import boto3
import click
import pytest
from botocore.stub import Stubber

from tests.cli.running import COLOUR, on_terminal, rows, warden
from tests.home import ACCOUNT, REGION, ROLE, Home, behavior, eventually, listening
from warden.cli.detect.violations import whole_id
from warden.cli.home import Home as Asked

BATTERY = {
    "name": "Battery",
    "metric": "battery",
    "criteria": {"comparisonOperator": "greater-than", "value": {"number": 20}, "consecutiveDatapointsToAlarm": 2},
}


def fresh(prefix: str = "thing") -> str:
    """A name that no other test uses."""
    return f"{prefix}-{uuid4().hex[:10]}"


@pytest.fixture
def camera(home: Home) -> str:
    """A thing that is in violation: it listens on 22 and 443 and should on 8888 only."""
    name = fresh("camera")
    home.profile("cameras", behavior(8888))
    home.thing(name)
    home.device().publish(name, json.dumps(listening(22, 443)).encode())
    assert eventually(lambda: home.active(thingName=name))
    return name


# Profiles and targets


def test_profiles_are_listed_with_what_they_hold(home: Home) -> None:
    topic = {"alertTargetArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:pager", "roleArn": ROLE}
    home.profile("cameras", behavior(8888), behavior(22, name="SSH"), alertTargets={"SNS": topic})
    home.profile("pumps", behavior(1))
    home.client("iot").update_security_profile(securityProfileName="pumps", securityProfileDescription="new")
    home.client("iot").detach_security_profile(
        securityProfileName="pumps", securityProfileTargetArn=f"arn:aws:iot:{REGION}:{ACCOUNT}:all/things"
    )
    found = warden("profiles")
    assert found.exit_code == 0
    assert [row[:5] for row in rows(found.output)] == [
        ["cameras", "1", "2", "1", "pager"],
        ["pumps", "2", "1", "0", "nobody"],
    ]


def test_without_profiles_it_is_said_how_to_get_some(home: Home) -> None:
    assert home
    assert "`warden apply FILE.yaml` makes one" in warden("profiles").output


def test_one_profile_is_shown_whole(home: Home) -> None:
    home.client("iot").create_custom_metric(metricName="battery", metricType="number", clientRequestToken="a")
    home.profile(
        "cameras",
        behavior(8888),
        BATTERY,
        {**behavior(1, name="Quiet"), "suppressAlerts": True},
        additionalMetricsToRetainV2=[{"metric": "aws:all-bytes-out"}],
        securityProfileDescription="What a camera does",
    )
    output = warden("profiles", "cameras").output
    for line in ("description   What a camera does", "targets       all/things", "kept as well  aws:all-bytes-out"):
        assert line in output
    assert ["Battery", "battery", "greater-than 20 (alarm after 2)", "yes"] in rows(output)
    assert ["Quiet", "aws:listening-tcp-ports", "in-port-set 1", "no"] in rows(output)


def test_a_profile_as_json_is_boto3s_with_its_targets(home: Home) -> None:
    arn = home.profile("cameras", behavior(8888))
    [found] = json.loads(warden("profiles", "--json").output)["securityProfiles"]
    assert (found["behaviors"], found["targets"], found["version"]) == ([behavior(8888)], [arn], 1)
    assert found["creationDate"].endswith("Z")


def test_a_profile_that_is_not_there_ends_with_1_and_the_homes_words(home: Home) -> None:
    assert home
    found = warden("profiles", "nobody")
    assert found.exit_code == 1
    assert found.stderr.startswith("Error: DescribeSecurityProfile: ")
    assert "(ResourceNotFoundException)" in found.stderr


def test_targets_are_listed_short_and_as_arns(home: Home) -> None:
    arn = home.profile("a:b", behavior(1))
    assert rows(warden("targets", "a:b").output) == [["all/things", arn]]
    home.client("iot").detach_security_profile(securityProfileName="a:b", securityProfileTargetArn=arn)
    assert warden("targets", "a:b").output == "a:b is attached to nothing.\n"


def test_lists_are_read_to_their_last_page(home: Home) -> None:
    for position in range(5):
        home.client("iot").create_security_profile(securityProfileName=f"p{position}")
    said: list[str] = []
    asked = Asked(home.client("iot"), said.append, page=2)
    found = [row["name"] for row in asked.rows("list_security_profiles", "securityProfileIdentifiers")]
    assert found == ["p0", "p1", "p2", "p3", "p4"]
    assert said == ["list_security_profiles", "list_security_profiles: 2 so far", "list_security_profiles: 4 so far"]


# Violations and events


def test_a_violation_that_goes_on_is_listed_until_it_ends(home: Home, camera: str) -> None:
    found = warden("violations", "--thing", camera)
    [row] = rows(found.output)
    [violation] = home.active(thingName=camera)
    assert row[0] == violation["violationId"]
    assert row[2:] == [camera, "cameras", "Listening TCP Ports", "22, 443"]
    home.device().publish(camera, json.dumps(listening(8888, report_id=2)).encode())
    assert eventually(lambda: not home.active(thingName=camera))
    assert warden("violations", "--thing", camera).output == "No active violation.\n"


def test_violations_are_filtered_as_the_api_filters(home: Home, camera: str) -> None:
    def listed(*filters: str) -> int:
        return len(json.loads(warden("violations", "--json", "--thing", camera, *filters).output)["activeViolations"])

    home.profile("others", behavior(1))
    assert [listed(), listed("--profile", "cameras"), listed("--verification-state", "unknown")] == [1, 1, 1]
    assert [listed("--profile", "others"), listed("--verification-state", "true_positive")] == [0, 0]
    assert [listed("--not-suppressed"), listed("--suppressed")] == [1, 0]
    assert [listed("--criteria-type", "static"), listed("--criteria-type", "machine_learning")] == [1, 0]


def test_the_beginning_of_an_id_is_enough_to_verify_a_violation(home: Home, camera: str) -> None:
    [violation] = home.active(thingName=camera)
    whole = violation["violationId"]
    said = warden("violations", "verify", whole[:8], "false_positive", "--description", "new firmware")
    assert (said.exit_code, said.output) == (0, f"{whole} is FALSE_POSITIVE.\n")
    [after] = home.active(thingName=camera)
    assert (after["verificationState"], after["verificationStateDescription"]) == ("FALSE_POSITIVE", "new firmware")
    assert rows(warden("violations", "--thing", camera).output)[0][-1] == "FALSE_POSITIVE: new firmware"


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ("0" * 32, 1, "(InvalidRequestException)"),
        ("00000000", 1, "no violation has an id that begins with 00000000"),
        ("0000", 2, "expected 8 characters of a violation's id or more, got '0000'"),
    ],
)
def test_an_id_of_no_violation_is_refused(home: Home, given: str, code: int, said: str) -> None:
    assert home
    found = warden("violations", "verify", given, "unknown")
    assert found.exit_code == code
    assert said in found.stderr


def test_a_beginning_that_several_ids_have_is_refused() -> None:
    iot = boto3.client("iot", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    found = [{"violationId": f"5b2e0c6f{end * 24}"} for end in "ab"]
    with Stubber(iot) as stubber:
        stubber.add_response("list_active_violations", {"activeViolations": found})
        stubber.add_response("list_violation_events", {"violationEvents": found})
        with pytest.raises(click.ClickException, match="2 violations have ids that begin with 5b2e0c6f"):
            whole_id(Asked(iot, lambda _: None), "5b2e0c6f")


def test_events_are_listed_newest_first(home: Home, camera: str) -> None:
    home.device().publish(camera, json.dumps(listening(8888, report_id=2)).encode())
    assert eventually(lambda: len(home.events(thingName=camera)) == 2)
    found = rows(warden("events", "--thing", camera).output)
    assert [row[1:6] for row in found] == [
        ["alarm-cleared", camera, "cameras", "Listening TCP Ports", "8888"],
        ["in-alarm", camera, "cameras", "Listening TCP Ports", "22, 443"],
    ]
    assert "No event in this time" in warden("events", "--thing", fresh()).output


@pytest.mark.parametrize("since", ["", "5", "5 h", "-5m", "1w", "9999999d"])
def test_a_time_that_is_none_is_named(home: Home, since: str) -> None:
    assert home
    found = warden("events", "--since", since)
    assert found.exit_code == 2
    assert "such as 30m or 14d" in found.stderr


def test_what_was_said_of_a_violation_cannot_turn_a_line_around(home: Home, camera: str) -> None:
    [violation] = home.active(thingName=camera)
    home.client("iot").put_verification_state_on_violation(
        violationId=violation["violationId"],
        verificationState="BENIGN_POSITIVE",
        verificationStateDescription="it is \u202ekcatta na",
    )
    output = warden("violations", "--thing", camera).output
    assert "it is \\u202ekcatta na" in output
    assert "\u202e" not in output + warden("violations", "--thing", camera, "--json").output


# Things


def test_things_are_listed_with_their_groups_and_how_many_violations_go_on(home: Home, camera: str) -> None:
    group = fresh("group")
    calm = home.thing(fresh("calm"), group)
    found = json.loads(warden("things", "--json", "--limit", "5000").output)
    by_name = {each["thingName"]: each for each in found["things"]}
    assert (by_name[camera]["thingGroupNames"], by_name[camera]["activeViolations"]) == ([], 1)
    assert (by_name[calm]["thingGroupNames"], by_name[calm]["activeViolations"]) == ([group], 0)
    assert found["more"] is False
    assert [calm, group, "0"] in rows(warden("things", "--limit", "5000").output)


def test_a_list_of_things_that_is_cut_says_so(home: Home) -> None:
    home.thing(fresh())
    home.thing(fresh())
    found = warden("things", "--limit", "1")
    assert len(rows(found.stdout)) == 1
    assert found.stderr == "There are more than 1: --limit\n"


def test_one_thing_is_shown_with_its_violations(home: Home, camera: str) -> None:
    output = warden("things", camera).output
    assert f"thing         {camera}" in output
    assert "groups        none" in output
    assert "22, 443" in output
    assert warden("things", fresh()).exit_code == 1
    assert home


# Metrics


@pytest.fixture
def readings(home: Home) -> str:
    """A thing of a group below a group that a profile is attached to, and three reports of it."""
    above, below, name = fresh("above"), fresh("below"), fresh()
    iot = home.client("iot")
    iot.create_thing_group(thingGroupName=above)
    iot.create_thing_group(thingGroupName=below, parentGroupName=above)
    iot.create_thing(thingName=name)
    iot.add_thing_to_thing_group(thingGroupName=below, thingName=name)
    iot.create_custom_metric(metricName="battery", metricType="number", clientRequestToken="a")
    home.profile(
        "levels", BATTERY, additionalMetricsToRetainV2=[{"metric": "aws:all-bytes-out"}], target=f"thinggroup/{above}"
    )
    home.profile("ports", behavior(8888), target="all/registered-things")
    home.profile("others", additionalMetricsToRetain=["aws:all-bytes-in"], target="all/unregistered-things")
    device = home.device()
    for report_id, (battery, sent) in enumerate([(80.5, 1000), (9.25, 123456789), (70, 2000)], start=1):
        report = listening(443, 22, report_id=report_id, network_stats={"bytes_out": sent})
        device.publish(name, json.dumps({**report, "custom_metrics": {"battery": [{"number": battery}]}}).encode())
    assert eventually(lambda: len(datapoints(name, "aws:listening-tcp-ports")) == 3)
    return name


def datapoints(thing: str, metric: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(warden("metrics", thing, metric, "--json").output)["metrics"][metric]
    return found


def test_every_metric_that_is_kept_of_a_thing_is_summed_up(home: Home, readings: str) -> None:
    assert home
    assert [row[:-1] for row in rows(warden("metrics", readings).output)] == [
        ["aws:all-bytes-out", "3", "1000", "123456789", "2000"],
        ["aws:listening-tcp-ports", "3", "22, 443"],
        ["battery", "3", "9.25", "80.5", "70"],
    ]


def test_the_datapoints_of_one_metric_are_listed(home: Home, readings: str) -> None:
    assert home
    assert [row[-1] for row in rows(warden("metrics", readings, "battery").output)] == ["80.5", "9.25", "70"]
    assert [each["value"] for each in datapoints(readings, "aws:all-bytes-out")][1] == {"count": 123456789}
    assert "No datapoint in this time" in warden("metrics", fresh(), "battery").output


def test_of_a_name_that_is_no_thing_the_metrics_of_unregistered_things_are_summed_up(home: Home, readings: str) -> None:
    assert home
    assert readings
    assert [row[:2] for row in rows(warden("metrics", fresh()).output)] == [["aws:all-bytes-in", "0"]]


def test_where_nothing_covers_a_thing_it_is_said(home: Home) -> None:
    name = home.thing(fresh())
    assert f"No profile that covers {name} keeps a metric" in warden("metrics", name).output


# On a terminal


def test_on_a_terminal_of_100_columns_nothing_is_cut_off(home: Home, camera: str) -> None:
    [violation] = home.active(thingName=camera)
    code, screen = on_terminal("violations", "--thing", camera)
    plain = COLOUR.sub("", screen)
    assert code == 0
    assert "…" not in plain
    assert max(map(len, plain.splitlines())) <= 100
    assert violation["violationId"][:8] in plain
    assert violation["violationId"] not in plain
    assert f"{violation['violationStartTime']:%Y-%m-%d %H:%M:%S}" in plain
