"""Alarms that end without a datapoint."""

from tests.unit.alarms.given import AT, BAD, DAY, GOOD, KEEP, MINUTE, PUMP, Log, catalogue, telnet
from tests.unit.behaviors.given import behavior, live
from warden.domain.alarms.advance import withdraw
from warden.domain.alarms.alarm import Alarm, EventType
from warden.domain.alarms.entry import Entry, EntryKind, Reason
from warden.domain.behaviors.target import ThingFacts

PORTS = live(behavior("aws:num-established-tcp-connections", "less-than", 1, name="Ports"))


def every(_: Alarm) -> bool:
    return True


def withdrawn(log: Log, facts: ThingFacts = PUMP, ends: object = every, now: int = AT + DAY) -> Entry | None:
    assert log.newest
    assert callable(ends)
    return withdraw(log.newest, facts, kind=EntryKind.LEFT, reason=Reason.THING_LEFT, ends=ends, now=now, keep=KEEP)


def test_an_alarm_that_rings_is_invalidated() -> None:
    log = Log(catalogue(telnet(), epoch=6))
    (begun,) = log.report(BAD)
    entry = withdrawn(log)
    assert entry
    (ended,) = entry.transitions
    assert (ended.type, ended.violation_id, ended.reason, ended.at, ended.began) == (
        EventType.INVALIDATED,
        begun.violation_id,
        Reason.THING_LEFT,
        AT + DAY,
        1,
    )
    assert (entry.kind, entry.at, entry.pos, entry.thing_id) == (EntryKind.LEFT, AT + DAY, AT + DAY, "id-1")
    assert (entry.report_id, entry.digest, entry.points) == (0, b"", {})


def test_all_but_the_alarm_is_copied_forward() -> None:
    log = Log(catalogue(telnet(), live(behavior("aws:all-bytes-in", "less-than", 9)), epoch=6))
    log.report({**BAD, "bi": 5})
    before = log.entries[-1].state
    entry = withdrawn(log)
    assert entry
    assert before.windows
    assert (entry.state.epoch, entry.state.report_at, entry.state.windows, entry.state.recent, entry.state.alarms) == (
        before.epoch,
        before.report_at,
        before.windows,
        before.recent,
        (),
    )


def test_the_other_alarms_go_on() -> None:
    log = Log(catalogue(telnet(), PORTS))
    log.report({**BAD, "nc": 5})
    entry = withdrawn(log, ends=lambda alarm: alarm.uid == "Telnet")
    assert entry
    assert [ended.uid for ended in entry.transitions] == ["Telnet"]
    assert [alarm.uid for alarm in entry.state.alarms] == ["Ports"]


def test_a_count_that_has_not_alarmed_is_forgotten_without_an_event() -> None:
    log = Log(catalogue(telnet(to_alarm=2)))
    log.report(BAD)
    entry = withdrawn(log)
    assert entry
    assert entry.transitions == ()
    assert entry.state.alarms == ()


def test_where_nothing_is_to_be_withdrawn_there_is_no_entry() -> None:
    log = Log(catalogue(telnet()))
    log.report(GOOD)
    assert withdrawn(log) is None
    log.report(BAD)
    assert withdrawn(log, ends=lambda alarm: alarm.uid == "another") is None


def test_alarms_of_a_void_state_end_for_their_own_reason_whichever_were_meant() -> None:
    log = Log(catalogue(telnet()))
    log.report(BAD)
    entry = withdrawn(log, ThingFacts("id-2"), ends=lambda _: False)
    assert entry
    assert [ended.reason for ended in entry.transitions] == [Reason.THING_DELETED]
    assert (entry.thing_id, entry.state.alarms) == ("id-2", ())


def test_an_entry_of_an_older_clock_keeps_its_place_in_the_log() -> None:
    log = Log(catalogue(telnet()))
    log.report(BAD)
    entry = withdrawn(log, now=AT - MINUTE)
    assert entry
    assert (entry.at, entry.pos) == (AT - MINUTE, AT)


def test_an_alarm_that_was_withdrawn_rings_again_under_another_id() -> None:
    log = Log(catalogue(telnet()))
    (first,) = log.report(BAD)
    entry = withdrawn(log, now=AT + MINUTE)
    assert entry
    log.append(entry)
    (second,) = log.report(BAD)
    assert second.type is EventType.IN_ALARM
    assert second.violation_id != first.violation_id
