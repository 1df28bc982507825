"""What a user may get wrong in any command that reaches a home ends it with 2 and a word for it, or with 3."""

import re
from collections.abc import Sequence

import boto3
import pytest
from click.testing import CliRunner

from tests.aws.conftest import REGION
from tests.surroundings.home import free_port
from warden.cli.main import main
from warden.cli.stage import Stage, aws_session


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and output; what is raised is raised."""
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


AT_AWS = pytest.mark.parametrize(
    "command",
    [[*command, "--stage", "test"] for command in (["doctor"], ["proxy"], ["redrive"], ["test-alert", "x"])],
    ids=lambda command: command[0],
)
WITH_ENDPOINT = pytest.mark.parametrize("command", [["doctor"], ["proxy"], ["test-alert", "x"]], ids=lambda of: of[0])


# Endpoints


@WITH_ENDPOINT
@pytest.mark.parametrize(
    "endpoint",
    [
        "junk",
        "http://[::1",
        "http://[::zz]",
        "http://127.0.0.1:1 x",
        "http://127.0.0.1:65536",
        "http://a..b",
        "ftp://a",
    ],
)
@pytest.mark.parametrize("by", ["option", "variable"])
def test_an_endpoint_that_is_no_url_is_named(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch, command: list[str], endpoint: str, by: str
) -> None:
    assert session
    if by == "variable":
        monkeypatch.setenv("WARDEN_ENDPOINT", endpoint)
    code, output = run(*command, *(["--endpoint", endpoint] if by == "option" else []))
    assert code == 2
    assert f"got {endpoint!r}" in output


@WITH_ENDPOINT
@pytest.mark.usefixtures("session")
def test_a_stage_and_an_endpoint_are_two_homes_also_where_a_variable_names_one(
    monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")  # a proxy that took both would not serve
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    url = "http://127.0.0.1:8080"
    assert run(*command, "--stage", "prod", "--endpoint", url)[0] == 2
    monkeypatch.setenv("WARDEN_ENDPOINT", url)
    code, output = run(*command, "--stage", "prod")
    assert code == 2
    assert f"give one of --stage prod and --endpoint {url}, not both" in output


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSM"])
@AT_AWS
@pytest.mark.usefixtures("session")
def test_an_endpoint_of_awss_that_is_no_url_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, command: Sequence[str]
) -> None:
    monkeypatch.setenv(variable, "junk")
    code, output = run(*command)
    assert code == 2
    assert re.search("Invalid endpoint: .*junk", output)
    assert "AWS_ENDPOINT_URL" in output


# Regions


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
@AT_AWS
@pytest.mark.usefixtures("session")
def test_a_region_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, command: Sequence[str]) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv(variable, "bad/region")
    code, output = run(*command)
    assert code == 2
    assert "'bad/region'" in output
    assert "AWS_REGION, AWS_DEFAULT_REGION" in output


@pytest.mark.usefixtures("stage")
def test_a_region_given_as_aws_region_alone_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    code, output = run("redrive", "--stage", "test", "--queue", "registry", "--dry-run")
    assert code == 0, output


@pytest.mark.usefixtures("stage")
def test_aws_region_comes_first_as_in_the_aws_cli(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert aws_session().region_name == REGION
    assert Stage.load("test", aws_session()).name == "test"


@AT_AWS
@pytest.mark.usefixtures("session")
def test_without_a_region_it_is_said_what_to_set(monkeypatch: pytest.MonkeyPatch, command: Sequence[str]) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    code, output = run(*command)
    assert code == 3
    assert "Set AWS_REGION" in output


# Homes that are not there


@pytest.mark.parametrize("command", [["doctor"], ["test-alert", "x"]], ids=lambda command: command[0])
@pytest.mark.usefixtures("session")
def test_a_local_home_that_is_down_is_to_be_started(monkeypatch: pytest.MonkeyPatch, command: Sequence[str]) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    url = f"http://127.0.0.1:{free_port()}"
    code, output = run(*command, "--endpoint", url)
    assert code == 3
    assert f"{url}" in output
    assert "Start it: warden serve" in output
    assert "sts" not in output


@pytest.mark.parametrize("command", [["redrive"], ["proxy"]], ids=lambda command: command[0])
@pytest.mark.usefixtures("session")
def test_who_names_no_stage_learns_how_one_is_made(command: Sequence[str]) -> None:
    code, output = run(*command)
    assert code == 2
    assert "`make deploy` makes stage prod" in output
