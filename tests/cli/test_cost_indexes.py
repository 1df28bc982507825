"""What `warden cost` says of table `log`'s indexes is what DynamoDB writes to them, counted in moto's."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.aws.conftest import new_clients
from tests.aws.core import Fleet
from warden.cli import counts
from warden.handlers.alert_path import clean_delivery_rules, publish_alerts
from warden.handlers.parts import Clients, Parts
from warden.handlers.sweep import Sweep
from warden.settings import Settings
from warden.storage import keys

BEHIND_ALL = 10**15 - 1


class IndexWrites:
    """Units that writes consume of table `log`'s indexes: after each write, the rows of each index are compared.

    A row that is added or goes is one, a row that moves is both, and a write that leaves all projected attributes as
    they are is none. Source: Amazon DynamoDB Developer Guide, Global secondary indexes, Provisioned throughput
    considerations.
    """

    def __init__(self, table: str) -> None:
        self._looking = new_clients()("dynamodb")  # a client of its own: what the test asks is not counted
        self._table = table
        self._rows = self._now()
        self.units = Counter[str]()

    def __call__(self, **_: Any) -> None:
        after = self._now()
        for index in keys.LOG.indexes:
            self.units[index] += len(self._rows[index] ^ after[index])
        self._rows = after

    def _now(self) -> dict[str, set[str]]:
        scans = {index: self._looking.scan(TableName=self._table, IndexName=index) for index in keys.LOG.indexes}
        return {index: {str(sorted(row.items())) for row in scan["Items"]} for index, scan in scans.items()}

    def taken(self) -> dict[str, int]:
        """Since the last time, by index."""
        taken = {index: self.units[index] for index in keys.LOG.indexes}
        self.units.clear()
        return taken


@pytest.fixture
def writes(fleet: Fleet, aws: Clients, settings: Settings) -> Iterator[IndexWrites]:
    """Counted from when ten things of a fleet have reported."""
    fleet.watch("pumps", *THINGS)
    fleet.conform(*THINGS)
    counting, events = IndexWrites(settings.log_table), aws("dynamodb").meta.events
    operations = ("PutItem", "DeleteItem", "TransactWriteItems")
    for operation in operations:
        events.register(f"after-call.dynamodb.{operation}", counting, unique_id="writes")
    yield counting
    for operation in operations:
        events.unregister(f"after-call.dynamodb.{operation}", unique_id="writes")


@pytest.fixture
def fleet(parts: Parts, aws: Clients) -> Fleet:
    return Fleet(parts, aws)


THINGS = [f"pump-{number}" for number in range(10)]


def test_the_indexes_are_as_many_as_are_paid_for() -> None:
    assert len(keys.LOG.indexes) == counts.LOG_INDEXES


def test_a_report_that_violates_nothing_writes_as_many_rows_as_is_paid_for(fleet: Fleet, writes: IndexWrites) -> None:
    fleet.conform(*THINGS)
    assert writes.taken() == dict.fromkeys(keys.LOG.indexes, counts.REPORT_INDEX_WRITES * len(THINGS))


def test_a_transition_writes_as_many_rows_of_the_outbox_as_is_said(fleet: Fleet, writes: IndexWrites) -> None:
    for turn in (fleet.violate, fleet.conform):
        turn(*THINGS)
        for marked in fleet.outbox.waiting(before=BEHIND_ALL, now=BEHIND_ALL, limit=100):
            fleet.outbox.unmark(marked)
        assert writes.taken() == {keys.OUTBOX: counts.TRANSITION_INDEX_WRITES * len(THINGS), keys.THINGS: 0}


def test_only_a_thing_that_is_new_writes_the_index_of_things(fleet: Fleet, parts: Parts, writes: IndexWrites) -> None:
    def answered(thing: str) -> dict[str, int]:
        parts.clock.now += 1000  # type: ignore[attr-defined]
        parts.thing_log.record_facts(thing, fleet.registry.ask(thing, now=parts.clock()))
        return writes.taken()

    fleet.registry.create("new", "pumps")
    assert answered("new") == {keys.OUTBOX: 0, keys.THINGS: 1}
    fleet.registry.create(THINGS[0], "elsewhere")
    assert answered(THINGS[0]) == {keys.OUTBOX: 0, keys.THINGS: 0}
    fleet.registry.delete(THINGS[0])
    assert answered(THINGS[0]) == {keys.OUTBOX: 0, keys.THINGS: 0}, "it stays listed until it expires, which is free"


def test_a_sweep_reads_as_much_of_the_outbox_as_is_said(parts: Parts, aws: Clients, settings: Settings) -> None:
    queries = Counter[str]()

    def asked(params: dict[str, Any], **_: Any) -> None:
        if params["TableName"] == settings.log_table:
            queries[params["IndexName"]] += 1
            assert not params.get("ConsistentRead")

    events = aws("dynamodb").meta.events
    events.register("provide-client-params.dynamodb.Query", asked, unique_id="reads")
    Sweep(parts, publish_alerts(parts), clean_delivery_rules(parts))(lambda: 60_000)
    events.unregister("provide-client-params.dynamodb.Query", unique_id="reads")
    assert queries == {keys.OUTBOX: counts.SWEEP_OUTBOX_READ_UNITS * 2}
