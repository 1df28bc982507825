"""Violations of the profiles of a thing group are looked at again, after the group was deleted or its place changed."""

from collections.abc import Callable, Iterable

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
    """Asks the registry again about each thing that violates a profile of the group, or of one that it is below.

    A group is deleted only when it has no child groups. Above one that is deleted are those of the event that says its
    parent has lost it.

    Args:
        catalogue: The security profiles.
        violations: The violations that they raised.
        refresh: Asks about a thing.
        arn: Makes a group's ARN of its name.
        above: The groups that a group is below, at epoch ms `now`.
    """

    def __init__(
        self,
        catalogue: CatalogueStore,
        violations: Violations,
        refresh: RefreshThing,
        *,
        arn: Callable[[str], str],
        above: Callable[..., Iterable[str]],
    ) -> None:
        self._catalogue = catalogue
        self._violations = violations
        self._refresh = refresh
        self._arn = arn
        self._above = above

    def concerns(self, group: str, *, now: int) -> bool:
        """Whether a profile is attached to a group, or to one that it is below."""
        return bool(self._profiles(group, now))

    def _profiles(self, group: str, now: int) -> list[str]:
        groups = (group, *self._above(group, now=now))
        return sorted({head.name for each in groups for head in self._catalogue.attached_to(self._arn(each))})

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
        for profile in self._profiles(walk.group, clock()):
            if profile < walk.profile:
                continue
            behind = walk.behind if profile == walk.profile else None
            walk = Walk(group=walk.group, since=walk.since, profile=profile, behind=behind)
            for place, stored in self._violations.active(thing=None, profile=profile, behind=behind):
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
