"""Violations that nothing stands for any more are ended, after a deletion or a detachment.

It walks at once and once more later: a dispatch that asked the fence just before the deletion may record a violation
just after the first walk. A walk is done in steps, so that it ends however many violations there are; one that begins
meanwhile is left to the next walk.
"""

import logging
from dataclasses import dataclass

import msgspec

from warden.domain.alarms.entry import EntryKind, Reason
from warden.domain.alarms.violation import Episode
from warden.domain.errors import Unavailable
from warden.ports import Check, Key, ThingLog
from warden.storage.catalogue import CatalogueStore
from warden.storage.jobs import Job, Jobs
from warden.storage.records import Stored
from warden.storage.violations import Violations
from warden.use_cases.end_violation import end_violation
from warden.use_cases.fence import Fence, Standing
from warden.use_cases.withdraw_alarms import WithdrawAlarms

WALK_AGAIN_MS = 900_000

AT_ONCE = 200

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetireViolations:
    """Does a retirement job, step by step; an interrupted step is done again.

    Attributes:
        catalogue: The security profiles.
        log: The things' logs.
        violations: Episodes and events.
        jobs: Has the job.
        keep: Milliseconds that log entries count for.
        at_once: How many violations a step looks at.
    """

    catalogue: CatalogueStore
    log: ThingLog
    violations: Violations
    jobs: Jobs
    keep: int
    at_once: int = AT_ONCE

    def __call__(self, key: Key, *, now: int) -> list[Key]:
        """Walk on through a job's active violations, and keep the job: due at once where some are left, later where
        another walk has to follow. Returns where the events are that it recorded."""
        stored = self.jobs.job(key)
        if stored is None:
            return []
        job = stored.record
        if job.incarnation:
            self._remove_profile(job)
        active = self.violations.active(thing=None, profile=job.profile, behind=job.behind)
        behind, missed = None, job.missed
        events: list[Key] = []
        for number, (place, episode) in enumerate(active, 1):
            missed |= not self._retired(job, episode, events, now)
            if number == self.at_once:
                behind = place
                break
        if behind:
            self.jobs.again(stored, msgspec.structs.replace(job, behind=behind, missed=missed), due=now)
        elif missed or job.walks > 1:
            walks = job.walks if missed else job.walks - 1
            again = msgspec.structs.replace(job, walks=walks, behind=None, missed=False)
            self.jobs.again(stored, again, due=now + WALK_AGAIN_MS)
        else:
            self.jobs.finish(stored)
        return events

    def _retired(self, job: Job, stored: Stored[Episode], events: list[Key], now: int) -> bool:
        """Whether nothing stood in the way; a fault of ours at one violation must not stop the walk before the rest."""
        try:
            events += self._retire(job, stored, now)
        except Unavailable:
            raise
        except Exception:
            log.exception("violation %s could not be retired; the next walk tries again", stored.record.violation_id)
            return False
        return True

    def _retire(self, job: Job, stored: Stored[Episode], now: int) -> list[Key]:
        episode = stored.record
        standing = Fence(self.catalogue, self.log).of(episode)
        if standing.live and standing.covered:
            return []
        reason = self._reason(job, episode, standing)
        rings = standing.live and WithdrawAlarms(self.log, keep=self.keep)(
            episode.thing,
            lambda alarm, _: alarm.ringing and alarm.violation_id == episode.violation_id,
            kind=EntryKind.RETIRE,
            reason=reason,
            now=now,
        )
        return [] if rings else end_violation(self.violations, stored, standing, reason=reason, now=now)

    def _reason(self, job: Job, episode: Episode, standing: Standing) -> Reason:
        """Why a violation ends: a job may come upon what a later change has left."""
        if episode.uid in job.reasons:
            return job.reasons[episode.uid]
        if standing.live:
            return Reason.PROFILE_DETACHED
        stored = self.catalogue.head(job.profile)
        return Reason.PROFILE_DELETED if stored is None or stored.record.deleted else job.reason

    def _remove_profile(self, job: Job) -> None:
        """Remove what is left of a deleted profile: its attachments, then its head."""
        stored = self.catalogue.head(job.profile)
        if stored is None or not stored.record.deleted or stored.record.incarnation != job.incarnation:
            return
        for attachment in self.catalogue.targets(stored.record):
            still_deleted = Check(stored.key, stored.unchanged)  # else its successor may be attached there by now
            self.catalogue.remove([*self.catalogue.detach(job.profile, attachment.arn), still_deleted])
        self.catalogue.drop_head(stored)
