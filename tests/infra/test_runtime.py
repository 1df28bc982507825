"""The functions as Lambda runs them: the asset, the locked packages and AWS's runtime client, and nothing else.

They are on Python 3.13 where this machine has one, else on the tests' own; AWS is moto's, over HTTP on loopback.
"""

import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import which
from typing import Any
from urllib.parse import urlsplit

import pytest
from moto import mock_aws
from moto.core.models import botocore_stubber
from moto.iotdata.models import iotdata_backends

import app
from infra.code import install
from tests.aws.conftest import ACCOUNT, REGION, new_clients
from tests.aws.http_api import http_event
from tests.aws.rule_sql import Message, run
from tests.aws.streams import TableStream
from tests.contract.iot import Plug
from tests.house.test_lock import DEV_LOCK, entries
from tests.infra.answers import Answers
from tests.infra.deployed import FUNCTIONS, STACK_ID, Deployed
from tests.infra.lambda_runtime import Function, started
from tests.infra.loopback_aws import LoopbackAws
from tests.loopback import serving
from tests.once import once
from tests.sessions import STOCK
from tests.unmeasured import unmeasured
from warden.control_api.http import HttpRequest, HttpResponse
from warden.handlers.parts import Clients, Parts
from warden.rules import metrics_sql

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="AWS's runtime client is for Linux only")

REPORT = (Path(__file__).parents[1] / "fixtures" / "report_long.json").read_bytes()
OPTIONS = {"stage": "test", "reserved_topic": True, "heartbeat_minutes": 15}
LAMBDAS_PYTHON = "3.13"
RUNTIME_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")  # it and what it needs
SECRET_KEY, SESSION_TOKEN = "a-key-that-signs", "a-token-that-proves-it"


@cache
def lambdas_python() -> str:
    """Python 3.13 where one is installed, pyenv's among them; else the one that runs the tests."""
    homes = (Path.home() / ".pyenv" / "versions").glob(f"{LAMBDAS_PYTHON}*/bin/python{LAMBDAS_PYTHON}")
    for python in [which(f"python{LAMBDAS_PYTHON}"), *map(str, homes)]:
        # a shim may stand for a version that is not chosen
        if (
            python
            and subprocess.run([python, "-c", "import ctypes, ssl"], capture_output=True, check=False).returncode == 0
        ):
            return python
    return sys.executable


@dataclass(frozen=True)
class Unpacked:
    """What a container finds in its file system."""

    deployed: Deployed
    path: tuple[Path, ...]


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Unpacked:
    out = once(tmp_path_factory, "runtime", _unpack)
    [template] = (out / "cdk").glob("*.template.json")
    [code] = [path for path in (out / "cdk").glob("asset.*") if path.is_dir()]
    return Unpacked(Deployed(json.loads(template.read_text())), (code, out / "packages", out / "client"))


def _unpack(out: Path) -> None:
    """The functions' asset, their lock for this machine, and the runtime client."""
    with unmeasured():
        made = app.App(context={"aws:cdk:bundling-stacks": [], "thingwarden": OPTIONS}, outdir=str(out / "cdk"))
        app.build(made)
        made.synth()
        client_lock = out / "client.txt"
        client_lock.write_text("\n".join(entry for entry in entries(DEV_LOCK) if entry.startswith(RUNTIME_CLIENT)))
        platforms: list[str] = []
        if lambdas_python() != sys.executable:
            platforms = [f"{manylinux}_{platform.machine()}" for manylinux in ("manylinux2014", "manylinux_2_28")]
        install(out / "packages", *platforms, python=LAMBDAS_PYTHON)
        install(out / "client", *platforms, python=LAMBDAS_PYTHON, lock=client_lock)


