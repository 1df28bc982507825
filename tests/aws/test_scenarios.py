"""The same scenario in both homes ends in the same records, and in those that it says."""

import json
from functools import cache
from typing import Any

import pytest
from moto import mock_aws

from tests.aws.conftest import new_clients
from tests.scenarios.aws_home import AwsHome
from tests.scenarios.embedded_home import EmbeddedHome
from tests.scenarios.player import SCENARIOS, Kept, seen


def scenario(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SCENARIOS[name].read_text())
    return found


@cache
def embedded(name: str) -> Kept:
    with mock_aws():
        home = EmbeddedHome(new_clients()("iot"), **scenario(name).get("options", {}))
        try:
            return home.play(scenario(name))
        finally:
            home.close()


def aws(name: str) -> Kept:
    with mock_aws():
        played = scenario(name)
        return AwsHome(new_clients(), **played.get("options", {})).play(played)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_ends_as_it_says_in_both_homes_with_the_same_records(name: str) -> None:
    """The log's entries byte for byte; events and episodes with their ids, replies and alerts as they left."""
    here, there = embedded(name), aws(name)
    assert seen(here) == scenario(name)["expected"]
    for what in Kept.__dataclass_fields__:
        assert getattr(there, what) == getattr(here, what), what


def test_the_scenarios_have_breadth() -> None:
    """Each kind of entry, reason and event that there is without cloud-side metrics is in one of them."""
    kinds = {(event.type.value, event.reason.value) for name in SCENARIOS for event in embedded(name).events}
    assert kinds >= {
        ("in-alarm", "datapoint"),
        ("alarm-cleared", "datapoint"),
        ("in-alarm", "late"),
        ("alarm-cleared", "late"),
        ("alarm-invalidated", "behavior-deleted"),
        ("alarm-invalidated", "behavior-changed"),
        ("alarm-invalidated", "profile-detached"),
        ("alarm-invalidated", "profile-deleted"),
        ("alarm-invalidated", "thing-deleted"),
        ("alarm-invalidated", "thing-registered"),
        ("alarm-invalidated", "thing-left"),
        ("alarm-invalidated", "silent"),
    }
