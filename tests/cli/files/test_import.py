"""`warden import`: what AWS's own Device Defender has is made anew, and what cannot be is named."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import COLOUR, on_terminal, warden
from tests.home import ACCOUNT, REGION, ROLE, Home, behavior, running

THEIRS = "arn:aws:iot:eu-west-1:111122223333:"
ROLE_THERE = "arn:aws:iam::111122223333:role/defender"
SENT = {
    "name": "Sent",
    "metric": "aws:num-messages-sent",
    "criteria": {"comparisonOperator": "less-than", "value": {"count": 5}, "durationSeconds": 300},
}
LEARNED = {
    "name": "Learned",
    "metric": "temperature",
    "criteria": {"mlDetectionConfig": {"confidenceLevel": "HIGH"}},
}
COMPARED = {
    "name": "Compared",
    "metric": "aws:all-bytes-out",
    "criteria": {
        "comparisonOperator": "less-than-equals",
        "statisticalThreshold": {"statistic": "p99"},
        "durationSeconds": 300,
    },
}
WARM = {
    "name": "Warm",
    "metric": "temperature",
    "criteria": {"comparisonOperator": "less-than", "value": {"number": 90.5}},
}
METRIC = {
    "metricName": "temperature",
    "metricArn": f"{THEIRS}custommetric/temperature",
    "metricType": "number",
    "creationDate": "2021-03-01T08:00:00Z",
    "lastModifiedDate": 1614585600.5,
}


def profile(*behaviors: dict[str, Any], **more: Any) -> dict[str, Any]:
    """As DescribeSecurityProfile answers, with its targets."""
    return {
        "securityProfileName": "fleet",
        "securityProfileArn": f"{THEIRS}securityprofile/fleet",
        "behaviors": list(behaviors),
        "version": 7,
        "creationDate": "2021-03-01T08:00:00Z",
        "targets": [f"{THEIRS}all/things"],
        **more,
    }


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("defender.json")


def bring(file: Path, *profiles: dict[str, Any], **others: Any) -> tuple[int, str]:
    """Exit code and output of `warden import --from FILE --yes`."""
    file.write_text(json.dumps({"securityProfiles": profiles, **others}))
    result = warden("import", "--from", str(file), "--yes")
    return result.exit_code, result.output


def described(home: Home) -> dict[str, Any]:
    found: dict[str, Any] = home.client("iot").describe_security_profile(securityProfileName="fleet")
    return found


def targets(home: Home) -> list[str]:
    answer = home.client("iot").list_targets_for_security_profile(securityProfileName="fleet")
    return [each["arn"] for each in answer["securityProfileTargets"]]


def test_a_profile_is_brought_over_with_its_metrics_and_its_targets_are_those_of_this_home(
    home: Home, file: Path
) -> None:
    code, output = bring(file, profile(behavior(22), WARM), customMetrics=[METRIC], dimensions=[])
    assert code == 0, output
    assert output.endswith("CustomMetric temperature created.\nSecurityProfile fleet created.\n")
    assert described(home)["behaviors"] == [behavior(22), WARM]
    assert targets(home) == [f"arn:aws:iot:{REGION}:{ACCOUNT}:all/things"]
    code, output = bring(file, profile(behavior(22), WARM), customMetrics=[METRIC])
    assert (code, output) == (0, "Nothing to change.\n")


def test_behaviors_that_this_release_cannot_judge_are_left_out_by_name_and_the_rest_is_brought_over(
    home: Home, file: Path
) -> None:
    code, output = bring(file, profile(SENT, behavior(22), COMPARED, LEARNED, WARM), customMetrics=[METRIC])
    assert code == 1
    assert [each["name"] for each in described(home)["behaviors"]] == ["Listening TCP Ports", "Warm"]
    left = [line for line in output.splitlines() if line.startswith("Left out: ")]
    about = "Left out: defender.json securityProfiles[0]: SecurityProfile fleet: behavior"
    assert left == [
        (
            f"{about} 'Sent': metric: aws:num-messages-sent is a cloud-side metric, which this release does not "
            "evaluate yet"
        ),
        (
            f"{about} 'Compared': criteria.statisticalThreshold: this release evaluates static thresholds only "
            "(comparisonOperator and value)"
        ),
        (
            f"{about} 'Learned': criteria.mlDetectionConfig: this release evaluates static thresholds only "
            "(comparisonOperator and value)"
        ),
    ]


def test_a_dry_run_changes_nothing_and_says_what_would_be_left_out(home: Home, file: Path) -> None:
    file.write_text(json.dumps({"securityProfiles": [profile(SENT, behavior(22))], "customMetrics": [METRIC]}))
    found = warden("import", "--from", str(file), "--dry-run")
    assert found.exit_code == 1
    assert "+  - name: Listening TCP Ports" in found.output
    assert "behavior 'Sent'" in found.output
    assert found.output.endswith("2 to make.\n")
    assert home.client("iot").list_security_profiles()["securityProfileIdentifiers"] == []
    assert home.client("iot").list_custom_metrics()["metricNames"] == []


def test_a_target_that_is_not_here_is_named_and_attached_once_it_is(home: Home, file: Path) -> None:
    fleet = profile(behavior(22), targets=[f"{THEIRS}all/things", f"{THEIRS}thinggroup/roof"])
    code, output = bring(file, fleet)
    assert code == 1
    assert "AttachSecurityProfile: securityProfileTargetArn: there is no thing group 'roof'" in output
    assert len(targets(home)) == 1
    home.client("iot").create_thing_group(thingGroupName="roof")
    assert bring(file, fleet)[0] == 0
    assert len(targets(home)) == 2


def test_a_profile_whose_alert_target_is_refused_is_brought_over_without_it(home: Home, file: Path) -> None:
    nowhere = {"SNS": {"alertTargetArn": "arn:aws:sns:nowhere", "roleArn": ROLE_THERE}}
    code, output = bring(file, profile(behavior(22), alertTargets=nowhere))
    assert code == 1
    assert "CreateSecurityProfile: alertTargets.SNS.alertTargetArn: expected the ARN of an SNS topic" in output
    assert "; the profile is made without\n" in output
    assert described(home)["behaviors"] == [behavior(22)]
    assert not described(home).get("alertTargets")


def test_an_alert_target_that_is_here_stays_where_theirs_is_refused(home: Home, file: Path) -> None:
    ours = {"SNS": {"alertTargetArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:pager", "roleArn": ROLE}}
    home.profile("fleet", behavior(1), alertTargets=ours)
    nowhere = {"SNS": {"alertTargetArn": "arn:aws:sns:nowhere", "roleArn": ROLE_THERE}}
    assert bring(file, profile(behavior(22), alertTargets=nowhere))[0] == 1
    assert (described(home)["behaviors"], described(home)["alertTargets"]) == ([behavior(22)], ours)


def test_what_was_brought_over_is_told_as_json(home: Home, file: Path) -> None:
    assert home
    file.write_text(json.dumps({"securityProfiles": [profile(SENT, behavior(22))]}))
    found = warden("import", "--from", str(file), "--yes", "--json")
    told = json.loads(found.output)
    assert found.exit_code == 1
    assert [(each["kind"], each["name"], each["done"]) for each in told["changes"]] == [
        ("SecurityProfile", "fleet", True)
    ]
    assert len(told["left"]) == 1
    assert told["roles"] == []
    assert warden("import", "--from", str(file), "--json").exit_code == 2


def test_what_is_told_as_made_is_what_was_made(home: Home, file: Path) -> None:
    assert home
    file.write_text(json.dumps({"securityProfiles": [profile(LEARNED, WARM)], "customMetrics": [METRIC]}))
    told = json.loads(warden("import", "--from", str(file), "--yes", "--json").output)
    made = {each["name"]: each for each in told["changes"]}
    assert [each["done"] for each in told["changes"]] == [True, True]
    assert "+  - name: Warm" in made["fleet"]["diff"]
    assert "+  - name: Learned" not in made["fleet"]["diff"]


def test_a_place_that_cannot_be_saved_to_is_named(home: Home, file: Path) -> None:
    file.write_text(json.dumps({"securityProfiles": []}))
    found = warden("import", "--from", str(file), "--save", "nowhere/a.json")
    assert found.exit_code == 2
    assert "--save nowhere/a.json: No such file or directory" in found.stderr
    assert home


def test_of_two_of_one_name_the_first_is_brought_over(home: Home, file: Path) -> None:
    code, output = bring(file, profile(behavior(22)), profile(behavior(23)))
    assert code == 1
    again = "defender.json securityProfiles[1]: SecurityProfile fleet is in defender.json securityProfiles[0] already"
    assert f"Left out: {again}" in output
    assert described(home)["behaviors"] == [behavior(22)]


def test_on_a_terminal_it_asks(home: Home, file: Path) -> None:
    file.write_text(json.dumps({"securityProfiles": [profile(behavior(22))]}))
    code, screen = on_terminal("import", "--from", str(file), typed="n\n")
    assert code == 1
    assert f"Make 1 of them in {home.url}? [y/N]: " in COLOUR.sub("", screen)
    assert home.client("iot").list_security_profiles()["securityProfileIdentifiers"] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "this is no JSON"),
        ("[" * 100_000, "this is no JSON"),
        ("[]", 'expected {"securityProfiles": […]'),
        ('{"profiles": []}', 'expected {"securityProfiles": […]'),
        ('{"securityProfiles": {}}', "securityProfiles: expected a list of objects"),
        ('{"customMetrics": [1]}', "customMetrics: expected a list of objects"),
        ('{"dimensions": [{"name": "a b"}]}', "dimensions[0]: name: expected a string of 1 to 128 characters"),
        ('{"customMetrics": [{"metricName": 1, "metricType": "x"}]}', "metricType: expected one of"),
        ('{"securityProfiles": [{"securityProfileName": "a", "targets": "all/things"}]}', "targets: expected a list"),
        ('{"securityProfiles": [{"securityProfileName": "a", "targets": [1, "x"]}]}', "targets[1]: expected an ARN"),
    ],
)
def test_a_file_that_is_no_export_is_refused(home: Home, file: Path, text: str, said: str) -> None:
    file.write_text(text)
    found = warden("import", "--from", str(file), "--yes")
    assert found.exit_code == 1
    assert said in found.output
    assert home.client("iot").list_security_profiles()["securityProfileIdentifiers"] == []


# An account


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Stands for an account's own Device Defender, which has the same API."""
    with running(tmp_path_factory.mktemp("aws") / "data", "--account", "111122223333") as started:
        yield started


