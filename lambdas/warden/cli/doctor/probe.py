"""Which metrics topics are answered: a report of nobody's is published on each, over MQTT, and its reply waited for.

The report is that of a thing that no registry has, so that it is counted nowhere; a refusal is an answer, too. Each
topic gets a thing name of its own: the evaluator answers what it refuses of one name only once in a while.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from enum import Enum
from typing import NamedTuple, Protocol

from warden.cli.doctor.finding import Finding, Patient, State
from warden.domain.reports.topics import RESERVED_PREFIX

PATIENCE_SECONDS = 10.0


class Heard(Enum):
    """What came of a report."""

    ANSWERED = "answered"
    SILENT = "silent"
    CLOSED = "closed"


class Reaction(NamedTuple):
    """What came of a report, and what was said: of an answer its payload, of a closed connection why."""

    heard: Heard
    said: str = ""


class Connection(Protocol):
    """An MQTT connection to where devices report."""

    def report(self, topic: str, replies: str, payload: bytes, *, seconds: float) -> Reaction:
        """Publish a report, and wait for what comes below the topic `replies`, `/accepted` or `/rejected`.

        Raises: OSError, where there is no connection to be had.
        """
        ...


class Topic(NamedTuple):
    """A way for reports.

    Attributes:
        about: What it is called.
        publish: Where the report goes.
        replies: What its replies are below.
        needed: Whether the stage is broken without it.
    """

    about: str
    publish: str
    replies: str
    needed: bool


def topics(patient: Patient, suffix: Callable[[], str] = lambda: secrets.token_hex(6)) -> list[Topic]:
    """The ways for reports to a stage, each for a thing of its own."""
    prefix = patient.stage.metrics_prefix

    def below(first: str) -> str:
        return f"{first}/things/thingwarden-doctor-{suffix()}/defender/metrics/json"

    reserved, own, by_name = below(RESERVED_PREFIX), below(prefix), below(prefix)
    found = [Topic("reserved topic", reserved, reserved, needed=False), Topic("own topic", own, own, needed=True)]
    rule = next((name for name in patient.stage.metrics_rules if not name.endswith("_reserved")), None)
    if rule:
        found.append(Topic("Basic Ingest", f"{RESERVED_PREFIX}/rules/{rule}/{by_name}", by_name, needed=True))
    return found


def probe(patient: Patient, connection: Connection, *, seconds: float = PATIENCE_SECONDS) -> Iterator[Finding]:
    """What comes of a report on each topic within some seconds."""
    payload = json.dumps(
        {"header": {"report_id": patient.now, "version": "1.0"}, "metrics": {"network_stats": {"bytes_in": 0}}}
    ).encode()
    for topic in topics(patient):
        call = f"MQTT PUBLISH {topic.publish}"
        try:
            reaction = connection.report(topic.publish, topic.replies, payload, seconds=seconds)
        except OSError as error:
            yield Finding(topic.about, State.UNKNOWN, "MQTT CONNECT", f"no connection: {error}", ALLOW)
            return
        yield _finding(patient, topic, call, reaction, seconds)


ALLOW = "allow yourself iot:Connect, iot:Publish, iot:Subscribe and iot:Receive, and open port 443"


def _finding(patient: Patient, topic: Topic, call: str, reaction: Reaction, seconds: float) -> Finding:
    own = f"let devices publish on {patient.stage.metrics_prefix}/things/THING/defender/metrics/FORMAT"
    state = State.FAIL if topic.needed else State.WARN
    if reaction.heard is Heard.ANSWERED:
        return Finding(topic.about, State.OK, call, f"answered: {reaction.said[:200]}")
    if reaction.heard is Heard.CLOSED:
        then = ALLOW if topic.needed else own
        return Finding(topic.about, state, call, f"the connection was closed: {reaction.said}", then)
    answer = f"no answer in {seconds:g} s"
    evaluator = patient.stage.evaluate_function
    return Finding(topic.about, state, call, answer, f"aws logs tail /aws/lambda/{evaluator}" if topic.needed else own)
