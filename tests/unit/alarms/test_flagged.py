"""A counter's fault in a thing's log: kept, flagged, and judged against the report before it only."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.alarms.given import ACCOUNT, AT, BAD, KEEP, MINUTE, Log, arrival, catalogue, telnet
from tests.unit.behaviors.given import behavior, live
from warden.domain.alarms.advance import withdraw
from warden.domain.alarms.entry import EntryKind, Reason
from warden.domain.alarms.late import late_report

GIB = 2**30
HOUR = 60 * MINUTE
TRAFFIC = live(behavior("aws:all-bytes-out", "less-than", GIB, name="Traffic"))
QUIET: dict[str, Any] = {"bo": 900}
BUSY: dict[str, Any] = {"bo": 5 * GIB}
"""Over what is believed whatever came before."""


def busy_device() -> Log:
    """A first report, and five minutes later a busy one that rings an alarm of Telnet."""
    log = Log(catalogue(TRAFFIC, telnet()))
    log.report(QUIET, at=AT - 5 * MINUTE)
    log.report({**BUSY, **BAD}, at=AT)
    assert log.entries[-1].flagged == ()
    return log


def test_a_whole_counter_after_silence_is_kept_and_judged_by_nothing() -> None:
    log = Log(catalogue(TRAFFIC))
    log.report(QUIET, at=AT)
    assert log.report(BUSY, at=AT + 2 * HOUR) == ()
    assert (log.entries[-1].flagged, log.entries[-1].points) == (("bo",), BUSY)


def test_a_device_that_was_as_busy_before_the_silence_is_judged() -> None:
    log = busy_device()
    log.report(BUSY, at=AT + 2 * HOUR)
    assert log.entries[-1].flagged == ()


def left(log: Log) -> None:
    """The thing left a group where an alarm of it rang."""
    assert log.newest
    entry = withdraw(
        log.newest,
        log.facts,
        kind=EntryKind.LEFT,
        reason=Reason.THING_LEFT,
        ends=lambda alarm: alarm.uid == "Telnet",
        now=AT + HOUR,
        keep=KEEP,
    )
    assert entry
    log.append(entry)


def overtaken(log: Log) -> None:
    """A quiet report came an hour after its time, and after the busy one."""
    assert log.newest
    log.append(
        late_report(
            arrival(QUIET, AT - MINUTE, report_id=99),
            log.newest,
            log.facts,
            log.profiles,
            before=None,
            after=log.newest,
            account=ACCOUNT,
            keep=KEEP,
        )
    )


@pytest.mark.parametrize("between", [left, overtaken])
def test_what_is_logged_in_between_does_not_make_a_busy_device_look_faulty(between: Callable[[Log], None]) -> None:
    log = busy_device()
    between(log)
    log.report(BUSY, at=AT + 2 * HOUR)
    assert log.entries[-1].flagged == ()
