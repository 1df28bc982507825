"""boto3's paginators walk a thousand violations, and miss and repeat none."""

from typing import Any

import pytest

from tests.home import Home, behavior, eventually, listening

THINGS, BEHAVIORS = 10, 100
EVERYTHING = THINGS * BEHAVIORS
FOREVER = {"startTime": 0, "endTime": 4_102_444_800}


@pytest.fixture(scope="module")
def iot(home: Home) -> Any:
    """A client of a home where ten things violate a hundred behaviors each."""
    watched = [behavior(22, name=f"ports {number:02}") for number in range(BEHAVIORS)]
    things = [home.thing(f"violator-{number}") for number in range(THINGS)]
    home.profile("ports", *watched, target="all/registered-things")
    for number, thing in enumerate(things):
        device = home.device(thing)  # a connection has fifty subscriptions at most, and hearing takes six
        device.hear(thing)
        device.report(thing, listening(1000 + number))
    client = home.client("iot")
    assert eventually(
        lambda: len(walk(client, "list_violation_events", "violationEvents", 250, **FOREVER)) == EVERYTHING
    )
    return client


def walk(iot: Any, operation: str, member: str, size: int, **filters: Any) -> list[dict[str, Any]]:
    """All rows of a list, in pages of a size."""
    pages = iot.get_paginator(operation).paginate(PaginationConfig={"PageSize": size}, **filters)
    found = []
    for page in pages:
        assert len(page[member]) <= size
        found += page[member]
    return found


def whose(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return sorted((row["thingName"], row["behavior"]["name"]) for row in rows)


ALL = sorted((f"violator-{thing}", f"ports {number:02}") for thing in range(THINGS) for number in range(BEHAVIORS))


@pytest.mark.parametrize("size", [33, 250])
def test_every_active_violation_is_on_one_page(iot: Any, size: int) -> None:
    found = walk(iot, "list_active_violations", "activeViolations", size)
    assert whose(found) == ALL
    assert len({row["violationId"] for row in found}) == EVERYTHING
    starts = [row["violationStartTime"] for row in found]
    assert starts == sorted(starts, reverse=True)


@pytest.mark.parametrize("size", [33, 250])
def test_every_event_is_on_one_page(iot: Any, size: int) -> None:
    found = walk(iot, "list_violation_events", "violationEvents", size, **FOREVER)
    assert whose(found) == ALL
    assert {row["violationEventType"] for row in found} == {"in-alarm"}


def test_the_violations_of_one_thing_or_profile_are_walked_too(iot: Any) -> None:
    for operation, member, more in (
        ("list_active_violations", "activeViolations", {}),
        ("list_violation_events", "violationEvents", FOREVER),
    ):
        of_thing = walk(iot, operation, member, 7, thingName="violator-3", **more)
        assert whose(of_thing) == [each for each in ALL if each[0] == "violator-3"]
        assert len(walk(iot, operation, member, 250, securityProfileName="ports", **more)) == EVERYTHING


def test_a_walk_that_is_stopped_goes_on_where_it_was(iot: Any) -> None:
    """boto3's own token of a stopped walk."""
    paginator = iot.get_paginator("list_violation_events")
    first = paginator.paginate(PaginationConfig={"PageSize": 100, "MaxItems": 250}, **FOREVER).build_full_result()
    rest = paginator.paginate(
        PaginationConfig={"PageSize": 100, "StartingToken": first["NextToken"]}, **FOREVER
    ).build_full_result()
    assert len(first["violationEvents"]) == 250
    assert whose(first["violationEvents"] + rest["violationEvents"]) == ALL
