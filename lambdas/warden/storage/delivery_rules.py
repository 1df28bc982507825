"""The delivery rules on a Table: which AWS IoT rule carries what under which role, and the answers to tests."""

import hashlib

import msgspec

from warden.domain.alerts.rule import DeliveryRule
from warden.ports import Absent, Key, Table
from warden.storage import keys
from warden.storage.records import Records, Stored

RULES = "DELIVERY_RULES"
RECEIPT, ERROR = "RECEIPT", "ERROR"

ANSWER_KEPT_MS = 3_600_000


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back of a test; `error` says what failed, and is empty in a receipt."""

    schema: int = 1
    error: str = ""


_rules, _answers = Records(DeliveryRule), Records(Answer)


def _rule_key(role_arn: str, mqtt_topic: str) -> Key:
    names = f"{role_arn}\n{mqtt_topic}" if mqtt_topic else role_arn  # which, escaped, may be longer than a key
    digest = hashlib.sha256(names.encode()).hexdigest()
    return Key(RULES, keys.join("ROLE", digest))


class DeliveryRules:
    """The rules, one for each role of alerts, and for each role and topic of exports. All reads are consistent.

    Args:
        table: Table `control`.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def of(self, role_arn: str, mqtt_topic: str = "") -> Stored[DeliveryRule] | None:
        """The rule of a role's alerts, or of a role's exports to a topic."""
        return _rules.get(self._table, _rule_key(role_arn, mqtt_topic))

    def all(self) -> list[Stored[DeliveryRule]]:
        """All of them."""
        found: list[Stored[DeliveryRule]] = []
        after: str | None = None
        while True:
            page = self._table.query(RULES, after=after, consistent=True)
            found += [_rules.read(item) for item in page.items]
            after = page.last
            if after is None:
                return found

    def add(self, rule: DeliveryRule) -> None:
        """Store the first rule of what it carries. Raises Raced where there is one."""
        self._table.put(_rules.item(_rule_key(rule.role_arn, rule.mqtt_topic), rule), Absent())

    def replace(self, stored: Stored[DeliveryRule], rule: DeliveryRule) -> None:
        """Store what is said of a rule now. Raises Raced where it was written since it was read."""
        self._table.put(_rules.item(stored.key, rule, stored), stored.unchanged)

    def drop(self, stored: Stored[DeliveryRule]) -> None:
        """Forget a rule. Raises Raced where it was written since it was read."""
        self._table.delete(stored.key, stored.unchanged)


class Trials:
    """What came back of the tests that `warden test-alert` makes, for an hour.

    Args:
        table: Table `control`.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, violation_id: str, error: str | None, *, now: int) -> None:
        """Store a receipt, or an error where there is one."""
        key = _answer_key(violation_id, RECEIPT if error is None else ERROR)
        expires_at = (now + ANSWER_KEPT_MS) // 1000
        self._table.put(_answers.item(key, Answer(error=error or ""), expires_at=expires_at))

    def received(self, violation_id: str) -> bool:
        """Whether a receipt came."""
        return _answers.get(self._table, _answer_key(violation_id, RECEIPT)) is not None

    def error(self, violation_id: str) -> str | None:
        """What failed; None where no error came."""
        stored = _answers.get(self._table, _answer_key(violation_id, ERROR))
        return stored.record.error if stored else None


def _answer_key(violation_id: str, kind: str) -> Key:
    return Key(keys.join("TRIAL", violation_id), kind)
