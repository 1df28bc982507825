"""Registry events: what is told of each change, where it is switched on, as AWS documents the messages."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.surroundings.home import ACCOUNT, REGION, Home
from warden.embedded.surroundings.registry import Registry
from warden.embedded.surroundings.surroundings import RegistryChange

ARN = f"arn:aws:iot:{REGION}:{ACCOUNT}"
NOON = 1_767_960_000_000
HEAD = {"timestamp": NOON, "accountId": ACCOUNT}


class Listener:
    """A home at noon, and what was told of its changes."""

    def __init__(self, directory: Path) -> None:
        self._told: list[tuple[str, dict[str, Any]]] = []
        self.ids: list[str] = []
        self.home = Home(directory, listener=self._changed, clock=lambda: NOON)
        self.iot = self.home.client("iot")

    def _changed(self, change: RegistryChange) -> None:
        for topic, payload in change.events:
            said = json.loads(payload)
            self.ids.append(said.pop("eventId"))
            self._told.append((topic, said))

    def switch(self, *kinds: str, on: bool = True) -> None:
        self.iot.update_event_configurations(eventConfigurations={kind: {"Enabled": on} for kind in kinds})

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        """Topics and messages since the last time, without the ids of the events."""
        told, self._told = self._told, []
        return told

    def topics(self) -> list[str]:
        return [topic for topic, _ in self.told()]


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    made = Listener(tmp_path)
    with made.home:
        yield made


def test_nothing_is_told_before_it_is_switched_on(listener: Listener) -> None:
    listener.iot.create_thing(thingName="pump")
    answer = listener.iot.describe_event_configurations()
    assert {each["Enabled"] for each in answer["eventConfigurations"].values()} == {False}
    assert len(answer["eventConfigurations"]) == 11
    assert "creationDate" not in answer
    assert listener.told() == []


def test_kinds_are_switched_one_by_one_and_stay_so_through_a_restart(tmp_path: Path) -> None:
    first = Listener(tmp_path)
    with first.home:
        first.switch("THING", "THING_GROUP")
        first.switch("THING", on=False)
        first.iot.create_thing(thingName="pump")
        first.iot.create_thing_group(thingGroupName="hall")
        assert first.topics() == ["$aws/events/thingGroup/hall/created"]
    second = Listener(tmp_path)
    with second.home:
        answer = second.iot.describe_event_configurations()
        assert [kind for kind, each in answer["eventConfigurations"].items() if each["Enabled"]] == ["THING_GROUP"]
        assert answer["creationDate"] <= answer["lastModifiedDate"]
        second.iot.delete_thing_group(thingGroupName="hall")
        assert second.topics() == ["$aws/events/thingGroup/hall/deleted"]


def test_when_kinds_were_first_and_last_switched_is_known() -> None:
    registry = Registry(REGION, ACCOUNT)
    for hour in (1, 2, 3):
        registry.configure_events({"THING": hour != 2}, at=datetime(2026, 1, 9, hour, tzinfo=UTC))
    assert registry.configured_at == (datetime(2026, 1, 9, 1, tzinfo=UTC), datetime(2026, 1, 9, 3, tzinfo=UTC))
    assert registry.told_kinds == {"THING"}


def test_a_kind_that_there_is_not_is_refused(listener: Listener) -> None:
    with pytest.raises(listener.iot.exceptions.InvalidRequestException, match="THINGS"):
        listener.iot.update_event_configurations(eventConfigurations={"THINGS": {"Enabled": True}})


def test_a_thing_is_told_of_when_it_is_created_updated_and_deleted(listener: Listener) -> None:
    listener.switch("THING")
    made = listener.iot.create_thing(thingName="pump", attributePayload={"attributes": {"site": "north"}})
    thing = {"thingId": made["thingId"], "thingName": "pump", "thingTypeName": None, "attributes": {"site": "north"}}
    created = {"eventType": "THING_EVENT", "operation": "CREATED", **HEAD, **thing, "versionNumber": 1}
    assert listener.told() == [("$aws/events/thing/pump/created", created)]

    listener.iot.update_thing(thingName="pump", attributePayload={"attributes": {"site": "south"}})
    ((topic, updated),) = listener.told()
    assert (topic, updated["operation"], updated["versionNumber"]) == ("$aws/events/thing/pump/updated", "UPDATED", 2)
    assert updated["attributes"] == {"site": "south"}
    assert listener.iot.describe_thing(thingName="pump")["version"] == 2

    listener.iot.delete_thing(thingName="pump")
    ((topic, deleted),) = listener.told()
    assert (topic, deleted["operation"], deleted["thingId"]) == (
        "$aws/events/thing/pump/deleted",
        "DELETED",
        made["thingId"],
    )
    assert len(set(listener.ids)) == 3


def test_what_changes_nothing_is_told_of_to_nobody(listener: Listener) -> None:
    listener.switch("THING", "THING_GROUP", "THING_GROUP_MEMBERSHIP")
    for _ in range(2):
        listener.iot.create_thing(thingName="pump")
        listener.iot.create_thing_group(thingGroupName="hall")
        listener.iot.add_thing_to_thing_group(thingName="pump", thingGroupName="hall")
    assert len(listener.told()) == 3
    for _ in range(2):
        listener.iot.remove_thing_from_thing_group(thingName="pump", thingGroupName="hall")
    assert len(listener.told()) == 1
    listener.iot.delete_thing_group(thingGroupName="never there")
    with pytest.raises(listener.iot.exceptions.ResourceNotFoundException):
        listener.iot.delete_thing(thingName="never-there")
    with pytest.raises(ClientError):
        listener.iot.create_thing(thingName="pump", attributePayload={"attributes": {"a": "b"}})
    assert listener.told() == []


def test_a_group_below_another_is_told_of_with_all_above_it_and_so_is_the_hierarchy(listener: Listener) -> None:
    root = listener.iot.create_thing_group(thingGroupName="plant")
    hall = listener.iot.create_thing_group(thingGroupName="hall", parentGroupName="plant")
    listener.switch("THING_GROUP", "THING_GROUP_HIERARCHY")
    properties = {"thingGroupDescription": "of pumps", "attributePayload": {"attributes": {"site": "north"}}}
    made = listener.iot.create_thing_group(
        thingGroupName="row", parentGroupName="hall", thingGroupProperties=properties
    )
    group = {
        "eventType": "THING_GROUP_EVENT",
        "operation": "CREATED",
        **HEAD,
        "thingGroupId": made["thingGroupId"],
        "thingGroupName": "row",
        "versionNumber": 1,
        "parentGroupName": "hall",
        "parentGroupId": hall["thingGroupId"],
        "description": "of pumps",
        "rootToParentThingGroups": [
            {"groupArn": root["thingGroupArn"], "groupId": root["thingGroupId"]},
            {"groupArn": hall["thingGroupArn"], "groupId": hall["thingGroupId"]},
        ],
        "attributes": {"site": "north"},
        "dynamicGroupMappingId": None,
    }
    child = {
        "eventType": "THING_GROUP_HIERARCHY_EVENT",
        "operation": "ADDED",
        **HEAD,
        "thingGroupId": hall["thingGroupId"],
        "thingGroupName": "hall",
        "childGroupId": made["thingGroupId"],
        "childGroupName": "row",
    }
    hierarchy = "$aws/events/thingGroupHierarchy/thingGroup/hall/childThingGroup/row"
    assert listener.told() == [("$aws/events/thingGroup/row/created", group), (f"{hierarchy}/added", child)]

    listener.iot.update_thing_group(thingGroupName="row", thingGroupProperties={"thingGroupDescription": "of fans"})
    ((topic, updated),) = listener.told()
    assert (topic, updated["versionNumber"]) == ("$aws/events/thingGroup/row/updated", 2)
    assert updated["description"] == "of fans"
    listener.iot.delete_thing_group(thingGroupName="row")
    assert listener.topics() == [f"{hierarchy}/removed", "$aws/events/thingGroup/row/deleted"]


def test_a_membership_is_told_of_by_ids_and_arns_whichever_way_it_came_about(listener: Listener) -> None:
    thing = listener.iot.create_thing(thingName="a:pump")
    group = listener.iot.create_thing_group(thingGroupName="hall")
    listener.switch("THING_GROUP_MEMBERSHIP")
    listener.iot.add_thing_to_thing_group(thingArn=thing["thingArn"], thingGroupArn=group["thingGroupArn"])
    ((topic, added),) = listener.told()
    membership = added.pop("membershipId")
    assert topic == "$aws/events/thingGroupMembership/thingGroup/hall/thing/a:pump/added"
    assert added == {
        "eventType": "THING_GROUP_MEMBERSHIP_EVENT",
        "operation": "ADDED",
        **HEAD,
        "groupArn": f"{ARN}:thinggroup/hall",
        "groupId": group["thingGroupId"],
        "thingArn": f"{ARN}:thing/a:pump",
        "thingId": thing["thingId"],
    }
    listener.iot.update_thing_groups_for_thing(thingName="a:pump", thingGroupsToRemove=["hall"])
    ((topic, removed),) = listener.told()
    assert topic == "$aws/events/thingGroupMembership/thingGroup/hall/thing/a:pump/removed"
    assert (removed["operation"], removed["membershipId"]) == ("REMOVED", membership)


def test_a_type_and_who_has_it_are_told_of(listener: Listener) -> None:
    listener.switch("THING_TYPE", "THING_TYPE_ASSOCIATION")
    properties = {"thingTypeDescription": "moves water", "searchableAttributes": ["site"]}
    listener.iot.create_thing_type(thingTypeName="pumps", thingTypeProperties=properties)
    ((topic, created),) = listener.told()
    assert topic == "$aws/events/thingType/pumps/created"
    assert created == {
        "eventType": "THING_TYPE_EVENT",
        "operation": "CREATED",
        **HEAD,
        "thingTypeId": listener.iot.describe_thing_type(thingTypeName="pumps")["thingTypeId"],
        "thingTypeName": "pumps",
        "isDeprecated": False,
        "deprecationDate": None,
        "searchableAttributes": ["site"],
        "description": "moves water",
    }
    listener.iot.create_thing_type(thingTypeName="fans")
    listener.told()

    thing = listener.iot.create_thing(thingName="pump", thingTypeName="pumps")
    ((topic, associated),) = listener.told()
    assert topic == "$aws/events/thingTypeAssociation/thing/pump/thingType/pumps/added"
    assert associated == {
        "eventType": "THING_TYPE_ASSOCIATION_EVENT",
        "operation": "ADDED",
        "timestamp": NOON,  # the one kind without accountId
        "thingId": thing["thingId"],
        "thingName": "pump",
        "thingTypeName": "pumps",
    }
    listener.iot.update_thing(thingName="pump", thingTypeName="fans")
    assert listener.topics() == [
        "$aws/events/thingTypeAssociation/thing/pump/thingType/pumps/removed",
        "$aws/events/thingTypeAssociation/thing/pump/thingType/fans/added",
    ]
    listener.iot.update_thing(thingName="pump", removeThingType=True)
    assert listener.topics() == ["$aws/events/thingTypeAssociation/thing/pump/thingType/fans/removed"]

    listener.iot.deprecate_thing_type(thingTypeName="pumps")
    ((topic, deprecated),) = listener.told()
    assert (topic, deprecated["isDeprecated"]) == ("$aws/events/thingType/pumps/updated", True)
    shown = listener.iot.describe_thing_type(thingTypeName="pumps")["thingTypeMetadata"]["deprecationDate"]
    assert abs(datetime.fromisoformat(deprecated["deprecationDate"]) - shown).total_seconds() < 1
    listener.iot.deprecate_thing_type(thingTypeName="pumps", undoDeprecate=True)
    ((_, restored),) = listener.told()
    assert (restored["isDeprecated"], restored["deprecationDate"]) == (False, None)
    listener.iot.delete_thing_type(thingTypeName="pumps")
    assert listener.topics() == ["$aws/events/thingType/pumps/deleted"]
