"""A role's alert rule is there: recorded first, then made, so that what is made is always known."""

from collections.abc import Callable
from contextlib import suppress

import msgspec

from warden.domain.alerts.rule import RANDOM_CHARACTERS, AlertRule, rule_prefix
from warden.domain.errors import Raced
from warden.ports import TopicRules
from warden.storage.alert_rules import AlertRules
from warden.storage.records import Stored

ATTEMPTS = 10


class PrepareAlertRule:
    """Finds or makes the rule of a role.

    Args:
        records: Where rules are recorded.
        rules: The rules themselves.
        stage: The deployment's, part of the names.
        fresh: Gives so many random characters, a-z and 0-9, that nobody can guess.
    """

    def __init__(self, records: AlertRules, rules: TopicRules, *, stage: str, fresh: Callable[[int], str]) -> None:
        self._records = records
        self._rules = rules
        self._stage = stage
        self._fresh = fresh

    def __call__(self, role_arn: str, *, look: bool, now: int) -> AlertRule:
        """The rule of a role.

        Args:
            role_arn: The role's.
            look: Whether to ask AWS IoT for the rule, and to make it again where it is gone, disabled or another.
            now: Epoch ms.

        Raises: Unavailable; InvalidRequest, where AWS IoT does not take the role.
        """
        for _ in range(ATTEMPTS):
            with suppress(Raced):  # another prepares the same role, or is removing its rule
                return self._prepared(role_arn, look=look, now=now)
        raise Raced(f"the alert rule of {role_arn}: others were at work {ATTEMPTS} times")

    def _prepared(self, role_arn: str, *, look: bool, now: int) -> AlertRule:
        stored = self._records.of(role_arn)
        if stored is None:
            return self._made(role_arn, now)
        rule = self._needed(stored)
        if look and not self._rules.is_intact(rule):
            self._rules.delete(rule)
            self._rules.create(rule)
        return rule

    def _made(self, role_arn: str, now: int) -> AlertRule:
        name = rule_prefix(self._stage) + self._fresh(RANDOM_CHARACTERS)
        rule = AlertRule(role_arn=role_arn, name=name, secret=self._fresh(RANDOM_CHARACTERS), created_at=now)
        self._records.add(rule)
        self._rules.create(rule)
        return rule

    def _needed(self, stored: Stored[AlertRule]) -> AlertRule:
        rule = stored.record
        if rule.unused_since:
            rule = msgspec.structs.replace(rule, unused_since=0)
            self._records.replace(stored, rule)
        return rule
