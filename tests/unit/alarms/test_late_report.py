"""A report that newer ones have overtaken: on record, and stepping no alarm."""

from typing import Any

import msgspec

from tests.unit.alarms.given import ACCOUNT, AT, BAD, DAY, GOOD, KEEP, MINUTE, SILENT, Log, arrival, catalogue, telnet
from tests.unit.behaviors.given import behavior, live
from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.entry import Entry, EntryKind, Logged, Reason, violation_id
from warden.domain.alarms.late import late_report
from warden.domain.behaviors.target import ThingFacts

BYTES = live(behavior("aws:all-bytes-in", "less-than", 10, name="Bytes", duration_seconds=600))


def late(log: Log, points: dict[str, Any], at: int, *, between: tuple[int, int] | None = None) -> Entry:
    """A late report between two entries of a log, the last two unless it is said which."""
    before, after = between or (len(log.entries) - 1, len(log.entries))
    assert log.newest
    return late_report(
        arrival(points, at, report_id=99, digest=b"late"),
        log.newest,
        log.facts,
        log.profiles,
        before=log.logged(before) if before else None,
        after=log.logged(after),
        account=ACCOUNT,
        keep=KEEP,
    )


def calm(*behaviors: Any) -> Log:
    """A thing that reported well twice, five minutes apart."""
    log = Log(catalogue(*(behaviors or (telnet(),)), epoch=4))
    log.report({**GOOD, "bi": 0})
    log.report({**GOOD, "bi": 0})
    return log


def test_a_late_report_is_marked_and_keeps_its_own_time() -> None:
    log = calm()
    entry = late(log, GOOD, AT + MINUTE)
    newest = log.entries[-1]
    assert (entry.kind, entry.late, entry.at, entry.pos) == (EntryKind.REPORT, True, AT + MINUTE, newest.pos)
    assert (entry.report_id, entry.digest, entry.points, entry.transitions) == (99, b"late", GOOD, ())
    assert entry.state.report_at == newest.state.report_at
    assert entry.state.recent == ((99, b"late"), *newest.state.recent)


def test_an_overtaken_violation_is_on_record_from_its_time_to_the_next_entrys() -> None:
    begun, ended = late(calm(), BAD, AT + MINUTE).transitions
    assert (begun.type, begun.at, begun.began, begun.reason) == (EventType.IN_ALARM, AT + MINUTE, 0, Reason.LATE)
    assert (ended.type, ended.at, ended.began, ended.reason) == (EventType.CLEARED, AT + 5 * MINUTE, 3, Reason.LATE)
    named = violation_id(account=ACCOUNT, identity="id-1", uid="Telnet", seq=3, at=AT + MINUTE)
    assert begun.violation_id == ended.violation_id == named


def test_an_overtaken_violation_leaves_the_alarm_at_rest() -> None:
    assert late(calm(), BAD, AT + MINUTE).state.alarms == ()


def test_a_late_report_conforms_in_silence() -> None:
    assert late(calm(), GOOD, AT + MINUTE).transitions == ()
    assert late(calm(), SILENT, AT + MINUTE).transitions == ()


def test_a_behavior_that_needs_more_datapoints_is_not_judged_late() -> None:
    assert late(calm(telnet(to_alarm=2)), BAD, AT + MINUTE).transitions == ()


def test_a_behavior_that_was_born_later_is_not_judged() -> None:
    assert late(calm(telnet(since=AT + MINUTE + 1)), BAD, AT + MINUTE).transitions == ()
    assert late(calm(telnet(since=AT + MINUTE)), BAD, AT + MINUTE).transitions


def test_an_alarm_that_rang_at_either_side_is_left_alone() -> None:
    for first, second in ((BAD, GOOD), (GOOD, BAD), (BAD, BAD)):
        log = Log(catalogue(telnet()))
        log.report(first)
        log.report(second)
        entry = late(log, BAD, AT + MINUTE)
        assert entry.transitions == ()
        assert entry.state.alarms == log.alarms


