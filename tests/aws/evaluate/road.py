"""A report's road in the AWS home: published over MQTT, selected by the metrics rules, evaluated, answered."""

import json
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

import cbor2
from botocore.awsrequest import AWSResponse

from tests.aws.conftest import ACCOUNT, REGION, Clock
from tests.aws.rule_sql import Message, run
from warden.domain.alarms.entry import Logged
from warden.domain.behaviors.metrics import DEVICE_METRICS, Kind
from warden.domain.behaviors.profile import Behavior, Criteria, MetricValue, SecurityProfile
from warden.domain.behaviors.target import Target
from warden.handlers.evaluate import Evaluate
from warden.handlers.parts import Clients, Parts
from warden.rules import metrics_sql
from warden.use_cases.attach_security_profile import attach_security_profile
from warden.use_cases.create_security_profile import create_security_profile

if TYPE_CHECKING:
    from collections.abc import Callable

OWN, RESERVED = "warden", "$aws"
RULES = {"thingwarden_test_metrics": metrics_sql(OWN), "thingwarden_test_metrics_reserved": metrics_sql(RESERVED)}
SERVICES = ("dynamodb", "iot", "iot-data", "events")

NORMAL = {
    Kind.COUNT: ("less-than", MetricValue(count=10**12)),
    Kind.PORTS: ("in-port-set", MetricValue(ports=tuple(range(8000, 8020)))),
    Kind.ADDRESSES: ("in-cidr-set", MetricValue(cidrs=("10.0.0.0/8", "127.0.0.0/8"))),
}

CERTIFICATE = "f00d" * 16


@dataclass(frozen=True)
class Reply:
    topic: str
    body: dict[str, Any]


class Road:
    """Both rules, an evaluator's container, and what it asked of AWS.

    Attributes:
        requests: Of the container since the last `clear`: service and operation, and a table's name.
        answers: What AWS says to a request in place of moto: an HTTP status and an error code, None for moto's word.
    """

    def __init__(self, parts: Parts, clients: Clients) -> None:
        self.parts = parts
        self.requests: list[tuple[str, str]] = []
        self.events: list[dict[str, Any]] = []
        self.answers: Callable[[str, str], tuple[int, str] | None] = lambda _operation, _topic: None
        self._clients = clients
        self._published: list[tuple[str, bytes]] = []
        self.restart()

    def connect(self) -> None:
        for service in SERVICES:
            events = self._clients(service).meta.events
            events.register_first("before-call", self._before_call, unique_id="road")
            events.register_first("before-send", partial(self._before_send, service), unique_id="answers")

    def disconnect(self) -> None:
        for service in SERVICES:
            events = self._clients(service).meta.events
            events.unregister("before-call", unique_id="road")
            events.unregister("before-send", unique_id="answers")

    def restart(self) -> None:
        """Another container takes over."""
        self.evaluate = Evaluate(self.parts)

    @property
    def clock(self) -> Clock:
        return cast("Clock", self.parts.clock)

    def register(self, *things: str) -> None:
        for thing in things:
            self._clients("iot").create_thing(thingName=thing)
        self.clear()

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        client_id: str = "a-gateway",
        principal: str = CERTIFICATE,
        rule: str | None = None,
        after: int = 0,
    ) -> list[dict[str, Any]]:
        """A client publishes; returns the events that the rules made of it, which the evaluator then has taken.

        Args:
            rule: Publish it to this rule, as Basic Ingest.
            after: Milliseconds that pass first.
        """
        self.clock.now += after
        whole = f"$aws/rules/{rule}/{topic}" if rule else topic
        message = Message(whole, payload, client_id, principal, self.clock.now)
        outputs = (run(sql, message, name) for name, sql in RULES.items())
        events = [output for output in outputs if isinstance(output, dict)]
        for event in events:
            self.evaluate(event)
        return events

    def report(self, thing: str, number: int = 1, *, payload: bytes | None = None, **how: Any) -> dict[str, Any]:
        """A thing reports on its own topic; returns the event that the rule made of it."""
        [event] = self.publish(metrics_topic(thing), payload or small_report(number), **how)
        return event

    def log(self, thing: str) -> list[Logged]:
        return list(self.parts.thing_log.since(thing, 0))

    def reports(self, thing: str) -> list[int]:
        """Ids of the reports in a thing's log, in order."""
        return [logged.entry.report_id for logged in self.log(thing)]

    def items(self) -> int:
        """How many there are, in both tables."""
        settings = self.parts.settings
        scan = self._clients("dynamodb").scan
        return sum(scan(TableName=name)["Count"] for name in (settings.log_table, settings.control_table))

    def replies(self) -> list[Reply]:
        """What left since the last call, in order."""
        replies = [Reply(topic, _decode(topic, payload)) for topic, payload in self._published]
        self._published.clear()
        return replies

    def clear(self) -> None:
        self.requests.clear()

    def asked(self, service: str) -> int:
        return sum(operation.startswith(f"{service}:") for operation, _ in self.requests)

    def _before_call(self, model: Any, params: dict[str, Any], **_: Any) -> None:
        service = model.service_model.service_name
        body = params["body"]
        asked = json.loads(body) if service in ("dynamodb", "events") else {}
        self.requests.append((f"{service}:{model.name}", asked.get("TableName", "")))
        self.events.extend(asked.get("Entries", ()))

    def _before_send(self, service: str, request: Any, event_name: str, **_: Any) -> AWSResponse | None:
        operation = f"{service}:{event_name.rsplit('.', 1)[1]}"
        answer = self.answers(operation, request.url)
        if answer is None:
            if operation == "iot-data:Publish":
                self._published.append((published_to(request.url), request.body))
            return None
        status, code = answer
        headers = {"x-amzn-ErrorType": code, "Content-Type": "application/json"}
        return AWSResponse(request.url, status, headers, _Raw(json.dumps({"__type": code, "message": code}).encode()))


