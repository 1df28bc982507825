"""Delivery rules that nobody needs are removed: no profile names them, and no event waits for one."""

import logging
from collections.abc import Iterator
from contextlib import suppress

import msgspec

from warden.domain.alerts.rule import DeliveryRule
from warden.domain.behaviors.profile import SecurityProfile
from warden.domain.errors import Raced, ResourceNotFound
from warden.ports import TopicRules
from warden.storage.catalogue import CatalogueStore
from warden.storage.delivery_rules import DeliveryRules
from warden.storage.records import Stored
from warden.storage.violations import Violations
from warden.use_cases.update_security_profile import current

PAGE = 100

log = logging.getLogger(__name__)

UNUSED_MS = 3_600_000
"""How long a rule has to be found unused: a profile may be about to be stored, and an index is a moment behind."""


class CleanDeliveryRules:
    """Looks for rules that nobody needs.

    Args:
        catalogue: The security profiles.
        violations: Events that wait.
        records: Where rules are recorded.
        rules: The rules themselves.
    """

    def __init__(
        self, catalogue: CatalogueStore, violations: Violations, records: DeliveryRules, rules: TopicRules
    ) -> None:
        self._catalogue = catalogue
        self._violations = violations
        self._records = records
        self._rules = rules

    def __call__(self, *, now: int) -> int:
        """Remove the rules that nobody has needed for an hour. Every profile is read: once an hour is often enough.

        Args:
            now: Epoch ms.

        Returns: How many were removed.
        """
        recorded = self._records.all()
        if not recorded:
            return 0
        needed = {each for profile in self._profiles() for each in _carried(profile)}
        if any(_carries(stored.record) not in needed for stored in recorded):
            waiting = (stored.record.target for stored in self._violations.waiting())
            needed |= {(target.role_arn, "") for target in waiting if target}
        removed = 0
        for stored in recorded:
            with suppress(Raced):  # somebody needs it again
                removed += self._look_at(stored, needed=_carries(stored.record) in needed, now=now)
        return removed

    def _profiles(self) -> Iterator[SecurityProfile]:
        after: str | None = None
        while True:
            names, after = self._catalogue.names(after=after, limit=PAGE)
            for name in names:
                with suppress(ResourceNotFound):  # deleted since its name was read
                    yield current(self._catalogue, name).version.record.profile
            if after is None:
                return

    def _look_at(self, stored: Stored[DeliveryRule], *, needed: bool, now: int) -> bool:
        rule = stored.record
        if needed or not rule.unused_since:
            since = 0 if needed else now
            if since != rule.unused_since:
                self._records.replace(stored, msgspec.structs.replace(rule, unused_since=since))
            return False
        if now - rule.unused_since < UNUSED_MS:
            return False
        self._rules.delete(rule)
        try:
            self._records.drop(stored)
        except Raced:
            self._rules.create(rule)  # whoever needs it again has found it recorded
            raise
        log.info("the rule of %s is removed: nobody needs it", rule.carries)
        return True


def _carries(rule: DeliveryRule) -> tuple[str, str]:
    return rule.role_arn, rule.mqtt_topic


def _carried(profile: SecurityProfile) -> Iterator[tuple[str, str]]:
    """Role and MQTT topic of the rules that a profile needs."""
    if target := profile.alert_target:
        yield target.role_arn, ""
    if export := profile.metrics_export_config:
        yield export.role_arn, export.mqtt_topic
