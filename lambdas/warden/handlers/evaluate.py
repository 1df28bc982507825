"""One device report, as the metrics rules hand it on."""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from warden.adapters.events import EventBus
from warden.adapters.iot_data import IotReplies, NotPublished
from warden.adapters.token_bucket import TokenBucket
from warden.domain.errors import NotAThing, Raced, ReportRejected, Unavailable
from warden.domain.reports.replies import Reply, accepted, encode, rejected
from warden.domain.reports.topics import RESERVED_PREFIX, MetricsTopic
from warden.handlers.flood import FLOOD, LastWritten, NewNames, Refusals, TooManyNames
from warden.handlers.newcomers import CALLS, Newcomers
from warden.handlers.parts import Parts
from warden.handlers.tally import Tally
from warden.handlers.telemetry import metrics
from warden.use_cases.ingest_report import ATTEMPTS, Ingested, IngestReport, Options, Outcome, arrive

log = Logger()

MOST_TOPIC_BYTES: Final = 256
CLOCKS_APART_MS: Final = 3_600_000
"""More than AWS's clocks differ: a report from the future would make all that follow it late, for ever."""

NOBODY: Final = "n/a"
"""What AWS IoT calls the client and the principal that it does not know."""


@dataclass(frozen=True, slots=True)
class Selected:
    """What a metrics rule selects of a message; see `rules.metrics_sql`.

    Attributes:
        topic: Where it was published; of Basic Ingest, what follows the rule's name.
        payload: The report, not trusted.
        at: The rules engine's time, epoch ms.
        client_id: The publisher's.
        principal: The publisher's.
    """

    topic: MetricsTopic
    payload: bytes
    at: int
    client_id: str
    principal: str

    @classmethod
    def parse(cls, event: Any, prefixes: tuple[str, ...], now: int, keep: int) -> "Selected | None":
        """What an event says; None where no metrics rule selects such a thing of a message on a metrics topic. By
        Basic Ingest a device invokes a rule with any topic and payload of its choice."""
        match event:
            case {"topic": str(text), "payload": str(encoded), "at": int(at)}:
                topic = _topic(text, prefixes)
                payload = _payload(encoded)
            case _:
                return None
        if topic is None or payload is None or not now - keep < at < now + CLOCKS_APART_MS:
            return None
        return cls(topic, payload, at, _text(event, "client_id"), _text(event, "principal"))


