"""What an event of the registry is about, from its topic alone.

Source: AWS IoT Core Developer Guide, Registry events. Anybody who may publish to a rule can forge one: all it does is
name what to ask the registry about.
"""

import re
from typing import NamedTuple

NAME = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
"""Of things and of thing groups; they hold no slash, so each is one level of a topic."""


class ThingChanged(NamedTuple):
    """A thing was created, deleted, or moved between groups."""

    thing: str


class GroupChanged(NamedTuple):
    """A thing group was deleted, or has other child groups."""

    group: str


RegistryChange = ThingChanged | GroupChanged


def parse(topic: str) -> RegistryChange | None:
    """What to look at again; None where the topic is none of a registry event that changes whom a target covers."""
    match topic.split("/"):
        case ["$aws", "events", "thing", thing, "created" | "deleted"]:
            return ThingChanged(thing) if NAME.fullmatch(thing) else None
        case ["$aws", "events", "thingGroup", group, "deleted"]:
            return GroupChanged(group) if NAME.fullmatch(group) else None
        case ["$aws", "events", "thingGroupMembership", "thingGroup", group, "thing", thing, "added" | "removed"]:
            return ThingChanged(thing) if NAME.fullmatch(group) and NAME.fullmatch(thing) else None
        case [
            "$aws", "events", "thingGroupHierarchy", "thingGroup", group, "childThingGroup", child, "added" | "removed"
        ]:  # fmt: skip
            return GroupChanged(group) if NAME.fullmatch(group) and NAME.fullmatch(child) else None
    return None
