"""What is due is done: the path behind the fast one, which loses nothing that a crash interrupted."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from warden.domain.errors import NewerSchema, Unavailable
from warden.ports import Key, ThingLog
from warden.storage import keys
from warden.storage.jobs import JOB, STUCK, Jobs
from warden.use_cases.invalidate_silent import InvalidateSilent
from warden.use_cases.retire_violations import RetireViolations

log = logging.getLogger(__name__)

STUCK_AGAIN_MS, AGAIN_MS = 300_000, 60_000
"""After how long what failed is due again: for a fault of ours, and where something else was not there."""

AT_ONCE = 100
"""How many items one look takes."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Looks at everything that is due.

    Attributes:
        jobs: Finds it.
        log: The things' logs.
        dispatch: `DispatchTransitions`, perhaps guarded.
        deliver: `DeliverAlerts`, perhaps guarded.
        invalidate_silent: Looks at a violation whose thing may be silent.
        retire: Does a retirement job.
        failed: Told of each item that it failed at for a fault of ours.
        at_once: How many items one look takes.
    """

    jobs: Jobs
    log: ThingLog
    dispatch: Callable[..., list[Key]]
    deliver: Callable[..., int]
    invalidate_silent: InvalidateSilent
    retire: RetireViolations
    failed: Callable[[], object] = lambda: None
    at_once: int = AT_ONCE

    def __call__(self, *, now: int, may_go_on: Callable[[], bool] = lambda: True) -> int:
        """Do some of what is due by epoch ms `now`, the oldest first.

        Args:
            now: Epoch ms.
            may_go_on: Asked before each.

        Returns: How many are out of the way: done, or due again later since they failed and would else stand before
            the rest for ever.
        """
        gone = 0
        for key in self.jobs.due(now, limit=self.at_once):
            if not may_go_on():
                break
            self._try(key, now)
            gone += 1
        return gone

    def _try(self, key: Key, now: int) -> None:
        try:
            self._do(key, now)
        except Exception as error:
            if isinstance(error, Unavailable) and not isinstance(error, NewerSchema):
                log.warning("%s is due and could not be done now; again in a minute: %s", "/".join(key), error)
                self.jobs.postpone(key, due=now + AGAIN_MS)
                return
            log.exception("%s is due and failed; it is tried again in five minutes", "/".join(key))
            self.failed()
            self.jobs.postpone(key, due=now + STUCK_AGAIN_MS)

    def _do(self, key: Key, now: int) -> None:
        match keys.split(key.pk)[0], key.sk:
            case kind, _ if kind == JOB:
                self.deliver(self.retire(key, now=now), now=now)
            case kind, _ if kind == STUCK:
                self._stuck(key, now)
            case _, "VIO":
                violation_id = keys.split(key.pk)[1]
                self.deliver(self.invalidate_silent(violation_id, now=now), now=now)
            case _:
                self.deliver([key], now=now)

    def _stuck(self, key: Key, now: int) -> None:
        stored = self.jobs.stuck(key)
        if stored is None:
            return
        logged = self.log.read(stored.record.thing, stored.record.seq)
        if logged:
            try:
                self.deliver(self.dispatch(stored.record.thing, logged, now=now), now=now)
            except Exception as error:
                log.exception("entry %d of %s is still stuck", stored.record.seq, stored.record.thing)
                self.jobs.still_stuck(stored, repr(error), due=now + STUCK_AGAIN_MS)
                return
        self.jobs.unstick(stored)
