"""What all commands for every day have in common: help, homes that are named wrongly or do not answer, a stage."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import click
import pytest

from tests.aws.alert_account import trusting
from tests.aws.conftest import ACCOUNT, REGION
from tests.cli.homes import home, shared_home
from tests.cli.running import rows, warden
from tests.home import Home, behavior
from tests.surroundings.home import free_port
from warden.cli.detect.replies import of_stage
from warden.cli.main import Commands, main
from warden.cli.stage import Stage
from warden.handlers.parts import Clients

__all__ = ["home", "shared_home"]  # fixtures

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT = "kind: SecurityProfile\nsecurityProfileName: cameras\n"
ALL = pytest.mark.parametrize(
    "command",
    [
        ["profiles"],
        ["profiles", "x"],
        ["targets", "x"],
        ["violations"],
        ["events"],
        ["events", "--follow"],
        ["things"],
        ["things", "x"],
        ["metrics", "x"],
        ["metrics", "x", "aws:all-bytes-in"],
        ["apply", "-"],
        ["export"],
        ["export", "x"],
    ],
    ids=" ".join,
)


# Help


def test_help_names_every_command_once_under_its_heading() -> None:
    output = warden("--help").output
    listed = [name for of in Commands.SECTIONS.values() for name, _, _ in of]
    assert sorted(listed) == sorted(main.list_commands(click.Context(main)))
    for name in listed:
        assert len([line for line in output.splitlines() if line.split()[:1] == [name]]) == 1


def test_help_imports_no_command() -> None:
    code = """
import sys
from warden.cli.main import main
try:
    main(["--help"])
except SystemExit:
    print("IMPORTED", *{"boto3", "botocore", "yaml", "moto"}.intersection(sys.modules))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "IMPORTED"


PICTURES = {f"help-{name}": [name] for of in Commands.SECTIONS.values() for name, _, _ in of} | {
    "help": [],
    "help-verify": ["violations", "verify"],
}


@pytest.mark.parametrize("picture", PICTURES)
def test_the_documentation_shows_the_help_of_every_command_as_it_is(picture: str) -> None:
    """Where this fails, `docs/pictures/make.py` draws it again. Lines break elsewhere: blanks are left out."""
    assert f"](pictures/{picture}.svg)" in (DOCS / "command.md").read_text()
    texts = ET.parse(DOCS / "pictures" / f"{picture}.svg").iter("{http://www.w3.org/2000/svg}text")  # noqa: S314 (ours)
    shown = "".join(text.text or "" for text in texts).partition("--help\n")[2]
    written = warden(*PICTURES[picture], "--help").output.replace("Usage: main", "Usage: warden")
    assert "".join(shown.split()) == "".join(written.split())


DAILY = ("warden.cli.detect.", "warden.cli.files.")


@pytest.mark.parametrize(
    "name", [name for of in Commands.SECTIONS.values() for name, module, _ in of if module.startswith(DAILY)]
)
def test_help_of_every_command_has_examples_and_exit_codes(name: str) -> None:
    output = warden(name, "--help").output
    assert "Examples:\n    warden " in output
    assert "Exit codes: 0 " in output
    assert "--stage" in output
    assert "--endpoint URL" in output


# Homes


@ALL
@pytest.mark.parametrize("endpoint", ["junk", "http://127.0.0.1:65536"])
def test_an_endpoint_that_is_no_url_is_named(command: Sequence[str], endpoint: str) -> None:
    found = warden(*command, "--endpoint", endpoint, stdin=DOCUMENT)
    assert found.exit_code == 2
    assert f"got {endpoint!r}" in found.stderr


@ALL
def test_a_stage_and_an_endpoint_are_two_homes(command: Sequence[str]) -> None:
    found = warden(*command, "--endpoint", "http://127.0.0.1:1", "--stage", "prod", stdin=DOCUMENT)
    assert found.exit_code == 2
    assert "give one of --stage prod and --endpoint http://127.0.0.1:1, not both" in found.stderr


@ALL
def test_a_home_that_does_not_answer_ends_with_3(monkeypatch: pytest.MonkeyPatch, command: Sequence[str]) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    url = f"http://127.0.0.1:{free_port()}"
    found = warden(*command, "--endpoint", url, stdin=DOCUMENT)
    assert (found.exit_code, found.stdout) == (3, "")
    assert found.stderr == f"Error: {url} does not answer. Start it: warden serve\n"


@ALL
@pytest.mark.usefixtures("aws", "session")
def test_a_stage_that_is_not_deployed_ends_with_3(command: Sequence[str]) -> None:
    found = warden(*command, "--stage", "nowhere", stdin=DOCUMENT)
    assert found.exit_code == 3
    assert "stage 'nowhere' is not deployed" in found.stderr


