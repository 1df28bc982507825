"""What registry events are about: their topics, and the SQL of the rules that queue them."""

import json

import pytest

from tests.aws.rule_sql import Message, run
from warden.adapters.registry_queue import read
from warden.domain.registry.events import GroupChanged, RegistryChange, ThingChanged, parse
from warden.rules import REGISTRY_SQL
from warden.use_cases.walk_group import Walk

EVENTS = [
    ("thing", "$aws/events/thing/pump:7/created", ThingChanged("pump:7")),
    ("thing", "$aws/events/thing/pump:7/deleted", ThingChanged("pump:7")),
    (
        "thingGroupMembership",
        "$aws/events/thingGroupMembership/thingGroup/Pumps:A/thing/pump_7/added",
        ThingChanged("pump_7"),
    ),
    (
        "thingGroupMembership",
        "$aws/events/thingGroupMembership/thingGroup/Pumps/thing/pump-7/removed",
        ThingChanged("pump-7"),
    ),
    ("thingGroup", "$aws/events/thingGroup/Pumps/deleted", GroupChanged("Pumps")),
    (
        "thingGroupHierarchy",
        "$aws/events/thingGroupHierarchy/thingGroup/Plant/childThingGroup/Pumps/added",
        GroupChanged("Plant"),
    ),
    (
        "thingGroupHierarchy",
        "$aws/events/thingGroupHierarchy/thingGroup/Plant/childThingGroup/Pumps/removed",
        GroupChanged("Plant"),
    ),
]

OTHERS = [
    "$aws/events/thing/pump-7/updated",
    "$aws/events/thingGroup/Pumps/created",
    "$aws/events/thingGroup/Pumps/updated",
    "$aws/events/thingType/T/created",
    "$aws/events/presence/connected/pump-7",
]

FORGED = [
    "",
    "/",
    "$aws",
    "$aws/events/thing//deleted",
    "$aws/events/thing/pump 7/deleted",
    "$aws/events/thing/+/deleted",
    "$aws/events/thing/pump#7/deleted",
    f"$aws/events/thing/{'x' * 129}/deleted",
    "$aws/events/thing/pump-7/deleted/",
    "$aws/events/thing/pump-7/DELETED",
    "$aws/events/thing/pump\n7/deleted",
    "$aws/events/thing/pump-7\n/deleted",
    "$aws/events/thing/pümp/deleted",
    "events/thing/pump-7/deleted",
    "$aws/events/thingGroupMembership/thingGroup//thing/pump-7/added",
    "$aws/events/thingGroupMembership/thingGroup/Pumps/thing/pump-7/deleted",
    "$aws/events/thingGroupMembership/thing/pump-7/thingGroup/Pumps/added",
    "$aws/events/thingGroupHierarchy/thingGroup/Plant/childThingGroup/#/added",
    "$aws/things/pump-7/defender/metrics/json",
]


@pytest.mark.parametrize(("rule", "topic", "change"), EVENTS)
def test_an_event_goes_through_its_rule_alone_and_names_what_to_look_at(
    rule: str, topic: str, change: RegistryChange
) -> None:
    selected = {name: run(sql, Message(topic, b'{"thingName": "another"}')) for name, sql in REGISTRY_SQL.items()}

    assert {name: output for name, output in selected.items() if output} == {rule: {"topic": topic}}
    assert read(json.dumps(selected[rule])) == change


@pytest.mark.parametrize("topic", OTHERS)
def test_events_that_change_nobodys_coverage_pass_no_rule(topic: str) -> None:
    assert [run(sql, Message(topic, b"{}")) for sql in REGISTRY_SQL.values()] == [None] * len(REGISTRY_SQL)


@pytest.mark.parametrize("topic", FORGED)
def test_a_topic_that_no_event_has_names_nothing(topic: str) -> None:
    assert parse(topic) is None


@pytest.mark.parametrize("rule", REGISTRY_SQL)
@pytest.mark.parametrize("topic", FORGED)
def test_what_a_device_sends_straight_to_a_rule_names_nothing_either(rule: str, topic: str) -> None:
    """By Basic Ingest: the rule's name is random, and this is what it is worth where it got out."""
    body = json.dumps({"walk": {"group": "Pumps", "since": 0}, "topic": "x"}).encode()

    output = run(REGISTRY_SQL[rule], Message(f"$aws/rules/guessed/{topic}", body), basic_ingest_rule="guessed")

    assert output is None or read(json.dumps(output)) is None


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "{",
        '"x"',
        '{"topic": 7}',
        '{"topic": null}',
        '{"thing": "pump-7"}',
        '{"walk": {}}',
        "\ud800",
        "{}",
    ],
)
def test_a_message_that_is_none_of_ours_asks_for_nothing(body: str) -> None:
    assert read(body) is None


def test_what_we_send_ourselves_is_read_back() -> None:
    assert read('{"walk": {"group": "Pumps", "since": 7}}') == Walk(group="Pumps", since=7)