class Home:
    """The stack in an account of moto's.

    Attributes:
        clients: The test's own.
        aws: What the functions ask.
    """

    def __init__(self, unpacked: Unpacked, clients: Clients, aws: LoopbackAws) -> None:
        self.deployed = unpacked.deployed
        self.clients = clients
        self.aws = aws
        self._path = unpacked.path
        self.deployed.make(clients)

    def start(self, function: str, *, without: str = "", **beside: str) -> AbstractContextManager[Function]:
        """A container of a function; `without` one of its environment's variables."""
        environment = {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_SESSION_TOKEN": SESSION_TOKEN,
            "AWS_ENDPOINT_URL": self.aws.url,
            **self.deployed.environment(function),
            **beside,
        }
        environment.pop(without, None)
        name = self.deployed.functions[function]["FunctionName"]
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        handler = self.deployed.functions[function]["Handler"]
        return started(lambdas_python(), self._path, handler, name=name, arn=arn, environment=environment)

    @property
    def published(self) -> list[tuple[str, bytes]]:
        """What came to AWS IoT's message broker."""
        payloads: list[tuple[str, bytes]] = iotdata_backends[ACCOUNT][REGION].published_payloads
        return payloads

    def parts(self, function: str) -> Parts:
        """For the test's own look at what a function stored."""
        return Parts(self.deployed.settings(function), region=REGION, clients=self.clients)


@pytest.fixture(scope="session")
def clients() -> Clients:
    return new_clients()


@pytest.fixture
def home(unpacked: Unpacked, clients: Clients) -> Iterator[Home]:
    with mock_aws(), serving(aws := LoopbackAws()):
        yield Home(unpacked, clients, aws)


