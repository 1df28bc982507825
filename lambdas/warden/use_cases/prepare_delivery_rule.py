"""A delivery rule is there: recorded first, then made, so that what is made is always known."""

from collections.abc import Callable
from contextlib import suppress

import msgspec

from warden.domain.alerts.rule import RANDOM_CHARACTERS, DeliveryRule, rule_prefix
from warden.domain.errors import Raced
from warden.ports import TopicRules
from warden.storage.delivery_rules import DeliveryRules
from warden.storage.records import Stored

ATTEMPTS = 10


class PrepareDeliveryRule:
    """Finds or makes the rule that carries something.

    Args:
        records: Where rules are recorded.
        rules: The rules themselves.
        stage: The deployment's, part of the names.
        fresh: Gives so many random characters, a-z and 0-9, that nobody can guess.
    """

    def __init__(self, records: DeliveryRules, rules: TopicRules, *, stage: str, fresh: Callable[[int], str]) -> None:
        self._records = records
        self._rules = rules
        self._stage = stage
        self._fresh = fresh

    def __call__(self, role_arn: str, mqtt_topic: str = "", *, look: bool, now: int) -> DeliveryRule:
        """The rule of a role's alerts, or of a role's exports to a topic.

        Args:
            role_arn: The role's.
            mqtt_topic: Where exports go; empty for alerts.
            look: Whether to ask AWS IoT for the rule, and to make it again where it is gone, disabled or another.
            now: Epoch ms.

        Raises: Unavailable; InvalidRequest, where AWS IoT does not take the role.
        """
        for _ in range(ATTEMPTS):
            with suppress(Raced):  # another prepares the same role, or is removing its rule
                return self._prepared(role_arn, mqtt_topic, look=look, now=now)
        raise Raced(f"the rule under {role_arn}: others were at work {ATTEMPTS} times")

    def _prepared(self, role_arn: str, mqtt_topic: str, *, look: bool, now: int) -> DeliveryRule:
        stored = self._records.of(role_arn, mqtt_topic)
        if stored is None:
            return self._made(role_arn, mqtt_topic, now)
        rule = self._needed(stored)
        if look and not self._rules.is_intact(rule):
            self._rules.delete(rule)
            self._rules.create(rule)
        return rule

    def _made(self, role_arn: str, mqtt_topic: str, now: int) -> DeliveryRule:
        name = rule_prefix(self._stage, exports=bool(mqtt_topic)) + self._fresh(RANDOM_CHARACTERS)
        secret = self._fresh(RANDOM_CHARACTERS)
        rule = DeliveryRule(role_arn=role_arn, mqtt_topic=mqtt_topic, name=name, secret=secret, created_at=now)
        self._records.add(rule)
        self._rules.create(rule)
        return rule

    def _needed(self, stored: Stored[DeliveryRule]) -> DeliveryRule:
        rule = stored.record
        if rule.unused_since:
            rule = msgspec.structs.replace(rule, unused_since=0)
            self._records.replace(stored, rule)
        return rule
