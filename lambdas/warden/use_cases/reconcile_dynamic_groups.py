"""Dynamic groups that profiles are attached to are compared with what we believe of their members.

A query that begins or ceases to find a thing raises no documented event, so this is done every few minutes. Who joined
is on the group's pages. Who left is not; but a group whose members add up to the same sums as the last time has lost
nobody, and where a part of the fleet adds up to other sums, only that part has to be read.

It holds eight bytes for each member of one group, and 128 KB.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import suppress

import msgspec

from warden.domain.behaviors.target import Target
from warden.domain.registry.sums import Sums, number
from warden.storage import keys
from warden.storage.catalogue import CatalogueStore
from warden.storage.records import Stored
from warden.storage.registered_things import RegisteredThings
from warden.storage.registry_passes import (
    DYNAMIC,
    InDynamicGroups,
    Members,
    Place,
    RegistryPass,
    RegistryPasses,
    Superseded,
)
from warden.use_cases.compare_page import ComparePage, OutOfTime
from warden.use_cases.registry_pages import RegistryPages

NAMES_AT_ONCE = 100


class ReconcileDynamicGroups:
    """A pass over the dynamic groups, in as many calls as its time is cut into, whole groups each.

    Args:
        pages: The registry.
        known: What we believe.
        compare: Looks a page of names up.
        passes: Where a pass is kept.
        catalogue: The security profiles.
        clock: Now, epoch ms.
        too_large: Told of a group that one call has no time for; a full pass compares it.
    """

    def __init__(
        self,
        pages: RegistryPages,
        known: RegisteredThings,
        compare: ComparePage,
        passes: RegistryPasses,
        catalogue: CatalogueStore,
        *,
        clock: Callable[[], int],
        too_large: Callable[[str], None],
    ) -> None:
        self._pages = pages
        self._known = known
        self._compare = compare
        self._passes = passes
        self._catalogue = catalogue
        self._clock = clock
        self._too_large = too_large

    def __call__(self, resume: int | None) -> int | None:
        """Work at a pass until it or the time is over; arguments and result as of `ReconcileRegistry`."""
        stored = self._open(resume)
        if stored is None:
            return None
        with suppress(Superseded):
            for n, group in enumerate(self._left(stored.record.place)):
                try:
                    self._group(group)
                except OutOfTime:
                    if n:
                        return stored.record.id
                    self._too_large(group)
                    return self._save(stored, group).record.id
                stored = self._save(stored, group)
            self._passes.finish(DYNAMIC, stored, now=self._clock())
        return None

    def _open(self, resume: int | None) -> Stored[RegistryPass] | None:
        now, left = self._clock(), self._passes.current(DYNAMIC)
        if resume is not None and (left is None or left.record.id != resume):
            return None
        if left:
            self._compare.finish(left.record.saved_at, now)
            ours = msgspec.structs.replace(left.record, id=resume or now, saved_at=now)
        else:
            ours = RegistryPass(id=now, began=now, saved_at=now, place=InDynamicGroups())
        with suppress(Superseded):
            return self._passes.save(DYNAMIC, ours, left)
        return None

    def _save(self, stored: Stored[RegistryPass], group: str) -> Stored[RegistryPass]:
        new = msgspec.structs.replace(stored.record, saved_at=self._clock(), place=InDynamicGroups(group))
        return self._passes.save(DYNAMIC, new, stored)

    def _left(self, place: Place) -> list[str]:
        """Dynamic groups that are targets and were not compared in this pass, in order."""
        done = place.group if isinstance(place, InDynamicGroups) else ""
        return [group for group in sorted(self._attached()) if group > done and self._is_dynamic(group)]

    def _is_dynamic(self, group: str) -> bool:
        return self._compare.patiently(lambda: self._pages.is_dynamic(group))

    def _attached(self) -> set[str]:
        found: set[str] = set()
        after: str | None = None
        while True:
            names, after = self._catalogue.names(after=after, limit=NAMES_AT_ONCE)
            for name in names:
                stored = self._catalogue.head(name)
                targets = self._catalogue.targets(stored.record) if stored else []
                found.update(group for each in targets if (group := Target.parse(each.arn).group))
            if after is None:
                return found

    def _group(self, group: str) -> None:
        sums, members = Sums(keys.THING_BUCKETS), array("Q")
        for names in self._member_pages(group):
            self._compare(names, lambda facts: group in facts.groups)
            for name in names:
                member = number(name, group)
                sums.add(keys.thing_bucket(name), member)
                members.append(member)
        members = array("Q", sorted(members))
        before = self._passes.members(group)
        for things in self._suspects(sums, before):
            left = {thing for thing in things if not _has(members, number(thing, group))}
            self._compare(sorted(left), lambda facts: group not in facts.groups)
        if before is None or before.record.sums != sums.to_bytes():
            self._passes.save_members(group, sums.to_bytes(), before)

    def _member_pages(self, group: str) -> Iterator[list[str]]:
        token: str | None = None
        while True:
            names, token = self._compare.patiently(lambda token=token: self._pages.members(group, token))  # type: ignore[misc]
            yield names
            if token is None:
                return

    def _suspects(self, sums: Sums, before: Stored[Members] | None) -> Iterator[list[str]]:
        """The things that may have left since the last time; all things the first time."""
        if before is None:
            yield from self._known.everything()
            return
        for bucket in sums.differing(Sums.from_bytes(before.record.sums)):
            self._compare.check_time()
            yield from self._known.bucket(bucket)


def _has(members: "array[int]", member: int) -> bool:
    at = bisect_left(members, member)
    return at < len(members) and members[at] == member
