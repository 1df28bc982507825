"""Handler `dispatch`: stream records become violations and alerts, once however often they are brought."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from tests.aws.conftest import Clock, Lines, Requests
from tests.aws.core import Fleet
from tests.aws.streams import batch
from tests.core.profiles import few_connections, profile
from warden.adapters.dynamodb import streamed_item
from warden.domain.alarms.alarm import EventType
from warden.handlers.alert_path import publish_alerts
from warden.handlers.dispatch import ENOUGH_MS, Dispatch
from warden.handlers.parts import Parts
from warden.ports import Item, Key
from warden.storage import keys

IN_ALARM, CLEARED = EventType.IN_ALARM, EventType.CLEARED
DONE: dict[str, Any] = {"batchItemFailures": []}


@pytest.fixture
def dispatch(fleet: Fleet) -> Dispatch:
    return Dispatch(fleet.parts, fleet.deliver)


def plenty() -> int:
    return 60_000


def sequence(event: dict[str, Any], position: int) -> dict[str, str]:
    return {"itemIdentifier": event["Records"][position]["dynamodb"]["SequenceNumber"]}


def test_an_entry_with_a_transition_becomes_a_violation_and_an_alert_and_loses_its_mark(
    fleet: Fleet, dispatch: Dispatch
) -> None:
    fleet.watch("pump")
    fleet.violate("pump")
    assert fleet.marked() == [("pump", 1)]

    assert dispatch(fleet.stream.read(), plenty) == DONE

    assert fleet.active() == ["pump"]
    assert (fleet.events(), fleet.alerts()) == ([("pump", IN_ALARM)], [IN_ALARM])
    assert fleet.marked() == []
    assert fleet.stream.read() == {"Records": []}, "taking the mark away must not invoke the function again"


def test_an_entry_keeps_all_but_its_mark(fleet: Fleet, dispatch: Dispatch) -> None:
    fleet.watch("pump")
    fleet.violate("pump")
    before = fleet.parts.log_table.get(Key("T#pump", "LOG#000000000001"))
    dispatch(fleet.stream.read(), plenty)
    after = fleet.parts.log_table.get(Key("T#pump", "LOG#000000000001"))

    assert before
    assert after == Item(before.key, before.data, before.version + 1, {}, before.expires_at)


def test_an_image_in_the_stream_is_the_item_in_the_table(fleet: Fleet, parts: Parts) -> None:
    fleet.watch("pump")
    fleet.violate("pump")
    (record,) = fleet.stream.read()["Records"]
    stored = parts.log_table.get(Key("T#pump", "LOG#000000000001"))
    assert streamed_item(record["dynamodb"]["NewImage"], keys.LOG) == stored


def test_entries_of_a_thing_in_one_batch_are_dealt_with_in_order(fleet: Fleet, dispatch: Dispatch) -> None:
    fleet.watch("pump")
    fleet.violate("pump")
    fleet.conform("pump")
    fleet.violate("pump")
    fleet.conform("pump")
    dispatch(fleet.stream.read(), plenty)

    assert fleet.alerts() == [IN_ALARM, CLEARED, IN_ALARM, CLEARED]
    assert [kind for _, kind in fleet.events()] == [IN_ALARM, CLEARED, IN_ALARM, CLEARED]
    assert (fleet.active(), fleet.marked()) == ([], [])


def test_records_that_are_brought_again_change_nothing(fleet: Fleet, dispatch: Dispatch) -> None:
    fleet.watch("pump")
    fleet.violate("pump")
    fleet.conform("pump")
    event = fleet.stream.read()
    dispatch(event, plenty)
    once = fleet.events(), fleet.alerts(), fleet.active(), fleet.marked()

    assert dispatch(event, plenty) == DONE
    assert dispatch(batch(event, 1, 0), plenty) == DONE
    assert (fleet.events(), fleet.alerts(), fleet.active(), fleet.marked()) == once


def test_an_end_that_is_brought_before_its_beginning_is_recorded_after_it(fleet: Fleet, dispatch: Dispatch) -> None:
    """C6."""
    fleet.watch("pump")
    fleet.violate("pump")
    fleet.conform("pump")
    event = fleet.stream.read()
    dispatch(batch(event, 1), plenty)
    assert (fleet.events(), fleet.active()) == ([("pump", IN_ALARM), ("pump", CLEARED)], [])
    dispatch(batch(event, 0), plenty)
    assert (fleet.events(), fleet.active()) == ([("pump", IN_ALARM), ("pump", CLEARED)], [])
    assert (sorted(fleet.alerts()), fleet.marked()) == (sorted([IN_ALARM, CLEARED]), [])


def test_a_record_of_an_entry_that_is_gone_by_now_does_not_bring_it_back(
    fleet: Fleet, dispatch: Dispatch, parts: Parts
) -> None:
    fleet.watch("pump")
    fleet.violate("pump")
    key = Key("T#pump", "LOG#000000000001")
    event = fleet.stream.read()
    parts.log_table.delete(key)

    assert dispatch(event, plenty) == DONE
    assert parts.log_table.get(key) is None
    assert fleet.active() == ["pump"]


def test_an_entry_that_fails_is_brought_again_with_those_of_its_thing_and_holds_up_no_other_thing(
    fleet: Fleet, dispatch: Dispatch
) -> None:
    fleet.watch("bad")
    fleet.watch("good")
    fleet.violate("bad", "good")
    fleet.conform("bad", "good")
    sound = fleet.spoil("bad")
    event = fleet.stream.read()

    assert dispatch(event, plenty) == {"batchItemFailures": [sequence(event, 0), sequence(event, 2)]}
    assert fleet.events() == [("good", IN_ALARM), ("good", CLEARED)]
    assert fleet.marked() == [("bad", 1), ("bad", 2)]

    fleet.parts.control_table.put(sound)
    assert dispatch(batch(event, 0, 1, 2, 3), plenty) == DONE
    assert sorted(fleet.events()) == sorted(
        [(thing, kind) for thing in ("bad", "good") for kind in (IN_ALARM, CLEARED)]
    )
    assert fleet.alerts() == [IN_ALARM, CLEARED] * 2


def test_an_entry_does_not_overtake_one_of_its_thing_that_failed(fleet: Fleet, dispatch: Dispatch) -> None:
    fleet.watch("pump")
    fleet.violate("pump")
    fleet.conform("pump")
    event = fleet.stream.read()
    sound = event["Records"][0]["dynamodb"]["NewImage"]["data"]
    event["Records"][0]["dynamodb"]["NewImage"]["data"] = {"B": "wQ=="}
    assert dispatch(event, plenty) == {"batchItemFailures": [sequence(event, 0), sequence(event, 1)]}
    assert (fleet.events(), fleet.alerts()) == ([], [])

    event["Records"][0]["dynamodb"]["NewImage"]["data"] = sound
    assert dispatch(event, plenty) == DONE
    assert fleet.alerts() == [IN_ALARM, CLEARED]


def test_a_batch_that_fails_as_a_whole_says_from_where_on_to_try_again(fleet: Fleet, dispatch: Dispatch) -> None:
    fleet.watch("bad")
    fleet.violate("bad")
    fleet.spoil("bad")
    event = fleet.stream.read()
    assert dispatch(event, plenty) == {"batchItemFailures": [sequence(event, 0)]}


def test_alerts_that_cannot_be_sent_fail_no_record(fleet: Fleet, dispatch: Dispatch) -> None:
    fleet.watch("pump")
    fleet.violate("pump")
    fleet.topics.down = True

    assert dispatch(fleet.stream.read(), plenty) == DONE
    assert (fleet.active(), fleet.alerts(), fleet.marked()) == (["pump"], [], [])


def test_alerts_whose_way_fails_unexpectedly_fail_no_record_either(fleet: Fleet) -> None:
    def broken(_: Iterable[Key], *, now: int) -> int:
        raise KeyError(f"of somebody's making, at {now}")

    fleet.watch("pump")
    fleet.violate("pump")
    assert Dispatch(fleet.parts, broken)(fleet.stream.read(), plenty) == DONE
    assert (fleet.active(), fleet.marked()) == (["pump"], [])


def test_what_there_is_no_time_for_is_left_to_the_next_invocation(fleet: Fleet, dispatch: Dispatch) -> None:
    fleet.watch("pump")
    fleet.watch("press")
    fleet.violate("pump", "press")
    event = fleet.stream.read()
    left = iter([60_000, ENOUGH_MS, ENOUGH_MS])

    assert dispatch(event, lambda: next(left)) == {"batchItemFailures": [sequence(event, 1)]}
    assert (fleet.active(), fleet.marked(), fleet.alerts()) == (["pump"], [("press", 1)], [])


def test_an_entry_that_is_set_aside_is_left_to_the_sweep(fleet: Fleet, dispatch: Dispatch, clock: Clock) -> None:
    fleet.watch("pump")
    fleet.violate("pump")
    fleet.stream.read()
    (marked,) = fleet.outbox.waiting(before=clock.now, now=clock.now, limit=1)
    fleet.outbox.try_again(marked, at=clock.now)
    event = fleet.stream.read(filtered=False)  # were it to come all the same
    assert [record["eventName"] for record in event["Records"]] == ["MODIFY"]

    assert dispatch(event, plenty) == DONE
    assert (fleet.active(), fleet.marked()) == ([], [("pump", 1)])


def test_an_entry_that_is_set_aside_does_not_invoke_dispatch(fleet: Fleet, clock: Clock) -> None:
    fleet.watch("pump")
    fleet.violate("pump")
    fleet.stream.read()
    (marked,) = fleet.outbox.waiting(before=clock.now, now=clock.now, limit=1)
    fleet.outbox.try_again(marked, at=clock.now)
    assert fleet.stream.read()["Records"] == []


@pytest.mark.parametrize("behaviors", [1, 50])
def test_as_many_violations_as_a_report_begins_are_recorded(fleet: Fleet, dispatch: Dispatch, behaviors: int) -> None:
    names = [few_connections(name=f"b{number}") for number in range(behaviors)]
    fleet.watch("pump", as_=profile("pump", *names))
    fleet.violate("pump")
    dispatch(fleet.stream.read(), plenty)
    assert (len(fleet.events()), len(fleet.alerts())) == (behaviors, behaviors)


RECORD = {"dynamodb:GetItem": 5, "dynamodb:Query": 2, "dynamodb:TransactWriteItems": 1, "dynamodb:PutItem": 1}
"""Requests of a beginning until its mark is gone: the episode before and after, the profile as it is and as it was
evaluated, what it covers, and the thing; the event with its episode; the mark."""

TELL = {
    "dynamodb:GetItem": 6,
    "dynamodb:Query": 2,
    "dynamodb:PutItem": 1,
    "iot-data-plane:Publish": 1,
}
"""Requests of its alert's publication: the event, the rule, the fence again; the attempt. Then the event as it is now,
which might have to be announced, too."""


def test_the_requests_of_a_transition_and_of_its_alert(fleet: Fleet, parts: Parts, requests: Requests) -> None:
    publish = publish_alerts(parts)
    recorded = Counter[str]()

    def counted(events: Iterable[Key], *, now: int) -> int:
        recorded.update(requests.counted)
        requests.counted.clear()
        return publish(events, now=now)

    dispatch = Dispatch(parts, counted)
    fleet.watch("pump")
    found = []
    for happens in (fleet.violate, fleet.conform, fleet.violate):  # the first of them makes the alert rule
        happens("pump")
        event = fleet.stream.read()
        recorded.clear()
        requests.counted.clear()
        dispatch(event, plenty)
        found.append((dict(recorded), dict(requests.counted)))
    assert found[1:] == [(RECORD | {"dynamodb:GetItem": 6}, TELL), (RECORD, TELL)]


def test_it_tells_how_many_records_failed(fleet: Fleet, dispatch: Dispatch, metrics: Lines) -> None:
    fleet.watch("bad")
    fleet.violate("bad")
    fleet.spoil("bad")
    dispatch(fleet.stream.read(), plenty)
    assert metrics() == [{"stage": "test", "DispatchFailed": [1.0]}]
