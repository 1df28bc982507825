"""The fence: whether an effect is still wanted, asked right before the effect.

Deleting a behavior or detaching a profile does not stop reports that are in flight; what they raise stops here.
"""

from dataclasses import dataclass

from warden.domain.alarms.violation import Episode, Event
from warden.domain.behaviors.profile import Behavior, SecurityProfile
from warden.domain.behaviors.target import Target, ThingFacts
from warden.ports import ThingLog
from warden.storage.catalogue import CatalogueStore, Head


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a behavior stands at this moment.

    Attributes:
        live: Whether it exists, unchanged in metric and dimension.
        covered: Whether its profile applies to the thing, and the thing is the one that was meant.
        profile: The profile as it is now, where the behavior lives.
        behavior: The behavior as it is now, where it lives.
    """

    live: bool = False
    covered: bool = False
    profile: SecurityProfile | None = None
    behavior: Behavior | None = None


class Fence:
    """Asks where behaviors stand; every read is consistent.

    Args:
        catalogue: The security profiles.
        log: The things' logs.
    """

    def __init__(self, catalogue: CatalogueStore, log: ThingLog) -> None:
        self._catalogue = catalogue
        self._log = log

    def of(self, record: Episode | Event) -> Standing:
        """Where a violation's behavior stands for its thing."""
        return self.standing(profile=record.profile, uid=record.uid, thing=record.thing, thing_id=record.thing_id)

    def standing(self, *, profile: str, uid: str, thing: str, thing_id: str) -> Standing:
        """Where the behavior `uid` of a profile stands for a thing."""
        stored = self._catalogue.head(profile)
        if stored is None or stored.record.deleted:
            return Standing()
        head = stored.record
        name = next((name for name, identity in head.live.items() if identity.uid == uid), None)
        version = self._catalogue.version(head.name, head.version) if name else None
        if version is None:
            return Standing()
        current = version.record.profile
        behavior = next((behavior for behavior in current.behaviors if behavior.name == name), None)
        return Standing(True, self._covers(head, thing, thing_id), current, behavior)

    def _covers(self, head: Head, thing: str, thing_id: str) -> bool:
        facts = self._log.load(thing, consistent=True).facts or ThingFacts("")
        if facts.thing_id != thing_id:
            return False
        return any(Target.parse(attachment.arn).covers(facts) for attachment in self._catalogue.targets(head))
