"""A comparison that is interrupted, overtaken or refused: what it leaves, and that the next one finishes it."""

from collections import Counter

import pytest

from tests.aws.conftest import HOUR, MINUTE
from tests.aws.reconcile.world import Killed, World
from warden.domain.errors import Throttled, Unavailable
from warden.ports import Condition, Item
from warden.storage.registry_passes import ALL
from warden.use_cases.registry_pages import StaleToken


@pytest.mark.parametrize("each", [12, 15, 40, 200])
def test_a_pass_in_pieces_finds_the_same(world: World, each: int) -> None:
    """Of each piece's ms, a page takes ten."""
    for n in range(12):
        world.registry.create(f"t{n}", "A", *(["B"] if n % 2 else []))
    world.reconcile()
    world.clock.now += HOUR
    world.registry.things_.pop("t3")
    world.registry.leave("t5", "B")
    world.registry.create("t12", "A")

    calls = world.reconcile(each=each)

    assert world.agrees()
    assert calls["ask"] == 3


@pytest.mark.parametrize("then", ["retried", "left to the next schedule"])
def test_a_pass_that_is_killed_at_any_call_is_finished_by_the_next(then: str) -> None:
    """Also the ends of violations that a stored answer calls for."""
    for nth in range(1, 200):
        world = World()
        for n in range(8):
            world.registry.create(f"t{n}", "A", *(["B"] if n % 2 else []))
        world.reconcile()
        world.watch("A", "B")
        world.violate("t1", "t2", "t3", "t5")
        world.clock.now += HOUR
        world.registry.things_.pop("t2")
        world.registry.leave("t3", "B")
        world.registry.leave("t3", "A")
        world.registry.join("t4", "B")
        survived = _killed(world, nth)

        again = world.passes.current(ALL) if then == "retried" else None
        world.clock.now += MINUTE
        left = world.invoke(ALL, again.record.id if again else None)

        assert left is None
        assert world.agrees(), f"killed at call {nth}"
        assert world.ringing() == {"t1", "t5"}, f"killed at call {nth}"
        world.close()
        if survived:
            assert nth > 15
            return
    raise AssertionError("it is always killed")


def _killed(world: World, nth: int) -> bool:
    """A pass that is killed at its nth call to the registry or to a table. Returns whether it came to its end first."""
    calls = 0

    def strike(*_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == nth:
            raise Killed

    world.registry.before = strike
    originals = [(table, name, getattr(table, name)) for table in world.tables for name in ("put", "transact")]
    for table, name, original in originals:
        setattr(table, name, lambda *args, original=original: (strike(), original(*args)))
    try:
        world.invoke(ALL)
    except Killed:
        return False
    else:
        return True
    finally:
        world.registry.before = lambda _: None
        for table, name, original in originals:
            setattr(table, name, original)


def test_an_invocation_that_goes_on_and_is_killed_goes_on_when_lambda_retries_it(fleet: World) -> None:
    left = fleet.invoke(ALL, until=fleet.clock.now + 30)
    assert left is not None

    def die(_: str) -> None:
        fleet.registry.before = lambda _: None
        raise Killed

    fleet.registry.before = die
    with pytest.raises(Killed):
        fleet.invoke(ALL, left)
    before = fleet.passes.last(ALL)

    assert fleet.invoke(ALL, left) is None

    assert fleet.passes.last(ALL) != before, "the pass came to its end"


def test_a_place_whose_storing_was_not_answered_is_not_taken_for_anothers(fleet: World) -> None:
    """botocore repeats such a put, which then meets its own first try."""
    put = fleet.tables[1].put

    def put_twice(item: Item, condition: Condition | None = None) -> None:
        put(item, condition)
        put(item, condition)

    fleet.tables[1].put = put_twice  # type: ignore[method-assign]
    fleet.clock.now += HOUR

    fleet.reconcile(each=30)

    last = fleet.passes.last(ALL)
    assert last
    assert last.ended == fleet.clock.now


def test_a_newer_pass_takes_over_and_the_older_one_stops(fleet: World) -> None:
    older = fleet.invoke(ALL, until=fleet.clock.now + 30)
    assert older is not None

    newer = fleet.invoke(ALL, until=fleet.clock.now + 30)

    assert newer is not None
    assert newer > older
    fleet.registry.calls.clear()
    assert fleet.invoke(ALL, older) is None
    assert fleet.registry.calls == {}, "who is superseded asks nothing"
    assert fleet.invoke(ALL, newer) is None
    assert fleet.registry.calls["things"] < 4, "it went on where the older one stopped"


def test_a_pass_notices_within_a_minute_that_another_took_over(fleet: World) -> None:
    fleet.registry.page_size = 1

    def take_over(_: str) -> None:
        fleet.registry.before = lambda _: None
        fleet.invoke(ALL, until=fleet.clock.now)
        fleet.registry.before = lambda _: setattr(fleet.clock, "now", fleet.clock.now + 2 * MINUTE // 3)

    fleet.registry.before = take_over
    fleet.registry.calls.clear()

    assert fleet.invoke(ALL) is None

    assert fleet.registry.calls.total() <= 4
    assert fleet.passes.current(ALL), "the one that took over is not finished"


def test_a_pass_that_was_left_long_ago_is_begun_anew(fleet: World) -> None:
    left = fleet.invoke(ALL, until=fleet.clock.now + 30)
    assert left is not None
    fleet.clock.now += 2 * HOUR

    assert fleet.reconcile() == {"things": 4, "groups": 1, "members": 5, "above": 3}


def test_a_token_that_the_registry_forgot_begins_the_pass_anew(fleet: World) -> None:
    fleet.registry.things_.pop("t1")

    def forget(name: str) -> None:
        if name == "members" and fleet.registry.calls["members"] == 1:
            fleet.registry.before = lambda _: None
            raise StaleToken("unknown token")

    fleet.registry.before = forget

    calls = fleet.reconcile()

    assert fleet.agrees()
    assert calls["things"] == 2 * 3, "it began again"
    assert calls["ask"] == 1, "and did not count anything twice"


def test_a_busy_registry_is_asked_again(fleet: World) -> None:
    fleet.registry.things_.pop("t1")
    asked = Counter[str]()

    def throttle(name: str) -> None:
        asked[name] += 1
        if asked[name] % 2:
            raise Throttled("slow down")

    fleet.registry.before = throttle

    fleet.reconcile()

    assert fleet.agrees()


def test_a_registry_that_fails_fails_the_invocation(fleet: World) -> None:
    """Lambda tries it again."""

    def fail(name: str) -> None:
        if name == "members":
            raise Unavailable("no answer")

    fleet.registry.before = fail
    with pytest.raises(Unavailable):
        fleet.invoke(ALL)
    fleet.registry.before = lambda _: None

    assert fleet.invoke(ALL) is None
    assert fleet.agrees()


def test_a_thing_whose_event_comes_while_the_pass_runs_is_not_asked_twice(fleet: World) -> None:
    """The registry's list was read before; what is stored is newer than the pass."""

    def leave(name: str) -> None:
        if name == "members" and fleet.registry.calls["members"] == 4:  # those of A and B are read
            fleet.registry.before = lambda _: None
            fleet.registry.leave("t1", "A")
            answer = fleet.registry.ask("t1", now=fleet.clock.now)
            fleet.log.record_facts("t1", answer)
            fleet.registry.calls.clear()

    fleet.registry.before = leave

    assert fleet.reconcile()["ask"] == 0
    assert fleet.agrees()