def test_an_account_is_read_saved_and_brought_over(
    home: Home, other: Home, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = other.client("iot")
    theirs.create_custom_metric(metricName="temperature", metricType="number", clientRequestToken="a")
    theirs.create_dimension(name="topics", type="TOPIC_FILTER", stringValues=["a/#"], clientRequestToken="a")
    theirs.create_security_profile(
        securityProfileName="fleet", behaviors=[behavior(22), WARM], tags=[{"Key": "team", "Value": "video"}]
    )
    theirs.attach_security_profile(
        securityProfileName="fleet", securityProfileTargetArn=f"arn:aws:iot:{REGION}:111122223333:all/things"
    )
    for name, value in (("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b"), ("REGION", REGION)):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_IOT", other.url)
    found = warden("import", "--save", str(file), "--yes")
    assert found.exit_code == 0, found.output
    saved = json.loads(file.read_text())
    assert {name: len(rows) for name, rows in saved.items()} == {
        "customMetrics": 1,
        "dimensions": 1,
        "securityProfiles": 1,
    }
    assert saved["securityProfiles"][0]["version"] == 1
    assert saved["securityProfiles"][0]["targets"] == [f"arn:aws:iot:{REGION}:111122223333:all/things"]
    assert described(home)["behaviors"] == [behavior(22), WARM]
    assert targets(home) == [f"arn:aws:iot:{REGION}:{ACCOUNT}:all/things"]
    exported = json.loads(warden("export", "--json").output)["documents"]
    assert [each.get("tags") for each in exported] == [None, None, [{"Key": "team", "Value": "video"}]]
    monkeypatch.delenv("AWS_ENDPOINT_URL_IOT")
    assert warden("import", "--from", str(file), "--yes").output == "Nothing to change.\n"


def test_a_home_is_not_imported_into_itself(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b"), ("REGION", REGION)):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", home.url)
    found = warden("import", "--yes")
    assert found.exit_code == 2
    assert f"names {home.url}, the home itself" in found.stderr
