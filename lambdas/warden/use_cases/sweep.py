"""What is due is done: the path behind the fast one, which loses nothing that a crash interrupted."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from warden.domain.errors import Unavailable
from warden.ports import Key, ThingLog
from warden.storage import keys
from warden.storage.jobs import JOB, STUCK, Jobs
from warden.use_cases.invalidate_silent import InvalidateSilent
from warden.use_cases.retire_violations import RetireViolations

log = logging.getLogger(__name__)

STUCK_AGAIN_MS = 300_000

AT_ONCE = 100


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
        failed: What failed for a fault of ours, and when it is tried again, epoch ms; else it would stand before
            the rest for ever.
    """

    jobs: Jobs
    log: ThingLog
    dispatch: Callable[..., list[Key]]
    deliver: Callable[..., int]
    invalidate_silent: InvalidateSilent
    retire: RetireViolations
    failed: dict[Key, int] = field(default_factory=dict)

    def __call__(self, *, now: int) -> int:
        """Do what is due by epoch ms `now`, 100 items at most.

        Returns: How many were done; what failed is due again, and does not hold up the rest.
        """
        done = 0
        due = self.jobs.due(now, limit=AT_ONCE + len(self.failed))
        for key in [key for key in due if self.failed.get(key, 0) <= now][:AT_ONCE]:
            try:
                self._do(key, now)
                self.failed.pop(key, None)
                done += 1
            except Unavailable as error:
                log.warning("%s is due and could not be done now: %s", "/".join(key), error)
            except Exception:
                self.failed[key] = now + STUCK_AGAIN_MS
                log.exception("%s is due and failed; it is tried again in five minutes", "/".join(key))
        return done

    def _do(self, key: Key, now: int) -> None:
        match keys.split(key.pk)[0], key.sk:
            case kind, _ if kind == JOB:
                self.retire(key, now=now)
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
