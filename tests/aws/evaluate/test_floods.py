"""Who reports too much costs little, and neither loses a report of its own nor takes anything from somebody else."""

import json
from typing import Any

import pytest

from tests.aws.conftest import BEGINNING, HOUR, MINUTE, SECOND
from tests.aws.evaluate.road import CERTIFICATE, Road, counted, metrics_topic, small_report
from tests.faults import Fault, FaultyTable, ScriptedPlan
from warden.domain.alarms.arrival import Arrival
from warden.domain.errors import Throttled, TooSoon, Unavailable
from warden.handlers.flood import FLOOD, NEW_NAMES, LastWritten, NewNames, Refusals, TooManyNames
from warden.storage.thing_log import TableThingLog

INTERVAL = 5 * MINUTE
SLACK = 30 * SECOND
LOOKED_UP = "names that are not registered are looked up in an hour for one principal"


def statuses(road: Road) -> list[str]:
    """Of the replies since the last call: ACCEPTED, or the code and message of a rejection."""
    details = [reply.body.get("statusDetails") for reply in road.replies()]
    return [f"{each['ErrorCode']}: {each['ErrorMessage']}" if each else "ACCEPTED" for each in details]


# Too soon after the last report that this container wrote


def test_another_report_too_soon_is_told_so_once_and_asks_nobody(road: Road) -> None:
    road.register("pump")
    road.report("pump", 1)
    assert statuses(road) == ["ACCEPTED"]
    road.clear()
    for number in range(2, 12):
        road.report("pump", number, after=SECOND)
    assert statuses(road) == ["Throttled: reports are accepted every 300 s, this one came 1.0 s after the one before"]
    assert [operation for operation, _ in road.requests] == ["iot-data:Publish"]
    assert road.reports("pump") == [1]


@pytest.mark.parametrize(("after", "ids"), [(INTERVAL - SLACK - 1, [1]), (INTERVAL - SLACK, [1, 2])])
def test_a_timer_may_be_as_much_early_as_the_log_lets_it(road: Road, after: int, ids: list[int]) -> None:
    road.register("pump")
    road.report("pump", 1)
    road.clear()
    road.report("pump", 2, after=after)
    assert road.asked("dynamodb") == (0 if ids == [1] else 3)  # with a poll of the catalogue's epoch
    assert road.reports("pump") == ids


def test_a_container_that_did_not_write_the_last_report_asks_the_log(road: Road) -> None:
    road.register("pump")
    road.report("pump", 1)
    road.restart()
    road.clear()
    road.report("pump", 2, after=SECOND)
    assert [operation for operation, _ in road.requests] == ["dynamodb:Query", "iot-data:Publish"]
    assert statuses(road)[1].startswith("Throttled")


def test_the_same_report_again_is_never_too_soon(road: Road) -> None:
    road.register("pump")
    road.report("pump", 1)
    road.report("pump", 1, after=SECOND)
    assert statuses(road) == ["ACCEPTED", "ACCEPTED"]
    assert road.reports("pump") == [1]


def test_one_id_with_another_payload_is_another_report(road: Road) -> None:
    road.register("pump")
    road.report("pump", payload=small_report(1, connections=1))
    road.clear()
    road.report("pump", payload=small_report(1, connections=2), after=SECOND)
    assert statuses(road)[1].startswith("Throttled")
    assert road.asked("dynamodb") == 0


def test_a_report_that_was_overtaken_goes_to_the_log(road: Road) -> None:
    road.register("pump")
    late = road.report("other", 1)
    road.report("pump", 2, after=MINUTE)
    road.evaluate({**late, "topic": metrics_topic("pump")})
    assert road.reports("pump") == [2, 1]


def test_an_overtaken_report_does_not_make_the_next_one_early(road: Road) -> None:
    road.register("pump")
    late = road.report("other", 9)
    road.report("pump", 1, after=MINUTE)
    road.evaluate({**late, "topic": metrics_topic("pump")})
    road.clear()
    road.replies()
    road.report("pump", 2, after=MINUTE)
    assert statuses(road) == ["Throttled: reports are accepted every 300 s, this one came 60.0 s after the one before"]
    assert road.asked("dynamodb") == 0


def test_what_was_not_written_is_not_remembered(road: Road) -> None:
    road.register("pump")
    road.report("pump", 1)
    plan = ScriptedPlan(("put", 1, Fault.UNAVAILABLE))
    road.parts.__dict__["thing_log"] = TableThingLog(FaultyTable(road.parts.log_table, plan))
    road.restart()
    with pytest.raises(Unavailable):
        road.report("pump", 2, after=INTERVAL)
    road.report("pump", 3, after=SECOND)
    assert road.reports("pump") == [1, 3]