class ControlApi:
    """A stock boto3 client in front of API Gateway in front of the function."""

    def __init__(self, function: Function) -> None:
        self._function = function
        plug = Plug()
        plug.router = self  # type: ignore[assignment]
        self.client = STOCK.client("iot", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
        self.client.meta.events.unregister("before-send", botocore_stubber)
        self.client.meta.events.register("before-send", plug)

    def handle(self, request: HttpRequest) -> HttpResponse:
        event = http_event(request.method, request.path, request.query, request.body.decode())
        answer = self._function.call(event)
        return HttpResponse(answer["statusCode"], answer["headers"], answer["body"].encode())


def reported(thing: str, payload: bytes = REPORT, *, prefix: str = "warden-test") -> Any:
    """What the metrics rule hands on of a report of now."""
    topic = f"{prefix}/things/{thing}/defender/metrics/json"
    return run(metrics_sql(prefix), Message(topic, payload, "a-gateway", "f00d" * 16, int(time.time() * 1000)))


def queued(queue: str, body: str) -> dict[str, Any]:
    """A batch of one message, as SQS's event source mapping hands it on."""
    record = {
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": body,
        "attributes": {"SentTimestamp": str(int(time.time() * 1000)), "ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:thingwarden-test-{queue}",
        "awsRegion": REGION,
    }
    return {"Records": [record]}


def leaked(function: Function, *secrets: str) -> list[str]:
    """Those secrets that a function's log shows; every line of it is JSON."""
    assert all(isinstance(line, dict) for line in function.log)
    return [secret for secret in (SECRET_KEY, SESSION_TOKEN, *secrets) if secret in function.printed]


def test_a_report_goes_its_whole_way(home: Home) -> None:
    """A profile made by boto3, a report, its violation, its alert, and the receipt of that; nothing secret is told."""
    iot = home.clients("iot")
    home.clients("iam").create_role(RoleName="Admin", AssumeRolePolicyDocument="{}")  # the caller's
    iot.create_thing(thingName="pump-7")
    iot.create_thing_group(thingGroupName="pumps")
    iot.add_thing_to_thing_group(thingGroupName="pumps", thingName="pump-7")
    topic, role = (
        home.deployed.settings("heartbeat").heartbeat_topic_arn,
        home.deployed.settings("heartbeat").heartbeat_role_arn,
    )
    stream = TableStream(home.clients, home.deployed.settings("dispatch").log_table)
    with ExitStack() as stack:
        api, evaluate, dispatch, receipts = (
            stack.enter_context(home.start(name)) for name in ("control_api", "evaluate", "dispatch", "receipts")
        )
        control = ControlApi(api).client
        assert control.list_security_profiles()["securityProfileIdentifiers"] == []
        made = control.create_security_profile(
            securityProfileName="pumps",
            behaviors=[
                {
                    "name": "ports",
                    "metric": "aws:listening-tcp-ports",
                    "criteria": {"comparisonOperator": "in-port-set", "value": {"ports": [8081]}},
                }
            ],
            alertTargets={"SNS": {"alertTargetArn": topic, "roleArn": role}},
        )
        group = f"arn:aws:iot:{REGION}:{ACCOUNT}:thinggroup/pumps"
        control.attach_security_profile(securityProfileName="pumps", securityProfileTargetArn=group)
        assert made["securityProfileArn"] == f"arn:aws:iot:{REGION}:{ACCOUNT}:securityprofile/pumps"

        evaluate.call(reported("pump-7"))
        [(reply_topic, reply)] = home.published
        assert reply_topic == "warden-test/things/pump-7/defender/metrics/json/accepted"
        assert json.loads(reply)["status"] == "ACCEPTED"
        assert home.parts("evaluate").thing_log.load("pump-7", consistent=True).newest
        home.published.clear()

        assert dispatch.call(stream.read()) == {"batchItemFailures": []}
        [violation] = control.list_active_violations()["activeViolations"]
        assert (violation["thingName"], violation["behavior"]["name"]) == ("pump-7", "ports")
        [(alert_topic, alert)] = home.published
        rule, secret = alert_topic.split("/")[2:4]
        assert json.loads(json.loads(alert)["default"])["thingName"] == "pump-7"

        waiting = home.parts("dispatch").violations.waiting
        assert len(list(waiting())) == 1
        assert receipts.call(queued("receipts", alert.decode())) == {"batchItemFailures": []}
        assert list(waiting()) == []
        for function in (api, evaluate, dispatch, receipts):
            assert leaked(function, rule, secret) == []


def test_what_the_clock_and_the_registry_start_does_its_work(home: Home) -> None:
    iot = home.clients("iot")
    iot.create_thing(thingName="pump-7")
    iot.create_thing(thingName="pump-8")
    with ExitStack() as stack:
        registry, reconcile, sweep, heartbeat, evaluate = (
            stack.enter_context(home.start(name))
            for name in ("registry", "reconcile", "sweep", "heartbeat", "evaluate")
        )
        about = json.dumps({"topic": "$aws/events/thing/pump-7/created"})
        assert registry.call(queued("registry", about)) == {"batchItemFailures": []}
        known = home.parts("registry").thing_log
        assert known.load("pump-7", consistent=True).facts.registered
        assert known.load("pump-8", consistent=True).facts is None
        assert reconcile.call({"groups": "all"}) is None
        assert known.load("pump-8", consistent=True).facts.registered
        assert sweep.call({}) is None

        assert heartbeat.call({}) is None
        name = "thingwarden-test-heartbeat"
        assert iot.list_things_in_thing_group(thingGroupName=name)["things"] == [name]
        about = json.dumps({"topic": f"$aws/events/thingGroupMembership/thingGroup/{name}/thing/{name}/added"})
        assert registry.call(queued("registry", about)) == {"batchItemFailures": []}
        [(topic, payload)] = home.published
        assert topic == f"warden-test/things/{name}/defender/metrics/json"
        evaluate.call(run(metrics_sql("warden-test"), Message(topic, payload, "", "", int(time.time() * 1000))))
        assert any(alarm.ringing for alarm in known.load(name, consistent=True).newest.entry.state.alarms)
        for function in (registry, reconcile, sweep, heartbeat):
            assert leaked(function) == []


def test_every_custom_resource_of_the_stack_is_made_and_removed(home: Home, tmp_path: Path) -> None:
    """With the properties that the template has for it, over HTTPS, as CloudFormation asks."""
    with serving(answers := Answers(tmp_path)), ExitStack() as stack:
        setup, reconcile = (
            stack.enter_context(home.start(name, SSL_CERT_FILE=str(answers.trusted))) for name in ("setup", "reconcile")
        )

        def ask(request: str, resource: str, properties: Mapping[str, Any], physical_id: str) -> dict[str, Any]:
            event = {
                "RequestType": request,
                "ServiceToken": properties["ServiceToken"],
                "ResponseURL": answers.url,
                "StackId": STACK_ID,
                "RequestId": f"{request} {resource}",
                "ResourceType": "Custom::Thingwarden",
                "LogicalResourceId": resource,
                "PhysicalResourceId": physical_id,
                "ResourceProperties": dict(properties),
            }
            setup.call(event)
            while home.aws.invoked:
                name, payload = home.aws.invoked.pop()
                assert name == "thingwarden-test-reconcile"
                reconcile.call(payload)
            assert answers.got[-1]["RequestId"] == event["RequestId"]
            assert answers.got[-1]["Status"] == "SUCCESS", answers.got[-1]
            return answers.got[-1]

        resources = home.deployed.custom_resources()
        assert len(resources) > 5
        made = {name: ask("Create", name, each, "")["PhysicalResourceId"] for name, each in resources.items()}
        assert home.clients("iot").get_topic_rule(ruleName="thingwarden_test_metrics_reserved")
        assert {**home.aws.event_configurations["THING"]} == {"Enabled": True}
        for name, each in resources.items():
            ask("Delete", name, each, made[name])
        assert home.clients("iot").list_topic_rules()["rules"] == []

        random = {answer["Data"]["Name"] for answer in answers.got if answer["Data"].get("Name")}
        assert len(random) > 3
        for function in (setup, reconcile):
            assert leaked(function, urlsplit(answers.url).query, *random) == []


def test_another_stacks_profile_is_made_and_removed(home: Home, tmp_path: Path) -> None:
    with (
        serving(answers := Answers(tmp_path)),
        home.start("provider", SSL_CERT_FILE=str(answers.trusted)) as provider,
    ):
        event = {
            "RequestType": "Create",
            "ServiceToken": "arn",
            "ResponseURL": answers.url,
            "StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/cameras/1",
            "RequestId": "1",
            "ResourceType": "Custom::ThingwardenSecurityProfile",
            "LogicalResourceId": "Cameras",
            "ResourceProperties": {
                "ServiceToken": "arn",
                "TargetArns": [f"arn:aws:iot:{REGION}:{ACCOUNT}:all/things"],
                "Behaviors": [{"Name": "b", "Metric": "aws:all-bytes-in", "SuppressAlerts": "true"}],
            },
        }
        provider.call(event)
        name = answers.got[0]["PhysicalResourceId"]
        assert (answers.got[0]["Status"], name[:16]) == ("SUCCESS", "cameras-Cameras-")
        [profile] = home.parts("provider").catalogue.load().profiles
        assert (profile.security_profile_name, profile.behaviors[0].suppress_alerts) == (name, True)

        provider.call({**event, "RequestType": "Delete", "RequestId": "2", "PhysicalResourceId": name})
        assert answers.got[1]["Status"] == "SUCCESS"
        assert home.parts("provider").catalogue.load().profiles == ()
        assert leaked(provider, urlsplit(answers.url).query) == []


MALFORMED: tuple[Any, ...] = (
    None,
    [],
    "x" * 1000,
    {},
    {"Records": [{}]},
    {"Records": [{"body": "{", "messageId": 1, "eventName": "INSERT", "dynamodb": {}}]},
    {"topic": 5, "payload": "*", "at": "now"},
    {"version": "2.0", "rawPath": "/\ud800", "requestContext": {"http": 1, "authorizer": {"iam": []}}},
    {"RequestType": "Create", "ResponseURL": "file:///etc/passwd", "ResourceProperties": []},
    {"groups": ["all"], "resume": "x"},
)
UNMARKED = {
    "eventID": "1",
    "eventName": "MODIFY",
    "eventSource": "aws:dynamodb",
    "dynamodb": {"Keys": {}, "NewImage": {}, "SequenceNumber": "1"},
}
SOUND: Mapping[str, Callable[[], Any]] = {
    "evaluate": lambda: reported("pump-7"),
    "dispatch": lambda: {"Records": [UNMARKED]},
    "sweep": dict,
    "receipts": lambda: queued("receipts", "none of ours"),
    "registry": lambda: queued("registry", "{}"),
    "reconcile": lambda: {"groups": "dynamic"},
    "control_api": lambda: http_event("GET", "/security-profiles"),
    "heartbeat": dict,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_event_that_makes_no_sense_ends_no_container(home: Home, name: str) -> None:
    with home.start(name) as function:
        for event in MALFORMED:
            assert function.invoke(event).kind in ("response", "error")
        assert function.alive
        if name in SOUND:
            function.call(SOUND[name]())
        assert leaked(function) == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_start_without_one_of_its_settings_fails_and_names_it(home: Home, name: str) -> None:
    with home.start(name, without="WARDEN_CONTROL_TABLE") as function:
        outcome = function.invoke({})
        assert outcome.kind == "error"
        assert "control_table" in outcome.said["errorMessage"]
