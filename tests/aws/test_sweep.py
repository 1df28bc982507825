"""Handler `sweep`: what the stream left behind and what is due is done, and nothing that fails holds up the rest."""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import chain, repeat

import msgspec
import pytest

from tests.aws.conftest import DAY, HOUR, MINUTE, SECOND, Clock, Lines, Requests
from tests.aws.core import Fleet
from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.entry import Reason
from warden.domain.errors import Unavailable
from warden.handlers.dispatch import Dispatch
from warden.handlers.parts import Clients
from warden.handlers.sweep import ENOUGH_MS, Sweep
from warden.ports import Item, Key
from warden.storage import keys
from warden.storage.jobs import Job
from warden.storage.records import SCHEMA
from warden.storage.thing_log import OUTBOX_SHARDS
from warden.use_cases.dispatch_outbox import AGAIN_MOST_MS, AGAIN_MS, LEFT_BEHIND_MS

IN_ALARM, CLEARED, INVALIDATED = EventType.IN_ALARM, EventType.CLEARED, EventType.INVALIDATED


@pytest.fixture
def sweep(fleet: Fleet) -> Sweep:
    return Sweep(fleet.parts, fleet.deliver)


def plenty() -> int:
    return 60_000


def spent_after(times: int) -> Callable[[], int]:
    """Time that is over after so many questions."""
    left = chain(repeat(60_000, times), repeat(ENOUGH_MS))
    return lambda: next(left)


def mark_garbage(fleet: Fleet, count: int, *, at: int) -> None:
    """Marked entries that nobody can read."""
    for number in range(count):
        name = f"garbage-{number}"
        mark = keys.join("OUTBOX", keys.shard(name, OUTBOX_SHARDS)), keys.moment(at)
        key = Key(keys.thing(name), keys.entry(1))
        fleet.parts.log_table.put(Item(key, b"\xc1", indexes={keys.OUTBOX: mark}))


# What the stream left behind


def test_what_the_stream_left_behind_is_dispatched_after_ten_minutes(fleet: Fleet, sweep: Sweep, clock: Clock) -> None:
    fleet.watch("pump")
    fleet.watch("press")
    fleet.violate("pump")
    clock.now += LEFT_BEHIND_MS
    fleet.violate("press")  # is the stream's still

    sweep(plenty)
    assert (fleet.active(), fleet.alerts()) == (["pump"], [IN_ALARM])
    assert fleet.marked() == [("press", 1)]


def test_what_the_stream_brings_after_the_sweep_is_told_once(fleet: Fleet, sweep: Sweep, clock: Clock) -> None:
    fleet.watch("pump")
    fleet.violate("pump")
    clock.now += LEFT_BEHIND_MS
    sweep(plenty)
    Dispatch(fleet.parts, fleet.deliver)(fleet.stream.read(), plenty)
    assert (fleet.events(), fleet.alerts()) == ([("pump", IN_ALARM)], [IN_ALARM])


def test_a_thing_that_was_left_behind_for_long_is_told_of_in_order(fleet: Fleet, sweep: Sweep, clock: Clock) -> None:
    fleet.watch("pump")
    for _ in range(2):
        fleet.violate("pump")
        fleet.conform("pump")
    clock.now += HOUR
    sweep(plenty)
    assert fleet.alerts() == [IN_ALARM, CLEARED, IN_ALARM, CLEARED]
    assert fleet.marked() == []


def test_an_entry_that_fails_is_set_aside_with_its_mark_and_tried_again_ever_later(
    fleet: Fleet, sweep: Sweep, clock: Clock
) -> None:
    fleet.watch("bad")
    fleet.violate("bad")
    sound = fleet.spoil("bad")
    clock.now += LEFT_BEHIND_MS
    waited = []
    for _ in range(6):
        sweep(plenty)
        assert (fleet.outbox.set_aside(limit=9), fleet.marked()) == ([("bad", 1)], [("bad", 1)])
        tried_at = clock.now
        while not fleet.outbox.waiting(before=0, now=clock.now, limit=1):
            clock.now += MINUTE
        waited.append(clock.now - tried_at)
    assert waited == [AGAIN_MS, 2 * AGAIN_MS, 4 * AGAIN_MS, 8 * AGAIN_MS, AGAIN_MOST_MS, AGAIN_MOST_MS]

    fleet.parts.control_table.put(sound)
    sweep(plenty)
    assert (fleet.active(), fleet.alerts(), fleet.marked()) == (["bad"], [IN_ALARM], [])
    assert fleet.outbox.set_aside(limit=9) == []


