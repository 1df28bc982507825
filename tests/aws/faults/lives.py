"""Lives of a few things, what a user must see at the end of each, and the strikes that a life is to withstand."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Final

from tests.aws.conftest import DAY, MINUTE
from tests.aws.faults.account import remove_alert_rules
from tests.aws.faults.home import Home, Told
from tests.aws.faults.strikes import BEFORE, Strike
from tests.core.profiles import BAD, GOOD
from warden.domain.alarms.alarm import EventType

IN_ALARM, CLEARED, INVALIDATED = EventType.IN_ALARM, EventType.CLEARED, EventType.INVALIDATED

Phase = Callable[[Home], None]


def kinds(found: list[Told]) -> list[tuple[str, EventType]]:
    return [(told.thing, told.type) for told in found]


def begins_and_clears() -> Iterator[Phase]:
    """A thing violates its profile, and conforms again. After either the redeliveries alone, without the sweep, have
    put everything right."""

    def violates(home: Home) -> None:
        home.report("pump", BAD)
        home.go()

    def conforms(home: Home) -> None:
        assert len(home.active(thingName="pump")) == 1
        assert home.outbox() == []
        home.report("pump", GOOD)
        home.go()
        assert home.active(thingName="pump") == []
        assert home.outbox() == []

    yield from (violates, conforms)


def judge_begun_and_cleared(home: Home) -> None:
    events = home.events(thingName="pump")
    assert kinds(events) == [("pump", IN_ALARM), ("pump", CLEARED)]
    assert len({event.violation_id for event in events}) == 1
    assert set(home.heard) == set(events)
    assert home.active(thingName="pump") == []
    assert home.dead_alerts() == []


def deleted() -> Iterator[Phase]:
    """D4: while a profile is deleted, one alert of it is not known to have left, and one violation is only in a log."""

    def begins(home: Home) -> None:
        home.report("pump", BAD)
        home.dispatch()
        home.swallow()
        home.report("press", BAD)
        home.delete_profile("pumps")
        home.published.clear()
        assert home.active() == []

    yield from (begins, Home.dispatch, Home.sweep)


def judge_deleted(home: Home) -> None:
    assert kinds(home.events()) == [("pump", IN_ALARM), ("pump", INVALIDATED)]
    assert len({event.violation_id for event in home.events()}) == 1
    assert home.active() == []
    assert (home.published, home.heard) == ([], [])
    assert home.dead_alerts() == []


def refused() -> Iterator[Phase]:
    """SNS takes nothing for a day, and somebody removes the alert rule: the alert becomes a dead letter."""

    def begins(home: Home) -> None:
        home.refusing = True
        home.report("pump", BAD)
        home.go()
        remove_alert_rules(home.clients)

    def tries_again(home: Home) -> None:
        home.sweep()
        home.go()

    yield from (begins, tries_again, lambda home: home.sweep(after=DAY))


def judge_refused(home: Home) -> None:
    (event,) = home.events()
    assert home.active() == [event]
    assert home.heard == []
    assert {letter["violationId"] for letter in home.dead_alerts()} == {event.violation_id}


def left_behind() -> Iterator[Phase]:
    """The stream brings nothing: the sweep finds the marks, then the thing is silent for two days."""

    def begins(home: Home) -> None:
        home.report("pump", BAD)
        home.poll()
        home.unread.clear()

    def is_found(home: Home) -> None:
        home.sweep()
        home.run_rules()
        home.receive()

    def is_silent(home: Home) -> None:
        is_found(home)  # what was struck may be due again
        home.sweep(after=2 * DAY)

    def is_told(home: Home) -> None:
        home.sweep(after=MINUTE)
        home.go()

    yield from (begins, is_found, is_silent, is_told)


def judge_left_behind(home: Home) -> None:
    events = home.events()
    assert kinds(events) == [("pump", IN_ALARM), ("pump", INVALIDATED)]
    assert len({event.violation_id for event in events}) == 1
    assert set(home.heard) == set(events)
    assert home.active() == []


@dataclass(frozen=True)
class Life:
    """What happens in steps, and what a user must see in the end, whatever struck."""

    phases: Callable[[], Iterator[Phase]]
    judge: Callable[[Home], None]


LIVES: Final = {
    "begins and clears": Life(begins_and_clears, judge_begun_and_cleared),
    "deleted": Life(deleted, judge_deleted),
    "refused": Life(refused, judge_refused),
    "left behind": Life(left_behind, judge_left_behind),
}

READS: Final = ("Get", "Query", "Describe", "List", "BatchGet")

Aim = tuple[int, Strike]
"""A request's number within its phase, and what happens to it."""


def lived(home: Home, life: Life, aims: list[Aim | None]) -> list[list[str]]:
    """Live a life, of each phase struck where it says, and judge it. Returns each phase's requests."""
    home.watch("pumps")
    calls = []
    for phase, aim in zip(life.phases(), aims, strict=True):
        home.strikes.clear()
        if aim:
            home.strikes.once(*aim)
        phase(home)
        calls.append(home.strikes.calls)
        assert not aim or home.strikes.struck or home.struck, f"{aim} has hit nothing, and nothing was changed before"
        home.struck += home.strikes.struck
    home.strikes.clear()
    home.settle()
    life.judge(home)
    return calls


def aims(calls: list[str]) -> Iterator[Aim]:
    """Every strike at every request."""
    for number, operation in enumerate(calls, 1):
        yield from ((number, strike) for strike in Strike if strike.may_hit(operation))


def few_aims(calls: list[str], at_writes: tuple[Strike, ...]) -> Iterator[Aim]:
    """One strike at every request, each kind in turn: these at what is written, those before it at what is read."""
    reads, writes = cycle(BEFORE), cycle(at_writes)
    for number, operation in enumerate(calls, 1):
        yield number, next(strike for strike in (writes if is_write(operation) else reads) if strike.may_hit(operation))


def is_write(operation: str) -> bool:
    return not operation.partition(":")[2].startswith(READS)
