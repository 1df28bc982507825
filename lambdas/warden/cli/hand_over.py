"""What is done with each kind of dead letter: read, checked, handed to the part of the stage that deals with it."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from warden.cli.dead_letters import Left, Letter, Poison
from warden.domain.alerts.letter import read_letter
from warden.domain.errors import InvalidRequest, Unavailable
from warden.domain.reports.topics import RESERVED_PREFIX, MetricsTopic
from warden.storage.violations import Violations
from warden.use_cases.redrive_alert import redrive_alert

_RULES = f"{RESERVED_PREFIX}/rules/"
_TOO_LARGE = frozenset({"RequestTooLargeException", "RequestEntityTooLargeException"})


class ReportEvent(msgspec.Struct, frozen=True):
    """What the metrics rules hand the evaluator.

    Attributes:
        payload: The report, as base64.
        topic: What `topic()` was.
        client_id: Of the connection that published it.
        principal: Of that connection; empty where it is no longer known.
        at: When it arrived, epoch ms.
    """

    payload: str
    topic: str
    client_id: str
    principal: str
    at: int


@dataclass(frozen=True, slots=True)
class Reports:
    """Reports that were not counted, for the evaluator to take as if they came now, with the time they came.

    Attributes:
        functions: Client of Lambda.
        function: The evaluator's name.
        metrics_prefix: First level of the own metrics topics.
    """

    functions: Any
    function: str
    metrics_prefix: str

    def read(self, letter: Letter) -> tuple[int, ReportEvent]:
        """The event of a letter, which has one of two forms: a topic rule's error, which knows neither the principal
        nor the time, so that the letter's own is taken; or an invocation that failed, with the event as it was."""
        body = _object(letter.body)
        if "base64OriginalPayload" in body:
            topic = str(body.get("topic", ""))
            if topic.startswith(_RULES):
                topic = topic.removeprefix(_RULES).partition("/")[2]
            given: Any = {
                "payload": body["base64OriginalPayload"],
                "topic": topic,
                "client_id": body.get("clientId") or "",
                "principal": "",
                "at": letter.sent_at,
            }
        elif "requestPayload" in body:
            self._check_function(body)
            given = body["requestPayload"]
        else:
            raise Poison("it is neither a topic rule's error nor a failed invocation")
        event = self._event(given)
        return event.at, event

    def hand_over(self, event: ReportEvent) -> None:
        """Queue the event for the evaluator; Lambda then owes it retries and, at last, another dead letter."""
        invoke(self.functions, self.function, msgspec.json.encode(event), wait=False)

    def _check_function(self, body: Mapping[str, Any]) -> None:
        context = body.get("requestContext")
        arn = str(context.get("functionArn", "")) if isinstance(context, Mapping) else ""
        name = arn.split(":")[6] if arn.count(":") >= 6 else arn
        if name != self.function:
            raise Poison(f"it is a failed invocation of {name or 'no function'}, not of {self.function}")

    def _event(self, given: Any) -> ReportEvent:
        try:
            event = msgspec.convert(given, ReportEvent)
            base64.b64decode(event.payload, validate=True)
        except msgspec.ValidationError as error:
            raise Poison(f"its event is not what the metrics rules select: {error}") from error
        except (binascii.Error, ValueError) as error:
            raise Poison("its payload is no base64") from error
        if MetricsTopic.parse(event.topic, (RESERVED_PREFIX, self.metrics_prefix)) is None:
            raise Poison("its topic is not one of metrics reports")
        return event


@dataclass(frozen=True, slots=True)
class BackToSource:
    """Letters that go back to the queue that they came from, as they are.

    Attributes:
        sqs: Client.
        url: Of that queue.
    """

    sqs: Any
    url: str

    def read(self, letter: Letter) -> tuple[int, str]:
        """The letter's text."""
        _object(letter.body)
        return letter.sent_at, letter.body

    def hand_over(self, body: str) -> None:
        """Send it once more."""
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body)


def source_of(sqs: Any, url: str) -> str:
    """URL of the one queue whose dead letters a queue takes. Raises Left."""
    urls = sqs.list_dead_letter_source_queues(QueueUrl=url).get("queueUrls", [])
    if len(urls) != 1:
        raise Left(f"{len(urls)} queues have {url.rsplit('/', 1)[-1]} for their dead letters, expected 1")
    return str(urls[0])


@dataclass(frozen=True, slots=True)
class Alerts:
    """Alerts that nobody gave a receipt for in a day: their events are due again, so that the sweeper publishes those
    that are still wanted.

    Attributes:
        violations: Where the events are.
        clock: Now, epoch ms.
    """

    violations: Violations
    clock: Callable[[], int]

    def read(self, letter: Letter) -> tuple[int, str]:
        """The letter's text."""
        try:
            read_letter(letter.body)
        except InvalidRequest as error:
            raise Poison(str(error)) from error
        return letter.sent_at, letter.body

    def hand_over(self, body: str) -> None:
        """Make the event due. One that is gone, unwanted or under way needs nothing: the letter may go, too."""
        try:
            redrive_alert(self.violations, body, now=self.clock())
        except Unavailable as error:
            raise Left(f"its event could not be written: {error}") from error


def stream_records(text: bytes) -> list[Any]:
    """The records in an object that Lambda wrote when dispatch had failed at them five times. Raises Poison."""
    body = _object(text)
    payload = body.get("payload")
    if isinstance(payload, str):
        payload = _object(payload)
    records = payload.get("Records") if isinstance(payload, Mapping) else None
    if not isinstance(records, list) or not records:
        raise Poison("it holds no stream records: expected payload.Records")
    return records


def invoke(functions: Any, function: str, event: bytes, *, wait: bool) -> Any:
    """Have a function take an event: queue it, or wait for what it answers. Raises Left where it takes none such, or
    failed at it."""
    kind = "RequestResponse" if wait else "Event"
    try:
        answer = functions.invoke(FunctionName=function, InvocationType=kind, Payload=event)
    except ClientError as error:
        if error.response["Error"]["Code"] in _TOO_LARGE:
            raise Left(f"{len(event)} bytes are too large for an invocation of {function}") from error
        raise
    if not wait:
        return None
    said = answer["Payload"].read()
    if "FunctionError" in answer:
        raise Left(f"{function} failed: {said[:200].decode(errors='replace')}")
    return json.loads(said or b"null")


def _object(text: str | bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(text)
    except ValueError as error:
        raise Poison("it is no JSON") from error
    if not isinstance(body, Mapping):
        raise Poison("it is no JSON object")
    return body