def test_a_later_entry_of_a_thing_does_not_wait_for_one_that_is_set_aside(
    fleet: Fleet, sweep: Sweep, clock: Clock
) -> None:
    fleet.watch("bad")
    fleet.violate("bad")
    sound = fleet.spoil("bad")
    clock.now += LEFT_BEHIND_MS
    sweep(plenty)
    fleet.conform("bad")
    fleet.parts.control_table.put(sound)
    Dispatch(fleet.parts, fleet.deliver)(fleet.stream.read(), plenty)
    assert fleet.events() == [("bad", IN_ALARM), ("bad", CLEARED)]
    clock.now += AGAIN_MS
    sweep(plenty)
    assert (fleet.events(), fleet.alerts()) == ([("bad", IN_ALARM), ("bad", CLEARED)], [IN_ALARM, CLEARED])


def test_more_failing_entries_than_one_look_takes_do_not_hold_up_a_younger_one(
    fleet: Fleet, clock: Clock, metrics: Lines
) -> None:
    sweep = Sweep(fleet.parts, fleet.deliver, at_once=4)
    mark_garbage(fleet, 11, at=clock.now - DAY)
    fleet.watch("pump")
    fleet.violate("pump")
    clock.now += LEFT_BEHIND_MS
    sweep(plenty)
    assert fleet.active() == ["pump"]
    assert len(fleet.outbox.set_aside(limit=99)) == 11
    assert metrics() == [{"stage": "test", "LeftBehind": [12.0], "SweepFailed": [11.0], "Due": [0.0], "Cleaned": [0.0]}]


# What is due


def test_an_alert_that_could_not_be_sent_is_sent_when_it_is_due(fleet: Fleet, sweep: Sweep, clock: Clock) -> None:
    fleet.watch("pump")
    fleet.violate("pump")
    fleet.topics.down = True
    Dispatch(fleet.parts, fleet.deliver)(fleet.stream.read(), plenty)
    fleet.topics.down = False
    sweep(plenty)
    assert fleet.alerts() == []
    clock.now += 10 * MINUTE
    sweep(plenty)
    assert fleet.alerts() == [IN_ALARM]


def test_a_thing_that_is_silent_for_two_days_ends_its_violation(fleet: Fleet, sweep: Sweep, clock: Clock) -> None:
    fleet.watch("pump")
    fleet.violate("pump")
    dispatch = Dispatch(fleet.parts, fleet.deliver)
    dispatch(fleet.stream.read(), plenty)
    clock.now += 2 * DAY - SECOND
    sweep(plenty)
    assert fleet.stream.read() == {"Records": []}
    clock.now += SECOND
    sweep(plenty)
    dispatch(fleet.stream.read(), plenty)
    assert fleet.active() == []
    assert fleet.alerts() == [IN_ALARM, INVALIDATED]


def test_what_is_due_is_done_until_nothing_is(fleet: Fleet, sweep: Sweep, clock: Clock) -> None:
    fleet.watch("pump")
    jobs = [Job(profile="pump", reason=Reason.PROFILE_DETACHED, walks=1) for _ in range(150)]
    for number, job in enumerate(jobs):
        fleet.parts.control_table.transact([fleet.parts.jobs.queue(number, job, now=clock.now)])
    sweep(plenty)
    assert fleet.parts.jobs.due(clock.now + DAY, limit=1) == []


@pytest.mark.parametrize(
    "data",
    [b"\xc1", msgspec.msgpack.encode({"schema": SCHEMA + 1})],
    ids=["nobody can read it", "a newer release wrote it"],
)
def test_what_is_due_and_fails_is_due_again_in_five_minutes_for_every_container(
    fleet: Fleet, sweep: Sweep, clock: Clock, metrics: Lines, data: bytes
) -> None:
    key = Key("JOB#1", "JOB")
    place = keys.due("1", clock.now, key)
    fleet.parts.control_table.put(Item(key, data, 7, {keys.DUE: place, keys.BY_ALL: ("LIST", "1")}, 77))
    sweep(plenty)
    Sweep(fleet.parts, fleet.deliver)(plenty)
    assert metrics() == [
        {"stage": "test", "LeftBehind": [0.0], "SweepFailed": [1.0], "Due": [1.0], "Cleaned": [0.0]},
        {"stage": "test", "LeftBehind": [0.0], "Due": [0.0], "Cleaned": [0.0]},
    ]
    later = keys.DUE, (place[0], keys.due("1", clock.now + 5 * MINUTE, key)[1])
    kept = fleet.parts.control_table.get(key)
    assert kept == Item(key, data, 8, dict([later, (keys.BY_ALL, ("LIST", "1"))]), 77)


