"""`warden doctor --probe`: what becomes of reports, with the embedded broker as the far end."""

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from warden.cli.doctor.finding import Finding, Patient, State
from warden.cli.doctor.mqtt import Mqtt, signed_url
from warden.cli.doctor.probe import Heard, Reaction, probe, topics
from warden.cli.stage import Stage
from warden.domain.alerts.target import Home
from warden.domain.errors import NotAThing
from warden.domain.reports.replies import encode, rejected
from warden.embedded.broker import Broker, Publication

STAGE = Stage(
    name="test",
    evaluate_function="thingwarden-test-evaluate",
    dispatch_function="",
    dead_reports_queue="",
    dead_alerts_queue="",
    dead_registry_queue="",
    stream_failures_bucket="",
    log_table="",
    control_table="",
    metrics_prefix="warden",
    metrics_rules=("thingwarden_test_metrics_reserved", "thingwarden_test_metrics"),
)
PATIENT = Patient(STAGE, Home("aws", "us-east-1", "123456789012"), lambda _: None, 1_800_000_000_000)
BY_TOPIC = replace(PATIENT, stage=msgspec.structs.replace(STAGE, metrics_rules=()))
"""The same without rules' names: the embedded broker has no Basic Ingest, whose topics are too deep for it."""

Far = Callable[[Broker, Publication], bool]
"""What the far end does with a message: true takes it over, raising closes the connection."""


@contextmanager
def listening(far: Far) -> Iterator[int]:
    """A broker on a thread of its own, as far away as AWS's."""
    loop, started, ports = asyncio.new_event_loop(), threading.Event(), []

    async def serve() -> None:
        broker = Broker(take=lambda publication: far(broker, publication), log=logging.getLogger("far"))
        ports.append(await broker.listen("127.0.0.1", 0))
        started.set()
        await ended.wait()
        await broker.close()

    ended = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    started.wait(10)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


def answering(broker: Broker, publication: Publication) -> bool:
    """As a stage does that takes reports on all of its topics."""
    topic = publication.topic
    thing = topic.split("/")[2]
    report_id = json.loads(publication.payload)["header"]["report_id"]
    reply = rejected(thing, NotAThing(thing, report_id=report_id), PATIENT.now)
    broker.publish(f"{topic}/rejected", encode(reply, "json"))
    publication.acknowledge()
    return True


def only_own(broker: Broker, publication: Publication) -> bool:
    """As a stage does in an account where the reserved topic's rule never fires."""
    if publication.topic.startswith("$aws/things/"):
        return silent(broker, publication)
    return answering(broker, publication)


def silent(_: Broker, publication: Publication) -> bool:
    publication.acknowledge()
    return True


def closing(_: Broker, publication: Publication) -> bool:
    raise PermissionError(f"{publication.topic} is not allowed")


def examined(far: Far) -> list[Finding]:
    with listening(far) as port:
        return list(probe(BY_TOPIC, Mqtt("127.0.0.1", port), seconds=1))


@pytest.mark.parametrize(
    ("far", "reserved", "own"),
    [
        pytest.param(answering, State.OK, State.OK, id="answered"),
        pytest.param(only_own, State.WARN, State.OK, id="silent on the reserved topic"),
        pytest.param(silent, State.WARN, State.FAIL, id="silent"),
        pytest.param(closing, State.WARN, State.FAIL, id="closed on publish"),
    ],
)
def test_each_topic_is_told_apart_by_what_becomes_of_a_report(far: Far, reserved: State, own: State) -> None:
    found = examined(far)
    assert [(each.about, each.state) for each in found] == [("reserved topic", reserved), ("own topic", own)]
    assert all(each.call.startswith("MQTT PUBLISH ") for each in found)
    assert all(each.then for each in found if each.state is not State.OK)


def test_an_answer_is_shown_also_a_refusal() -> None:
    reserved, *_ = examined(answering)
    assert "Not a Thing" in reserved.answer


def test_a_closed_connection_is_not_called_silent() -> None:
    assert all("the connection was closed" in each.answer for each in examined(closing))
    assert all("no answer in" in each.answer for each in examined(silent))


def test_nobody_there_is_unknown_and_not_broken() -> None:
    [only] = list(probe(PATIENT, Mqtt("127.0.0.1", 1)))
    assert (only.state, only.call) == (State.UNKNOWN, "MQTT CONNECT")
    assert "iot:Connect" in only.then


class Reacting:
    """A connection to where every report has the same fate."""

    def __init__(self, heard: Heard) -> None:
        self.heard = heard
        self.reported: list[tuple[str, str]] = []

    def report(self, topic: str, replies: str, _payload: bytes, *, seconds: float) -> Reaction:
        assert seconds > 0
        self.reported.append((topic, replies))
        return Reaction(self.heard)


@pytest.mark.parametrize(
    ("heard", "state"), [(Heard.ANSWERED, State.OK), (Heard.SILENT, State.FAIL), (Heard.CLOSED, State.FAIL)]
)
def test_basic_ingest_goes_to_the_rule_by_its_name_and_is_answered_on_the_own_topic(heard: Heard, state: State) -> None:
    connection = Reacting(heard)
    *_, by_name = probe(PATIENT, connection)
    assert (by_name.about, by_name.state) == ("Basic Ingest", state)
    topic, replies = connection.reported[-1]
    assert topic == f"$aws/rules/thingwarden_test_metrics/{replies}"
    assert replies.startswith("warden/things/thingwarden-doctor-")


def test_each_topic_has_a_thing_name_of_its_own_since_refusals_of_one_are_answered_once() -> None:
    things = [topic.replies.split("/")[2] for topic in topics(PATIENT)]
    assert len(set(things)) == len(things) == 3


@pytest.mark.parametrize("token", [None, "to/ken+="], ids=["user", "role session"])
def test_the_url_is_signed_as_aws_iot_wants_it(token: str | None) -> None:
    credentials = SimpleNamespace(access_key="AKID", secret_key="secret", token=token)
    url = urlsplit(signed_url("abc-ats.iot.us-east-1.amazonaws.com", "us-east-1", credentials))
    query = parse_qs(url.query, strict_parsing=True)
    assert url.path == "/mqtt"
    assert query["X-Amz-Credential"][0].endswith("/us-east-1/iotdevicegateway/aws4_request")
    assert query.get("X-Amz-Security-Token", [None]) == [token]

    signer = SigV4QueryAuth(Credentials("AKID", "secret"), "iotdevicegateway", "us-east-1", expires=60)
    request = AWSRequest("GET", f"https://{url.netloc}/mqtt")
    request.context["timestamp"] = query["X-Amz-Date"][0]
    names = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders")
    request.url += "?" + "&".join(f"{name}={query[name][0].replace('/', '%2F')}" for name in names)
    request.headers["host"] = url.netloc
    canonical = signer.canonical_request(request)
    assert signer.signature(signer.string_to_sign(request, canonical), request) == query["X-Amz-Signature"][0]
