"""What a report that is the newest makes of a thing's log."""

import msgspec

from tests.unit.alarms.given import (
    ACCOUNT,
    AT,
    BAD,
    DAY,
    GOOD,
    KEEP,
    MINUTE,
    PUMP,
    SILENT,
    Log,
    arrival,
    catalogue,
    telnet,
)
from tests.unit.behaviors.given import behavior, live
from warden.domain.alarms.advance import report
from warden.domain.alarms.alarm import Alarm, EventType
from warden.domain.alarms.entry import REPORTS_REMEMBERED, Entry, EntryKind, Reason, State, Transition, violation_id
from warden.domain.behaviors.target import ThingFacts

BYTES = behavior("aws:all-bytes-in", "less-than", 10, name="Bytes", duration_seconds=600)


def types(transitions: tuple[Transition, ...]) -> list[str]:
    return [transition.type.value for transition in transitions]


def test_the_first_report_of_a_thing() -> None:
    came = arrival({**GOOD, "bi": 5}, AT, report_id=3, digest=b"3333")
    profiles = catalogue(telnet(), epoch=4)
    assert report(came, None, PUMP, profiles, account=ACCOUNT, keep=KEEP) == Entry(
        kind=EntryKind.REPORT,
        at=AT,
        pos=AT,
        thing_id="id-1",
        report_id=3,
        digest=b"3333",
        points=GOOD,
        state=State(epoch=4, report_at=AT, recent=((3, b"3333"),)),
    )


def test_a_violation_begins_with_all_that_an_alert_needs() -> None:
    log = Log(catalogue(telnet(version=5, criteria_version=2)))
    log.report(GOOD)
    (begun,) = log.report(BAD, AT + DAY)
    named = violation_id(account=ACCOUNT, identity="id-1", uid="Telnet", seq=2, at=AT + DAY)
    assert begun == Transition(
        type=EventType.IN_ALARM,
        violation_id=named,
        uid="Telnet",
        profile="factory",
        profile_version=5,
        reason=Reason.DATAPOINT,
        at=AT + DAY,
    )
    assert log.alarms == (
        Alarm("Telnet", "factory", 2, ringing=True, violation_id=named, began=2, violated=2, seen_at=AT + DAY),
    )


def test_a_violation_ends_under_the_same_id_and_is_forgotten() -> None:
    log = Log(catalogue(telnet()))
    (begun,) = log.report(BAD)
    (ended,) = log.report(GOOD)
    assert (ended.type, ended.violation_id, ended.began, ended.at) == (
        EventType.CLEARED,
        begun.violation_id,
        1,
        AT + 5 * MINUTE,
    )
    assert log.alarms == ()


def test_an_empty_list_clears() -> None:
    log = Log(catalogue(telnet()))
    log.report(BAD)
    assert types(log.report({"tp": set()})) == ["alarm-cleared"]


def test_the_last_violation_is_known_while_it_goes_on() -> None:
    log = Log(catalogue(telnet(to_clear=3)))
    for points in (BAD, BAD, GOOD, SILENT):
        log.report(points)
    (alarm,) = log.alarms
    assert (alarm.began, alarm.violated, alarm.streak) == (1, 2, 1)


def test_only_its_own_datapoints_show_that_an_alarm_is_alive() -> None:
    log = Log(catalogue(telnet(to_clear=3)))
    log.report(BAD)
    log.report(GOOD)
    for _ in range(3):
        log.report(SILENT)
    (alarm,) = log.alarms
    assert alarm.seen_at == AT + 5 * MINUTE


def test_a_report_without_the_metric_leaves_a_streak_as_it_is() -> None:
    log = Log(catalogue(telnet(to_alarm=2)))
    assert [types(log.report(points)) for points in (BAD, SILENT, SILENT, BAD)] == [[], [], [], ["in-alarm"]]


def test_a_window_is_alarmed_with_its_sum_and_a_list_without_one() -> None:
    log = Log(catalogue(live(BYTES), telnet()))
    log.report({"bi": 6})
    by_bytes, by_list = log.report({"bi": 7, **BAD})
    assert (by_bytes.uid, by_bytes.count) == ("Bytes", 13)
    assert (by_list.uid, by_list.count) == ("Telnet", None)
    assert [alarm.count for alarm in log.alarms] == [13, None]


def test_the_sum_of_a_violation_that_goes_on_is_the_last_that_violated() -> None:
    patient = msgspec.structs.replace(BYTES.criteria, consecutive_datapoints_to_clear=2)
    log = Log(catalogue(live(msgspec.structs.replace(BYTES, criteria=patient))))
    for value in (12, 0, 0):
        log.report({"bi": value})
    (alarm,) = log.alarms
    assert (alarm.violated, alarm.count, alarm.streak) == (2, 12, 1)


def test_a_cleared_window_tells_the_sum_that_conformed() -> None:
    log = Log(catalogue(live(BYTES)))
    for value in (12, 3):
        log.report({"bi": value})
    (ended,) = log.report({"bi": 4})
    assert (ended.type, ended.count) == (EventType.CLEARED, 7)


