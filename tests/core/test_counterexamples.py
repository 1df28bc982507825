"""What went wrong in designs that were almost right: each story is told to its end, and ends well."""

from random import Random

import pytest

from tests.core.outside import Step
from tests.core.profiles import (
    BAD,
    EVERYTHING,
    GOOD,
    few_connections,
    group,
    little_traffic,
    profile,
    topic,
)
from tests.core.world import DAY, HOUR, MINUTE, SECOND, World
from tests.faults import Fault, ScriptedPlan, SeededPlan
from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.entry import EntryKind, Reason
from warden.domain.alarms.violation import Status
from warden.domain.errors import Raced
from warden.ports import Item, Key
from warden.storage import keys

IN_ALARM, CLEARED, INVALIDATED = EventType.IN_ALARM, EventType.CLEARED, EventType.INVALIDATED


@pytest.fixture
def world() -> World:
    """Thing `a` of group `g`, and profile `p` on that group."""
    world = World()
    world.registry.create("a", "g")
    world.create(profile("p"), group("g"))
    return world


def calls(world: World, step: Step) -> int:
    before = world.outside.calls
    step()
    return world.outside.calls - before


# Evaluators that know more and less


def test_an_evaluator_that_does_not_know_a_new_behavior_yet_keeps_its_alarm(world: World) -> None:
    for evaluator in (0, 1):
        world.read_catalogue(evaluator)
    world.create(profile("q"), EVERYTHING)
    world.read_catalogue(0)
    world.report("a", BAD, evaluator=0)
    ringing = world.ringing("a")
    world.report("a", BAD, evaluator=1)
    world.report("a", BAD, evaluator=0)
    assert len(ringing) == 2
    assert [alarm.violation_id for alarm in world.ringing("a")] == [alarm.violation_id for alarm in ringing]


@pytest.mark.parametrize("nth", range(1, 9))
def test_profiles_that_change_while_they_are_read_are_never_labelled_as_older_than_they_are(nth: int) -> None:
    world = World()
    world.registry.create("a")
    world.create(profile("p"), EVERYTHING)
    world.read_catalogue(1)
    world.outside.before(nth, lambda: world.create(profile("a-new-one"), EVERYTHING))
    world.read_catalogue(0)  # while the other profile comes to be
    world.report("a", BAD, evaluator=0)
    before = world.ringing("a")
    world.report("a", BAD, evaluator=1)  # read before
    after = {alarm.violation_id for alarm in world.ringing("a")}
    assert {alarm.violation_id for alarm in before} <= after
    world.settle_down()
    assert len(world.active()) == len(after)


# Deletions that overtake, and are overtaken


@pytest.mark.parametrize("nth", range(1, 14))
def test_a_dispatch_that_asked_just_before_a_deletion_leaves_nothing_active(world: World, nth: int) -> None:
    world.report("a", BAD)
    (thing, logged), *_ = world.fresh()

    def delete_and_walk() -> None:
        world.delete("p")
        world.sweep()

    world.outside.before(nth, delete_and_walk)
    world.dispatch(thing, logged)
    assert world.listed() == []
    world.settle_down()
    assert world.active() == []
    assert [kind for _, kind in world.told()] in ([], [IN_ALARM, INVALIDATED])


def test_a_violation_recorded_right_after_the_first_walk_is_found_by_the_second(world: World) -> None:
    world.report("a", BAD)
    (thing, logged), *_ = world.fresh()
    reads = calls(world, lambda: world.parts.violations.episode("none"))

    def delete_and_walk() -> None:
        world.delete("p")
        world.sweep()
        assert world.active() == []

    asks_fence = 4  # head, version, thing, attachments
    reads_version = 1
    world.outside.before(reads + asks_fence + reads_version + 1, delete_and_walk)
    world.dispatch(thing, logged)
    assert len(world.active()) == 1
    assert world.listed() == []
    world.now += 15 * MINUTE
    world.sweep()
    assert world.active() == []


def test_a_deleted_behavior_is_not_recorded_and_not_sent(world: World) -> None:
    world.report("a", BAD)
    world.delete("p")
    world.settle_down()
    assert world.told() == []
    assert world.topics.taken == []


def test_an_alert_that_was_not_taken_is_not_sent_after_the_deletion(world: World) -> None:
    world.topics.down = True
    world.report("a", BAD)
    world.pump()
    world.delete("p")
    world.topics.down = False
    world.now += 10 * MINUTE
    world.sweep()
    world.settle_down()
    assert [kind for _, kind in world.told()] == [IN_ALARM, INVALIDATED]
    assert world.topics.taken == []


