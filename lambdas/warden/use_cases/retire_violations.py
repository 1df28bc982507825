"""Violations that nothing stands for any more are ended, after a deletion or a detachment.

It walks at once and once more later: a dispatch that asked the fence just before the deletion may record a violation
just after the first walk.
"""

from dataclasses import dataclass

import msgspec

from warden.domain.alarms.entry import EntryKind
from warden.domain.alarms.violation import Episode
from warden.ports import Check, Key, ThingLog
from warden.storage.catalogue import CatalogueStore
from warden.storage.jobs import Job, Jobs
from warden.storage.records import Stored
from warden.storage.violations import Violations
from warden.use_cases.end_violation import end_violation
from warden.use_cases.fence import Fence
from warden.use_cases.withdraw_alarms import WithdrawAlarms

WALK_AGAIN_MS = 900_000


@dataclass(frozen=True, slots=True)
class RetireViolations:
    """Does a retirement job; interrupted, it starts again from the beginning."""

    catalogue: CatalogueStore
    log: ThingLog
    violations: Violations
    jobs: Jobs
    keep: int

    def __call__(self, key: Key, *, now: int) -> None:
        """Walk through a job's active violations, and keep the job for its next walk."""
        stored = self.jobs.job(key)
        if stored is None:
            return
        job = stored.record
        if job.incarnation:
            self._remove_profile(job)
        for _, episode in self.violations.active(thing=None, profile=job.profile, behind=None):
            self._retire(job, episode, now)
        if job.walks > 1:
            self.jobs.again(stored, msgspec.structs.replace(job, walks=job.walks - 1), due=now + WALK_AGAIN_MS)
        else:
            self.jobs.finish(stored)

    def _retire(self, job: Job, stored: Stored[Episode], now: int) -> None:
        episode = stored.record
        standing = Fence(self.catalogue, self.log).of(episode)
        if standing.live and standing.covered:
            return
        reason = job.reasons.get(episode.uid, job.reason)
        rings = standing.live and WithdrawAlarms(self.log, keep=self.keep)(
            episode.thing,
            lambda alarm, _: alarm.ringing and alarm.violation_id == episode.violation_id,
            kind=EntryKind.RETIRE,
            reason=reason,
            now=now,
        )
        if not rings:
            end_violation(self.violations, stored, standing, reason=reason, now=now)

    def _remove_profile(self, job: Job) -> None:
        """Remove what is left of a deleted profile: its attachments, then its head."""
        stored = self.catalogue.head(job.profile)
        if stored is None or not stored.record.deleted or stored.record.incarnation != job.incarnation:
            return
        for attachment in self.catalogue.targets(stored.record):
            still_deleted = Check(stored.key, stored.unchanged)  # else its successor may be attached there by now
            self.catalogue.remove([*self.catalogue.detach(job.profile, attachment.arn), still_deleted])
        self.catalogue.drop_head(stored)
