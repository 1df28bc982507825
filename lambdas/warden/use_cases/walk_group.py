"""Violations of the profiles of a thing group are looked at again, after the group was deleted or its place changed."""

from collections.abc import Callable

import msgspec

from warden.domain.errors import Throttled
from warden.storage.catalogue import CatalogueStore
from warden.storage.violations import Violations
from warden.use_cases.refresh_thing import RefreshThing

AT_ONCE = 100


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a walk.

    Attributes:
        group: The thing group's name.
        since: Answers of the registry to questions after this are good enough, epoch ms.
        profile: The profile that it is at, of those in order.
        behind: The place in the list of that profile's violations; None for its beginning.
    """

    group: str
    since: int
    profile: str = ""
    behind: str | None = None


class WalkGroup:
    """Asks the registry again about each thing that violates a profile of the group.

    A target that is a thing group covers its direct members only, in this release: whether a thing is covered never
    depends on the hierarchy, and a changed hierarchy needs no more than this walk, nor one of the group's ancestors.

    Args:
        catalogue: The security profiles.
        violations: The violations that they raised.
        refresh: Asks about a thing.
        arn: Makes a group's ARN of its name.
    """

    def __init__(
        self,
        catalogue: CatalogueStore,
        violations: Violations,
        refresh: RefreshThing,
        *,
        arn: Callable[[str], str],
    ) -> None:
        self._catalogue = catalogue
        self._violations = violations
        self._refresh = refresh
        self._arn = arn

    def concerns(self, group: str) -> bool:
        """Whether a profile is attached to a group."""
        return bool(self._catalogue.attached_to(self._arn(group)))

    def __call__(
        self, walk: Walk, clock: Callable[[], int], may_go_on: Callable[[], bool] = lambda: True
    ) -> Walk | None:
        """Go on with a walk, 100 violations at most.

        Args:
            walk: What is left of it.
            clock: Now, epoch ms.
            may_go_on: Asked before each violation but the first.

        Returns: What is left of it, None where nothing is.

        Raises: Throttled, Unavailable: it did not get on at all.
        """
        done = 0
        for head in self._catalogue.attached_to(self._arn(walk.group)):
            if head.name < walk.profile:
                continue
            behind = walk.behind if head.name == walk.profile else None
            walk = Walk(group=walk.group, since=walk.since, profile=head.name, behind=behind)
            for place, stored in self._violations.active(thing=None, profile=head.name, behind=behind):
                if done and (done == AT_ONCE or not may_go_on()):
                    return walk
                try:
                    self._refresh.since(walk.since, stored.record.thing, now=clock())
                except Throttled:
                    if not done:
                        raise
                    return walk
                walk = msgspec.structs.replace(walk, behind=place)
                done += 1
        return None
