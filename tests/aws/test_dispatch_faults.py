"""Whatever fails at whichever step of the sweep through the outbox, the violation is recorded and told, and its mark
goes only then."""

import random
from collections.abc import Iterator

import pytest

from tests.core.profiles import BAD, GOOD, group, profile
from tests.core.world import MINUTE, World
from tests.faults import Fault, FaultyTable
from warden.adapters.sqlite import SqliteTable
from warden.domain.alarms.alarm import EventType
from warden.ports import Item, Key
from warden.storage import keys
from warden.storage.thing_log import OUTBOX_SHARDS, Marked, Outbox
from warden.use_cases.dispatch_outbox import AGAIN_MOST_MS, DispatchOutbox

FAULTS = [Fault.UNAVAILABLE, Fault.LOST_ANSWER, Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.RACED, Fault.REPEATED]

STEPS = 65
"""Calls to what is outside, where nothing fails."""


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    world.registry.create("pump", "g")
    world.create(profile("p"), group("g"))
    world.now += 1000
    world.report("pump", BAD)
    world.now += 1000
    world.report("pump", GOOD)
    world.now += 1000
    world.report("pump", BAD)
    world.now += 11 * MINUTE
    yield world
    world.close()


def sweep(world: World) -> None:
    parts = world.parts
    world.attempt(lambda: DispatchOutbox(Outbox(world.tables[0]), parts.dispatch, parts.deliver)(now=world.now))


def marks(world: World) -> int:
    return len(Outbox(world.files[0]).waiting(before=10**15 - 1, now=10**15 - 1, limit=9))


def test_every_step_is_struck(world: World) -> None:
    before = world.outside.calls
    sweep(world)
    assert world.outside.calls - before == STEPS


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("nth", range(1, STEPS + 1))
def test_a_fault_at_any_step_loses_nothing(world: World, fault: Fault, nth: int) -> None:
    reached = world.outside.calls + nth
    world.outside.faults = lambda _: fault if world.outside.calls == reached else None
    sweep(world)
    assert len(world.events()) + marks(world) >= 3, "what is not recorded has its mark still"
    world.outside.faults = None
    for _ in range(2):
        world.now += AGAIN_MOST_MS
        sweep(world)
    world.sweep()
    assert marks(world) == 0
    assert [kind for _, kind in world.told()] == [EventType.IN_ALARM, EventType.CLEARED, EventType.IN_ALARM]
    assert len({violation for violation, _ in world.told()}) == 2
    assert len(world.active()) == 1
    assert set(world.alerts()) == {EventType.IN_ALARM, EventType.CLEARED}


@pytest.mark.parametrize("seed", range(20))
def test_the_index_may_show_a_mark_that_is_gone(seed: int) -> None:
    file = SqliteTable(":memory:", keys.LOG)
    table = FaultyTable(file, lambda verb: Fault.STALE if verb == "query_index" else None, rng=random.Random(seed))
    key = Key(keys.thing("pump"), keys.entry(1))
    table.put(
        Item(key, indexes={keys.OUTBOX: (keys.join("OUTBOX", keys.shard("pump", OUTBOX_SHARDS)), keys.moment(1))})
    )
    item = file.get(key)
    assert item
    Outbox(table).unmark(Marked(item))
    assert all(Outbox(table).waiting(before=9, now=9, limit=9) == [] for _ in range(9))
    file.close()
