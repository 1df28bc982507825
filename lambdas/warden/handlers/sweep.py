"""Every minute: what the stream left behind, and all that is due."""

from collections import Counter
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from warden.handlers.alert_path import clean_delivery_rules, publish_alerts
from warden.handlers.dispatch import ENOUGH_MS
from warden.handlers.parts import Parts
from warden.handlers.telemetry import metrics
from warden.storage.thing_log import Outbox
from warden.use_cases.dispatch_outbox import Deliver, DispatchOutbox
from warden.use_cases.dispatch_transitions import DispatchTransitions
from warden.use_cases.invalidate_silent import InvalidateSilent
from warden.use_cases.retire_violations import RetireViolations
from warden.use_cases.sweep import AT_ONCE
from warden.use_cases.sweep import Sweep as SweepDue

log = Logger()


CLEAN_EVERY_MS = 3_600_000


class Sweep:
    """Works until nothing is left to do, or its time is nearly over.

    Args:
        parts: The container's.
        deliver: Tells subscribers of events, as `PublishAlerts` does.
        clean: Removes what is not needed any more, about once an hour, at epoch ms `now`.
        at_once: How much of one kind of work is done before it is the other's turn.
    """

    def __init__(
        self, parts: Parts, deliver: Deliver, clean: Callable[..., int] = lambda **_: 0, *, at_once: int = AT_ONCE
    ) -> None:
        catalogue, things, violations, keep = parts.catalogue, parts.thing_log, parts.violations, parts.thing_log.keep
        dispatch = DispatchTransitions(catalogue, things, violations, keep=keep)
        self._parts = parts
        self._counts = Counter[str]()
        failed = partial(self._counts.update, ["SweepFailed"])
        self._work: dict[str, Callable[..., int]] = {
            "LeftBehind": DispatchOutbox(Outbox(parts.log_table), dispatch, deliver, failed, at_once),
            "Due": SweepDue(
                jobs=parts.jobs,
                log=things,
                dispatch=dispatch,
                deliver=deliver,
                invalidate_silent=InvalidateSilent(catalogue, things, violations, keep),
                retire=RetireViolations(catalogue, things, violations, parts.jobs, keep),
                failed=failed,
                at_once=at_once,
            ),
        }
        self._clean = clean
        self._cleaned_at = 0

    def __call__(self, remaining: Callable[[], int]) -> None:
        """Sweep; `remaining` gives the milliseconds that are left of the invocation's time."""
        self._counts.clear()
        with metrics(self._parts.settings.stage) as told:
            while (has_time := remaining() > ENOUGH_MS) and self._turn(lambda: remaining() > ENOUGH_MS):
                pass
            if has_time:
                self._clean_up()
            else:
                self._counts["SweepOutOfTime"] += 1
            for name, count in self._counts.items():
                told.add_metric(name, MetricUnit.Count, count)

    def _clean_up(self) -> None:
        now = self._parts.clock()
        if now - self._cleaned_at >= CLEAN_EVERY_MS:
            self._some("Cleaned", partial(self._clean, now=now))
            self._cleaned_at = now

    def _turn(self, may_go_on: Callable[[], bool]) -> int:
        """A little of everything, so that a flood of one kind does not hold up the other."""
        now = self._parts.clock()
        return sum(self._some(name, partial(work, now=now, may_go_on=may_go_on)) for name, work in self._work.items())

    def _some(self, name: str, work: Callable[[], int]) -> int:
        try:
            done = work()
        except Exception:
            log.exception("sweep failed", work=name)
            self._counts["SweepFailed"] += 1
            return 0
        self._counts[name] += done
        return done


@cache
def _sweep() -> Sweep:
    parts = Parts.from_env()
    return Sweep(parts, publish_alerts(parts), clean_delivery_rules(parts))


def handler(_event: dict[str, Any], context: Any) -> None:
    """Entry point of the function that a schedule starts every minute."""
    _sweep()(context.get_remaining_time_in_millis)