def test_changed_criteria_keep_the_alarm_and_start_the_count_again() -> None:
    log = Log(catalogue(telnet(to_clear=2)))
    (begun,) = log.report(BAD)
    log.report(GOOD)
    log.profiles = catalogue(telnet(to_clear=2, version=2, criteria_version=2), epoch=2)
    assert log.report(GOOD) == ()
    (ended,) = log.report(GOOD)
    assert (ended.violation_id, ended.profile_version) == (begun.violation_id, 2)


def test_changed_criteria_forget_a_count_of_violations() -> None:
    log = Log(catalogue(telnet(to_alarm=2)))
    log.report(BAD)
    log.profiles = catalogue(telnet(to_alarm=2, version=2, criteria_version=2), epoch=2)
    log.report(SILENT)
    assert log.alarms == ()
    assert [types(log.report(BAD)) for _ in range(2)] == [[], ["in-alarm"]]


def test_another_version_of_the_profile_with_the_same_criteria_keeps_the_count() -> None:
    log = Log(catalogue(telnet(to_alarm=2)))
    log.report(BAD)
    log.profiles = catalogue(telnet(to_alarm=2, version=2), epoch=2)
    (begun,) = log.report(BAD)
    assert begun.profile_version == 2


def test_an_alarm_of_a_deleted_behavior_is_forgotten_and_its_retirement_ends_it() -> None:
    log = Log(catalogue(telnet()))
    log.report(BAD)
    log.profiles = catalogue(epoch=2)
    assert log.report(GOOD) == ()
    assert log.alarms == ()


def test_an_alarm_whose_profile_does_not_cover_the_thing_any_more_stays() -> None:
    """Leaving a target is told by an entry of its own; a report does not decide it."""
    log = Log(catalogue(telnet(), target=f"arn:aws:iot:eu-west-1:{ACCOUNT}:thinggroup/Pumps"))
    log.report(BAD)
    before = log.alarms
    log.facts = ThingFacts("id-1", ("Fans",))
    assert log.report(GOOD) == ()
    assert log.alarms == before


def test_a_report_on_a_void_state_ends_the_old_violation_and_begins_its_own() -> None:
    log = Log(catalogue(telnet()))
    (old,) = log.report(BAD)
    log.facts = ThingFacts("id-2", ("Pumps",))
    ended, begun = log.report(BAD)
    assert (ended.type, ended.reason, ended.violation_id) == (
        EventType.INVALIDATED,
        Reason.THING_DELETED,
        old.violation_id,
    )
    assert begun.type is EventType.IN_ALARM
    assert begun.violation_id != old.violation_id
    assert [alarm.violation_id for alarm in log.alarms] == [begun.violation_id]


def test_a_void_states_sums_do_not_count() -> None:
    log = Log(catalogue(live(BYTES)))
    log.report({"bi": 9})
    log.facts = ThingFacts("id-2")
    assert log.report({"bi": 9}) == ()


def test_an_invalidation_names_the_version_that_the_criteria_are_from() -> None:
    log = Log(catalogue(telnet(version=9, criteria_version=4)))
    log.report(BAD)
    log.facts = ThingFacts("id-2")
    (ended,) = log.report(GOOD)
    assert (ended.type, ended.profile_version) == (EventType.INVALIDATED, 4)


def test_the_same_report_on_the_same_log_is_the_same_entry() -> None:
    log = Log(catalogue(telnet(), live(BYTES)))
    log.report(GOOD)
    came = arrival({**BAD, "bi": 99}, AT + DAY)
    first, again = (report(came, log.newest, PUMP, log.profiles, account=ACCOUNT, keep=KEEP) for _ in range(2))
    assert first == again
    assert len(first.transitions) == 2


def test_things_of_one_name_in_two_accounts_have_different_violations() -> None:
    came = arrival(BAD, AT)
    ids = {
        report(came, None, facts, catalogue(telnet()), account=account, keep=KEEP).transitions[0].violation_id
        for account in (ACCOUNT, "000000000000")
        for facts in (PUMP, ThingFacts(""), ThingFacts("id-2"))
    }
    assert len(ids) == 6


def test_an_entry_is_never_before_the_one_it_follows() -> None:
    log = Log(catalogue(telnet()))
    for at in (AT, AT + MINUTE):
        log.report(GOOD, at)
    log.entries[-1] = msgspec.structs.replace(log.entries[-1], pos=AT + DAY)
    log.report(GOOD, AT + 2 * MINUTE)
    assert (log.entries[-1].at, log.entries[-1].pos) == (AT + 2 * MINUTE, AT + DAY)


def test_the_last_sixteen_reports_are_remembered_newest_first() -> None:
    log = Log(catalogue())
    for _ in range(20):
        log.report(GOOD)
    assert [report_id for report_id, _ in log.entries[-1].state.recent] == list(range(20, 4, -1))
    assert REPORTS_REMEMBERED == 16


def test_datapoints_that_no_profile_asks_for_are_not_kept() -> None:
    log = Log(catalogue(telnet()))
    log.report({"tp": {22}, "up": {53}, "bi": 4})
    assert log.entries[-1].points == {"tp": {22}}


def test_a_state_is_labelled_with_the_catalogue_that_it_was_evaluated_under() -> None:
    log = Log(catalogue(telnet(), epoch=3))
    log.report(GOOD)
    log.profiles = catalogue(telnet(), epoch=8)
    log.report(GOOD)
    assert [entry.state.epoch for entry in log.entries] == [3, 8]
