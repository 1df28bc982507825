"""The thing registry: moto's, with what it gets wrong put right, and with a note of what changed."""

from typing import Any

from moto.iot.exceptions import InvalidRequestException, ResourceAlreadyExistsException, ResourceNotFoundException
from moto.iot.models import FakeEndpoint, FakeThing

from warden.embedded.surroundings.logging_options import LoggingOptions
from warden.embedded.surroundings.registry_events import RegistryEvents
from warden.storage.access import Kind, Subject

NOT_KEPT = ("authority", "devices_host", "access_touched", "changes")
"""Attributes that a checkpoint does not hold."""


class Registry(RegistryEvents):
    """moto's iot backend, which, certificates aside, differs from AWS IoT in six ways that matter here.

    Creating a thing that exists gave it another id; creating a group that exists, without properties, was refused,
    and one under a parent that does not exist was a failure of the service's; a deleted thing stayed in its groups,
    and its successor of the same name with it; a deleted group's successor had its policies; finding one thing read
    them all; and nobody was told.

    Attributes:
        touched: Names of things whose registration or group membership changed since `take_touched`.
        logging: What the logging operations set.
        devices_host: Where devices connect. Set by who owns this backend, as `authority` is.
    """

    devices_host: str

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.touched: set[str] = set()
        self.logging = LoggingOptions()

    def take_touched(self) -> frozenset[str]:
        """What was touched since the last time."""
        touched, self.touched = frozenset(self.touched), set()
        self.access_touched |= {Subject(Kind.THING, name) for name in touched}
        return touched

    def describe_thing(self, thing_name: str) -> FakeThing:
        """The thing of a name."""
        try:
            return self.things[self.arn(f"thing/{thing_name}")]
        except KeyError:
            raise ResourceNotFoundException(f"there is no thing {thing_name!r:.150}") from None

    def create_thing(
        self,
        thing_name: str,
        thing_type_name: str,
        attribute_payload: dict[str, Any] | None,
        billing_group_name: str | None = None,
    ) -> FakeThing:
        """Create a thing, or return the one that exists with the same configuration.

        Raises: ResourceAlreadyExistsException, where its configuration differs.
        Source: AWS IoT API, CreateThing.
        """
        thing = self.things.get(self.arn(f"thing/{thing_name}"))
        if thing is None:
            thing = super().create_thing(thing_name, thing_type_name, attribute_payload, billing_group_name)
            self.touched.add(thing_name)
        elif _configuration(thing) != (
            thing_type_name or None,
            (attribute_payload or {}).get("attributes", {}),
            billing_group_name or None,
        ):
            raise ResourceAlreadyExistsException(
                f"Thing {thing_name} already exists in account with different attributes", thing.thing_id, thing.arn
            )
        return thing

    def delete_thing(self, thing_name: str) -> None:
        """Delete a thing and its memberships."""
        super().delete_thing(thing_name)
        for group in self.thing_groups.values():
            group.things.pop(self.arn(f"thing/{thing_name}"), None)
        self.touched.add(thing_name)

    def add_thing_to_thing_group(
        self, thing_group_name: str, thing_group_arn: str | None, thing_name: str, thing_arn: str | None
    ) -> None:
        """Add a thing, by name or ARN, to a group, by name or ARN."""
        super().add_thing_to_thing_group(thing_group_name, thing_group_arn, thing_name, thing_arn)
        self.touched.add(self._identify_thing(thing_name, thing_arn).thing_name)

    def remove_thing_from_thing_group(
        self, thing_group_name: str, thing_group_arn: str | None, thing_name: str, thing_arn: str | None
    ) -> None:
        """Remove a thing, by name or ARN, from a group, by name or ARN."""
        super().remove_thing_from_thing_group(thing_group_name, thing_group_arn, thing_name, thing_arn)
        self.touched.add(self._identify_thing(thing_name, thing_arn).thing_name)

    def create_thing_group(
        self, thing_group_name: str, parent_group_name: str | None, thing_group_properties: dict[str, Any] | None
    ) -> tuple[str, str, str]:
        """Create a group, or return the one that exists with the same parent and properties.

        Returns: Its name, ARN and id.

        Raises: ResourceAlreadyExistsException, where they differ; InvalidRequestException, where there is no such
            parent.
        Source: AWS IoT API, CreateThingGroup.
        """
        group = self.thing_groups.get(self.arn(f"thinggroup/{thing_group_name}"))
        if group is None:
            if parent_group_name and self.arn(f"thinggroup/{parent_group_name}") not in self.thing_groups:
                raise InvalidRequestException(f"parentGroupName: there is no thing group {parent_group_name}")
            parent = parent_group_name or None  # moto's lists take "" for the name of a parent
            return super().create_thing_group(thing_group_name, parent, thing_group_properties)
        before = group.parent_group_name or None, _properties(group.thing_group_properties)
        if before != (parent_group_name or None, _properties(thing_group_properties)):
            raise ResourceAlreadyExistsException(
                f"Thing Group {thing_group_name} already exists in current account with different properties",
                group.thing_group_id,
                group.arn,
            )
        return group.thing_group_name, group.arn, group.thing_group_id

    def delete_thing_group(self, thing_group_name: str) -> None:
        """Delete a group that has no child groups, and what it gave: memberships, policies; a missing one is no
        error."""
        members = {
            thing.thing_name
            for group in self.thing_groups.values()
            if group.thing_group_name == thing_group_name
            for thing in group.things.values()
        }
        super().delete_thing_group(thing_group_name)
        self.forget_policies_of(self.arn(f"thinggroup/{thing_group_name}"))
        self.touched |= members

    def describe_endpoint(self, endpoint_type: str) -> FakeEndpoint:
        """Where devices connect: this home, and never a host of AWS."""
        endpoint = super().describe_endpoint(endpoint_type)
        endpoint.endpoint = self.devices_host
        return endpoint

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in NOT_KEPT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # checkpoints of earlier releases have no logging, and no events
        events: dict[str, Any] = {"told_kinds": set(), "configured_at": None, "changes": []}
        self.__dict__.update({"logging": LoggingOptions(), "access_touched": set(), **events} | state)


def _configuration(thing: FakeThing) -> tuple[str | None, dict[str, Any], str | None]:
    kind = thing.thing_type.thing_type_name if thing.thing_type else None
    return kind, thing.attributes, thing.billing_group_name or None


def _properties(given: dict[str, Any] | None) -> tuple[str, dict[str, str]]:
    """What tells groups apart: whether attributes were to be merged does not."""
    properties = given or {}
    attributes = (properties.get("attributePayload") or {}).get("attributes")
    return properties.get("thingGroupDescription") or "", attributes or {}
