"""Which state counts: none that is expired, and none of another thing of the same name."""

import pytest

from tests.unit.alarms.given import AT, BAD, DAY, KEEP, PUMP, Log, catalogue, telnet
from warden.domain.alarms.advance import current
from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.entry import Entry, EntryKind, Logged, Reason, State
from warden.domain.behaviors.target import ThingFacts

STRANGER = ThingFacts("")


def ringing(facts: ThingFacts = PUMP) -> Log:
    log = Log(catalogue(telnet(), epoch=9), facts)
    log.report(BAD, AT)
    return log


def test_a_thing_without_a_log_is_at_rest() -> None:
    assert current(None, PUMP, now=AT, keep=KEEP) == (State(), ())


def test_a_state_counts_until_its_entry_expires() -> None:
    log = ringing()
    assert current(log.newest, PUMP, now=AT + KEEP - 1, keep=KEEP) == (log.entries[-1].state, ())


@pytest.mark.parametrize(
    ("before", "now_is", "after_ms", "reason"),
    [
        pytest.param(PUMP, PUMP, KEEP, Reason.SILENT, id="expired"),
        pytest.param(PUMP, ThingFacts("id-2"), DAY, Reason.THING_DELETED, id="deleted and created again"),
        pytest.param(PUMP, STRANGER, DAY, Reason.THING_DELETED, id="deleted"),
        pytest.param(STRANGER, PUMP, DAY, Reason.THING_REGISTERED, id="registered"),
        pytest.param(PUMP, ThingFacts("id-2"), KEEP, Reason.THING_DELETED, id="deleted, and expired as well"),
    ],
)
def test_a_void_state_ends_what_rang_and_keeps_what_recognises_reports(
    before: ThingFacts, now_is: ThingFacts, after_ms: int, reason: Reason
) -> None:
    log = ringing(before)
    (begun,) = log.entries[-1].transitions
    now = AT + after_ms
    state, (ended,) = current(log.newest, now_is, now=now, keep=KEEP)
    assert state == State(epoch=9, recent=log.entries[-1].state.recent)
    assert (ended.type, ended.violation_id, ended.reason, ended.at) == (
        EventType.INVALIDATED,
        begun.violation_id,
        reason,
        now,
    )
    assert (ended.uid, ended.profile, ended.began, ended.count) == ("Telnet", "factory", 1, None)


def test_a_void_state_ends_no_violation_that_had_not_begun() -> None:
    log = Log(catalogue(telnet(to_alarm=2)))
    log.report(BAD, AT)
    assert log.alarms
    assert current(log.newest, STRANGER, now=AT, keep=KEEP)[1] == ()


def test_other_facts_of_the_same_thing_leave_its_state() -> None:
    log = ringing()
    moved = ThingFacts("id-1", ("Fans",), answered_at=AT)
    assert current(log.newest, moved, now=AT, keep=KEEP) == (log.entries[-1].state, ())


def test_an_entry_expires_by_its_position_and_not_by_its_time() -> None:
    state = State(report_at=AT)
    late = Entry(kind=EntryKind.REPORT, at=AT - DAY, pos=AT, thing_id="id-1", state=state, late=True)
    assert current(Logged(3, late), PUMP, now=AT + KEEP - 1, keep=KEEP) == (state, ())
