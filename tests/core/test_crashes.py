"""A process that dies at any call, and a network that loses answers, lose nothing and do nothing twice."""

import os
import random
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from tests.core.invariants import Witness
from tests.core.profiles import BAD, EVERYTHING, GOOD, few_connections, group, little_traffic, profile
from tests.core.world import DAY, MINUTE, SECOND, World
from tests.faults import Fault, ScriptedPlan, SeededPlan

ROUNDS = int(os.environ.get("WARDEN_CORE_ROUNDS", "0"))
"""How many rounds to do instead of the usual number."""

CRASHES = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)
Moment = Callable[[World], object]


def _reports(thing: str, *values: int, bytes_out: int = 10) -> Moment:
    """A thing reports every five minutes, and each report is delivered until it is acknowledged."""

    def happen(world: World) -> None:
        for value in values:
            world.now += 300 * SECOND
            sent = world.say(thing, value, bytes_out=bytes_out)
            world.insist(lambda sent=sent: world.take(sent, world.outside.calls % world.evaluators))

    return happen


def _moves(thing: str, change: str, *groups: str) -> Moment:
    def happen(world: World) -> None:
        world.change(thing, lambda: getattr(world.registry, change)(thing, *groups))
        while world.untold:
            world.insist(world.tell)

    return happen


def _edits(edit: Callable[[World], None]) -> Moment:
    return lambda world: world.insist(lambda: edit(world))


def _passes(time: int) -> Moment:
    def happen(world: World) -> None:
        world.now += time
        for _ in range(3):
            while not world.attempt(world.sweep):
                pass
            world.pump()
            world.now += 16 * MINUTE

    return happen


def _start(world: World) -> None:
    world.registry.create("a", "g")
    world.registry.create("b", "g")
    world.create(profile("p", few_connections(), few_connections(name="patient", to_alarm=2, to_clear=2)), group("g"))
    world.create(profile("q", little_traffic()), EVERYTHING)


LIFE: tuple[Moment, ...] = (
    _start,
    _reports("a", BAD),
    _reports("b", BAD, BAD, bytes_out=5000),
    World.pump,
    _reports("a", GOOD, BAD, BAD),
    World.pump,
    _edits(lambda world: world.update(profile("p", few_connections(20), little_traffic(name="patient")))),
    _reports("b", GOOD),
    _moves("b", "move", "h"),
    World.pump,
    _moves("a", "create", "g"),
    _reports("a", BAD, bytes_out=5000),
    World.pump,
    _edits(lambda world: world.detach("q", EVERYTHING)),
    _passes(MINUTE),
    _edits(lambda world: world.attach("q", EVERYTHING)),
    _reports("b", BAD, bytes_out=5000),
    _passes(2 * DAY),
    _reports("a", BAD, bytes_out=5000),
    _reports("b", GOOD, bytes_out=5000),
    _edits(lambda world: world.delete("p")),
    World.pump,
    _passes(MINUTE),
)


def _live(world: World) -> None:
    witness = Witness(world)
    for moment in LIFE:
        moment(world)
        witness.look()
    world.settle_down()
    witness.look()
    witness.judge()


@cache
def _calls() -> int:
    """How many calls to the outside the life takes that is struck by nothing."""
    world = World()
    _start(world)
    before = world.outside.calls
    for moment in LIFE[1:]:
        moment(world)
    world.close()
    return world.outside.calls - before


def _every_crash(rounds: int | None) -> Iterator[tuple[int, Fault]]:
    every = [(nth, fault) for nth in range(1, _calls() + 1) for fault in CRASHES]
    return iter(every if rounds is None else random.Random(1).sample(every, min(rounds, len(every))))


def _dies(nth: int, fault: Fault) -> None:
    world = World()
    witness = Witness(world)
    _start(world)
    world.outside.faults = ScriptedPlan(("*", nth, fault))
    for moment in LIFE[1:]:
        moment(world)
        witness.look()
    world.settle_down()
    witness.look()
    witness.judge()
    world.close()


def _suffers(seed: int) -> None:
    """Some of everything that can go wrong."""
    rng = random.Random(seed)
    world = World(seed=seed)
    witness = Witness(world)
    _start(world)
    world.outside.faults = SeededPlan(rng, rate=rng.choice((0.01, 0.05, 0.15)))
    for moment in LIFE[1:]:
        moment(world)
        witness.look()
        for thing, logged in rng.sample(world.outbox(), min(2, len(world.outbox()))):
            world.attempt(lambda thing=thing, logged=logged: world.dispatch(thing, logged))  # seen before, or not yet
        for sent in rng.sample(world.sent, min(2, len(world.sent))):
            world.attempt(lambda sent=sent: world.take(sent, rng.randrange(world.evaluators)))
        world.topics.down = rng.random() < 0.1
        witness.look()
    world.settle_down()
    witness.look()
    witness.judge()
    world.close()


def test_the_life_of_two_things_without_a_fault() -> None:
    world = World()
    _live(world)
    kinds = {kind for _, kind in world.told()}
    assert len(world.told()) >= 20
    assert len(kinds) == 3
    assert _calls() > 500


def test_a_crash_before_or_after_a_call_loses_nothing_and_does_nothing_twice() -> None:
    for nth, fault in _every_crash(ROUNDS or 120):
        _told(lambda nth=nth, fault=fault: _dies(nth, fault), f"{fault.name} at call {nth}")


def test_throttles_lost_answers_races_and_lagging_reads_lose_nothing_and_do_nothing_twice() -> None:
    for seed in range(ROUNDS or 120):
        _told(lambda seed=seed: _suffers(seed), f"seed {seed}")


@pytest.mark.faults
def test_a_crash_before_or_after_every_call_loses_nothing_and_does_nothing_twice() -> None:
    for nth, fault in _every_crash(None):
        _told(lambda nth=nth, fault=fault: _dies(nth, fault), f"{fault.name} at call {nth}")


@pytest.mark.faults
def test_thousands_of_troubled_lives_lose_nothing_and_do_nothing_twice() -> None:
    for seed in range(1_000_000, 1_000_000 + (ROUNDS or 3000)):
        _told(lambda seed=seed: _suffers(seed), f"seed {seed}")


def _told(run: Callable[[], None], which: str) -> None:
    try:
        run()
    except Exception as error:
        error.add_note(which)
        raise