def test_a_violation_that_ended_in_silence_is_not_announced_when_its_profile_is_attached_again(world: World) -> None:
    world.topics.down = True
    world.report("a", BAD)
    world.pump()
    world.detach("p", group("g"))
    world.sweep()
    world.pump()
    world.attach("p", group("g"))
    world.topics.down = False
    world.settle_down()
    assert [kind for _, kind in world.told()] == [IN_ALARM, INVALIDATED]
    assert world.topics.taken == []


def test_an_alarm_that_nobody_heard_does_not_ring_on_when_its_profile_is_attached_again(world: World) -> None:
    world.report("a", BAD)
    world.detach("p", group("g"))
    world.pump()
    world.attach("p", group("g"))
    world.report("a", BAD)
    world.settle_down()
    assert [kind for _, kind in world.told()] == [IN_ALARM]
    assert len(world.listed()) == 1


def test_a_thing_that_leaves_its_group_in_alarm_does_not_stay_active(world: World) -> None:
    world.report("a", BAD)
    world.pump()
    world.change_and_tell("a", lambda: world.registry.move("a", "h"))
    world.pump()
    assert [kind for _, kind in world.told()] == [IN_ALARM, INVALIDATED]
    assert world.events()[-1].reason is Reason.THING_LEFT
    assert world.alerts() == [IN_ALARM, INVALIDATED]
    assert world.active() == []


@pytest.mark.parametrize("nth", range(1, 14))
def test_a_violation_that_one_dispatcher_has_dropped_is_not_revived_by_another(world: World, nth: int) -> None:
    world.report("a", BAD)
    (entry,) = world.fresh()
    (alarm,) = world.ringing("a")
    dropped = []

    def detach_and_dispatch() -> None:
        world.detach("p", group("g"))
        world.dispatch(*entry)
        episode = world.episode(alarm.violation_id)
        dropped.append(episode is not None and episode.status is Status.DROPPED)

    world.outside.before(nth, detach_and_dispatch)
    world.dispatch(*entry)
    world.settle_down()
    assert world.told() == [] if dropped == [True] else world.told()[0] == (alarm.violation_id, IN_ALARM)
    assert world.active() == []


# Beginnings and ends, in any order and from anyone


def test_an_end_that_is_dispatched_before_its_beginning_leaves_one_violation_that_has_ended(world: World) -> None:
    world.report("a", BAD)
    world.now += MINUTE
    world.report("a", GOOD)
    beginning, end = world.outbox()
    for thing, logged in (end, beginning):
        world.dispatch(thing, logged)
    assert [kind for _, kind in world.told()] == [IN_ALARM, CLEARED]
    assert world.active() == []
    assert set(world.alerts()) == {IN_ALARM, CLEARED}


@pytest.mark.parametrize("nth", range(1, 16))
def test_a_violation_ends_once_whoever_ends_it(world: World, nth: int) -> None:
    world.report("a", BAD)
    world.pump()
    world.now += MINUTE
    world.report("a", GOOD)
    (end,) = world.fresh()
    world.now += MINUTE
    world.detach("p", group("g"))
    world.outside.before(nth, world.sweep)
    world.dispatch(*end)
    world.settle_down()
    assert [kind for _, kind in world.told()] == [IN_ALARM, INVALIDATED]


def test_a_thing_deleted_in_alarm_and_created_again_ends_the_old_violation(world: World) -> None:
    world.report("a", BAD)
    world.pump()
    world.change("a", lambda: world.registry.create("a", "g"))
    world.tell()
    world.report("a", GOOD)
    world.pump()
    assert [kind for _, kind in world.told()] == [IN_ALARM, INVALIDATED]
    assert world.events()[-1].reason is Reason.THING_DELETED
    assert world.active() == []


def test_the_alarm_of_a_deleted_thing_is_not_recorded_for_the_new_one_of_its_name(world: World) -> None:
    world.report("a", BAD)
    world.change_and_tell("a", lambda: world.registry.create("a", "g"))
    world.settle_down()
    assert world.told() == []
    assert world.topics.taken == []
    world.report("a", BAD)
    world.settle_down()
    assert [event.thing_id for event in world.events()] == ["a-2"]


def test_the_end_of_a_deleted_things_violation_names_the_deleted_thing(world: World) -> None:
    world.report("a", BAD)
    world.pump()
    world.change_and_tell("a", lambda: world.registry.create("a", "g"))
    world.pump()
    assert [event.thing_id for event in world.events()] == ["a-1", "a-1"]


