"""`warden forget`: nothing that is kept about a thing is left, in either home, and nothing else is touched."""

import json
import urllib.error
import urllib.request
from contextlib import closing
from typing import Any

import pytest

from tests.aws.core import Fleet
from tests.cli.homes import home, shared_home
from tests.cli.running import warden
from tests.home import Home, behavior, eventually, listening
from warden.cli.stage import Stage
from warden.handlers.dispatch import Dispatch
from warden.handlers.parts import Clients, Parts

__all__ = ["home", "shared_home"]  # fixtures


@pytest.fixture
def violating(home: Home) -> Home:
    """Two things in alarm."""
    home.profile("forgetting", behavior(22))
    for thing in ("secret", "other"):
        home.thing(thing)
        report(home, thing)
    eventually(lambda: len(home.active(securityProfileName="forgetting")) == 2)
    return home


def report(home: Home, thing: str) -> None:
    """The thing reports what it must not, and is gone again."""
    with closing(home.device(thing)) as device:
        device.hear(thing)
        assert device.report(thing, listening(443))["status"] == "ACCEPTED"


def values(home: Home, thing: str) -> Any:
    span = {"startTime": 0, "endTime": 4_102_444_800}
    return home.client("iot").list_metric_values(thingName=thing, metricName="aws:listening-tcp-ports", **span)


def test_a_thing_is_forgotten_on_one_machine_and_no_other(violating: Home) -> None:
    told = warden("forget", "secret", "--yes", "--json")
    assert (told.exit_code, json.loads(told.output)["violations"]) == (0, 1)
    assert [each["thingName"] for each in violating.active()] == ["other"]
    assert {each["thingName"] for each in violating.events()} == {"other"}
    assert values(violating, "secret")["metricDatumList"] == []
    assert len(values(violating, "other")["metricDatumList"]) == 1
    again = warden("forget", "secret", "--yes")
    assert (again.exit_code, again.output) == (0, "Erased 0 items of its log and 0 violations.\n")


def test_a_forgotten_thing_is_as_new_when_it_reports_again(violating: Home) -> None:
    warden("forget", "other", "--yes")
    report(violating, "other")
    eventually(lambda: [each["thingName"] for each in violating.active(thingName="other")] == ["other"])
    assert len(values(violating, "other")["metricDatumList"]) == 1


def test_nothing_is_erased_before_somebody_said_yes(violating: Home) -> None:
    refused = warden("forget", "secret", stdin="y\n")
    assert refused.exit_code == 2
    told = f"Erase everything about 'secret' in {violating.url}, for ever? There is nobody to ask here: give --yes"
    assert told in " ".join(refused.output.replace("│", " ").split())
    assert len(values(violating, "secret")["metricDatumList"]) == 1


def test_a_web_page_cannot_have_a_thing_forgotten(violating: Home) -> None:
    url = f"{violating.url}/thingwarden/things/secret"
    page = urllib.request.Request(url, method="DELETE", headers={"Origin": "https://evil.example"})  # noqa: S310
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(page)  # noqa: S310
    assert len(values(violating, "secret")["metricDatumList"]) == 1


def test_a_thing_is_forgotten_in_both_tables_of_a_stage(parts: Parts, aws: Clients, stage: Stage) -> None:
    """Also violations that were never told, which only the thing's log names."""
    fleet = Fleet(parts, aws)
    fleet.watch("group", "secret", "other")
    for thing in ("secret", "other"):
        fleet.violate(thing)
    Dispatch(fleet.parts, fleet.deliver)(fleet.stream.read(), lambda: 60_000)
    assert fleet.active() == ["other", "secret"]
    told = warden("forget", "secret", "--stage", "test", "--yes", "--json")
    assert (told.exit_code, json.loads(told.output)["violations"]) == (0, 1)
    assert fleet.active() == ["other"]
    kept = [
        fleet.parts.client("dynamodb").scan(TableName=name)["Items"] for name in (stage.log_table, stage.control_table)
    ]
    text = json.dumps(kept, default=repr)
    assert "other" in text
    assert "secret" not in text
