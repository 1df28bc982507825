"""Events that subscribers are to hear of are published into their alert rules, until a receipt tells that one ran.

An attempt is counted before it is made. Ten minutes without a receipt, the next one is; after a day, the event is a
dead letter.
"""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress

from warden.domain.alarms.violation import Event
from warden.domain.alerts.letter import dead_letter
from warden.domain.alerts.message import publication
from warden.domain.errors import Raced, RequestRejected, Unavailable
from warden.ports import DeadAlerts, Key, RulePublisher
from warden.storage.records import Stored
from warden.storage.violations import Violations
from warden.use_cases.deliver_alerts import RETRY_MS, Wanted
from warden.use_cases.prepare_delivery_rule import PrepareDeliveryRule

log = logging.getLogger(__name__)

Observe = Callable[[str, float], object]
"""Told of `AlertPublished`, `ReceiptOverdue`, `AlertFailed` and `AlertGivenUp`, 1 each, and of `AlertSeconds`, the
time from an event to the first publication of its alert."""


class PublishAlerts:
    """Publishes what is due and still wanted, right before which the fence is asked again.

    Args:
        violations: Events, and how far their alerts are.
        wanted: Says whether an event is to be sent.
        prepare: Has the alert rules.
        alerts: The way into the rules.
        dead: Takes what did not leave in a day.
        observe: Told what was done.
        announce: Tells the account's event bus of an event. May raise Unavailable.
    """

    def __init__(  # noqa: PLR0917
        self,
        violations: Violations,
        wanted: Wanted,
        prepare: PrepareDeliveryRule,
        alerts: RulePublisher,
        dead: DeadAlerts,
        observe: Observe = lambda *_: None,
        announce: Callable[[Event], object] = lambda _: None,
    ) -> None:
        self._violations = violations
        self._wanted = wanted
        self._prepare = prepare
        self._alerts = alerts
        self._dead = dead
        self._observe = observe
        self._announce = announce

    def __call__(self, events: Iterable[Key], *, now: int) -> int:
        """Publish the alerts of some events, those that are due, and tell the event bus of those that it was not told
        of: twice, where what tells that it was is lost.

        Args:
            events: Where they are.
            now: Epoch ms.

        Returns: How many were published. That they left, `RecordReceipt` is told.
        """
        published = 0
        for key in events:
            with suppress(Raced):  # another is at the same event
                stored = self._violations.event(key)
                if stored and stored.record.target and stored.record.sending.is_due(now):
                    published += self._publish(stored, now)
                    stored = self._violations.event(key)
                if stored and stored.record.announce_due:
                    self._tell(stored, now)
        return published

    def _tell(self, stored: Stored[Event], now: int) -> None:
        try:
            self._announce(stored.record)
        except Unavailable as error:
            log.warning("violation %s: the event bus was not told: %s", stored.record.violation_id, error)
            self._observe("AnnouncementFailed", 1)
            self._violations.announced(stored, due=now + RETRY_MS)
        else:
            self._violations.announced(stored)

    def _publish(self, stored: Stored[Event], now: int) -> bool:
        sending = stored.record.sending
        if not self._wanted(stored.record):
            self._violations.delivered(stored)
            return False
        if sending.attempt and not sending.error:
            self._observe("ReceiptOverdue", 1)
        if sending.is_hopeless(now):
            self._give_up(stored)
            return False
        counted = self._violations.put_sending(stored, sending.counted(now))
        try:
            self._send(counted.record, now)
        except (Unavailable, RequestRejected) as error:
            log.warning("violation %s: its alert was not published: %s", stored.record.violation_id, error)
            self._observe("AlertFailed", 1)
            self._violations.put_sending(counted, counted.record.sending.postponed(now + RETRY_MS))
            return False
        self._observe("AlertPublished", 1)
        if not sending.attempt:
            self._observe("AlertSeconds", max(0, now - stored.record.at) / 1000)
        return True

    def _send(self, event: Event, now: int) -> None:
        assert event.target, "only events with a target are published"
        attempt = event.sending.attempt
        rule = self._prepare(event.target.role_arn, look=attempt > 1, now=now)
        self._alerts.publish(rule.alert_topic(attempt, event.target.alert_target_arn), publication(event, attempt))

    def _give_up(self, stored: Stored[Event]) -> None:
        event = stored.record
        self._dead.put(dead_letter(event))
        self._violations.put_sending(stored, event.sending.abandoned())
        self._observe("AlertGivenUp", 1)
        log.error("violation %s: its alert did not leave in a day, %s", event.violation_id, event.sending.error)
