"""Violations and their events as stock boto3 lists them, through `warden serve`."""

from typing import Any

import pytest

from tests.e2e.control_api.asked import FOREVER, refusal
from tests.home import Home, behavior, eventually, listening


@pytest.fixture(scope="module")
def violated(home: Home, iot: Any) -> dict[str, list[str]]:
    """Three things in violation of two profiles, one of them of a behavior whose alerts are suppressed; the third
    has recovered. Returns: Each thing's violation ids, oldest first."""
    quiet = behavior(22, name="quiet") | {"suppressAlerts": True}
    things = [home.thing(f"violator-{number}") for number in range(3)]
    iot.create_thing_group(thingGroupName="violators")
    for thing in things:
        iot.add_thing_to_thing_group(thingGroupName="violators", thingName=thing)
    home.profile("loud-ports", behavior(22, name="loud"), target="thinggroup/violators")
    home.profile("quiet-ports", quiet, target="thinggroup/violators")
    device = home.device("violators")
    for thing in things:
        device.hear(thing)
        device.report(thing, listening(23, report_id=1))
    device.report(things[0], listening(24, report_id=2))
    device.report(things[2], listening(22, report_id=2))
    assert eventually(lambda: len(iot.list_active_violations()["activeViolations"]) == 4)
    assert eventually(lambda: len(home.events(thingName=things[2])) == 4)
    return {thing: [event["violationId"] for event in reversed(home.events(thingName=thing))] for thing in things}


def test_active_violations_say_when_they_began_and_what_was_seen_last(
    home: Home, violated: dict[str, list[str]]
) -> None:
    found = home.active(thingName="violator-0")

    assert {each["violationId"] for each in found} == set(violated["violator-0"])
    for each in found:
        assert each["thingName"] == "violator-0"
        assert each["behavior"]["criteria"] == {
            "comparisonOperator": "in-port-set",
            "value": {"ports": [22]},
            "consecutiveDatapointsToAlarm": 1,
            "consecutiveDatapointsToClear": 1,
        }
        assert each["lastViolationValue"] == {"ports": [24]}
        assert each["lastViolationTime"] > each["violationStartTime"]
        assert each["verificationState"] == "UNKNOWN"


ACTIVE_FILTERS: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "a thing": ({"thingName": "violator-1"}, [("violator-1", "loud-ports"), ("violator-1", "quiet-ports")]),
    "a thing that recovered": ({"thingName": "violator-2"}, []),
    "a profile": ({"securityProfileName": "loud-ports"}, [("violator-0", "loud-ports"), ("violator-1", "loud-ports")]),
    "a thing and a profile": (
        {"thingName": "violator-0", "securityProfileName": "quiet-ports"},
        [("violator-0", "quiet-ports")],
    ),
    "suppressed alerts": (
        {"listSuppressedAlerts": True},
        [("violator-0", "quiet-ports"), ("violator-1", "quiet-ports")],
    ),
    "alerts that are not suppressed": (
        {"listSuppressedAlerts": False, "thingName": "violator-0"},
        [("violator-0", "loud-ports")],
    ),
    "static thresholds": (
        {"behaviorCriteriaType": "STATIC", "thingName": "violator-0"},
        [("violator-0", "loud-ports"), ("violator-0", "quiet-ports")],
    ),
    "machine learning": ({"behaviorCriteriaType": "MACHINE_LEARNING"}, []),
    "statistics": ({"behaviorCriteriaType": "STATISTICAL"}, []),
    "verified ones": ({"verificationState": "TRUE_POSITIVE"}, []),
    "unverified ones": (
        {"verificationState": "UNKNOWN", "thingName": "violator-1"},
        [("violator-1", "loud-ports"), ("violator-1", "quiet-ports")],
    ),
    "an unknown thing": ({"thingName": "never-seen"}, []),
}


@pytest.mark.usefixtures("violated")
@pytest.mark.parametrize(("filters", "expected"), ACTIVE_FILTERS.values(), ids=ACTIVE_FILTERS)
def test_active_violations_are_filtered_by(
    home: Home, filters: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    found = home.active(**filters)

    assert sorted((each["thingName"], each["securityProfileName"]) for each in found) == expected


@pytest.mark.usefixtures("violated")
@pytest.mark.parametrize(
    ("filters", "number"),
    [
        ({}, 8),
        ({"thingName": "violator-2"}, 4),
        ({"securityProfileName": "loud-ports"}, 4),
        ({"listSuppressedAlerts": True}, 4),
        ({"listSuppressedAlerts": False, "thingName": "violator-0"}, 1),
        ({"behaviorCriteriaType": "STATIC"}, 8),
        ({"behaviorCriteriaType": "STATISTICAL"}, 0),
        ({"verificationState": "UNKNOWN", "securityProfileName": "quiet-ports", "thingName": "violator-2"}, 2),
        ({"verificationState": "FALSE_POSITIVE"}, 0),
    ],
    ids=str,
)
def test_violation_events_are_filtered_by_every_member_at_once(
    home: Home, filters: dict[str, Any], number: int
) -> None:
    assert len(home.events(**filters)) == number


def test_violation_events_come_newest_first_and_page_by_page(
    home: Home, iot: Any, violated: dict[str, list[str]]
) -> None:
    events = home.events()
    times = [event["violationEventTime"] for event in events]
    assert times == sorted(times, reverse=True)
    assert {event["violationId"] for event in events} == {each for ids in violated.values() for each in ids}

    pages = iot.get_paginator("list_violation_events").paginate(
        startTime=0, endTime=FOREVER, PaginationConfig={"PageSize": 1}
    )
    single = [page["violationEvents"] for page in pages]
    assert all(len(page) <= 1 for page in single)
    assert [event for page in single for event in page] == events

    pages = iot.get_paginator("list_active_violations").paginate(PaginationConfig={"PageSize": 1})
    starts = [each["violationStartTime"] for page in pages for each in page["activeViolations"]]
    assert len(starts) == 4
    assert starts == sorted(starts, reverse=True)


@pytest.mark.usefixtures("violated")
def test_the_time_range_of_events_includes_both_its_ends(home: Home, iot: Any) -> None:
    times = sorted({event["violationEventTime"] for event in home.events(thingName="violator-2")})
    assert len(times) == 2
    began, cleared = times

    def between(start: Any, end: Any) -> list[str]:
        found = iot.list_violation_events(thingName="violator-2", startTime=start, endTime=end)
        return sorted({event["violationEventType"] for event in found["violationEvents"]})

    assert between(began, cleared) == ["alarm-cleared", "in-alarm"]
    assert between(began, began) == ["in-alarm"]
    assert between(cleared, FOREVER) == ["alarm-cleared"]
    assert between(0, began.timestamp() - 1) == []
    code, status, message = refusal(iot.list_violation_events, startTime=cleared, endTime=began)
    assert (code, status) == ("InvalidRequestException", 400)
    assert message.startswith("startTime: ")


def test_an_event_says_what_was_observed_and_how_the_behavior_was_configured(
    home: Home, violated: dict[str, list[str]]
) -> None:
    cleared, began = home.events(thingName="violator-2", securityProfileName="quiet-ports")

    assert (began["violationEventType"], began["metricValue"]) == ("in-alarm", {"ports": [23]})
    assert (cleared["violationEventType"], cleared["metricValue"]) == ("alarm-cleared", {"ports": [22]})
    assert began["violationId"] == cleared["violationId"]
    assert began["violationId"] in violated["violator-2"]
    assert began["behavior"]["suppressAlerts"] is True
    assert began["verificationState"] == "UNKNOWN"
