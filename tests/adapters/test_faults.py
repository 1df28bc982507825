"""The faults that use cases are tested under do what they say, and are the same for the same seed."""

import random
from collections.abc import Callable
from contextlib import closing

import pytest

from tests.adapters.model import ModelTable
from tests.faults import Crash, Fault, FaultyFile, FaultyTable, ScriptedPlan, SeededPlan, faulty
from warden.adapters.sqlite import SqliteTable
from warden.domain.errors import Raced, Throttled, Unavailable
from warden.ports import Absent, Item, Key, Put
from warden.storage.keys import LOG

A, B = Key("P", "a"), Key("P", "b")
OLD, NEW = Item(A, b"old"), Item(A, b"new", 2)


@pytest.mark.parametrize(
    ("fault", "error", "done"),
    [
        (Fault.THROTTLED, Throttled, False),
        (Fault.UNAVAILABLE, Unavailable, False),
        (Fault.LOST_ANSWER, Unavailable, True),
        (Fault.CRASH_BEFORE, Crash, False),
        (Fault.CRASH_AFTER, Crash, True),
        (Fault.RACED, Raced, False),
        (Fault.REPEATED, Raced, True),
    ],
)
def test_a_write_is_done_or_not_as_the_fault_says(fault: Fault, error: type[BaseException], done: bool) -> None:
    under = ModelTable()
    table = FaultyTable(under, ScriptedPlan(("put", 1, fault)))
    with pytest.raises(error) as caught:
        table.put(OLD, Absent())
    assert type(caught.value) is error
    assert under.get(A) == (OLD if done else None)


@pytest.mark.parametrize("fault", [Fault.RACED, Fault.REPEATED, Fault.STALE, Fault.SHORT_PAGE])
def test_an_unconditional_put_is_never_raced(fault: Fault) -> None:
    table = FaultyTable(ModelTable(), ScriptedPlan(("put", 1, fault)))
    table.put(OLD)
    assert table.get(A) == OLD


def test_a_transaction_may_be_raced_without_a_condition_but_is_never_repeated() -> None:
    table = FaultyTable(ModelTable(), ScriptedPlan(("transact", 1, Fault.RACED), ("transact", 2, Fault.REPEATED)))
    with pytest.raises(Raced):
        table.transact([Put(OLD)])
    assert table.get(A) is None
    table.transact([Put(OLD, Absent())])
    assert table.get(A) == OLD


def test_a_stale_read_sees_some_past_and_a_consistent_one_does_not() -> None:
    seen = set()
    for seed in range(30):
        plan = SeededPlan(random.Random(seed), rate=1, faults=[Fault.STALE])
        table = FaultyTable(ModelTable(), plan, rng=random.Random(seed))
        table.put(OLD)
        table.put(NEW)
        assert table.get(A, consistent=True) == NEW
        assert list(table.query("P", consistent=True).items) == [NEW]
        item = table.get(A)
        seen.add(item and item.data)
    assert seen == {None, b"old", b"new"}


def test_the_past_ends_after_so_many_writes_and_never_goes_back() -> None:
    for seed in range(30):
        table = FaultyTable(
            ModelTable(), SeededPlan(random.Random(seed), 1, [Fault.STALE]), lag=3, rng=random.Random(seed)
        )
        versions = []
        for version in range(1, 20):
            table.put(Item(A, b"", version, {"due": ("D", f"{version:02}")}))
            item = table.get(A)
            versions.append(item.version if item else 0)
            assert version - versions[-1] <= 3
            assert len(table.query_index("due", "D").rows) <= 1
        assert versions == sorted(versions)


def test_a_short_page_says_where_to_go_on() -> None:
    table = FaultyTable(ModelTable(), ScriptedPlan(("query", 1, Fault.SHORT_PAGE)))
    table.put(OLD)
    table.put(Item(B))
    page = table.query("P", limit=2)
    assert (list(page.items), page.last) == ([OLD], "a")
    assert list(table.query("P", limit=2, after=page.last).items) == [Item(B)]


class Bell:
    def __init__(self) -> None:
        self.rung = 0

    def ring(self, times: int) -> int:
        self.rung += times
        return self.rung


def test_any_object_can_be_faulty() -> None:
    bell = Bell()
    plan = ScriptedPlan(("ring", 1, Fault.THROTTLED), ("ring", 2, Fault.LOST_ANSWER), ("*", 3, Fault.CRASH_AFTER))
    unsure = faulty(bell, plan)
    for error in (Throttled, Unavailable, Crash):
        with pytest.raises(error):
            unsure.ring(times=2)
    assert unsure.rung == 4
    assert unsure.ring(1) == 5
    assert plan.calls == 4


def _round(plan: SeededPlan, step: Callable[[FaultyTable], object]) -> list[str]:
    table, outcomes = FaultyTable(ModelTable(), plan), []
    for _ in range(50):
        try:
            outcomes.append(str(step(table)))
        except (Unavailable, Crash) as error:
            outcomes.append(type(error).__name__)
    return outcomes


def test_a_seed_tells_the_same_story_twice_and_quiet_ends_it() -> None:
    def step(table: FaultyTable) -> object:
        table.put(Item(A), Absent()) if table.get(A) is None else table.delete(A)
        return table.query("P")

    first = _round(SeededPlan(random.Random(5), 0.3), step)
    assert first == _round(SeededPlan(random.Random(5), 0.3), step)
    assert len(set(first)) > 3
    plan = SeededPlan(random.Random(5), 0.3)
    plan.quiet = True
    assert {"Throttled", "Unavailable", "Crash", "Raced"}.isdisjoint(_round(plan, step))


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.UNAVAILABLE, Fault.CRASH_AFTER])
def test_a_batch_leaves_all_of_it_or_nothing_in_the_file_and_in_the_past(fault: Fault) -> None:
    plan = ScriptedPlan(("commit", 1, fault), ("get", 2, Fault.STALE))
    with closing(SqliteTable(":memory:", LOG)) as file:
        table = FaultyFile(file, plan, lag=0)
        with pytest.raises((Crash, Unavailable)), table.batch():
            table.put(OLD)
        kept = OLD if fault is Fault.CRASH_AFTER else None
        assert table.get(A) == kept
        table.put(Item(B))  # the past is as old as the write before
        assert table.get(A) == kept