class Evaluate:
    """Counts a report, then answers it.

    A failure of AWS's or ours is raised: Lambda tries again twice, then keeps the event among the dead reports. The
    device's fault never is. Nor is a failed reply: the report counts.

    Args:
        parts: The container's.
    """

    def __init__(self, parts: Parts) -> None:
        settings = parts.settings
        self._parts = parts
        self._prefixes = (settings.metrics_prefix, *((RESERVED_PREFIX,) if settings.reserved_topic else ()))
        self._options = Options(
            account=settings.account,
            keep=parts.thing_log.keep,
            min_interval=settings.min_report_interval_seconds * 1000,
            allow_unregistered=settings.allow_unregistered_devices,
            flag_counter_resets=settings.flag_counter_resets,
        )
        self._written = LastWritten(min_interval=self._options.min_interval)
        self._refused, self._strangers, self._forgers = (
            Refusals(min_interval=self._options.min_interval) for _ in range(3)
        )
        rate = settings.registry_calls_per_second
        self._share = TokenBucket(rate, max(rate, CALLS))
        self._names = NewNames()
        self._events = EventBus(lambda: parts.client("events"))
        self._replies = IotReplies(lambda: parts.client("iot-data"), own_prefix=settings.metrics_prefix)
        self._tally = Tally()

    def __call__(self, event: Any) -> None:
        """Take one report.

        Args:
            event: What a metrics rule selected, not trusted.

        Raises: Unavailable, where it is to be tried again.
        """
        now = self._parts.clock()
        selected = Selected.parse(event, self._prefixes, now, self._options.keep)
        try:
            if selected:
                self._take(selected, now)
            else:
                self._forged(event, now)
        finally:
            if due := self._tally.due(now):
                with metrics(self._parts.settings.stage) as told:
                    for name, count in due.items():
                        told.add_metric(name, MetricUnit.Count, count)

    def _take(self, selected: Selected, now: int) -> None:
        try:
            ingested = self._count(selected, now)
        except ReportRejected as error:
            self._refuse(selected, error, now)
            return
        except Raced:
            self._tally.add("Raced", ATTEMPTS)
            raise
        self._tally.add("Accepted")
        if ingested.outcome is not Outcome.NEWEST:
            self._tally.add(ingested.outcome.name.title())
        if ingested.flagged:
            self._tally.add("Flagged", ingested.flagged)
        if ingested.dropped:
            self._tally.add("Dropped", len(ingested.dropped))
        if ingested.races:
            self._tally.add("Raced", ingested.races)
        if self._parts.settings.replies == "all":
            self._reply(selected, accepted(selected.topic.thing, ingested.report_id, selected.at, ingested.dropped))

    def _count(self, selected: Selected, now: int) -> Ingested:
        arrival = arrive(selected.topic.thing, selected.topic.format, selected.payload, at=selected.at)
        self._written.check(arrival)
        log_, catalogues = self._parts.thing_log, self._parts.catalogues
        things = Newcomers(self._parts.things, self._share, self._names, principal=selected.principal, now=now)
        ingested = IngestReport(log_, log_, things, catalogues, self._options, admit=things.admit).count(arrival)
        if ingested.outcome is Outcome.NEWEST:
            self._written.wrote(arrival)
        return ingested

    def _refuse(self, selected: Selected, error: ReportRejected, now: int) -> None:
        reason = "NotAThing" if isinstance(error, NotAThing) else error.code
        self._tally.add("Rejected")
        self._tally.add(reason)
        if isinstance(error, TooManyNames):
            refused = self._strangers.add(selected.principal, error, now)
        else:
            refused = self._refused.add(selected.topic.thing, error, now)
        if refused.answer:
            log.warning("rejected", thing=selected.topic.thing, reason=reason, detail=error.message)
            self._reply(selected, rejected(selected.topic.thing, error, selected.at))
        if refused.number == FLOOD:
            self._flood(selected, refused.number, refused.since, now)

    def _reply(self, selected: Selected, reply: Reply) -> None:
        verdict = "accepted" if reply["status"] == "ACCEPTED" else "rejected"
        had_moved = self._replies.moved
        try:
            self._replies.send(selected.topic, verdict, encode(reply, selected.topic.format))
        except NotPublished as error:
            self._tally.add("ReplyFailed")
            log.warning("a reply did not leave", thing=selected.topic.thing, detail=str(error))
        if self._replies.moved != had_moved:
            self._tally.add("ReservedReplyRefused")
            log.warning("replies on reserved topics go to the own ones instead", detail=self._replies.moved)

    def _flood(self, selected: Selected, dropped: int, since: int, now: int) -> None:
        self._tally.add("Flooded")
        detail = {
            "thingName": selected.topic.thing,
            "clientId": selected.client_id,
            "principal": selected.principal,
            "dropped": dropped,
            "windowStart": since,
        }
        try:
            self._events.put("Flooding", detail, at=now)
        except Unavailable as error:
            log.warning("a flood was not told of", thing=selected.topic.thing, detail=str(error))

    def _forged(self, event: Any, now: int) -> None:
        """Neither topic nor payload are logged: their sender made them up."""
        self._tally.add("Forged")
        client_id, principal = _text(event, "client_id"), _text(event, "principal")
        if self._forgers.add(principal, None, now).number == 1:
            log.warning("no report; more of them are only counted", client_id=client_id, principal=principal)


def _topic(text: str, prefixes: tuple[str, ...]) -> MetricsTopic | None:
    """A topic taken apart, where a message can have it. Source: MQTT 3.1.1, 1.5.3 and 4.7.3; AWS IoT quotas."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return None
    if size > MOST_TOPIC_BYTES or any(character in text for character in "+#\0"):
        return None
    return MetricsTopic.parse(text, prefixes)


def _payload(encoded: str) -> bytes | None:
    try:
        return b64decode(encoded, validate=True)
    except ValueError:
        return None


def _text(event: Any, name: str) -> str:
    """What says who published; only ever shown, so another thing than a text is as good as nothing."""
    value = event.get(name) if isinstance(event, Mapping) else None
    return value if isinstance(value, str) else NOBODY


@cache
def _evaluate() -> Evaluate:
    return Evaluate(Parts.from_env())


def handler(event: Any, _context: object) -> None:
    """Entry point of the function that the metrics rules invoke."""
    _evaluate()(event)