def test_more_that_cannot_be_done_now_than_one_look_takes_does_not_hold_up_the_rest(
    fleet: Fleet, clock: Clock, metrics: Lines
) -> None:
    """As where the queue of dead alerts does not answer."""
    refusing, tried = True, Counter[str]()

    def deliver(events: Iterable[Key], *, now: int) -> int:
        for key in events:
            stored = fleet.parts.violations.event(key)
            assert stored
            tried[stored.record.thing] += 1
            if refusing and stored.record.thing != "pump":
                raise Unavailable("nobody takes it")
        return fleet.deliver(events, now=now)

    stuck = [f"stuck-{n}" for n in range(9)]
    fleet.topics.down = True
    for things in (stuck, ["pump"]):
        for thing in things:
            fleet.watch(thing)
            fleet.violate(thing)
        Dispatch(fleet.parts, fleet.deliver)(fleet.stream.read(), plenty)
    fleet.topics.down = False
    clock.now += 10 * MINUTE
    metrics()
    sweep = Sweep(fleet.parts, deliver, at_once=4)

    sweep(plenty)
    assert len(fleet.alerts()) == 1
    assert tried == Counter([*stuck, "pump"])
    assert metrics() == [{"stage": "test", "LeftBehind": [0.0], "Due": [10.0], "Cleaned": [0.0]}]
    clock.now += MINUTE - 1
    sweep(plenty)
    assert tried.total() == 10
    clock.now += 1
    refusing = False
    sweep(plenty)
    assert len(fleet.alerts()) == 10


def test_what_is_due_later_by_now_is_not_put_off_to_sooner(fleet: Fleet, clock: Clock) -> None:
    """Somebody else was first, and wrote when it is due."""
    job = Job(profile="pump", reason=Reason.PROFILE_DETACHED, walks=1)
    fleet.parts.control_table.transact([fleet.parts.jobs.queue(1, job, now=clock.now + HOUR)])
    (key,) = fleet.parts.jobs.due(clock.now + HOUR, limit=9)
    fleet.parts.jobs.postpone(key, due=clock.now + MINUTE)
    assert fleet.parts.jobs.due(clock.now + HOUR - 1, limit=9) == []
    assert fleet.parts.jobs.due(clock.now + HOUR, limit=9) == [key]


def test_time_is_asked_for_before_each_thing_that_is_due(fleet: Fleet, sweep: Sweep, clock: Clock) -> None:
    job = Job(profile="pump", reason=Reason.PROFILE_DETACHED, walks=1)
    for number in range(3):
        fleet.parts.control_table.transact([fleet.parts.jobs.queue(number, job, now=clock.now)])
    sweep(spent_after(2))
    assert len(fleet.parts.jobs.due(clock.now, limit=9)) == 2


# Its time


def test_it_stops_when_its_time_is_nearly_over_and_says_so(
    fleet: Fleet, sweep: Sweep, clock: Clock, metrics: Lines
) -> None:
    mark_garbage(fleet, 5, at=clock.now - DAY)
    sweep(spent_after(3))
    assert metrics() == [
        {"stage": "test", "LeftBehind": [2.0], "SweepFailed": [2.0], "Due": [0.0], "SweepOutOfTime": [1.0]}
    ]


def test_one_kind_of_work_that_fails_does_not_stop_the_other(
    fleet: Fleet, sweep: Sweep, clock: Clock, aws: Clients, metrics: Lines
) -> None:
    job = Job(profile="pump", reason=Reason.PROFILE_DETACHED, walks=1)
    fleet.parts.control_table.transact([fleet.parts.jobs.queue(1, job, now=clock.now)])
    aws("dynamodb").delete_table(TableName=fleet.parts.settings.log_table)
    sweep(plenty)
    assert fleet.parts.jobs.due(clock.now + DAY, limit=1) == []
    assert metrics() == [{"stage": "test", "SweepFailed": [2.0], "Due": [1.0], "Cleaned": [0.0]}]


def test_a_sweep_that_has_nothing_to_do_asks_for_each_shard_once(sweep: Sweep, requests: Requests) -> None:
    requests.counted.clear()
    sweep(plenty)
    assert dict(requests.counted) == {"dynamodb:Query": 17}


def test_it_cleans_up_once_an_hour(fleet: Fleet, clock: Clock, metrics: Lines) -> None:
    cleaned: list[int] = []

    def clean(*, now: int) -> int:
        cleaned.append(now)
        return 3

    sweep = Sweep(fleet.parts, fleet.deliver, clean)
    for _ in range(62):
        sweep(plenty)
        clock.now += MINUTE
    assert cleaned == [clock.now - 62 * MINUTE, clock.now - 2 * MINUTE]
    assert [line["Cleaned"] for line in metrics() if "Cleaned" in line] == [[3.0], [3.0]]