def test_a_name_that_cannot_be_one_is_wrong_usage(home: Home) -> None:
    assert home
    assert warden("things", "x", "--limit", "0").exit_code == 2
    found = warden("metrics", "", "battery")
    assert found.exit_code == 2
    assert "Invalid length for parameter thingName" in found.stderr


def test_what_a_home_says_cannot_act_on_the_terminal(home: Home) -> None:
    assert home
    found = warden("profiles", "\x1b[2J")
    assert found.exit_code == 1
    assert "\x1b" not in found.output


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AWS_PROFILE", "gone"),
        ("AWS_REGION", "bad/region"),
        ("HTTP_PROXY", "http://127.0.0.1:9"),
        ("AWS_ENDPOINT_URL", "junk"),
    ],
)
def test_a_local_home_does_not_depend_on_what_is_configured_for_aws(
    home: Home, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    home.profile("cameras", behavior(8888))
    monkeypatch.setenv(variable, value)
    found = warden("profiles")
    assert found.exit_code == 0, found.output
    assert rows(found.output)[0][0] == "cameras"


# A stage


@pytest.fixture
def deployed(aws: Clients, stage: Stage, home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Stage `test`, whose control API is that of a home; the registry is the account's own."""
    assert stage
    monkeypatch.delenv("WARDEN_ENDPOINT")
    aws("ssm").put_parameter(Name="/thingwarden/test/endpoint", Type="String", Value=home.url)
    return home


def test_of_a_stage_profiles_are_the_apis_and_things_are_the_accounts(deployed: Home, aws: Clients) -> None:
    deployed.profile("cameras", behavior(8888))
    aws("iot").create_thing(thingName="registered-on-aws")
    assert rows(warden("profiles", "--stage", "test").output)[0][0] == "cameras"
    assert rows(warden("things", "--stage", "test").output) == [["registered-on-aws", "0"]]


def test_a_stage_is_applied_to_and_exported_from(deployed: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARDEN_STAGE", "test")
    assert warden("apply", "--yes", "-", stdin=DOCUMENT).exit_code == 0
    assert warden("export").output == f"{DOCUMENT}targets: []\n"
    assert deployed.client("iot").describe_security_profile(securityProfileName="cameras")["version"] == 1


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        (f"arn:aws:iot:{REGION}:{ACCOUNT}:rule/*", 0, None),
        (f"arn:aws:iot:{REGION}:{ACCOUNT}:securityprofile/cameras", 1, f'"arn:aws:iot:{REGION}:{ACCOUNT}:rule/*"'),
    ],
    ids=["trusts rules", "is pinned to its profile"],
)
@pytest.mark.usefixtures("deployed")
def test_an_import_names_each_alert_role_whose_trust_must_change_with_the_statement(
    aws: Clients, tmp_path: Path, source: str, code: int, said: str | None
) -> None:
    role = aws("iam").create_role(RoleName="pager", AssumeRolePolicyDocument=json.dumps(trusting(source)))["Role"][
        "Arn"
    ]
    target = {"SNS": {"alertTargetArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:pager", "roleArn": role}}
    file = tmp_path / "defender.json"
    file.write_text(json.dumps({"securityProfiles": [{"securityProfileName": "cameras", "alertTargets": target}]}))
    found = warden("import", "--from", str(file), "--yes", "--stage", "test")
    assert found.exit_code == code, found.output
    assert "SecurityProfile cameras created." in found.output
    assert (f"Alert role {role}: its trust policy does not let iot.amazonaws.com" in found.output) == bool(said)
    assert said is None or said in found.output


def test_a_role_that_cannot_be_read_is_named_with_the_statement_that_it_needs(deployed: Home, tmp_path: Path) -> None:
    assert deployed
    role = f"arn:aws:iam::{ACCOUNT}:role/gone"
    target = {"SNS": {"alertTargetArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:pager", "roleArn": role}}
    file = tmp_path / "defender.json"
    file.write_text(json.dumps({"securityProfiles": [{"securityProfileName": "cameras", "alertTargets": target}]}))
    found = warden("import", "--from", str(file), "--dry-run", "--stage", "test")
    assert found.exit_code == 1
    assert f"Alert role {role}: its trust policy cannot be read" in found.output
    assert f'"ArnLike": {{"aws:SourceArn": "arn:aws:iot:{REGION}:{ACCOUNT}:rule/*"}}' in found.output


@pytest.mark.usefixtures("aws")
def test_replies_of_a_stage_are_heard_at_the_accounts_own_endpoint(stage: Stage) -> None:
    broker = of_stage("test")
    assert (broker.port, broker.transport, broker.prefixes) == (443, "websockets", ("$aws", stage.metrics_prefix))
    assert broker.name == f"wss://{broker.host}"
    assert ".iot." in broker.host


def test_without_an_mqtt_client_replies_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    found = warden("replies")
    assert found.exit_code == 1
    assert "pip install paho-mqtt" in found.stderr
