"""Events that subscribers are to hear of are handed to their topic, at least once, where it says what it took."""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress

from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.violation import Event
from warden.domain.alerts.message import publication
from warden.domain.errors import Raced, Unavailable
from warden.ports import Alerts, Key, ThingLog
from warden.storage.catalogue import CatalogueStore
from warden.storage.records import Stored
from warden.storage.violations import Violations
from warden.use_cases.fence import Fence

RETRY_MS, RETRY_MOST_MS = 60_000, 3_600_000
"""After how long an alert that the topic did not take is tried again: half of what it has waited, within these."""

log = logging.getLogger(__name__)


class Wanted:
    """Asks whether anybody wants an event's alert at this moment; every read is consistent.

    Args:
        catalogue: The security profiles.
        log: The things' logs.
        violations: Episodes and events.
    """

    def __init__(self, catalogue: CatalogueStore, log: ThingLog, violations: Violations) -> None:
        self._violations = violations
        self._fence = Fence(catalogue, log)

    def __call__(self, event: Event) -> bool:
        """Whether it is to be sent: its violation was not ended in silence, and its behavior is to be heard of."""
        episode = self._violations.episode(event.violation_id)
        if event.type is not EventType.INVALIDATED and (episode is None or episode.record.quiet):
            return False
        standing = self._fence.of(event)
        if not (standing.profile and standing.behavior):
            return False
        heard = standing.profile.alert_target is not None and not standing.behavior.suppress_alerts
        return heard and (standing.covered or event.type is EventType.INVALIDATED)


class DeliverAlerts:
    """Sends what is still wanted, right before which the fence is asked again.

    Args:
        catalogue: The security profiles.
        log: The things' logs.
        violations: Episodes and events.
        alerts: The way to the topics.
        delivered: Told of each event whose alert the topic has taken.
    """

    def __init__(
        self,
        catalogue: CatalogueStore,
        log: ThingLog,
        violations: Violations,
        alerts: Alerts,
        delivered: Callable[[Event], None] = lambda _: None,
    ) -> None:
        self._violations = violations
        self._delivered = delivered
        self._alerts = alerts
        self._wanted = Wanted(catalogue, log, violations)

    def __call__(self, events: Iterable[Key], *, now: int) -> int:
        """Send the alerts of some events, those that were not delivered yet.

        Args:
            events: Where they are.
            now: Epoch ms.

        Returns: How many were sent.
        """
        taken = [stored for key in events if (stored := self._violations.event(key)) and self._send(stored, now)]
        if taken:
            self._alerts.settle()
        for stored in taken:
            self._done(stored)
            self._delivered(stored.record)
        return len(taken)

    def _send(self, stored: Stored[Event], now: int) -> bool:
        event = stored.record
        if event.target is None:
            return False
        if not self._wanted(event):
            self._done(stored)
            return False
        try:
            self._alerts.publish(event.target, publication(event, attempt=1).decode())
        except Unavailable as error:
            wait = min(max(RETRY_MS, (now - event.at) // 2), RETRY_MOST_MS)
            log.warning("violation %s: its alert is tried again in %d s: %s", event.violation_id, wait // 1000, error)
            with suppress(Raced):  # another delivery of the same event was as far
                self._violations.postpone(stored, due=now + wait)
            return False
        return True

    def _done(self, stored: Stored[Event]) -> None:
        with suppress(Raced):  # another delivery of the same event was as far
            self._violations.delivered(stored)
