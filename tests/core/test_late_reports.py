"""A report that newer ones have overtaken is a datapoint, and what it tells of is on record where that is certain."""

from dataclasses import dataclass

import pytest

from tests.core.profiles import BAD, EVERYTHING, GOOD, few_connections, little_traffic, profile
from tests.core.world import MINUTE, SECOND, Sent, World
from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.entry import Reason

IN_ALARM, CLEARED, INVALIDATED = EventType.IN_ALARM, EventType.CLEARED, EventType.INVALIDATED


@dataclass(frozen=True)
class Case:
    """A report at five minutes, which comes after those at none and at ten."""

    before: int | None = GOOD
    late: int = BAD
    after: int = GOOD
    to_alarm: int = 1
    born_at: int = 0
    id_since: int = 0


def _told(case: Case) -> tuple[World, Sent]:
    world = World()
    start = world.now
    world.registry.create("a")
    if not case.born_at:
        world.create(profile("p", few_connections(to_alarm=case.to_alarm)), EVERYTHING)
    if case.before is not None:
        world.report("a", case.before)
    late = world.say("a", case.late, at=start + 5 * MINUTE)
    if case.born_at:
        world.now = start + case.born_at
        world.create(profile("p", few_connections(to_alarm=case.to_alarm)), EVERYTHING)
        world.restart()
    if case.id_since:
        world.now = start + case.id_since
        world.change_and_tell("a", lambda: world.registry.create("a"))
    world.now = start + 10 * MINUTE
    world.report("a", case.after)
    world.pump()
    world.now += MINUTE
    world.take(late)
    return world, late


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case(), id="between two calm reports"),
        pytest.param(Case(before=None), id="before the first report of all"),
        pytest.param(Case(born_at=5 * MINUTE), id="at the moment that its behavior was born"),
        pytest.param(Case(id_since=4 * MINUTE), id="after the thing was created again"),
    ],
)
def test_a_violation_that_was_overtaken_is_on_record_with_its_beginning_and_its_end(case: Case) -> None:
    world, late = _told(case)
    newest = world.log("a")[-1].entry
    begins, ends = newest.transitions
    assert (newest.late, newest.points) == (True, {"nc": BAD})
    assert (begins.type, begins.at) == (IN_ALARM, late.at)
    assert (ends.type, ends.at) == (CLEARED, late.at + 5 * MINUTE)
    assert (begins.reason, begins.violation_id) == (Reason.LATE, ends.violation_id)
    assert world.ringing("a") == []
    world.pump()
    assert world.told() == [(begins.violation_id, IN_ALARM), (begins.violation_id, CLEARED)]
    assert world.alerts() == [IN_ALARM, CLEARED]
    assert world.active() == []


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case(late=GOOD), id="it conforms"),
        pytest.param(Case(before=BAD), id="its earlier neighbour violates too"),
        pytest.param(Case(after=BAD), id="its later neighbour violates too"),
        pytest.param(Case(before=BAD, after=BAD), id="both neighbours violate"),
        pytest.param(Case(to_alarm=2), id="two datapoints are needed"),
        pytest.param(Case(to_alarm=2, before=BAD), id="two are needed, and it were the second"),
        pytest.param(Case(born_at=5 * MINUTE + 1), id="its behavior was born after it"),
        pytest.param(Case(id_since=6 * MINUTE), id="the thing was created again after it"),
    ],
)
def test_a_late_report_is_a_datapoint_and_no_more_where(case: Case) -> None:
    world, _ = _told(case)
    ringing = world.ringing("a")
    newest = world.log("a")[-1].entry
    assert (newest.late, newest.transitions) == (True, ())
    assert newest.state.report_at == world.log("a")[-2].entry.state.report_at
    assert newest.state.alarms == world.log("a")[-2].entry.state.alarms
    assert [alarm.violation_id for alarm in ringing] == [alarm.violation_id for alarm in world.ringing("a")]


@pytest.mark.parametrize("newer", [0, 1, 30])
def test_a_late_report_counts_once_however_often_it_comes(newer: int) -> None:
    world, late = _told(Case())
    for _ in range(newer):
        world.now += MINUTE
        world.report("a", GOOD)
    length = len(world.log("a"))
    for evaluator in (0, 1):
        world.take(late, evaluator)
    assert len(world.log("a")) == length
    world.pump()
    assert [kind for _, kind in world.told()] == [IN_ALARM, CLEARED]


def test_two_late_reports_between_the_same_neighbours_tell_of_no_two_violations_at_once() -> None:
    world, late = _told(Case())
    world.take(world.say("a", BAD, at=late.at + MINUTE))
    world.pump()
    began = [event.at for event in world.events() if event.type is IN_ALARM]
    ended = [event.at for event in world.events() if event.type is CLEARED]
    assert all(end <= begin for end, begin in zip(ended, began[1:], strict=False))


def _traffic(id_since: int) -> list[EventType]:
    """Of a thing that sends 500 bytes on time and 600 late, all within a window of 1,000."""
    world = World()
    world.registry.create("a")
    world.create(profile("p", little_traffic(1000)), EVERYTHING)
    start = world.now
    late = world.say("a", bytes_out=600, at=start + 100 * SECOND)
    if id_since:
        world.report("a", bytes_out=1)
        world.now = start + id_since
        world.change_and_tell("a", lambda: world.registry.create("a"))
        world.now = start + id_since + SECOND
        world.report("a", bytes_out=1)
    world.now = start + 150 * SECOND
    world.report("a", bytes_out=1)
    world.now = start + 200 * SECOND
    world.report("a", bytes_out=499)
    world.take(late)
    world.now = start + 290 * SECOND
    world.report("a", bytes_out=1)
    world.pump()
    return [kind for _, kind in world.told()]


def test_what_a_late_report_says_was_sent_counts_in_the_windows_that_are_open() -> None:
    assert _traffic(0) == [IN_ALARM]


def test_what_a_deleted_thing_sent_does_not_count_for_the_new_one_of_its_name() -> None:
    assert _traffic(120 * SECOND) == []


def test_a_late_report_that_comes_first_of_all_speaks_of_the_thing_of_its_time() -> None:
    world = World()
    world.registry.create("a")
    world.create(profile("p"), EVERYTHING)
    late = world.say("a", BAD)
    world.change_and_tell("a", lambda: world.registry.create("a"))
    world.now += MINUTE
    world.change_and_tell("a", lambda: world.registry.create("a"))
    world.take(late)
    world.pump()
    assert world.told() == []
