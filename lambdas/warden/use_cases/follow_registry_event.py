"""A registry event names what to look at again; nothing it says is believed."""

from warden.domain.registry.events import GroupChanged, RegistryChange
from warden.use_cases.refresh_thing import RefreshThing
from warden.use_cases.walk_group import Walk, WalkGroup


class FollowRegistryEvent:
    """Looks at what an event names.

    Args:
        refresh: Asks about a thing.
        walk: Goes through the violations of a group's profiles.
    """

    def __init__(self, refresh: RefreshThing, walk: WalkGroup) -> None:
        self._refresh = refresh
        self._walk = walk

    def __call__(self, change: RegistryChange, *, sent_at: int, now: int) -> Walk | None:
        """Look at a thing at once; for a group, only say what walk it calls for.

        Args:
            change: What the event names.
            sent_at: When it was heard of, epoch ms: answers to later questions have it in them.
            now: Epoch ms.

        Returns: The walk; None where no profile is attached to the group, or to one that it is below.
        """
        if isinstance(change, GroupChanged):
            return Walk(group=change.group, since=sent_at) if self._walk.concerns(change.group, now=now) else None
        self._refresh.since(sent_at, change.thing, now=now)
        return None
