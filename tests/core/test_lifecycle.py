"""What becomes of alarms when reports cross, things come and go, and profiles change under them."""

import pytest

from tests.core.profiles import (
    BAD,
    CONNECTIONS,
    EVERYTHING,
    GOOD,
    REGISTERED,
    UNREGISTERED,
    few_connections,
    group,
    little_traffic,
    profile,
)
from tests.core.world import DAY, HOUR, MINUTE, World
from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.entry import EntryKind, Reason
from warden.domain.behaviors.profile import Behavior
from warden.use_cases.list_violations import Filters

IN_ALARM, CLEARED, INVALIDATED = EventType.IN_ALARM, EventType.CLEARED, EventType.INVALIDATED


@pytest.fixture
def world() -> World:
    """Registered thing `a`."""
    world = World(allow_unregistered=True)
    world.registry.create("a", "g")
    return world


def kinds(world: World) -> list[EventType]:
    return [kind for _, kind in world.told()]


def reasons(world: World) -> list[Reason]:
    return [event.reason for event in world.events()]


# Two evaluators


@pytest.mark.parametrize("nth", range(1, 10))
def test_two_reports_that_cross_are_both_counted(world: World, nth: int) -> None:
    world.create(profile("p", few_connections(to_alarm=2)), EVERYTHING)
    first, second = world.say("a", BAD), world.say("a", BAD)
    world.outside.before(nth, lambda: world.take(second, 1))
    world.take(first, 0)
    if second in world.unanswered:
        world.take(second, 1)
    log = world.log("a")
    assert [logged.seq for logged in log] == [1, 2]
    assert {logged.entry.report_id for logged in log} == {1, 2}
    assert [transition.type for transition in log[1].entry.transitions] == [IN_ALARM]
    assert log[0].entry.transitions == ()


def test_reports_of_one_thing_that_cross_again_and_again_are_all_counted(world: World) -> None:
    world.create(profile("p"), EVERYTHING)
    crossing = [world.say("a", BAD if n % 2 else GOOD) for n in range(8)]
    for nth, sent in enumerate(crossing[1:]):
        world.outside.before(2 * nth + 2, lambda sent=sent: world.take(sent, 1))  # type: ignore[misc]
    world.take(crossing[0], 0)
    for sent in crossing:
        world.take(sent)
    assert sorted(logged.entry.report_id for logged in world.log("a")) == list(range(1, 9))
    world.pump()
    assert set(kinds(world)) <= {IN_ALARM, CLEARED}
    assert len(world.active()) == len(world.ringing("a"))


# Logs that expire


@pytest.mark.parametrize(("value", "after"), [(GOOD, []), (BAD, [IN_ALARM])])
def test_an_alarm_of_a_log_that_has_expired_ends_as_silent(world: World, value: int, after: list[EventType]) -> None:
    world.create(profile("p"), EVERYTHING)
    world.report("a", BAD)
    world.pump()
    world.now += 15 * DAY
    world.report("a", value)
    world.pump()
    assert [(event.type, event.reason) for event in world.events() if event.type is INVALIDATED] == [
        (INVALIDATED, Reason.SILENT)
    ]
    assert sorted(kinds(world)) == sorted([IN_ALARM, INVALIDATED, *after])
    assert len(world.active()) == len(after)


def test_datapoints_of_a_log_that_has_expired_argue_for_no_alarm(world: World) -> None:
    world.create(profile("p", few_connections(to_alarm=2)), EVERYTHING)
    world.report("a", BAD)
    world.now += 15 * DAY
    world.report("a", BAD)
    assert world.ringing("a") == []
    world.report("a", BAD)
    assert len(world.ringing("a")) == 1


# Things that come and go


def test_a_thing_created_again_in_alarm_has_a_violation_of_its_own(world: World) -> None:
    world.create(profile("p"), EVERYTHING)
    world.report("a", BAD)
    world.pump()
    world.now += MINUTE
    world.change("a", lambda: world.registry.create("a"))
    world.tell()
    world.report("a", BAD)
    world.pump()
    assert kinds(world) == [IN_ALARM, INVALIDATED, IN_ALARM]
    assert reasons(world) == [Reason.DATAPOINT, Reason.THING_DELETED, Reason.DATAPOINT]
    assert world.alerts() == [IN_ALARM, IN_ALARM]
    assert [episode.thing_id for episode in world.listed()] == ["a-2"]


