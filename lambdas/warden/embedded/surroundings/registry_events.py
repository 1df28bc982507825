"""Registry events: what AWS IoT publishes on `$aws/events/…` when things, groups and types change.

Source: AWS IoT Developer Guide, Registry events; UpdateEventConfigurations.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid4, uuid5

import msgspec
from moto.core.utils import utcnow
from moto.iot.models import FakeThing, FakeThingGroup, FakeThingType

from warden.embedded.surroundings.access import Access

THING, THING_GROUP, THING_TYPE = "THING", "THING_GROUP", "THING_TYPE"
MEMBERSHIP, HIERARCHY, ASSOCIATION = "THING_GROUP_MEMBERSHIP", "THING_GROUP_HIERARCHY", "THING_TYPE_ASSOCIATION"

KINDS = (
    THING,
    THING_GROUP,
    THING_TYPE,
    MEMBERSHIP,
    HIERARCHY,
    ASSOCIATION,
    "JOB",
    "JOB_EXECUTION",
    "POLICY",
    "CERTIFICATE",
    "CA_CERTIFICATE",
)
"""What can be switched on. Of the last five nothing is told: jobs reach no device here, no certificate registers
itself, and AWS does not document what it tells of policies."""

CREATED, UPDATED, DELETED, ADDED, REMOVED = "created", "updated", "deleted", "added", "removed"


class Change(NamedTuple):
    """A change of the registry.

    Attributes:
        kind: One of `KINDS`.
        topic: Without `$aws/events/`, and without the operation, its last level.
        operation: `CREATED` and the others, as in the topic.
        members: Of the message, beside those that all have.
    """

    kind: str
    topic: str
    operation: str
    members: Mapping[str, Any]


def message(change: Change, *, account: str, at: int) -> tuple[str, bytes]:
    """A change's message: topic, and payload in JSON.

    Args:
        change: What changed.
        account: 12 digits.
        at: Epoch milliseconds.
    """
    said = {
        "eventType": f"{change.kind}_EVENT",
        "eventId": uuid4().hex,
        "timestamp": at,
        "operation": change.operation.upper(),
        **({} if change.kind == ASSOCIATION else {"accountId": account}),  # as AWS documents them
        **change.members,
    }
    return f"$aws/events/{change.topic}/{change.operation}", msgspec.json.encode(said)


class RegistryEvents(Access):
    """The part of the registry that notes what is to be told of its changes, each after it was made.

    Attributes:
        told_kinds: The kinds that are switched on.
        configured_at: When kinds were switched first, and last; None before.
        changes: What is to be told, since `take_changes`.
    """

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.told_kinds: set[str] = set()
        self.configured_at: tuple[datetime, datetime] | None = None
        self.changes: list[Change] = []

    def configure_events(self, enabled: Mapping[str, bool], *, at: datetime) -> None:
        """Switch kinds on and off; those that are not named stay as they are."""
        on = {kind for kind, value in enabled.items() if value}
        self.told_kinds = (self.told_kinds - enabled.keys()) | on
        self.configured_at = (self.configured_at[0] if self.configured_at else at), at

    def take_changes(self) -> tuple[Change, ...]:
        """What is to be told, since the last time."""
        changes, self.changes = tuple(self.changes), []
        return changes

    def _note(self, kind: str, topic: str, operation: str, **members: Any) -> None:
        if kind in self.told_kinds:
            self.changes.append(Change(kind, topic, operation, members))

    # Things

    def create_thing(
        self,
        thing_name: str,
        thing_type_name: str,
        attribute_payload: dict[str, Any] | None,
        billing_group_name: str | None = None,
    ) -> FakeThing:
        """Create a thing that is not there yet."""
        thing = super().create_thing(thing_name, thing_type_name, attribute_payload, billing_group_name)
        self._note_thing(thing, CREATED)
        self._note_association(thing, thing.thing_type, ADDED)
        return thing

    def update_thing(
        self,
        thing_name: str,
        thing_type_name: str,
        attribute_payload: dict[str, Any] | None,
        remove_thing_type: bool,
    ) -> None:
        """See `Access`. A thing's version counts its updates, which moto forgets."""
        before = self.describe_thing(thing_name).thing_type
        super().update_thing(thing_name, thing_type_name, attribute_payload, remove_thing_type)
        thing = self.describe_thing(thing_name)
        thing.version += 1
        self._note_thing(thing, UPDATED)
        if thing.thing_type is not before:
            self._note_association(thing, before, REMOVED)
            self._note_association(thing, thing.thing_type, ADDED)

    def delete_thing(self, thing_name: str) -> None:
        """Delete a thing."""
        thing = self.describe_thing(thing_name)
        super().delete_thing(thing_name)
        self._note_thing(thing, DELETED)

    def _note_thing(self, thing: FakeThing, operation: str) -> None:
        self._note(
            THING,
            f"thing/{thing.thing_name}",
            operation,
            thingId=thing.thing_id,
            thingName=thing.thing_name,
            versionNumber=thing.version,
            thingTypeName=thing.thing_type.thing_type_name if thing.thing_type else None,
            attributes=dict(thing.attributes),
        )

    def _note_association(self, thing: FakeThing, kind: FakeThingType | None, operation: str) -> None:
        if kind is not None:
            topic = f"thingTypeAssociation/thing/{thing.thing_name}/thingType/{kind.thing_type_name}"
            names = {"thingName": thing.thing_name, "thingTypeName": kind.thing_type_name}
            self._note(ASSOCIATION, topic, operation, thingId=thing.thing_id, **names)

    # Types

    def create_thing_type(self, thing_type_name: str, thing_type_properties: dict[str, Any]) -> tuple[str, str]:
        """Create a thing type."""
        made = super().create_thing_type(thing_type_name, thing_type_properties)
        self._note_type(self.describe_thing_type(thing_type_name), CREATED)
        return made

    def deprecate_thing_type(self, thing_type_name: str, undo_deprecate: bool) -> FakeThingType:
        """Deprecate a thing type, or take that back."""
        kind = super().deprecate_thing_type(thing_type_name, undo_deprecate)
        kind.metadata["deprecationDate"] = None if undo_deprecate else utcnow()
        self._note_type(kind, UPDATED)
        return kind

    def delete_thing_type(self, thing_type_name: str) -> None:
        """Delete a thing type."""
        kind = self.describe_thing_type(thing_type_name)
        super().delete_thing_type(thing_type_name)
        self._note_type(kind, DELETED)

    def _note_type(self, kind: FakeThingType, operation: str) -> None:
        properties = kind.thing_type_properties or {}
        deprecated_at = kind.metadata.get("deprecationDate")  # moto's times are UTC without saying so
        self._note(
            THING_TYPE,
            f"thingType/{kind.thing_type_name}",
            operation,
            thingTypeId=kind.thing_type_id,
            thingTypeName=kind.thing_type_name,
            isDeprecated=kind.metadata["deprecated"],
            deprecationDate=deprecated_at and deprecated_at.replace(tzinfo=UTC),
            searchableAttributes=properties.get("searchableAttributes") or [],
            description=properties.get("thingTypeDescription"),
        )

    # Groups

    def create_thing_group(
        self, thing_group_name: str, parent_group_name: str | None, thing_group_properties: dict[str, Any] | None
    ) -> tuple[str, str, str]:
        """Create a group that is not there yet."""
        parent: Any = parent_group_name  # moto says that it has to be there
        made = super().create_thing_group(thing_group_name, parent, thing_group_properties or {})
        group = self.thing_groups[self.arn(f"thinggroup/{thing_group_name}")]
        self._note_group(group, CREATED)
        self._note_hierarchy(group, ADDED)
        return made

    def update_thing_group(
        self, thing_group_name: str, thing_group_properties: dict[str, Any], expected_version: int
    ) -> int:
        """Change a group's description or attributes."""
        version = super().update_thing_group(thing_group_name, thing_group_properties, expected_version)
        self._note_group(self.thing_groups[self.arn(f"thinggroup/{thing_group_name}")], UPDATED)
        return version

    def delete_thing_group(self, thing_group_name: str) -> None:
        """Delete a group; a missing one is no error."""
        group = self.thing_groups.get(self.arn(f"thinggroup/{thing_group_name}"))
        super().delete_thing_group(thing_group_name)
        if group is not None:
            self._note_hierarchy(group, REMOVED)
            self._note_group(group, DELETED)

    def _note_group(self, group: FakeThingGroup, operation: str) -> None:
        parent = self._parent(group)
        properties: dict[str, Any] = dict(group.thing_group_properties)
        above = [self.thing_groups.get(each["groupArn"]) for each in group.metadata.get("rootToParentThingGroups", ())]
        self._note(
            THING_GROUP,
            f"thingGroup/{group.thing_group_name}",
            operation,
            thingGroupId=group.thing_group_id,
            thingGroupName=group.thing_group_name,
            versionNumber=group.version,
            parentGroupName=parent.thing_group_name if parent else None,
            parentGroupId=parent.thing_group_id if parent else None,
            description=properties.get("thingGroupDescription"),
            rootToParentThingGroups=[{"groupArn": each.arn, "groupId": each.thing_group_id} for each in above if each],
            attributes=(properties.get("attributePayload") or {}).get("attributes") or {},
            dynamicGroupMappingId=None,
        )

    def _note_hierarchy(self, group: FakeThingGroup, operation: str) -> None:
        if parent := self._parent(group):
            self._note(
                HIERARCHY,
                f"thingGroupHierarchy/thingGroup/{parent.thing_group_name}/childThingGroup/{group.thing_group_name}",
                operation,
                thingGroupId=parent.thing_group_id,
                thingGroupName=parent.thing_group_name,
                childGroupId=group.thing_group_id,
                childGroupName=group.thing_group_name,
            )

    def _parent(self, group: FakeThingGroup) -> FakeThingGroup | None:
        return self.thing_groups.get(self.arn(f"thinggroup/{group.parent_group_name}"))

    # Memberships

    def add_thing_to_thing_group(
        self, thing_group_name: str, thing_group_arn: str | None, thing_name: str, thing_arn: str | None
    ) -> None:
        """Add a thing, by name or ARN, to a group, by name or ARN."""
        self._change_membership(thing_group_name, thing_group_arn, thing_name, thing_arn, ADDED)

    def remove_thing_from_thing_group(
        self, thing_group_name: str, thing_group_arn: str | None, thing_name: str, thing_arn: str | None
    ) -> None:
        """Remove a thing, by name or ARN, from a group, by name or ARN."""
        self._change_membership(thing_group_name, thing_group_arn, thing_name, thing_arn, REMOVED)

    def _change_membership(
        self, group_name: str, group_arn: str | None, thing_name: str, thing_arn: str | None, operation: str
    ) -> None:
        group, thing = self._identify_thing_group(group_name, group_arn), self._identify_thing(thing_name, thing_arn)
        before = thing.arn in group.things
        change = super().add_thing_to_thing_group if operation == ADDED else super().remove_thing_from_thing_group
        change(group_name, group_arn, thing_name, thing_arn)
        if before is not (thing.arn in group.things):
            self._note(
                MEMBERSHIP,
                f"thingGroupMembership/thingGroup/{group.thing_group_name}/thing/{thing.thing_name}",
                operation,
                groupArn=group.arn,
                groupId=group.thing_group_id,
                thingArn=thing.arn,
                thingId=thing.thing_id,
                membershipId=str(uuid5(NAMESPACE_URL, f"{group.thing_group_id}/{thing.thing_id}")),
            )