@pytest.mark.parametrize("conflicts", [1, 3])
def test_a_beginning_whose_transaction_conflicts_with_another_is_recorded(world: World, conflicts: int) -> None:
    world.report("a", BAD)
    world.outside.faults = ScriptedPlan(*(("transact", nth, Fault.RACED) for nth in range(1, conflicts + 1)))
    world.dispatch(*world.fresh()[0])
    assert [kind for _, kind in world.told()] == [IN_ALARM]
    assert world.alerts() == [IN_ALARM]


@pytest.mark.parametrize("value", [BAD, GOOD])
def test_dispatch_never_calls_an_entry_dealt_with_that_only_ever_conflicted(world: World, value: int) -> None:
    world.report("a", BAD)
    if value == GOOD:
        world.pump()
        world.report("a", GOOD)
    world.outside.faults = SeededPlan(Random(0), 1, [Fault.RACED])
    with pytest.raises(Raced):
        world.dispatch(*world.fresh()[0])


def test_a_retirement_that_conflicts_with_another_write_at_every_walk_is_done_later(world: World) -> None:
    world.report("a", BAD)
    world.pump()
    world.update(profile("p", little_traffic()))
    for _ in range(3):
        world.outside.faults = ScriptedPlan(("transact", 1, Fault.RACED))
        world.attempt(world.sweep)
        world.now += 16 * MINUTE
    assert len(world.active()) == 1
    world.settle_down()
    assert world.active() == []


# Reports that come again, or late


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.UNAVAILABLE])
def test_a_report_delivered_again_after_our_own_failure_is_not_too_soon(fault: Fault) -> None:
    world = World(min_interval=300 * SECOND)
    world.registry.create("a")
    world.report("a", GOOD)
    world.now += 300 * SECOND
    sent = world.say("a", BAD)
    world.outside.faults = ScriptedPlan(("put", 1, fault))
    assert not world.attempt(lambda: world.take(sent))
    world.take(sent)
    assert sent in world.counted
    assert [logged.entry.report_id for logged in world.log("a")] == [1, 2]


@pytest.mark.parametrize("newer", [0, 1, 15, 16, 30])
def test_a_report_delivered_again_is_no_second_datapoint_however_many_came_since(newer: int) -> None:
    world = World()
    world.registry.create("a")
    world.create(profile("p", few_connections(to_alarm=2)), EVERYTHING)
    first = world.report("a", BAD)
    for _ in range(newer):
        world.now += MINUTE
        world.report("a", GOOD)
    world.take(first, evaluator=1)
    assert [logged.entry.report_id for logged in world.log("a")] == list(range(1, newer + 2))
    assert world.ringing("a") == []


def test_a_report_in_flight_is_not_late_because_an_alarm_was_put_to_rest_meanwhile(world: World) -> None:
    world.create(profile("q"), EVERYTHING)
    world.report("a", BAD)
    sent = world.say("a", GOOD, at=world.now + 10)
    world.now += MINUTE
    world.change_and_tell("a", lambda: world.registry.move("a", "h"))
    assert world.log("a")[-1].entry.kind is EntryKind.LEFT
    world.take(sent)
    newest = world.log("a")[-1].entry
    assert (newest.late, newest.state.report_at) == (False, sent.at)
    assert [transition.type for transition in newest.transitions] == [CLEARED]


def test_a_clock_that_was_set_back_makes_no_report_late_not_even_after_an_alarm_was_put_to_rest() -> None:
    world = World(one_clock=True)
    world.registry.create("a", "g")
    world.create(profile("p"), group("g"))
    world.create(profile("q"), EVERYTHING)
    world.report("a", BAD)
    world.now -= HOUR
    world.registry.move("a", "h")
    world.parts.answered("a", world.registry.ask("a", now=world.now + 2 * HOUR), now=world.now)
    world.report("a", GOOD)
    newest = world.log("a")[-1].entry
    assert not newest.late
    assert [transition.type for transition in newest.transitions] == [CLEARED]


# The registry's answers, and profiles that come back


def test_an_answer_of_the_registry_that_was_overtaken_is_not_believed(world: World) -> None:
    world.registry.things.clear()
    world.change("a", lambda: world.registry.create("a"))
    world.change("a", lambda: world.registry.move("a", "g"))
    world.tell(1)
    world.tell(0)
    world.report("a", BAD)
    world.pump()
    assert [kind for _, kind in world.told()] == [IN_ALARM]


@pytest.mark.parametrize("nth", range(1, 4))
def test_an_overtaken_answer_puts_no_alarm_to_rest_that_concerns_the_thing_now(world: World, nth: int) -> None:
    world.report("a", BAD)
    world.pump()
    world.change("a", lambda: world.registry.move("a", "h"))
    world.change("a", lambda: world.registry.move("a", "g"))
    world.outside.before(nth, lambda: world.tell(1))  # the newer answer, while the older one is dealt with
    world.tell(0)
    assert len(world.ringing("a")) == 1