def test_an_alarm_that_rings_long_after_is_no_hindrance() -> None:
    log = calm()
    log.report(BAD)
    assert len(late(log, BAD, AT + MINUTE, between=(1, 2)).transitions) == 2


def test_a_report_from_before_the_logs_beginning_is_judged_by_what_follows() -> None:
    begun, ended = late(calm(), BAD, AT - MINUTE, between=(0, 1)).transitions
    assert (begun.at, ended.at) == (AT - MINUTE, AT)


def test_a_report_from_before_the_thing_was_this_one_is_a_datapoint_only() -> None:
    log = calm()
    log.facts = msgspec.structs.replace(log.facts, id_since=AT + 2 * MINUTE)
    entry = late(log, BAD, AT + MINUTE)
    assert (entry.transitions, entry.points) == ((), BAD)


def test_bytes_from_before_the_thing_was_this_one_do_not_count_in_its_windows() -> None:
    log = calm(BYTES)
    log.facts = msgspec.structs.replace(log.facts, id_since=AT + 2 * MINUTE)
    before = log.entries[-1].state.windows
    assert before
    assert late(log, {"bi": 8}, AT + MINUTE).state.windows == before


def test_alarms_of_the_thing_that_had_the_name_before_are_no_hindrance() -> None:
    log = Log(catalogue(telnet(), BYTES))
    log.report({**BAD, "bi": 9})
    log.facts = ThingFacts("id-2", ("Pumps",), id_since=AT + MINUTE)
    log.report({**GOOD, "bi": 0})
    begun, ended = late(log, {**BAD, "bi": 9}, AT + 2 * MINUTE).transitions
    assert {begun.uid, ended.uid} == {"Telnet"}, "its 9 bytes are not added to the other thing's"
    assert begun.violation_id == ended.violation_id


def test_a_late_window_is_summed_up_to_its_own_time() -> None:
    log = Log(catalogue(BYTES))
    log.report({"bi": 6})
    log.report({"bi": 0})
    begun, ended = late(log, {"bi": 5}, AT + MINUTE).transitions
    assert (begun.count, ended.count) == (11, 11)


def test_late_bytes_count_in_the_window_from_then_on() -> None:
    log = calm(BYTES)
    log.append(late(log, {"bi": 8}, AT + MINUTE))
    (begun,) = log.report({"bi": 3}, AT + 6 * MINUTE)
    assert (begun.type, begun.count) == (EventType.IN_ALARM, 11)


def test_the_epoch_is_the_catalogues_and_alarms_of_deleted_behaviors_are_dropped() -> None:
    log = Log(catalogue(telnet(), epoch=4))
    log.report(GOOD)
    log.report(BAD)
    log.profiles = catalogue(epoch=5)
    state = late(log, GOOD, AT + MINUTE).state
    assert (state.epoch, state.alarms) == (5, ())


def test_a_late_report_on_a_void_state_ends_what_rang() -> None:
    log = calm()
    log.report(BAD)
    log.facts = ThingFacts("id-2", id_since=AT + DAY)
    entry = late(log, GOOD, AT + MINUTE, between=(1, 2))
    assert [(ended.type, ended.reason) for ended in entry.transitions] == [
        (EventType.INVALIDATED, Reason.THING_DELETED)
    ]
    assert (entry.state.alarms, entry.state.report_at, entry.thing_id) == ((), 0, "id-2")


def test_the_same_late_report_on_the_same_log_is_the_same_entry() -> None:
    log = calm()
    assert late(log, BAD, AT + MINUTE) == late(log, BAD, AT + MINUTE)


def test_two_late_reports_are_two_violations() -> None:
    log = calm()
    first = late(log, BAD, AT + MINUTE)
    log.append(first)
    second = late(log, BAD, AT + 2 * MINUTE, between=(1, 2))
    assert first.transitions[0].violation_id != second.transitions[0].violation_id


def test_a_late_report_follows_the_newest_entry() -> None:
    log = calm()
    log.append(late(log, BAD, AT + MINUTE))
    assert log.newest == Logged(3, log.entries[-1])
    assert log.report(GOOD, AT + 10 * MINUTE) == ()