@pytest.mark.parametrize("varied", [{"min_report_interval_seconds": 0}], indirect=True)
def test_without_a_minimum_nothing_is_too_soon(road: Road) -> None:
    road.register("pump")
    for number in range(1, 31):
        road.report("pump", number)
    assert road.reports("pump") == list(range(1, 31))


def test_of_more_things_than_are_remembered_the_first_are_forgotten() -> None:
    last = LastWritten(min_interval=INTERVAL, names=2)
    for thing in ("a", "b", "a", "c"):
        last.wrote(Arrival(thing, 1, b"1", {}, BEGINNING))
    last.check(Arrival("b", 2, b"2", {}, BEGINNING + 1))
    for thing in ("a", "c"):
        with pytest.raises(TooSoon):
            last.check(Arrival(thing, 2, b"2", {}, BEGINNING + 1))


# Floods


def floods(road: Road) -> list[dict[str, Any]]:
    assert all((each["Source"], each["DetailType"]) == ("thingwarden", "Flooding") for each in road.events)
    return [json.loads(each["Detail"]) for each in road.events]


def test_the_twentieth_refused_report_of_a_window_makes_a_flood_once(road: Road, metrics: Any) -> None:
    road.register("pump")
    road.report("pump", 1)
    for number in range(FLOOD - 1):
        road.report("pump", 2 + number, after=SECOND, client_id="rogue", principal="bad")
    assert floods(road) == []
    for number in range(50):
        road.report("pump", 100 + number, after=SECOND, client_id="rogue", principal="bad")
    since = BEGINNING + SECOND
    detail = {"thingName": "pump", "clientId": "rogue", "principal": "bad", "dropped": FLOOD, "windowStart": since}
    assert floods(road) == [detail]
    road.report("pump", 999, after=MINUTE)  # what was not told of yet is told
    told = counted(metrics())
    assert (told["Flooded"], told["Throttled"], told["Rejected"]) == (1, 70, 70)


def test_a_flood_that_goes_on_is_told_of_and_answered_again_in_the_next_window(road: Road) -> None:
    road.register("pump")
    for start in (1, 101):
        road.report("pump", start, after=INTERVAL)
        for number in range(2 * FLOOD):
            road.report("pump", start + 1 + number, after=SECOND)
    assert len(floods(road)) == 2
    assert [status.split(":")[0] for status in statuses(road)] == ["ACCEPTED", "Throttled"] * 2


def test_a_flood_that_nobody_can_be_told_of_fails_nothing(road: Road, caplog: pytest.LogCaptureFixture) -> None:
    road.register("pump")
    road.answers = lambda operation, _: (500, "InternalFailure") if operation.startswith("events:") else None
    road.report("pump", 1)
    for number in range(FLOOD + 5):
        road.report("pump", 2 + number, after=SECOND)
    assert [record.getMessage() for record in caplog.records] == ["rejected", "a flood was not told of"]


def test_of_reports_that_cannot_count_only_the_first_of_a_window_are_answered(road: Road) -> None:
    road.register("pump")
    for _ in range(FLOOD + 10):
        road.report("pump", payload=b"{", after=SECOND)
    assert len(statuses(road)) == FLOOD
    assert len(floods(road)) == 1
    road.report("pump", payload=b"{", after=INTERVAL)
    assert len(statuses(road)) == 1


def test_one_things_flood_takes_nothing_from_another(road: Road) -> None:
    road.register("pump", "valve")
    road.report("pump", 1)
    for number in range(FLOOD + 5):
        road.report("pump", 2 + number, after=SECOND)
    road.replies()
    road.report("valve", 1)
    road.report("valve", 2, after=SECOND)
    assert [status.split(":")[0] for status in statuses(road)] == ["ACCEPTED", "Throttled"]


def test_a_window_is_a_minute_at_least() -> None:
    refusals = Refusals(min_interval=0)
    error = TooSoon(1, min_interval=1, report_id=1)
    assert [refusals.add("pump", error, at).answer for at in (0, 59_999, 60_000)] == [True, False, True]


# Names that the registry does not have


def test_a_principal_may_bring_up_some_names_an_hour_that_nobody_knows(road: Road) -> None:
    for number in range(NEW_NAMES):
        road.report(f"ghost-{number}", after=SECOND)
    assert {status.split(" ", 2)[2] for status in statuses(road)} == {"Not a Thing"}
    road.clear()
    road.report("ghost-x", 77, after=SECOND)
    assert road.asked("iot") == 0
    [reply] = road.replies()
    assert reply.body["reportId"] == 77
    assert reply.body["statusDetails"]["ErrorCode"] == "Throttled"
    assert LOOKED_UP in reply.body["statusDetails"]["ErrorMessage"]
    road.report("ghost-x", principal="another", after=SECOND)
    road.report("ghost-y", after=HOUR)
    assert statuses(road) == ["InvalidPayload: ghost-x Not a Thing", "InvalidPayload: ghost-y Not a Thing"]