def test_a_profile_created_again_inherits_no_target_and_no_alarm(world: World) -> None:
    world.report("a", BAD)
    world.pump()
    world.delete("p")
    world.create(profile("p"))
    world.read_catalogue(0)
    world.report("a", BAD)
    world.settle_down()
    assert [kind for _, kind in world.told()] == [IN_ALARM, INVALIDATED]
    assert world.active() == []
    assert world.ringing("a") == []


@pytest.mark.parametrize("nth", range(8, 20))
def test_a_profile_created_again_keeps_its_targets_while_the_deleted_one_is_cleared_away(
    world: World, nth: int
) -> None:
    world.delete("p")
    world.outside.before(nth, lambda: world.create(profile("p"), group("g")))
    world.attempt(world.sweep)
    world.settle_down()
    world.restart()
    world.report("a", BAD)
    world.pump()
    assert [kind for _, kind in world.told()] == [IN_ALARM]


def test_a_thing_in_alarm_again_after_its_log_has_expired_has_a_new_violation(world: World) -> None:
    world.report("a", BAD)
    world.pump()
    world.now += 21 * DAY
    for file in world.files:
        file.expire(world.now // 1000, 1000)
    assert world.log("a") == []
    world.report("a", BAD)
    world.settle_down()
    ((old, began), *others) = world.told()
    (new,) = (violation_id for violation_id, kind in others if kind is IN_ALARM)
    assert (began, new != old) == (IN_ALARM, True)
    assert set(others) == {(old, INVALIDATED), (new, IN_ALARM)}
    assert [episode.violation_id for episode in world.active()] == [new]


# Reads that lag behind


def test_a_thing_is_not_taken_for_a_deleted_one_on_the_word_of_a_stale_read(world: World) -> None:
    for seed in range(40):
        world = World(seed=seed)
        world.registry.create("a")
        world.create(profile("p"), EVERYTHING)
        world.report("a", BAD)
        world.change_and_tell("a", lambda world=world: world.registry.create("a"))
        world.report("a", BAD)
        world.outside.faults = ScriptedPlan(("query", 2, Fault.STALE))
        world.parts.caches[0].current(world.now)
        world.outside.faults = SeededPlan(Random(seed), 1, [Fault.STALE])
        world.report("a", BAD)
        assert [alarm.violation_id for alarm in world.ringing("a")]
        assert {logged.entry.thing_id for logged in world.log("a")[2:]} == {"a-2"}, seed
        world.close()


def test_a_page_cut_short_hides_no_log_whose_first_entries_have_expired(world: World) -> None:
    world.report("a", GOOD)
    world.now += 10 * DAY
    world.report("a", GOOD)
    world.now += 5 * DAY
    world.files[0].expire(world.now // 1000, 1000)
    world.outside.faults = ScriptedPlan(("query", 1, Fault.SHORT_PAGE))
    world.report("a", GOOD)
    assert [logged.seq for logged in world.log("a")] == [2, 3]


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.UNAVAILABLE])
def test_an_alert_is_sent_again_where_the_topic_could_not_keep_it(world: World, fault: Fault) -> None:
    world.report("a", BAD)
    world.outside.faults = ScriptedPlan(("settle", 1, fault))
    assert not world.attempt(lambda: world.dispatch(*world.fresh()[0]))
    world.restart()
    world.pump()
    assert world.alerts() == [IN_ALARM]


# What is due


def test_one_thing_that_cannot_be_done_does_not_hold_up_what_else_is_due(world: World) -> None:
    world.report("a", BAD)
    world.pump()
    broken = Key("JOB#broken", "JOB")
    world.files[1].put(Item(broken, b"no record", indexes={keys.DUE: keys.due("p", world.now, broken)}))
    world.delete("p")
    world.sweep()
    assert world.active() == []


# What subscribers hear


@pytest.mark.parametrize("days", [1, 40])
def test_the_end_of_a_silent_things_violation_goes_where_the_profiles_alerts_go_now(world: World, days: int) -> None:
    world.update(profile("p", to="another"))
    world.now += days * DAY
    for file in world.files:
        file.expire(world.now // 1000, 1000)  # what the profile said first is forgotten after 31 days
    world.report("a", BAD)
    world.pump()
    world.now += 2 * DAY
    world.sweep()
    world.settle_down()
    assert world.alerts() == [IN_ALARM, INVALIDATED]
    assert {alert.topic for alert in world.topics.arrived} == {topic("another").alert_target_arn}
