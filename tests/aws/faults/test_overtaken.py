"""Two containers at the same entry, and a deletion that comes between two requests of one that is at work."""

from collections.abc import Callable

import pytest

from tests.aws.faults.conftest import NewHome
from tests.aws.faults.home import Home
from tests.aws.faults.lives import CLEARED, IN_ALARM, INVALIDATED, is_write, kinds
from tests.core.profiles import BAD, GOOD

Step = Callable[[Home], object]


def another_dispatches(home: Home) -> None:
    """The same records in another container, as Lambda may hand them on twice; all that follows happens, too."""
    home.another("dispatch", {"Records": home.read}, lambda: 60_000)
    home.run_rules()
    home.receive()


def another_sweeps(home: Home) -> None:
    """The sweep of ten minutes later, as a function that hangs may meet it."""
    home.now += 601_000
    home.another("sweep", lambda: 60_000)


def overtaken(home: Home, number: int, meanwhile: Step) -> list[str]:
    """A violation ends, and another begins: the two entries are dispatched, and at a request of that something else
    happens before it. Returns the requests."""
    home.watch("pumps")
    home.report("pump", BAD)
    home.go()
    home.report("pump", GOOD)
    home.report("pump", BAD)
    home.strikes.clear()
    home.strikes.meanwhile[number] = lambda: meanwhile(home)
    home.dispatch()
    calls = home.strikes.calls
    home.strikes.clear()
    return calls


def numbers(new_home: NewHome) -> tuple[list[int], list[int]]:
    """Of all requests, and of those that write."""
    calls = overtaken(new_home(), 0, lambda _: None)
    every = list(range(1, len(calls) + 1))
    return every, [n for n in every if is_write(calls[n - 1])]


def with_another(home: Home, step: Step, number: int) -> None:
    overtaken(home, number, step)
    assert len(home.active(thingName="pump")) == 1, number
    home.settle()
    events = home.events()
    assert kinds(events) == [("pump", IN_ALARM), ("pump", CLEARED), ("pump", IN_ALARM)], number
    assert events[0].violation_id == events[1].violation_id != events[2].violation_id
    assert home.active() == events[2:], number
    assert set(home.heard) == set(events), number


def with_a_deletion(home: Home, number: int) -> None:
    before: list[int] = []

    def delete(home: Home) -> None:
        home.now += 1000
        home.delete_profile("pumps")
        home.swallow()
        before.append(len(home.published))
        home.another("sweep", lambda: 60_000)  # which retires what the profile's deletion leaves

    overtaken(home, number, delete)
    assert home.active() == [], number
    home.swallow()
    after = len(home.published)
    assert after - before[0] <= 1, f"{number}: more than the alert whose fence was passed"
    home.settle()
    assert len(home.published) == after, f"{number}: an alert was published after the deletion"
    assert home.active() == [], number
    events = home.events()
    first, *second = dict.fromkeys(event.violation_id for event in events)
    ended = [event.type for event in events if event.violation_id == first]
    assert ended in ([IN_ALARM, CLEARED], [IN_ALARM, INVALIDATED]), number
    assert [event.type for event in events if event.violation_id in second] in ([], [IN_ALARM, INVALIDATED]), number


STEPS = [another_dispatches, another_sweeps]


@pytest.mark.parametrize("step", STEPS)
def test_two_containers_at_the_same_entries_record_and_tell_everything_and_record_it_once(
    new_home: NewHome, step: Step
) -> None:
    _, writes = numbers(new_home)
    for number in writes[1::6]:
        with_another(new_home(), step, number)


def test_a_deletion_before_a_write_of_dispatch_is_the_end_of_it(new_home: NewHome) -> None:
    _, writes = numbers(new_home)
    for number in writes[::4]:
        with_a_deletion(new_home(), number)


@pytest.mark.faults
@pytest.mark.parametrize("step", STEPS)
def test_two_containers_at_the_same_entries_at_every_request(new_home: NewHome, step: Step) -> None:
    for number in numbers(new_home)[0]:
        with_another(new_home(), step, number)


@pytest.mark.faults
def test_a_deletion_before_every_request_of_dispatch_is_the_end_of_it(new_home: NewHome) -> None:
    for number in numbers(new_home)[0]:
        with_a_deletion(new_home(), number)
