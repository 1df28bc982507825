"""What a security profile is attached to, and which things that covers.

Source: AWS IoT API, AttachSecurityProfile; Developer Guide, Detect concepts.
"""

import re
from typing import Self

import msgspec

ALL_THINGS, REGISTERED, UNREGISTERED = "all/things", "all/registered-things", "all/unregistered-things"
GROUP_PREFIX = "thinggroup/"

ARN = re.compile(r"arn:(?P<partition>[a-z-]+):iot:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):(?P<resource>.+)")
GROUP_NAME = re.compile(r"[a-zA-Z0-9:_-]{1,128}")

EXPECTED = (
    "arn:aws:iot:REGION:ACCOUNT: followed by thinggroup/NAME, all/things, all/registered-things "
    "or all/unregistered-things"
)


class ThingFacts(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What the registry last said of a thing. Encoded for ever: a field is only ever added at the end, with a default.

    Attributes:
        thing_id: The registry's id of it; empty where it is not registered.
        groups: Thing groups that it is a direct member of, sorted.
        id_since: When this id replaced another one, epoch ms; 0 for the first that was ever stored.
        answered_at: When the registry was asked, epoch ms.
        schema: Of this encoding; see `storage/records.py`.
        above: Thing groups that have one of `groups` below them, at any depth, sorted.
    """

    thing_id: str
    groups: tuple[str, ...] = ()
    id_since: int = 0
    answered_at: int = 0
    schema: int = 1
    above: tuple[str, ...] = ()

    @property
    def registered(self) -> bool:
        """Whether the registry has it."""
        return bool(self.thing_id)

    def superseded_by(self, answer: "ThingFacts") -> "ThingFacts":
        """What is known after the registry's `answer`: itself where the answer is not newer; answers may overtake
        one another."""
        if answer.answered_at <= self.answered_at:
            return self
        since = self.id_since if answer.thing_id == self.thing_id else answer.answered_at
        return msgspec.structs.replace(answer, id_since=since)


class Target(msgspec.Struct, frozen=True):
    """A target of a security profile.

    Attributes:
        arn: Its ARN.
        region: Of the ARN.
        account: Of the ARN.
        resource: What follows in it: `thinggroup/NAME` or one of the three `all/…`.
    """

    arn: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, arn: str) -> Self:
        """Raises ValueError, saying what is expected, where the ARN is none of a target."""
        match = ARN.fullmatch(arn)
        resource = match["resource"] if match else ""
        group = resource.removeprefix(GROUP_PREFIX) if resource.startswith(GROUP_PREFIX) else None
        if resource not in (ALL_THINGS, REGISTERED, UNREGISTERED) and not (group and GROUP_NAME.fullmatch(group)):
            raise ValueError(f"expected {EXPECTED}, got {arn!r}")
        assert match
        return cls(arn, match["region"], match["account"], resource)

    @property
    def group(self) -> str | None:
        """The thing group's name, None for the three `all/…`."""
        return self.resource.removeprefix(GROUP_PREFIX) if self.resource.startswith(GROUP_PREFIX) else None

    def covers(self, thing: ThingFacts) -> bool:
        """Whether a thing belongs to it; to a thing group also by one of its child groups, at any depth."""
        if self.resource == ALL_THINGS:
            return True
        if self.resource == REGISTERED:
            return thing.registered
        if self.resource == UNREGISTERED:
            return not thing.registered
        return self.group in thing.groups or self.group in thing.above
