"""What the deployment tried and AWS may have refused, kept for `warden doctor`."""

from typing import Literal

import msgspec

from warden.ports import Key, Table
from warden.storage import keys
from warden.storage.records import Records


class ReservedTopic(msgspec.Struct, frozen=True, kw_only=True):
    """Whether AWS took a rule on its reserved metrics topic.

    Attributes:
        rule_name: The rule's.
        status: What it did.
        message: Why not, in its words.
        at: Epoch ms.
    """

    schema: int = 1
    rule_name: str
    status: Literal["accepted", "refused"]
    message: str = ""
    at: int


_results = Records(ReservedTopic)

RESERVED_TOPIC = Key(keys.join("SETUP", "reserved_topic"), "SETUP")


class SetupResults:
    """Where they are kept.

    Args:
        table: Table `control`.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def reserved_topic(self) -> ReservedTopic | None:
        """What became of the reserved topic's rule; None where the stack has none."""
        stored = _results.get(self._table, RESERVED_TOPIC)
        return stored.record if stored else None

    def record_reserved_topic(self, result: ReservedTopic) -> None:
        """Store what became of it; the last one counts."""
        self._table.put(_results.item(RESERVED_TOPIC, result))

    def forget_reserved_topic(self, rule_name: str) -> None:
        """Forget what became of a rule that is gone, unless another has taken its place."""
        result = self.reserved_topic()
        if result and result.rule_name == rule_name:
            self._table.delete(RESERVED_TOPIC)
