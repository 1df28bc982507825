"""A retirement walks through any number of violations, step by step, and misses none."""

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest

from tests.core.profiles import BAD, group, profile
from tests.core.world import DAY, MINUTE, World
from warden.domain.alarms.alarm import EventType
from warden.ports import Key
from warden.storage import keys
from warden.use_cases.retire_violations import WALK_AGAIN_MS, RetireViolations

THINGS = [f"thing-{number}" for number in range(10)]
STEP = 3


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    world.create(profile("p"), group("g"))
    for thing in THINGS:
        world.registry.create(thing, "g")
        world.now += 1000
        world.report(thing, BAD)
    world.pump()
    yield world
    world.close()


def stepper(world: World) -> RetireViolations:
    parts = world.true
    return RetireViolations(parts.catalogue, parts.log, parts.violations, parts.jobs, world.options.keep, at_once=STEP)


def active(world: World) -> set[str]:
    return {episode.thing for episode in world.active()}


def jobs(world: World, *, at: int) -> list[Key]:
    """Jobs that are due at some time."""
    return [key for key in world.true.jobs.due(at, limit=99) if key.sk == "JOB"]


def rings(world: World, thing: str) -> bool:
    """Whether a thing's alarm rings, as far as its log can be read."""
    try:
        return bool(world.ringing(thing))
    except msgspec.DecodeError:
        return True


def step(world: World) -> int:
    """Do what is due of retirements. Returns how many violations it ended."""
    before = len(world.active())
    for key in jobs(world, at=world.now):
        stepper(world)(key, now=world.now)
    return before - len(world.active())


@pytest.mark.parametrize("how", ["deleted", "detached"])
def test_a_walk_goes_on_where_its_last_step_ended(world: World, how: str) -> None:
    world.delete("p") if how == "deleted" else world.detach("p", group("g"))
    steps = []
    for _ in range(5):
        before = len(world.events())
        step(world)
        world.pump()  # a detachment ends violations through the things' logs
        steps.append(len(world.events()) - before)
    assert steps == [3, 3, 3, 1, 0]
    assert active(world) == set()
    assert [event.type for event in world.events()].count(EventType.INVALIDATED) == len(THINGS)


def test_covered_violations_do_not_keep_a_walk_from_the_rest(world: World) -> None:
    for thing in THINGS:
        world.change_and_tell(thing, lambda thing=thing: world.registry.move(thing, "g", "other"))  # type: ignore[misc]
    world.attach("p", group("other"))
    world.registry.create("lonely", "g")
    world.now -= MINUTE  # so that it is the last of the list
    world.report("lonely", BAD)
    world.now += MINUTE
    world.pump()
    world.detach("p", group("g"))
    for _ in range(4):
        step(world)
        world.pump()
    assert active(world) == set(THINGS)


def test_a_step_that_was_interrupted_is_done_again(world: World) -> None:
    world.delete("p")
    step(world)
    (key,) = jobs(world, at=world.now)
    job = world.files[1].get(key)
    assert job
    step(world)
    written = world.files[1].get(key)
    assert written
    world.files[1].put(replace(job, version=written.version + 1))  # it died before it kept its place
    for _ in range(3):
        step(world)
    assert active(world) == set()
    assert [event.type for event in world.events()].count(EventType.INVALIDATED) == len(THINGS)


def test_what_is_recorded_behind_the_walks_back_is_ended_by_the_second_walk(world: World) -> None:
    world.delete("p")
    step(world)
    ended = world.events()[-1]
    overtaken = msgspec.structs.replace(world.active()[0], violation_id="f" * 32, started_at=ended.at + MINUTE)
    began = msgspec.structs.replace(ended, violation_id="f" * 32, type=EventType.IN_ALARM)
    world.true.violations.begin(overtaken, began, due=world.now + DAY, alert_due=world.now + DAY)
    while step(world):
        pass
    assert [episode.violation_id for episode in world.active()] == ["f" * 32]

    world.now += WALK_AGAIN_MS - 1
    assert step(world) == 0
    world.now += 1
    assert step(world) == 1
    assert jobs(world, at=world.now + DAY) == []


def test_a_violation_that_cannot_be_retired_stops_neither_the_walk_nor_the_job(world: World) -> None:
    sick = THINGS[-2]
    key = Key(keys.thing(sick), keys.entry(1))
    sound = world.files[0].get(key)
    assert sound
    world.detach("p", group("g"))
    world.files[0].put(replace(sound, data=b"\xc1"))
    for _ in range(6):
        for _ in range(4):
            step(world)
        assert [thing for thing in THINGS if rings(world, thing)] == [sick]
        world.now += WALK_AGAIN_MS

    world.files[0].put(sound)
    for _ in range(2):
        step(world)
        world.now += WALK_AGAIN_MS
    world.pump()
    assert active(world) == set()
    assert jobs(world, at=world.now) == []
