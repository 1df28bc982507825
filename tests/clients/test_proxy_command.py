"""The command `warden proxy`, and the stock AWS CLI through it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.aws.conftest import ACCOUNT, REGION
from tests.clients.gateway import KEY, SECRET, Gateway
from tests.loopback import serving

COMMAND = [sys.executable, "-c", "from warden.cli.proxy import command; command(prog_name='warden proxy')"]
AWS_CLI = shutil.which("aws")
CLOSED = "http://127.0.0.1:1"


class Parameters(ThreadingHTTPServer):
    """A Systems Manager that has one parameter."""

    daemon_threads = True

    def __init__(self, name: str, value: str) -> None:
        super().__init__(("127.0.0.1", 0), _Parameter)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.known = {name: value}


class _Parameter(BaseHTTPRequestHandler):
    server: Parameters

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))["Name"]
        found = self.server.known.get(asked)
        answer = {"Parameter": {"Name": asked, "Value": found}} if found else {"__type": "ParameterNotFound"}
        body = json.dumps(answer).encode()
        self.send_response(200 if found else 400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """That of a user who is logged in to AWS, and has nothing else configured."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WARDEN_"))}
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_PAGER": "",
    }


@contextmanager
def running(environment: Mapping[str, str], *options: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The command, once it serves, and the lines that it printed until then."""
    command = [*COMMAND, "--port", "0", *options]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            lines = []
            for line in process.stdout:
                lines.append(line.strip())
                if "Ctrl-C" in line or line.startswith("{"):
                    break
            yield process, lines
        finally:
            process.kill()


def exports(lines: list[str]) -> dict[str, str]:
    return dict(match.groups() for line in lines if (match := re.fullmatch(r"export ([A-Z_]+)=(\S+)", line)))


def failure(environment: Mapping[str, str], *options: str) -> tuple[int, str]:
    """Exit code and message of a start that fails."""
    done = subprocess.run(
        [*COMMAND, "--port", "0", *options], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.skipif(AWS_CLI is None, reason="the AWS CLI is not installed")
def test_the_stock_aws_cli_works_with_what_the_proxy_prints(gateway: Gateway, environment: dict[str, str]) -> None:
    with running(environment, "--endpoint", gateway.url) as (_, lines):
        shell = {**environment, **exports(lines)}

        def aws(*words: str) -> subprocess.CompletedProcess[str]:
            command = [str(AWS_CLI), "iot", *words, "--output", "json"]
            return subprocess.run(command, env=shell, capture_output=True, text=True, timeout=60, check=False)

        def told(*words: str) -> Any:
            done = aws(*words)
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout or "{}")

        name = ("--security-profile-name", "site:a")
        target = ("--security-profile-target-arn", f"arn:aws:iot:{REGION}:{ACCOUNT}:all/registered-things")
        told("create-security-profile", *name, "--security-profile-description", "100% of a+b = c")
        told("attach-security-profile", *name, *target)
        told("create-security-profile", "--security-profile-name", "other")
        found = told("describe-security-profile", *name)
        listed = told("list-security-profiles", "--page-size", "1")
        other = aws("list-things")

    assert found["securityProfileDescription"] == "100% of a+b = c"
    assert [row["name"] for row in listed["securityProfileIdentifiers"]] == ["other", "site:a"]
    assert other.returncode != 0
    assert f"https://iot.{REGION}.amazonaws.com" in other.stderr
    assert {request.headers["authorization"].split("Credential=")[1].split("/")[0] for request in gateway.requests} == {
        KEY
    }


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_it_prints_what_to_set_as_json_and_ends_in_order(
    gateway: Gateway, environment: dict[str, str], number: signal.Signals
) -> None:
    with running(environment, "--endpoint", gateway.url, "--json") as (process, [line]):
        told = json.loads(line)
        iot = boto3.client(
            "iot",
            endpoint_url=told["AWS_ENDPOINT_URL_IOT"],
            region_name=told["AWS_REGION"],
            aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"total_max_attempts": 1}),
        )
        assert iot.list_security_profiles()["securityProfileIdentifiers"] == []
        process.send_signal(number)

        assert process.wait(20) == 0
    assert told["AWS_ACCESS_KEY_ID"] != KEY
    assert SECRET not in line


def test_a_stage_is_looked_up_even_where_the_shell_names_a_proxy(gateway: Gateway, environment: dict[str, str]) -> None:
    parameters = Parameters("/thingwarden/blue/endpoint", gateway.url)
    with serving(parameters):
        shell = {**environment, "AWS_ENDPOINT_URL_SSM": parameters.url, "AWS_ENDPOINT_URL_IOT": CLOSED}
        with running(shell, "--stage", "blue") as (_, lines):
            assert exports(lines)["AWS_REGION"] == REGION
            assert "unset AWS_PROFILE AWS_SESSION_TOKEN" in lines

        code, message = failure(shell, "--stage", "green")

    assert code == 3
    assert "stage 'green' is not deployed" in message


def test_a_start_that_fails_says_why_and_with_what_exit_code(environment: dict[str, str]) -> None:
    nobody = {name: value for name, value in environment.items() if not name.endswith(("KEY_ID", "ACCESS_KEY"))}
    nowhere = {name: value for name, value in environment.items() if name != "AWS_DEFAULT_REGION"}
    endpoint = ("--endpoint", "https://a.execute-api.us-east-1.amazonaws.com")

    for code, told, shell, options in (
        (3, "credentials", nobody, endpoint),
        (3, "Region", nowhere, endpoint),
        (2, "which stage", environment, ()),
        (2, "expected https", environment, ("--endpoint", "https://a.execute-api.us-east-1.amazonaws.com:65536")),
        (2, "not both", {**environment, "WARDEN_ENDPOINT": "http://127.0.0.1:8080"}, ("--stage", "prod")),
        (2, "expected https", environment, ("--endpoint", "http://a.execute-api.us-east-1.amazonaws.com")),
        (3, CLOSED, {**environment, "AWS_ENDPOINT_URL_SSM": CLOSED}, ("--stage", "prod")),
    ):
        found, message = failure(shell, *options)
        assert (found, told in message) == (code, True), message


def test_a_port_in_use_is_named(gateway: Gateway, environment: dict[str, str]) -> None:
    port = str(gateway.server_address[1])

    code, message = failure(environment, "--endpoint", "https://iot.example.com", "--port", port)

    assert code == 1
    assert f"port {port}" in message
    assert "--port" in message