def test_a_thing_created_again_before_anybody_was_told_has_a_violation_of_its_own(world: World) -> None:
    """The answer is stored by the first report that asks for it."""
    world.create(profile("p"), EVERYTHING)
    world.report("new", BAD)
    world.pump()
    world.now += 2 * HOUR
    world.registry.create("new")
    world.report("new", BAD)
    world.pump()
    assert sorted(kinds(world)) == sorted([IN_ALARM, INVALIDATED, IN_ALARM])
    assert [episode.thing_id for episode in world.listed()] == ["new-1"]


def test_a_thing_registered_while_it_violates_has_two_violations_one_for_each_identity(world: World) -> None:
    world.create(profile("p"), EVERYTHING)
    world.report("b", BAD)
    world.pump()
    world.now += MINUTE
    world.change_and_tell("b", lambda: world.registry.create("b"))
    world.report("b", BAD)
    world.pump()
    assert kinds(world) == [IN_ALARM, INVALIDATED, IN_ALARM]
    assert reasons(world)[1] is Reason.THING_REGISTERED
    first, _, second = world.events()
    assert (first.thing_id, second.thing_id) == ("", "b-1")
    assert first.violation_id != second.violation_id


def test_a_profile_of_unregistered_things_lets_go_of_a_thing_that_is_registered(world: World) -> None:
    world.create(profile("p"), UNREGISTERED)
    world.create(profile("q"), REGISTERED)
    world.report("b", BAD)
    world.change_and_tell("b", lambda: world.registry.create("b"))
    world.report("b", BAD)
    world.pump()
    assert [(episode.profile, episode.thing_id) for episode in world.listed()] == [("q", "b-1")]


def test_a_thing_that_two_targets_of_one_profile_cover_is_evaluated_once(world: World) -> None:
    world.create(profile("p"), EVERYTHING, group("g"))
    world.report("a", BAD)
    world.pump()
    assert kinds(world) == [IN_ALARM]
    world.detach("p", group("g"))
    world.settle_down()
    assert kinds(world) == [IN_ALARM]


# Profiles that change


def test_other_criteria_keep_the_alarm_and_count_anew(world: World) -> None:
    world.create(profile("p", few_connections(10, to_alarm=2, to_clear=2)), EVERYTHING)
    world.report("a", BAD)
    world.update(profile("p", few_connections(20, to_alarm=2, to_clear=2)))
    world.read_catalogue(0)
    world.report("a", BAD)
    assert world.ringing("a") == []
    world.report("a", BAD)
    (ringing,) = world.ringing("a")
    world.report("a", GOOD)
    world.update(profile("p", few_connections(30, to_alarm=2, to_clear=2)))
    world.read_catalogue(0)
    world.report("a", GOOD)
    assert [alarm.violation_id for alarm in world.ringing("a")] == [ringing.violation_id]
    world.report("a", GOOD)
    world.settle_down()
    assert world.told() == [(ringing.violation_id, IN_ALARM), (ringing.violation_id, CLEARED)]


def test_another_metric_ends_the_violation_and_starts_afresh(world: World) -> None:
    world.create(profile("p", few_connections(name="it")), EVERYTHING)
    world.report("a", BAD)
    world.pump()
    world.now += MINUTE
    world.update(profile("p", little_traffic(name="it")))
    assert world.listed() == []
    world.sweep()
    world.now += MINUTE
    world.read_catalogue(0)
    world.report("a", BAD, bytes_out=1)
    world.now += MINUTE
    world.report("a", bytes_out=5000)
    world.settle_down()
    assert kinds(world) == [IN_ALARM, INVALIDATED, IN_ALARM]
    assert reasons(world)[1] is Reason.BEHAVIOR_CHANGED
    assert world.alerts() == [IN_ALARM, IN_ALARM]
    assert len(world.listed()) == 1