def test_registered_things_count_as_no_such_name_and_are_let_in_after_many(road: Road) -> None:
    things = [f"pump-{n}" for n in range(2 * NEW_NAMES)]
    road.register(*things)
    for thing in things:
        road.report(thing, after=SECOND)
    road.report("ghost", after=SECOND)
    assert statuses(road) == ["ACCEPTED"] * len(things) + ["InvalidPayload: ghost Not a Thing"]


def test_things_that_are_known_report_through_a_principal_that_has_used_up_its_names(road: Road) -> None:
    road.register("pump")
    road.report("pump", 1)
    for number in range(NEW_NAMES + 1):
        road.report(f"ghost-{number}", after=SECOND)
    assert LOOKED_UP in statuses(road)[-1]
    road.report("pump", 2, after=INTERVAL)
    assert statuses(road) == ["ACCEPTED"]


def test_one_name_that_nobody_knows_is_looked_up_as_often(road: Road) -> None:
    for _ in range(NEW_NAMES):
        road.report("ghost", after=MINUTE)
    assert set(statuses(road)) == {"InvalidPayload: ghost Not a Thing"}
    road.clear()
    road.report("ghost", after=MINUTE)
    assert road.asked("iot") == 0
    assert statuses(road)[0].startswith("Throttled")


def test_who_makes_names_up_is_a_flood(road: Road) -> None:
    for number in range(NEW_NAMES + FLOOD + 10):
        road.report(f"ghost-{number}", after=SECOND)
    assert [(flood["principal"], flood["dropped"]) for flood in floods(road)] == [(CERTIFICATE, FLOOD)]
    assert len(statuses(road)) == NEW_NAMES + FLOOD


@pytest.mark.parametrize("varied", [{"allow_unregistered_devices": True}], indirect=True)
def test_a_principal_fills_no_table_with_names(road: Road) -> None:
    for number in range(NEW_NAMES + 5):
        road.report(f"ghost-{number}", after=SECOND)
    assert statuses(road)[: NEW_NAMES + 1].count("ACCEPTED") == NEW_NAMES
    assert road.items() == 2 * NEW_NAMES
    road.report("ghost-0", 2, after=INTERVAL)
    road.report("ghost-1", 3, after=HOUR)
    assert statuses(road) == ["ACCEPTED", "ACCEPTED"]


@pytest.mark.parametrize("varied", [{"allow_unregistered_devices": True}], indirect=True)
def test_a_name_that_is_stored_as_unregistered_is_not_new_when_it_is_looked_up_again(road: Road) -> None:
    for number in range(2 * NEW_NAMES):
        road.report(f"ghost-{number}", after=SECOND, principal=f"principal-{number % 2}")
    assert statuses(road) == ["ACCEPTED"] * 2 * NEW_NAMES
    road.clock.now += 2 * HOUR
    for number in range(2 * NEW_NAMES):
        road.report(f"ghost-{number}", 2, after=SECOND)
    road.report("ghost-new", after=SECOND)
    assert statuses(road) == ["ACCEPTED"] * (2 * NEW_NAMES + 1)


def test_of_more_principals_than_are_remembered_the_first_are_forgotten() -> None:
    names = NewNames(principals=2)
    arrival = Arrival("new", 1, b"", {}, BEGINNING)
    for principal in ("a", "b", "c"):
        for number in range(NEW_NAMES):
            names.add(principal, f"ghost-{number}", BEGINNING)
    names.check("a", arrival, BEGINNING)
    with pytest.raises(TooManyNames):
        names.check("c", arrival, BEGINNING)


# The share of the registry's quota


def test_who_finds_the_share_of_the_registrys_quota_used_up_is_left_to_lambda(road: Road) -> None:
    things = [f"pump-{n}" for n in range(8)]
    road.register(*things)
    for thing in things[:5]:
        road.report(thing)  # ten calls, all of a second's share
    with pytest.raises(Throttled):
        road.report(things[5])
    road.report(things[0])
    road.report(things[5], after=SECOND)
    assert statuses(road) == ["ACCEPTED"] * 7
    assert road.asked("iot") == 12


@pytest.mark.parametrize("varied", [{"registry_calls_per_second": 0.1}], indirect=True)
def test_the_smallest_share_is_enough_for_one_question_after_the_other(road: Road) -> None:
    road.register("pump", "valve")
    road.report("pump")
    with pytest.raises(Throttled):
        road.report("valve", after=19 * SECOND)
    road.report("valve", after=SECOND)
    assert road.reports("valve") == [1]


def test_things_that_are_known_need_no_share(road: Road) -> None:
    things = [f"pump-{n}" for n in range(5)]
    road.register(*things)
    for thing in things:
        road.report(thing, 1)
    for thing in things:
        road.report(thing, 2, after=INTERVAL)
    assert [road.reports(thing) for thing in things] == [[1, 2]] * 5
