"""The AWS home with all that drives it: rules, Lambda's retries, the stream's and the queues' pollers, the schedule.

What a user sees of it is asked of the control API, and of a queue that subscribes to the alerts' topic. Functions
reach AWS through clients of their own, so that `Strikes` hit them and nothing else.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from tests.aws.alert_account import QUEUES, profile
from tests.aws.alert_engine import Engine, drain, sqs_event
from tests.aws.conftest import ACCOUNT, BEGINNING, MINUTE, REGION
from tests.aws.evaluate.road import metrics_topic, small_report
from tests.aws.faults.account import SETTINGS, clean
from tests.aws.faults.strikes import Death, Strike, Strikes
from tests.aws.http_api import http_event
from tests.aws.rule_sql import Message, run
from tests.aws.streams import TableStream
from tests.aws.tables import make_tables
from warden.domain.alarms.alarm import EventType
from warden.domain.behaviors.target import Target
from warden.domain.errors import Unavailable
from warden.handlers.alert_path import clean_delivery_rules, publish_alerts
from warden.handlers.control_api import ControlApi
from warden.handlers.dispatch import Dispatch
from warden.handlers.evaluate import Evaluate
from warden.handlers.parts import Clients, Parts
from warden.handlers.receipts import Receipts
from warden.handlers.sweep import Sweep
from warden.rules import metrics_sql
from warden.storage import keys
from warden.use_cases.attach_security_profile import attach_security_profile
from warden.use_cases.create_security_profile import create_security_profile

BETWEEN_REPORTS = 5 * MINUTE
LEFT_BEHIND = 10 * MINUTE + 1000
ALERT_RULES = "$aws/rules/thingwarden_test_alert_"

EVALUATE_TRIES, STREAM_TRIES, RECEIVES = 3, 6, 5
"""How often a report, a batch of the stream and a receipt are handed to their function; see infra/constructs."""

FUNCTIONS: dict[str, Callable[[Parts], Any]] = {
    "evaluate": Evaluate,
    "dispatch": lambda parts: Dispatch(parts, publish_alerts(parts)),
    "receipts": Receipts,
    "sweep": lambda parts: Sweep(parts, publish_alerts(parts), clean_delivery_rules(parts)),
}

Record = dict[str, Any]


@dataclass(frozen=True, order=True)
class Told:
    """What a user is told of a violation, by the API or by an alert."""

    profile: str
    thing: str
    violation_id: str
    type: EventType
    at: int


class Home:
    """One deployment, as new; what an earlier one left in the account is removed.

    Args:
        clients: Those of everybody but the functions.
        strikes: Between the functions and AWS.

    Attributes:
        now: Epoch ms.
        published: What went to alert rules, whether or not they ran.
        heard: What the subscriber got.
        queued: Receipts and errors that no function has dealt with.
        unread: Records of the stream that no function was handed.
        read: Those that one was.
        dead_reports: Reports that failed three times.
        struck: How often which strike has hit which operation.
        refusing: Whether SNS takes nothing.
    """

    def __init__(self, clients: Clients, strikes: Strikes) -> None:
        self.now = BEGINNING
        self.strikes = strikes
        self.published: list[Told] = []
        self.heard: list[Told] = []
        self.queued: list[str] = []
        self.unread: list[Record] = []
        self.read: list[Record] = []
        self.dead_reports: list[dict[str, Any]] = []
        self.struck = Counter[tuple[str, Strike]]()
        self.refusing = False
        self.clients = clients
        self._reports = 0
        self._containers: dict[str, Any] = {}
        clean(clients)
        make_tables(clients("dynamodb"), SETTINGS)
        self._stream = TableStream(clients, SETTINGS.log_table)
        self._engine = Engine(clients)
        self.user = self._parts(clients)  # the control API's: nobody strikes it
        self._api = ControlApi(self.user)

    def _parts(self, clients: Clients) -> Parts:
        return Parts(SETTINGS, region=REGION, clients=clients, clock=lambda: self.now)

    # What people do

    def watch(self, name: str) -> None:
        """A profile for the group of the same name."""
        catalogue = self.user.catalogue
        create_security_profile(catalogue, profile(name), {}, arn="", now=self.now)
        group = Target.parse(f"arn:aws:iot:{REGION}:{ACCOUNT}:thinggroup/{name}")
        attach_security_profile(catalogue, name, group, has_group=lambda _: True, now=self.now)

    def delete_profile(self, name: str) -> None:
        with self.strikes.undisturbed():
            assert self._asked("DELETE", f"/security-profiles/{name}")[0] == 200

    # What a user sees

    def active(self, **only: str) -> list[Told]:
        """ListActiveViolations, perhaps with thingName or securityProfileName."""
        status, body = self._asked("GET", "/active-violations", urlencode(only))
        assert (status, body.get("nextToken")) == (200, None)
        return [
            _told(each | {"violationEventType": "in-alarm", "violationEventTime": each["violationStartTime"]})
            for each in body["activeViolations"]
        ]

    def events(self, **only: str) -> list[Told]:
        """ListViolationEvents, oldest first, perhaps with thingName or securityProfileName."""
        times = {**only, "startTime": _time(BEGINNING), "endTime": _time(self.now), "maxResults": "250"}
        status, body = self._asked("GET", "/violation-events", urlencode(times))
        assert (status, body.get("nextToken")) == (200, None)
        return [_told(each) for each in body["violationEvents"]][::-1]

    def _asked(self, method: str, path: str, query: str = "") -> tuple[int, dict[str, Any]]:
        answer = self._api(http_event(method, path, query))
        return answer["statusCode"], json.loads(answer["body"])

    def listen(self) -> None:
        """The subscriber takes what has come."""
        for body in drain(self.clients, f"{QUEUES}/thingwarden-test-inbox"):
            message = json.loads(json.loads(body)["Message"])
            self.heard.append(_told(message, seconds=False))

    def dead_alerts(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in drain(self.clients, f"{QUEUES}/thingwarden-test-dead-alerts")]

    # What drives the functions

    def call(self, function: str, *event: object) -> Any:
        """Invoke a function. A container that died is replaced by a new one at the next invocation."""
        container = self._containers.get(function)
        if container is None:
            container = self._containers[function] = FUNCTIONS[function](self._parts(self.strikes.functions))
        try:
            return container(*event)
        except Death:
            del self._containers[function]
            raise

    def another(self, function: str, *event: object) -> Any:
        """Invoke a function in a container of its own."""
        return FUNCTIONS[function](self._parts(self.strikes.functions))(*event)

    def report(self, thing: str, connections: int) -> None:
        """A thing reports over MQTT, and the rule invokes `evaluate` asynchronously."""
        self.now += BETWEEN_REPORTS
        self._reports += 1
        message = Message(metrics_topic(thing), small_report(self._reports, connections), at=self.now)
        event = run(metrics_sql("warden"), message)
        assert isinstance(event, dict)
        self._evaluate(event)

    def _evaluate(self, event: dict[str, Any]) -> None:
        for _ in range(EVALUATE_TRIES):
            try:
                self.call("evaluate", event)
            except (Unavailable, Death):
                continue
            return
        self.dead_reports.append(event)

    def redrive(self) -> None:
        """What `warden redrive` does with reports that failed."""
        events, self.dead_reports = self.dead_reports, []
        for event in events:
            self._evaluate(event)

    def poll(self) -> None:
        """What is new in the stream comes to those who read it."""
        self.unread += self._stream.read()["Records"]

    def dispatch(self) -> None:
        """The stream's new records are handed to `dispatch`, from the first that failed on again; S3 gets the rest."""
        self.poll()
        records, self.unread = self.unread, []
        self.read += records
        self.feed(records)

    def feed(self, records: list[Record]) -> None:
        left = records
        for _ in range(STREAM_TRIES):
            if not left:
                return
            try:
                answer = self.call("dispatch", {"Records": left}, _plenty)
            except Death:
                continue
            failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
            first = (n for n, each in enumerate(left) if each["dynamodb"]["SequenceNumber"] in failed)
            left = left[next(first, len(left)) :]

    def run_rules(self) -> None:
        """AWS IoT runs the alert rules for what was published."""
        self._engine.refusing = {"sns"} if self.refusing else set()
        for topic, payload in self._alerts():
            self._engine.publish(topic, payload)
        self.queued += drain(self.clients, SETTINGS.receipts_queue_url)

    def swallow(self) -> None:
        """What was published reaches no rule."""
        self._alerts()

    def _alerts(self) -> list[tuple[str, bytes]]:
        alerts = [each for each in self._engine.publications() if each[0].startswith(ALERT_RULES)]
        self.published += [_told(json.loads(json.loads(alert)["default"]), seconds=False) for _, alert in alerts]
        return alerts

    def receive(self) -> None:
        """The queue's messages are handed to `receipts`, ten at a time; those that fail come again."""
        for _ in range(RECEIVES):
            batches = [self.queued[n : n + 10] for n in range(0, len(self.queued), 10)]
            self.queued = [body for batch in batches for body in self._failed(batch)]
            if not self.queued:
                return
        self.queued.clear()  # the queue's own dead letters

    def _failed(self, bodies: list[str]) -> list[str]:
        try:
            answer = self.call("receipts", sqs_event(*bodies))
        except Death:
            return bodies
        return [bodies[int(each["itemIdentifier"].split("-")[1])] for each in answer["batchItemFailures"]]

    def go(self) -> None:
        """All that needs no clock happens."""
        self.dispatch()
        self.run_rules()
        self.receive()

    def sweep(self, after: int = LEFT_BEHIND) -> None:
        """Time passes, and the schedule comes round."""
        self.now += after
        try:
            self.call("sweep", _plenty)
        except Death:
            self.now += MINUTE
            self.call("sweep", _plenty)

    def settle(self) -> None:
        """Time passes, until nobody has anything left to do."""
        self.redrive()
        for _ in range(12):
            if not self.outbox() and not self.due():
                self.swallow()
                self.listen()
                return
            self.go()
            self.sweep()
        raise AssertionError(f"this is never done: {self.outbox()}, {self.due()}")

    def outbox(self) -> list[str]:
        """Entries that are marked for dispatch."""
        return self._in_index(SETTINGS.log_table, keys.OUTBOX)

    def due(self) -> list[str]:
        """What is due some time, but for a look at things that may be silent."""
        return [sk for sk in self._in_index(SETTINGS.control_table, keys.DUE) if sk != "VIO"]

    def _in_index(self, table: str, index: str) -> list[str]:
        return [item["sk"]["S"] for item in self.clients("dynamodb").scan(TableName=table)["Items"] if index in item]


def _plenty() -> int:
    return 60_000


def _told(said: Mapping[str, Any], *, seconds: bool = True) -> Told:
    return Told(
        said["securityProfileName"],
        said["thingName"],
        said["violationId"],
        EventType(said["violationEventType"]),
        round(said["violationEventTime"] * (1000 if seconds else 1)),
    )


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat()