def test_criteria_that_are_taken_away_end_the_violation(world: World) -> None:
    world.create(profile("p"), EVERYTHING)
    world.report("a", BAD)
    world.pump()
    world.now += MINUTE
    world.update(profile("p", Behavior(name="few-connections", metric=CONNECTIONS)))
    assert world.listed() == []
    world.settle_down()
    assert reasons(world) == [Reason.DATAPOINT, Reason.BEHAVIOR_CHANGED]
    assert world.active() == []


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        pytest.param(lambda world: world.delete("p"), Reason.PROFILE_DELETED, id="deleted"),
        pytest.param(lambda world: world.detach("p", EVERYTHING), Reason.PROFILE_DETACHED, id="detached"),
        pytest.param(
            lambda world: world.update(profile("p", little_traffic())), Reason.BEHAVIOR_DELETED, id="left out"
        ),
    ],
)
def test_what_nothing_stands_for_any_more_ends_on_record_and_in_silence(world: World, edit, reason: Reason) -> None:  # type: ignore[no-untyped-def]
    world.create(profile("p"), EVERYTHING)
    world.report("a", BAD)
    world.pump()
    world.now += MINUTE
    edit(world)
    assert world.listed() == []
    world.settle_down()
    assert kinds(world) == [IN_ALARM, INVALIDATED]
    assert reasons(world)[1] is reason
    assert world.alerts() == [IN_ALARM]


def test_a_detachment_that_overtakes_the_end_is_told_to_no_subscriber(world: World) -> None:
    world.create(profile("p"), EVERYTHING)
    world.report("a", BAD)
    world.pump()
    world.now += MINUTE
    world.report("a", GOOD)
    world.detach("p", EVERYTHING)
    world.sweep()
    world.settle_down()
    assert reasons(world) == [Reason.DATAPOINT, Reason.PROFILE_DETACHED]
    assert world.alerts() == [IN_ALARM]


def test_datapoints_before_a_detachment_do_not_count_after_it(world: World) -> None:
    world.create(profile("p", few_connections(to_alarm=2)), EVERYTHING)
    world.report("a", BAD)
    world.detach("p", EVERYTHING)
    world.read_catalogue(0)
    world.report("a", GOOD)
    world.attach("p", EVERYTHING)
    world.read_catalogue(0)
    world.report("a", BAD)
    assert world.ringing("a") == []


# Silence


def test_an_alarm_is_silent_after_two_days_without_its_own_metric(world: World) -> None:
    world.create(profile("p", few_connections(), little_traffic()), EVERYTHING)
    world.report("a", BAD)
    for _ in range(24):
        world.now += 2 * HOUR
        world.report("a", bytes_out=5000)  # keeps only its own alarm alive
        world.pump()
        world.sweep()
    assert len(world.listed()) == 2
    world.settle_down()
    assert [(event.type, event.reason) for event in world.events()][-1] == (INVALIDATED, Reason.SILENT)
    assert world.alerts().count(INVALIDATED) == 1
    assert [episode.behavior and episode.behavior.name for episode in world.listed()] == ["little-traffic"]


def test_alarms_that_a_thing_is_silent_about_end_together_in_one_entry_of_its_log(world: World) -> None:
    world.create(profile("p", few_connections(), little_traffic()), EVERYTHING)
    world.report("a", BAD, bytes_out=5000)
    world.pump()
    world.now += 2 * DAY
    world.sweep()
    world.pump()
    ended = [(event.type, event.reason, event.at) for event in world.events()][2:]
    assert ended == [(INVALIDATED, Reason.SILENT, world.now)] * 2
    assert [logged.entry.kind for logged in world.log("a")] == [EntryKind.REPORT, EntryKind.SILENCE]


def test_a_datapoint_puts_the_silence_off_by_two_days(world: World) -> None:
    world.create(profile("p"), EVERYTHING)
    start = world.now
    world.report("a", BAD)
    world.pump()
    world.now = start + 47 * HOUR
    world.report("a", BAD)
    for hours, active in ((49, 1), (94, 1), (95, 0)):
        world.now = start + hours * HOUR
        world.sweep()
        world.pump()
        assert len(world.active()) == active


def test_an_end_that_waits_for_dispatch_is_not_taken_for_silence(world: World) -> None:
    world.create(profile("p"), EVERYTHING)
    world.report("a", BAD)
    world.pump()
    world.now += 2 * DAY
    world.report("a", GOOD)
    world.sweep()
    world.pump()
    assert kinds(world) == [IN_ALARM, CLEARED]


