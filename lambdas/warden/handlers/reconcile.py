"""The projection of the registry is compared with the registry: nightly all of it, often the dynamic groups."""

import json
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.request import urlopen

import msgspec
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from warden.adapters.aws_iot import CALLS_TO_ASK, IotRegistryPages, PacedThings
from warden.adapters.pace import waiting
from warden.adapters.token_bucket import TokenBucket
from warden.handlers.cloudformation import SEED, Asked, Made, Opener, answer
from warden.handlers.parts import Parts
from warden.handlers.telemetry import metrics
from warden.storage.registered_things import RegisteredThings
from warden.storage.registry_passes import ALL, DYNAMIC, RegistryPasses
from warden.use_cases.compare_page import ComparePage
from warden.use_cases.reconcile_dynamic_groups import ReconcileDynamicGroups
from warden.use_cases.reconcile_registry import ReconcileRegistry
from warden.use_cases.record_registry_answer import RecordRegistryAnswer
from warden.use_cases.refresh_thing import RefreshThing

log = Logger()

ENOUGH_MS = 45_000
"""What is left of an invocation's time when it begins nothing more: a question of two calls that are each tried three
times, what follows from its answer, and the place to store."""

DEPLOYMENT_WAITS_MS = 40 * 60_000
"""After how long a deployment waits no more for the first pass; an invocation may have begun just before, and
CloudFormation gives up after an hour."""


class Reconcile:
    """Works at a pass for as long as an invocation may, then has itself invoked to go on.

    Args:
        parts: The container's.
        sleep: Waits, in seconds.
        opener: Opens the URL of the answer to CloudFormation.
    """

    def __init__(self, parts: Parts, sleep: Callable[[float], None] = time.sleep, opener: Opener = urlopen) -> None:
        things, rate = parts.thing_log, parts.settings.registry_calls_per_second
        self._parts = parts
        self._opener = opener
        self._passes = RegistryPasses(parts.control_table)
        self._known = RegisteredThings(parts.log_table)
        pace = waiting(TokenBucket(rate, max(rate, CALLS_TO_ASK)), parts.clock, sleep)
        self._pages = IotRegistryPages(lambda: parts.client("iot"), pace)
        answered = RecordRegistryAnswer(things, things, parts.catalogues, keep=things.keep)
        self._refresh = RefreshThing(PacedThings(parts.things, pace), self._known, answered)

    def __call__(self, event: Mapping[str, Any], context: Any) -> None:
        """Compare.

        Args:
            event: `groups`: `all` or `dynamic`; `resume`: id of the pass to go on with, where one is; `asked`, `at`:
                CloudFormation's request that waits for the end of the pass, and when it came, epoch ms.
            context: Lambda's.
        """
        waiting_for_it = {name: event[name] for name in ("asked", "at") if name in event}
        left: int | None = None
        try:
            left = self._compare(event, context)
        finally:
            # A deployment never fails for this: what is not filled in now is asked about when it reports.
            if waiting_for_it and (left is None or self._parts.clock() - event["at"] > DEPLOYMENT_WAITS_MS):
                answer(msgspec.convert(event["asked"], Asked), Made(SEED), self._opener)
                waiting_for_it = {}
        if left is not None:
            self._invoke({"groups": event["groups"], "resume": left, **waiting_for_it}, context.invoked_function_arn)

    def _compare(self, event: Mapping[str, Any], context: Any) -> int | None:
        """Compare for as long as there is time. Returns the pass to go on with, None where it has ended."""
        groups, clock = event["groups"], self._parts.clock
        until = clock() + context.get_remaining_time_in_millis() - ENOUGH_MS
        compare = ComparePage(self._known, self._refresh, clock, until=until)
        with metrics(self._parts.settings.stage) as told:
            try:
                left = self._pass(groups, compare)(event.get("resume"))
            finally:
                told.add_metric("ReconcileAsked", MetricUnit.Count, compare.asked)
                if (age := self._age()) is not None:
                    told.add_metric("ReconcileAge", MetricUnit.Seconds, age)
        log.info("compared with the registry", groups=groups, asked=compare.asked, goes_on=left is not None)
        return left

    def _pass(self, groups: str, compare: ComparePage) -> Callable[[int | None], int | None]:
        if groups == ALL:
            return ReconcileRegistry(self._pages, self._known, compare, self._passes, self._parts.clock)
        if groups != DYNAMIC:
            raise ValueError(f"groups: expected {ALL} or {DYNAMIC}, got {groups!r}")
        return ReconcileDynamicGroups(
            self._pages,
            self._known,
            compare,
            self._passes,
            self._parts.catalogue,
            clock=self._parts.clock,
            too_large=_too_large,
        )

    def _age(self) -> float | None:
        """Seconds since the last full pass began that came to its end; before the first, since that one began."""
        last, current = self._passes.last(ALL), self._passes.current(ALL)
        began = last.began if last else current.record.began if current else None
        return None if began is None else (self._parts.clock() - began) / 1000

    def _invoke(self, event: Mapping[str, Any], function: str) -> None:
        payload = json.dumps(event).encode()
        self._parts.client("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=payload)


def _too_large(group: str) -> None:
    log.error("a dynamic group has too many members for one invocation; full passes compare it", group=group)


@cache
def _reconcile() -> Reconcile:
    return Reconcile(Parts.from_env())


def handler(event: dict[str, Any], context: Any) -> None:
    """Entry point of the function that two schedules start, and itself."""
    _reconcile()(event, context)
