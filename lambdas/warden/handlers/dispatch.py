"""The stream of table `log`: what its new entries did to violations is recorded, and subscribers are told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from warden.adapters.dynamodb import streamed_item
from warden.domain.errors import Unavailable
from warden.handlers.alert_path import publish_alerts
from warden.handlers.parts import Parts
from warden.handlers.telemetry import metrics
from warden.ports import Key
from warden.storage import keys
from warden.storage.thing_log import Marked, Outbox
from warden.use_cases.dispatch_outbox import Deliver, DispatchOutbox
from warden.use_cases.dispatch_transitions import DispatchTransitions

log = Logger()

ENOUGH_MS = 20_000
"""What is left of an invocation's time when it begins nothing more: one call that is tried three times in vain takes
as long, and an invocation that runs out of time is done again from its beginning."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """One invocation's records: things whose entry failed, and of each entry that did not, the events to tell of."""

    has_time: Callable[[], bool]
    failed: set[str] = field(default_factory=set)
    recorded: list[list[Key]] = field(default_factory=list)


class Dispatch:
    """Deals with marked entries as the stream brings them: a thing's in order, each at least once.

    Args:
        parts: The container's.
        deliver: Tells subscribers of events, as `PublishAlerts` does.
    """

    def __init__(self, parts: Parts, deliver: Deliver) -> None:
        things = parts.thing_log
        self._parts = parts
        self._deliver = deliver
        dispatch = DispatchTransitions(parts.catalogue, things, parts.violations, keep=things.keep)
        self._outbox = DispatchOutbox(Outbox(parts.log_table), dispatch, deliver)

    def __call__(self, event: dict[str, Any], remaining: Callable[[], int]) -> dict[str, Any]:
        """Record what the entries did, then tell of it.

        Args:
            event: DynamoDB's stream records, with new images.
            remaining: Milliseconds that are left of the invocation's time.

        Returns: The records to bring again, as `batchItemFailures`. Alerts are never a reason: those that could not
            be sent now are found by their events' due times.
        """
        batch = _Batch(lambda: remaining() > ENOUGH_MS)
        # Where all have failed the answer says so, too: an error would hide from which record on to try again.
        processor = BatchProcessor(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)
        with metrics(self._parts.settings.stage) as told:
            answer = process_partial_response(event, lambda record: self._record(record, batch), processor)
            if failures := len(answer["batchItemFailures"]):
                told.add_metric("DispatchFailed", MetricUnit.Count, failures)
            self._tell(batch, told)
        return dict(answer)

    def _record(self, record: DynamoDBRecord, batch: _Batch) -> None:
        raw = record.raw_event
        image = raw["dynamodb"].get("NewImage", {})
        if raw["eventName"] != "INSERT" or keys.OUTBOX not in image:  # one that was set aside comes as a MODIFY
            return
        marked = Marked(streamed_item(image, keys.LOG))
        if marked.thing in batch.failed:
            raise Unavailable("it waits for its thing's entry before it")
        if not batch.has_time():
            raise Unavailable("no time is left")
        try:
            batch.recorded.append(self._outbox.entry(marked, now=self._parts.clock()))
        except Exception:
            batch.failed.add(marked.thing)
            log.exception("entry was not dispatched", thing=marked.thing, seq=marked.seq)
            raise

    def _tell(self, batch: _Batch, told: EphemeralMetrics) -> None:
        for events in batch.recorded:
            if not batch.has_time():
                log.warning("no time is left for alerts; the sweep sends them")
                return
            try:
                self._deliver(events, now=self._parts.clock())
            except Exception:
                told.add_metric("DeliveryFailed", MetricUnit.Count, 1)
                log.exception("alerts were not delivered; the sweep finds them by their events")


@cache
def _dispatch() -> Dispatch:
    parts = Parts.from_env()
    return Dispatch(parts, publish_alerts(parts))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of the function that the stream of table `log` feeds."""
    return _dispatch()(event, context.get_remaining_time_in_millis)