def test_an_end_that_dispatch_never_sees_is_made_good(world: World) -> None:
    world.create(profile("p"), EVERYTHING)
    world.report("a", BAD)
    world.pump()
    world.now += 2 * DAY
    world.report("a", GOOD)
    world.sweep()
    world.now += 15 * MINUTE
    world.sweep()
    assert kinds(world) == [IN_ALARM, INVALIDATED]


def test_a_silent_thing_that_speaks_again_is_a_new_violation(world: World) -> None:
    world.create(profile("p"), EVERYTHING)
    for _ in range(2):
        world.report("a", BAD)
        world.pump()
        world.now += 2 * DAY
        world.sweep()
        world.pump()
        world.now += MINUTE
    assert kinds(world) == [IN_ALARM, INVALIDATED] * 2
    assert len({violation_id for violation_id, _ in world.told()}) == 2


# Alerts


def test_suppressed_alerts_mute_the_topic_and_nothing_else(world: World) -> None:
    world.create(profile("p", few_connections(suppress=True)), EVERYTHING)
    world.report("a", BAD)
    world.pump()
    assert len(world.listed()) == 1
    world.now += MINUTE
    world.report("a", GOOD)
    world.settle_down()
    assert kinds(world) == [IN_ALARM, CLEARED]
    assert world.topics.taken == []


def test_alerts_that_are_suppressed_before_they_are_delivered_are_not_sent(world: World) -> None:
    world.create(profile("p"), EVERYTHING)
    world.topics.down = True
    world.report("a", BAD)
    world.pump()
    world.update(profile("p", few_connections(suppress=True)))
    world.settle_down()
    assert kinds(world) == [IN_ALARM]
    assert world.topics.taken == []


def test_alerts_are_heard_again_once_they_are_no_longer_suppressed(world: World) -> None:
    world.create(profile("p", few_connections(suppress=True)), EVERYTHING)
    world.report("a", BAD)
    world.pump()
    world.update(profile("p", few_connections()))
    world.now += 2 * DAY
    world.sweep()
    world.settle_down()
    assert kinds(world) == [IN_ALARM, INVALIDATED]
    assert world.alerts() == [INVALIDATED]


def test_a_profile_without_a_target_is_on_record_only(world: World) -> None:
    world.create(profile("p", to=None), EVERYTHING)
    world.report("a", BAD)
    world.pump()
    world.update(profile("p"))
    world.settle_down()
    assert kinds(world) == [IN_ALARM]
    assert world.topics.taken == []


def test_an_alert_that_the_topic_does_not_take_is_sent_when_it_does(world: World) -> None:
    world.create(profile("p"), EVERYTHING)
    world.topics.down = True
    world.report("a", BAD)
    world.pump()
    world.now += MINUTE
    world.report("a", GOOD)
    world.pump()
    world.topics.down = False
    world.now += 2 * MINUTE
    world.sweep()
    assert sorted(world.alerts()) == sorted([IN_ALARM, CLEARED])
    world.now += DAY
    world.sweep()
    assert len(world.alerts()) == 2


# Lists


def test_events_are_listed_newest_first(world: World) -> None:
    world.create(profile("p"), EVERYTHING)
    for value in (BAD, GOOD, BAD, GOOD):
        world.now += 20 * HOUR
        world.report("a", value)
        world.pump()
    found, _ = world.true.lists.events(Filters(), start=world.now - 5 * DAY, end=world.now, behind=None, limit=100)
    assert [event.type for event in found] == [CLEARED, IN_ALARM] * 2
    assert [event.at for event in found] == sorted((event.at for event in found), reverse=True)


def test_the_last_page_of_a_list_says_that_nothing_follows(world: World) -> None:
    world.create(profile("p"), EVERYTHING)
    world.report("a", BAD)
    world.report("b", BAD)
    world.pump()
    lists = world.true.lists
    first, place = lists.active(Filters(), behind=None, limit=1, now=world.now)
    last, end = lists.active(Filters(), behind=place, limit=1, now=world.now)
    assert [len(first), len(last)] == [1, 1]
    assert (place is not None, end) == (True, None)
    span = {"start": 0, "end": world.now}
    assert lists.events(Filters(), behind=None, limit=2, **span)[1] is None
    assert lists.events(Filters(), behind=None, limit=1, **span)[1] is not None
