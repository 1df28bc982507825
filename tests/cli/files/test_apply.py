"""`warden apply` and `warden export`: what files say is what there is, shown before, and nothing twice."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import COLOUR, on_terminal, warden
from tests.home import ACCOUNT, REGION, ROLE, Home, behavior
from warden.cli.files.apply import carry_out
from warden.cli.files.documents import Reader
from warden.cli.files.plan import plan
from warden.cli.home import Home as Asked

CAMERAS = """\
kind: SecurityProfile
securityProfileName: cameras
behaviors:
  - name: Listening TCP Ports
    metric: aws:listening-tcp-ports
    criteria:
      comparisonOperator: in-port-set
      value:
        ports:
          - 8888
targets:
  - all/things
"""
BATTERY = "kind: CustomMetric\nmetricName: battery\nmetricType: number\n"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:pager"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("fleet.yaml")


def apply(file: Path, text: str, *options: str) -> tuple[int, str]:
    """Exit code and what is printed after the diff, of `warden apply --yes`."""
    file.write_text(text)
    result = warden("apply", "--yes", str(file), *options)
    return result.exit_code, result.output


def described(home: Home, name: str = "cameras") -> dict[str, Any]:
    found: dict[str, Any] = home.client("iot").describe_security_profile(securityProfileName=name)
    return found


def targets(home: Home, name: str = "cameras") -> list[str]:
    answer = home.client("iot").list_targets_for_security_profile(securityProfileName=name)
    return [each["arn"].split(":", 5)[5] for each in answer["securityProfileTargets"]]


# What is done


def test_a_profile_is_made_as_the_file_says_and_the_second_time_there_is_nothing_to_change(
    home: Home, file: Path
) -> None:
    code, output = apply(file, CAMERAS)
    assert code == 0
    assert output.endswith("SecurityProfile cameras created.\n")
    assert (described(home)["behaviors"], targets(home)) == ([behavior(8888)], ["all/things"])
    result = warden("apply", str(file))
    assert (result.exit_code, result.output) == (0, "Nothing to change.\n")
    assert described(home)["version"] == 1


def test_the_difference_is_shown_as_people_read_it(home: Home, file: Path) -> None:
    apply(file, CAMERAS)
    code, output = apply(
        file, CAMERAS.replace("8888", "443\n          - 8888").replace("all/things", "all/registered-things")
    )
    assert (code, output) == (
        0,
        """\
--- SecurityProfile cameras (there)
+++ SecurityProfile cameras (fleet.yaml:1)
@@ -7,6 +7,7 @@
       comparisonOperator: in-port-set
       value:
         ports:
+          - 443
           - 8888
 targets:
-  - all/things
+  - all/registered-things
SecurityProfile cameras updated.
""",
    )
    assert targets(home) == ["all/registered-things"]


def test_check_changes_nothing_and_says_by_its_exit_code_whether_there_are_differences(home: Home, file: Path) -> None:
    file.write_text(CAMERAS)
    found = warden("apply", "--check", str(file))
    assert found.exit_code == 4
    assert "+++ SecurityProfile cameras (fleet.yaml:1)" in found.output
    assert found.output.endswith("1 to create.\n")
    assert home.client("iot").list_security_profiles()["securityProfileIdentifiers"] == []
    apply(file, CAMERAS)
    assert warden("apply", "--check", str(file)).exit_code == 0


EVERYTHING = (
    CAMERAS
    + f"""\
securityProfileDescription: What a camera does
alertTargets:
  SNS: {{alertTargetArn: "{TOPIC}", roleArn: "{ROLE}"}}