def watch_every_metric(parts: Parts) -> None:
    """A profile with a behavior for each device-side metric, attached to every registered thing; reports of 20 ports
    from 8000 on and 20 connections conform to all ten."""
    behaviors = []
    for name, metric in DEVICE_METRICS.items():
        operator, value = NORMAL[metric.kind]
        seconds = 300 if metric.takes_duration else None
        criteria = Criteria(comparison_operator=operator, value=value, duration_seconds=seconds)
        behaviors.append(Behavior(name=name.removeprefix("aws:"), metric=name, criteria=criteria))
    profile = SecurityProfile(security_profile_name="everything", behaviors=tuple(behaviors))
    now = parts.clock()
    create_security_profile(parts.catalogue, profile, {}, arn="", now=now)
    target = Target.parse(f"arn:aws:iot:{REGION}:{ACCOUNT}:all/registered-things")
    attach_security_profile(parts.catalogue, "everything", target, has_group=lambda _: True, now=now)


def counted(lines: list[dict[str, Any]]) -> Counter[str]:
    """What metrics add up to; all are of the stage, and of nothing narrower."""
    assert all(line.pop("stage") == "test" for line in lines)
    return sum((Counter({name: int(sum(values)) for name, values in line.items()}) for line in lines), Counter[str]())


class _Raw:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: Any, **__: Any) -> list[bytes]:
        return [self._content]


def published_to(url: str) -> str:
    """The topic in the URL of an iot-data Publish."""
    return unquote(urlsplit(url).path).removeprefix("/topics/")


def metrics_topic(thing: str, prefix: str = OWN, fmt: str = "json") -> str:
    return f"{prefix}/things/{thing}/defender/metrics/{fmt}"


def small_report(number: int = 1, connections: int = 1) -> bytes:
    """A report with an id."""
    metrics = {"tcp_connections": {"established_connections": {"total": connections}}}
    return json.dumps({"header": {"report_id": number, "version": "1.0"}, "metrics": metrics}).encode()


def _decode(topic: str, payload: bytes) -> dict[str, Any]:
    decoded = cbor2.loads(payload) if "/cbor/" in topic else json.loads(payload)
    return cast("dict[str, Any]", decoded)
