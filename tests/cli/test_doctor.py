"""`warden doctor` as a user meets it: lines with the call, the answer and what to do; exit codes; both homes."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import click
import pytest
from click.testing import CliRunner

from tests.cli.conftest import EVALUATE
from tests.cli.doctors import EVENTS, states, stubbed
from tests.loopback import serving
from warden.cli.doctor.alarms import alarms
from warden.cli.doctor.alert_roles import alert_roles
from warden.cli.doctor.command import probed
from warden.cli.doctor.dead_letters import dead_letters, stream_failures
from warden.cli.doctor.examine import CHECKS, examine
from warden.cli.doctor.finding import Check, Patient, State
from warden.cli.doctor.mqtt import NoMqttClient
from warden.cli.doctor.policies import policies
from warden.cli.doctor.quotas import QUOTAS, REGISTRY_QUOTAS, quotas
from warden.cli.doctor.refusals import guarded
from warden.cli.doctor.registry import last_reconcile, registry_events
from warden.cli.doctor.reserved_topic import reserved_topic
from warden.cli.main import main
from warden.cli.stage import Stage
from warden.handlers.parts import Clients

# What AWS does not let one see


@pytest.mark.parametrize(
    ("check", "operation", "permission"),
    [
        (reserved_topic, "dynamodb.get_item", "dynamodb:GetItem"),
        (quotas, "service-quotas.get_service_quota", "servicequotas:GetServiceQuota"),
        (alert_roles, "dynamodb.query", "dynamodb:Query"),
        (policies, "iot.list_policies", "iot:ListPolicies"),
        (dead_letters, "sqs.get_queue_attributes", "sqs:GetQueueAttributes"),
        (stream_failures, "s3.list_objects_v2", "s3:ListBucket"),
        (registry_events, "iot.describe_event_configurations", "iot:DescribeEventConfigurations"),
        (last_reconcile, "dynamodb.get_item", "dynamodb:GetItem"),
        (alarms, "cloudwatch.describe_alarms", "cloudwatch:DescribeAlarms"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_may_not_be_seen_is_unknown_with_the_permission_that_is_missing(
    patient: Patient, check: Check, operation: str, permission: str
) -> None:
    service, method = operation.split(".")
    with stubbed(patient, service) as stubber:
        stubber.add_client_error(method, "AccessDeniedException", http_status_code=400)
        [found] = guarded("it", check(patient))
    assert (found.state, found.call, found.then) == (State.UNKNOWN, permission, f"allow yourself {permission}")


@pytest.mark.parametrize(
    ("code", "state"), [("ThrottlingException", State.UNKNOWN), ("NoSuchBucket", State.FAIL)], ids=["busy", "gone"]
)
def test_another_refusal_is_busy_or_a_part_that_is_gone(patient: Patient, code: str, state: State) -> None:
    with stubbed(patient, "s3") as stubber:
        stubber.add_client_error("list_objects_v2", code)
        [found] = guarded("it", stream_failures(patient))
    assert found.state is state
    assert code in found.answer
    assert found.then == {State.UNKNOWN: "try again", State.FAIL: "deploy the stage again: make deploy"}[state]


def test_one_check_that_is_refused_does_not_stop_the_others(patient: Patient) -> None:
    done: list[str] = []
    checks = {"dead letters": dead_letters, "stream failures": stream_failures}
    with stubbed(patient, "sqs") as stubber:
        stubber.add_client_error("get_queue_attributes", "AccessDenied")
        found = list(examine(checks, patient, progress=done.append))
    assert states(found) == [State.UNKNOWN, State.OK]
    assert done == ["looking at dead letters", "looking at stream failures"]


# The command


class Answers(BaseHTTPRequestHandler):
    """What moto lacks, as a healthy account answers: event configurations, quotas that Service Quotas lacks, and the
    evaluator's settings."""

    def do_GET(self) -> None:
        variables = {"WARDEN_REGISTRY_CALLS_PER_SECOND": "10.0"}
        answers: dict[str, Any] = {
            "/policies": {"policies": []},
            f"/2015-03-31/functions/{EVALUATE}/configuration": {"Environment": {"Variables": variables}},
        }
        events = {"eventConfigurations": {name: {"Enabled": True} for name in EVENTS}}
        self._answer(200, answers.get(self.path.split("?")[0], events))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(400, {"__type": "NoSuchResourceException"})

    def _answer(self, status: int, body: Any) -> None:
        said = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with serving(server := ThreadingHTTPServer(("127.0.0.1", 0), handler)):
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def account(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Stage `test` in an account that answers all that is asked."""
    with answering(Answers) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_IOT", url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_SERVICE_QUOTAS", url)
        yield stage


def run(*arguments: str, says: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(main, ["doctor", *arguments], input=says)
    return result.exit_code, result.output


@pytest.mark.usefixtures("account")
def test_a_stage_without_a_failure_ends_with_0_and_one_with_it_ends_with_1(aws: Clients) -> None:
    code, output = run("--stage", "test")
    assert code == 0
    assert not [line for line in output.splitlines() if line.startswith("fail")]
    url = aws("sqs").get_queue_url(QueueName="thingwarden-test-dead-reports")["QueueUrl"]
    aws("sqs").send_message(QueueUrl=url, MessageBody="{}")
    code, output = run("--stage", "test")
    assert code == 1
    lines = output.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("fail "))
    assert lines[at] == (
        "fail    dead letters, reports: 1 waiting: mend what they failed at, then have them redriven  "
        "(sqs:GetQueueAttributes thingwarden-test-dead-reports)"
    )
    assert lines[at + 1].strip() == "-> warden redrive --queue reports --stage test"
    assert lines[-1].endswith("1 fail")


@pytest.mark.usefixtures("account")
def test_every_check_has_its_lines_in_the_json() -> None:
    code, output = run("--stage", "test", "--json")
    found = json.loads(output)["findings"]
    assert code == 0
    assert {"about", "state", "call", "answer", "next"} == set(found[0])
    assert [each["about"] for each in found] == [
        "reserved topic",
        *["quota"] * len(QUOTAS),
        "table log",
        *["registry quota"] * len(REGISTRY_QUOTAS),
        "alert roles",
        "device policies",
        *(f"dead letters, {kind}" for kind in ("reports", "alerts", "registry", "receipts", "stream")),
        "registry events",
        "reconcile",
        "alarms",
    ]
    assert len(CHECKS) == 9


@pytest.mark.usefixtures("account")
def test_a_probe_asks_first_and_publishes_nothing_without_consent() -> None:
    code, output = run("--stage", "test", "--probe", says="n\n")
    assert code == 1
    assert "Publish a report on each of 3 metrics topics? [y/N]" in output
    assert "Aborted" in output


def test_without_an_mqtt_client_the_probe_says_what_to_install(patient: Patient) -> None:
    def connect() -> Any:
        raise NoMqttClient("--probe needs an MQTT client: pip install paho-mqtt")

    with pytest.raises(click.ClickException, match="pip install paho-mqtt"):
        probed(patient, connect, lambda _: None)


@pytest.mark.usefixtures("session", "aws")
def test_a_missing_stage_ends_with_3() -> None:
    code, output = run("--stage", "test")
    assert code == 3
    assert "and run: make deploy" in output


# The embedded home


class Healthz(BaseHTTPRequestHandler):
    status, body = 200, b"{}"

    def do_GET(self) -> None:
        assert self.path == "/healthz"
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: Any) -> None:
        pass


class Ill(Healthz):
    status, body = 503, b'{"reason": "the data plane is down"}'


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WARDEN_STAGE", "WARDEN_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_home")
@pytest.mark.parametrize(
    ("health", "code", "said"),
    [(Healthz, 0, "200: reports are taken"), (Ill, 1, "503: reason: the data plane is down")],
)
def test_the_embedded_home_says_whether_it_takes_reports(
    health: type[BaseHTTPRequestHandler], code: int, said: str
) -> None:
    with answering(health) as url:
        ended, output = run("--endpoint", url)
    assert ended == code
    assert said in output
    assert "warden doctor --stage NAME" in output


@pytest.mark.usefixtures("no_home")
def test_an_embedded_home_that_is_not_there_ends_with_3() -> None:
    code, output = run("--endpoint", "http://127.0.0.1:1")
    assert code == 3
    assert "warden serve" in output


def test_what_does_not_speak_http_is_not_there() -> None:
    def greet() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=greet)
        thread.start()
        code, output = run("--endpoint", f"http://127.0.0.1:{listening.getsockname()[1]}")
        thread.join()
    assert code == 3
    assert "SSH-2.0" in output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stage", "test", "--endpoint", "http://x"], "give one"),
        (["--probe"], "--probe is for the AWS home: give --stage NAME"),
        (["--yes"], "--yes is for --probe"),
        (["--stage", "test", "--yes"], "--yes is for --probe"),
        (["--stage", "Test"], "'Test' is not a small letter"),
    ],
)
@pytest.mark.usefixtures("no_home")
def test_a_mistake_ends_with_2_and_names_what_is_allowed(arguments: list[str], said: str) -> None:
    code, output = run(*arguments)
    assert code == 2
    assert said in output
