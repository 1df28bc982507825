"""An alarm whose thing has said nothing of it for two days is invalidated.

Only the alarm's own datapoints keep it alive: other metrics of the same thing do not.
"""

from dataclasses import dataclass

import msgspec

from warden.domain.alarms.advance import current
from warden.domain.alarms.alarm import Alarm
from warden.domain.alarms.entry import EntryKind, Reason
from warden.domain.alarms.violation import Episode, Status
from warden.domain.behaviors.target import ThingFacts
from warden.ports import Key, Known, ThingLog
from warden.storage.catalogue import CatalogueStore
from warden.storage.records import Stored
from warden.storage.violations import Violations
from warden.use_cases.dispatch_transitions import SILENT_AFTER_MS
from warden.use_cases.end_violation import end_violation
from warden.use_cases.fence import Fence
from warden.use_cases.withdraw_alarms import WithdrawAlarms

LOOK_AGAIN_MS = 900_000
"""How long an end that the log holds already is left to dispatch."""


@dataclass(frozen=True, slots=True)
class InvalidateSilent:
    """Looks at an active violation whose thing may have gone silent."""

    catalogue: CatalogueStore
    log: ThingLog
    violations: Violations
    keep: int

    def __call__(self, violation_id: str, *, now: int) -> list[Key]:
        """Invalidate a violation if its alarm is silent, else say when to look again.

        Returns: Where the event is whose alert may have to be sent.
        """
        stored = self.violations.episode(violation_id)
        if stored is None or stored.record.status is not Status.ACTIVE:
            return []
        episode = stored.record
        known = self.log.load(episode.thing, consistent=True)
        alarm = self._ringing(known, episode, now)
        if alarm is None and (episode.looked_at or self._void(known, now)):
            return self._close(stored, now)
        if alarm is None:
            again = msgspec.structs.replace(episode, looked_at=True)
            self.violations.look_again(stored, again, due=now + LOOK_AGAIN_MS)
        elif alarm.seen_at + SILENT_AFTER_MS > now:
            self.violations.look_again(stored, episode, due=alarm.seen_at + SILENT_AFTER_MS)
        else:
            self._silence(stored, now)
        return []

    def _ringing(self, known: Known, episode: Episode, now: int) -> Alarm | None:
        state, _ = current(known.newest, known.facts or ThingFacts(""), now=now, keep=self.keep)
        return next((alarm for alarm in state.alarms if alarm.violation_id == episode.violation_id), None)

    def _void(self, known: Known, now: int) -> bool:
        """Whether the log has nothing more to say: it is gone, or what it says counts no longer."""
        if known.newest is None:
            return True
        facts = known.facts or ThingFacts("")
        return known.newest.entry.thing_id != facts.thing_id or known.newest.entry.pos + self.keep <= now

    def _close(self, stored: Stored[Episode], now: int) -> list[Key]:
        episode = stored.record
        standing = Fence(self.catalogue, self.log).of(episode)
        return end_violation(self.violations, stored, standing, reason=Reason.SILENT, now=now)

    def _silence(self, stored: Stored[Episode], now: int) -> None:
        """Put the alarm to rest, and with it all others of its thing that are silent: one entry holds their ends."""
        episode = stored.record
        WithdrawAlarms(self.log, keep=self.keep)(
            episode.thing,
            lambda alarm, _: alarm.ringing and alarm.seen_at + SILENT_AFTER_MS <= now,
            kind=EntryKind.SILENCE,
            reason=Reason.SILENT,
            now=now,
        )
        self.violations.look_again(stored, episode, due=now + LOOK_AGAIN_MS)