additionalMetricsToRetain: ["aws:all-bytes-in"]
additionalMetricsToRetainV2: [{{metric: "aws:all-bytes-out"}}]
metricsExportConfig: {{mqttTopic: exports, roleArn: "{ROLE}"}}
tags: [{{Key: team, Value: video}}, {{Key: site, Value: north}}]
"""
)


@pytest.mark.parametrize(
    "gone",
    [
        ["securityProfileDescription"],
        ["behaviors"],
        ["alertTargets"],
        ["additionalMetricsToRetain"],
        ["additionalMetricsToRetainV2"],
        ["additionalMetricsToRetain", "additionalMetricsToRetainV2"],
        ["metricsExportConfig"],
    ],
    ids=" and ".join,
)
def test_what_a_file_does_not_say_any_more_goes(home: Home, file: Path, gone: list[str]) -> None:
    assert apply(file, EVERYTHING)[0] == 0
    before = described(home)
    assert not set(gone) - before.keys()
    [whole] = json.loads(warden("export", "--json").output)["documents"]
    less = json.dumps({name: value for name, value in whole.items() if name not in gone})
    code, output = apply(file, less)
    assert code == 0, output
    after = described(home)
    assert [after.get(name) or None for name in gone] == [None] * len(gone)
    kept = before.keys() - {*gone, "version", "lastModifiedDate", "ResponseMetadata"}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert warden("apply", "--check", str(file)).exit_code == 0


def test_targets_are_exactly_those_given_and_stay_where_nothing_is_said_of_them(home: Home, file: Path) -> None:
    home.client("iot").create_thing_group(thingGroupName="lobby")
    arn = f"arn:aws:iot:{REGION}:{ACCOUNT}:thinggroup/lobby"
    apply(file, CAMERAS.replace("- all/things", f'- all/things\n  - "{arn}"'))
    assert targets(home) == ["all/things", "thinggroup/lobby"]
    assert warden("apply", "--check", str(file)).exit_code == 0
    apply(file, CAMERAS.replace("all/things", "thinggroup/lobby"))
    assert targets(home) == ["thinggroup/lobby"]
    silent = CAMERAS.split("targets:", maxsplit=1)[0]
    assert apply(file, silent.replace("8888", "22"))[0] == 0
    assert targets(home) == ["thinggroup/lobby"]
    assert apply(file, silent + "targets: []\n")[0] == 0
    assert targets(home) == []


def test_tags_are_exactly_those_given_and_stay_where_nothing_is_said_of_them(home: Home, file: Path) -> None:
    def tags() -> dict[str, str]:
        arn = described(home)["securityProfileArn"]
        return {
            each["Key"]: each["Value"] for each in home.client("iot").list_tags_for_resource(resourceArn=arn)["tags"]
        }

    apply(file, EVERYTHING)
    assert tags() == {"team": "video", "site": "north"}
    apply(file, CAMERAS + "tags: [{Key: team, Value: audio}]\n")
    assert tags() == {"team": "audio"}
    apply(file, CAMERAS)
    assert tags() == {"team": "audio"}
    assert described(home)["version"] == 2  # tags are not part of it


def test_metrics_and_dimensions_are_made_before_the_profiles_that_name_them(home: Home, file: Path) -> None:
    uses = CAMERAS.replace("aws:listening-tcp-ports", "battery").replace("in-port-set", "less-than")
    uses = uses.replace("ports:\n          - 8888", "number: 20.5")
    dimension = "kind: Dimension\nname: topics\ntype: TOPIC_FILTER\nstringValues: [a/#]\n"
    code, output = apply(file, f"{uses}---\n{dimension}---\n{BATTERY}")
    assert code == 0
    lines = output.splitlines()[-3:]
    assert lines == ["CustomMetric battery created.", "Dimension topics created.", "SecurityProfile cameras created."]
    code, output = apply(file, f"{dimension.replace('a/#', 'b/#')}---\n{BATTERY}displayName: Battery\n")
    assert output.splitlines()[-2:] == ["CustomMetric battery updated.", "Dimension topics updated."]
    assert home.client("iot").describe_dimension(name="topics")["stringValues"] == ["b/#"]
    apply(file, BATTERY)
    assert not home.client("iot").describe_custom_metric(metricName="battery").get("displayName")
    assert warden("apply", "--check", str(file)).exit_code == 0


def test_only_prune_removes_what_no_file_names(home: Home, file: Path) -> None:
    apply(file, f"{BATTERY}---\n{CAMERAS}---\n{CAMERAS.replace('cameras', 'pumps').replace('8888', '1')}")
    code, output = apply(file, CAMERAS)
    assert (code, output) == (0, "Nothing to change.\n")
    code, output = apply(file, CAMERAS, "--prune", "yes")
    assert code == 0
    assert "-kind: CustomMetric" in output
    assert output.endswith("SecurityProfile pumps deleted.\nCustomMetric battery deleted.\n")
    assert [each["name"] for each in home.client("iot").list_security_profiles()["securityProfileIdentifiers"]] == [
        "cameras"
    ]


def test_what_was_done_is_told_as_json(home: Home, file: Path) -> None:
    assert home
    file.write_text(CAMERAS)
    checked = json.loads(warden("apply", "--check", "--json", str(file)).output)
    done = json.loads(warden("apply", "--yes", "--json", str(file)).output)
    again = json.loads(warden("apply", "--yes", "--json", str(file)).output)
    assert [(each["action"], each["name"], each["done"]) for each in checked["changes"]] == [
        ("create", "cameras", False)
    ]
    assert [each["done"] for each in done["changes"]] == [True]
    assert again == {"changes": [], "same": 1, "problems": []}
    assert warden("apply", "--json", str(file)).exit_code == 2


# Asking


def test_without_a_terminal_it_needs_yes(home: Home, file: Path) -> None:
    file.write_text(CAMERAS)
    found = warden("apply", str(file))
    assert found.exit_code == 2
    assert "give --yes, or --check" in found.stderr
    assert home.client("iot").list_security_profiles()["securityProfileIdentifiers"] == []


@pytest.mark.parametrize(("typed", "code", "made"), [("y\n", 0, ["cameras"]), ("n\n", 1, []), ("\n", 1, [])])
def test_on_a_terminal_it_shows_the_difference_in_colour_and_asks(
    home: Home, file: Path, typed: str, code: int, made: list[str]
) -> None:
    file.write_text(CAMERAS)
    ended, screen = on_terminal("apply", str(file), typed=typed)
    assert ended == code
    assert "\x1b[32m+securityProfileName: cameras\x1b[0m" in screen
    assert f"1 to create. Apply to {home.url}? [y/N]: " in COLOUR.sub("", screen)
    found = home.client("iot").list_security_profiles()["securityProfileIdentifiers"]
    assert [each["name"] for each in found] == made


# What is wrong


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            CAMERAS.replace("behaviors:", "behaviours:"),
            "fleet.yaml:3: behaviours: expected one of the members",
            id="an unknown member",
        ),
        pytest.param(CAMERAS.replace("behaviors:", "behaviours:"), "(nearest: behaviors)", id="its nearest"),
        pytest.param(CAMERAS.replace("targets:", "target:"), "(nearest: targets)", id="nearly targets"),
        pytest.param(
            CAMERAS.replace("comparisonOperator", "comparison"),
            "fleet.yaml:7: behaviors[0].criteria.comparison: expected one of the members",
            id="an unknown member inside",
        ),
        pytest.param(
            CAMERAS.replace("- 8888", "- 8888\n          - '22'"),
            'fleet.yaml:11: behaviors[0].criteria.value.ports[1]: expected an integer from 0 to 65535, got "22"',
            id="a text for a number",
        ),
        pytest.param(
            CAMERAS.replace("cameras", "12"),
            "fleet.yaml:2: securityProfileName: expected a string",
            id="a number for a text",
        ),
        pytest.param(
            CAMERAS.replace("securityProfileName: cameras\n", ""),
            "fleet.yaml:1: securityProfileName: expected",
            id="no name",
        ),
        pytest.param(
            CAMERAS.replace("all/things", "things"),
            "fleet.yaml:12: targets[0]: expected an ARN, thinggroup/NAME, all/things, all/registered-things or "
            'all/unregistered-things, got "things"',
            id="no target",
        ),
        pytest.param(
            CAMERAS.replace("SecurityProfile", "SecurityProfil"),
            "fleet.yaml:1: kind: expected CustomMetric, Dimension, SecurityProfile, "
            'got "SecurityProfil" (nearest: SecurityProfile)',
            id="no kind",
        ),
        pytest.param("- a\n", "fleet.yaml:1: expected a document with `kind`, got a list of 1", id="a list"),
        pytest.param(
            "kind: CustomMetric\nmetricName: b\n", "fleet.yaml:1: metricType: expected one of", id="half a metric"
        ),
        pytest.param(
            BATTERY + "clientRequestToken: x\n", "fleet.yaml:4: clientRequestToken: expected one of", id="a token"
        ),
        pytest.param(
            CAMERAS + "---\n" + CAMERAS, "fleet.yaml:14: SecurityProfile cameras is in fleet.yaml:1 already", id="twice"
        ),
        pytest.param(CAMERAS + "a: &x 1\n", "fleet.yaml:13: anchors and aliases", id="hostile YAML"),
        pytest.param(
            CAMERAS.replace("in-port-set", "less-than"),
            "fleet.yaml:7: SecurityProfile cameras: behaviors[0].criteria.comparisonOperator: ",
            id="what the API finds in behaviors",
        ),
        pytest.param(
            CAMERAS.replace("all/things", "thinggroup/nobody"),
            "fleet.yaml:1: SecurityProfile cameras: AttachSecurityProfile: "
            "securityProfileTargetArn: there is no thing group 'nobody'",
            id="what the API finds in targets",
        ),
        pytest.param(
            CAMERAS + f'alertTargets:\n  SNS:\n    roleArn: "{ROLE}"\n    alertTargetArn: nowhere\n',
            "fleet.yaml:16: SecurityProfile cameras: CreateSecurityProfile: alertTargets.SNS.alertTargetArn: ",
            id="what the API finds elsewhere",
        ),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(home: Home, file: Path, text: str, said: str) -> None:
    assert home
    code, output = apply(file, text)
    assert code == 1
    assert f"Error: {said}" in output or (said.startswith("(nearest") and said in output)


def test_where_one_document_is_wrong_nothing_is_changed(home: Home, file: Path) -> None:
    code, _ = apply(file, CAMERAS + "---\n" + CAMERAS.replace("cameras", "a b"))
    assert code == 1
    assert home.client("iot").list_security_profiles()["securityProfileIdentifiers"] == []


def test_a_metrics_type_cannot_change(home: Home, file: Path) -> None:
    assert home
    apply(file, BATTERY)
    code, output = apply(file, BATTERY.replace("number", "string-list"))
    assert code == 1
    assert "fleet.yaml:3: CustomMetric battery: metricType: number cannot become string-list" in output


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(home: Home, file: Path) -> None:
    apply(file, CAMERAS)
    iot = home.client("iot")
    reader = Reader(iot.meta.service_model)
    documents, _ = reader.file("fleet.yaml", CAMERAS.replace("8888", "22").encode())
    asked = Asked(iot, lambda _: None)
    planned = plan(asked, documents)
    iot.update_security_profile(securityProfileName="cameras", behaviors=[behavior(443)])
    done, [problem] = carry_out(asked, planned)
    assert done == []
    assert problem.startswith("fleet.yaml:1: SecurityProfile cameras: UpdateSecurityProfile: ")
    assert "(VersionConflictException)" in problem
    assert described(home)["behaviors"] == [behavior(443)]


def test_a_file_that_is_not_there_and_a_directory_are_named(home: Home, file: Path) -> None:
    assert home
    for name in ("nowhere.yaml", "."):
        found = warden("apply", name)
        assert found.exit_code == 2
        assert name in found.stderr
    file.write_text("")
    assert warden("apply", str(file)).output == "Nothing to change.\n"


# Export


def test_what_is_exported_is_what_apply_takes(home: Home, file: Path) -> None:
    apply(file, f"{EVERYTHING}---\n{BATTERY}")
    exported = warden("export").output
    checked = warden("apply", "--check", "-", stdin=exported)
    assert (checked.exit_code, checked.output) == (0, "Nothing to change.\n")
    home.client("iot").delete_security_profile(securityProfileName="cameras")
    assert warden("apply", "--yes", "-", stdin=exported).exit_code == 0
    assert warden("export").output == exported


def test_those_that_are_named_are_exported_and_no_others(home: Home, file: Path) -> None:
    assert home
    apply(file, f"{CAMERAS}---\n{BATTERY}")
    assert warden("export", "battery").output == BATTERY
    assert warden("export", "cameras").output == CAMERAS
    found = warden("export", "cameras", "nobody")
    assert (found.exit_code, found.stdout) == (1, "")
    assert "called nobody" in found.stderr
