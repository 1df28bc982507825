"""The registry's events: what they name is read again, stored, and alarms that it leaves uncovered are put to rest."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from warden.adapters.aws_iot import CALLS_TO_ASK, PacedThings
from warden.adapters.pace import waiting
from warden.adapters.registry_queue import LONGEST_DELAY_SECONDS, RegistryQueue, read
from warden.adapters.token_bucket import TokenBucket
from warden.domain.errors import Throttled
from warden.domain.registry.events import RegistryChange
from warden.handlers.parts import Parts
from warden.handlers.reconcile import ENOUGH_MS
from warden.handlers.telemetry import metrics
from warden.storage.registered_things import RegisteredThings
from warden.use_cases.follow_registry_event import FollowRegistryEvent
from warden.use_cases.record_registry_answer import RecordRegistryAnswer
from warden.use_cases.refresh_thing import RefreshThing
from warden.use_cases.walk_group import Walk, WalkGroup

log = Logger()


@dataclass(frozen=True, slots=True)
class _Batch:
    """One invocation: how it looks at things, and what it looked at already, which covers messages that came before."""

    told: EphemeralMetrics
    has_time: Callable[[], bool]
    follow: FollowRegistryEvent
    walk: WalkGroup
    seen: set[RegistryChange] = field(default_factory=set)


class Registry:
    """Follows registry events, from an SQS queue.

    It waits for its share of the registry's quota. What cannot be asked in the invocation's time returns to the queue.
    A forged event costs one question about a thing, and what is stored is the registry's answer.

    Args:
        parts: The container's.
        sleep: Waits, in seconds.
    """

    def __init__(self, parts: Parts, sleep: Callable[[float], None] = time.sleep) -> None:
        settings, things = parts.settings, parts.thing_log
        self._parts = parts
        rate = settings.registry_calls_per_second
        self._sleep = sleep
        self._bucket = TokenBucket(rate, max(rate, CALLS_TO_ASK))
        self._known = RegisteredThings(parts.log_table)
        self._answered = RecordRegistryAnswer(things, things, parts.catalogues, keep=things.keep)
        self._queue = RegistryQueue(lambda: parts.client("sqs"), settings.registry_queue_url)

    def __call__(self, event: dict[str, Any], remaining: Callable[[], int]) -> dict[str, Any]:
        """Deal with a batch, for as long as there is time.

        Args:
            event: SQS's records.
            remaining: Milliseconds that are left of the invocation's time.

        Returns: The records to bring again, as `batchItemFailures`.
        """
        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        with metrics(self._parts.settings.stage) as told:
            batch = self._batch(told, lambda: remaining() > ENOUGH_MS)
            answer = process_partial_response(event, lambda record: self._record(record, batch), processor)
            if failures := len(answer["batchItemFailures"]):
                told.add_metric("RegistryEventsReturned", MetricUnit.Count, failures)
        return dict(answer)

    def _batch(self, told: EphemeralMetrics, has_time: Callable[[], bool]) -> _Batch:
        parts = self._parts
        pace = waiting(self._bucket, parts.clock, self._sleep, has_time)
        refresh = RefreshThing(PacedThings(parts.things, pace), self._known, self._answered)
        walk = WalkGroup(parts.catalogue, parts.violations, refresh, arn=self._arn, above=parts.things.above)
        return _Batch(told, has_time, FollowRegistryEvent(refresh, walk), walk)

    def _record(self, record: SQSRecord, batch: _Batch) -> None:
        try:
            self._message(record, batch)
        except Throttled:
            raise  # not worth a line: the queue brings it again
        except Exception:
            log.exception("a registry event was not dealt with", message_id=record.message_id)
            raise

    def _message(self, record: SQSRecord, batch: _Batch) -> None:
        asked = read(record.body)
        if asked is None:
            batch.told.add_metric("RegistryEventsDropped", MetricUnit.Count, 1)
            log.warning("no registry event", message_id=record.message_id)
        elif asked not in batch.seen:
            if not batch.has_time():
                raise Throttled("no time is left")
            if isinstance(asked, Walk):
                self._go_on(asked, batch)
            else:
                self._change(asked, int(record.attributes.sent_timestamp), batch)

    def _change(self, change: RegistryChange, sent_at: int, batch: _Batch) -> None:
        walk = batch.follow(change, sent_at=sent_at, now=self._parts.clock())
        if walk:
            self._go_on(walk, batch)
            # What was raised before, and is not recorded yet, is found by a second walk.
            self._queue.send(walk, delay_seconds=LONGEST_DELAY_SECONDS)
        batch.seen.add(change)
        batch.told.add_metric("RegistryEvents", MetricUnit.Count, 1)

    def _go_on(self, walk: Walk, batch: _Batch) -> None:
        left = batch.walk(walk, self._parts.clock, batch.has_time)
        if left:
            self._queue.send(left)

    def _arn(self, group: str) -> str:
        settings = self._parts.settings
        return f"arn:{settings.partition}:iot:{self._parts.region}:{settings.account}:thinggroup/{group}"


@cache
def _registry() -> Registry:
    return Registry(Parts.from_env())


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of the function that the queue of registry events feeds."""
    return _registry()(event, context.get_remaining_time_in_millis)
