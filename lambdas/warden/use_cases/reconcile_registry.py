"""What we believe of all things is compared with the registry, in pages; where they differ, it is asked.

Registry events get lost. A full pass reads the registry's list of things, then each group's, and looks each name up:
what we do not know is asked about at once, which also seeds a deployment onto an existing fleet. What we believe and
the registry does not have any more is in none of its lists: so both sides' memberships are summed up by parts of the
fleet, and where a part's sums differ, its things are asked about. That holds eight bytes a part, 128 KB whatever the
fleet's size, beside a page of names.

A thing that was deleted and created again, with all events of it lost, looks the same in every list: only asking about
it tells.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress

import msgspec

from warden.domain.behaviors.target import ThingFacts
from warden.domain.registry.sums import Sums, number
from warden.ports import IndexKey, Key
from warden.storage import keys
from warden.storage.records import Stored
from warden.storage.registered_things import RegisteredThings
from warden.storage.registry_passes import (
    ALL,
    InDoubt,
    InGroups,
    InProjection,
    InThings,
    Place,
    RegistryPass,
    RegistryPasses,
    Superseded,
)
from warden.use_cases.compare_page import ComparePage, OutOfTime
from warden.use_cases.registry_pages import RegistryPages, StaleToken

SAVE_EVERY_MS = 60_000
TAKEN_OVER_MS = 3_600_000
"""How long after it was last heard of a pass is gone on with: a much older one compares then with now."""


class ReconcileRegistry:
    """A full pass, in as many calls as its time is cut into.

    Args:
        pages: The registry.
        known: What we believe.
        compare: Looks a page of names up.
        passes: Where a pass is kept.
        clock: Now, epoch ms.
    """

    def __init__(
        self,
        pages: RegistryPages,
        known: RegisteredThings,
        compare: ComparePage,
        passes: RegistryPasses,
        clock: Callable[[], int],
    ) -> None:
        self._pages = pages
        self._known = known
        self._compare = compare
        self._passes = passes
        self._clock = clock

    def __call__(self, resume: int | None) -> int | None:
        """Work at a pass until it or the time is over.

        Args:
            resume: Id of the pass to go on with; None begins one, or takes one over that somebody left lately.

        Returns: The id to go on with; None where the pass has ended, or another took it over.
        """
        stored = self._open(resume)
        if stored is None:
            return None
        work = _Work(stored.record, self._pages, self._known, self._compare)
        with suppress(Superseded):
            more = True
            while more:
                try:
                    more = work.step()
                except StaleToken:
                    work.start_again(self._clock())
                except OutOfTime:
                    return self._save(stored, work).record.id
                if more and self._clock() - stored.record.saved_at >= SAVE_EVERY_MS:
                    stored = self._save(stored, work)
            self._passes.finish(ALL, stored, now=self._clock())
        return None

    def _open(self, resume: int | None) -> Stored[RegistryPass] | None:
        """The pass to work at, as ours."""
        now, left = self._clock(), self._passes.current(ALL)
        if resume is not None and (left is None or left.record.id != resume):
            return None
        if left and (resume is not None or now - left.record.saved_at < TAKEN_OVER_MS):
            self._compare.finish(left.record.saved_at, now)
            ours = msgspec.structs.replace(left.record, id=resume or now, saved_at=now)
        else:
            ours = RegistryPass(id=now, began=now, saved_at=now, place=InThings(), sums=_zero().to_bytes())
        with suppress(Superseded):
            return self._passes.save(ALL, ours, left)
        return None

    def _save(self, stored: Stored[RegistryPass], work: "_Work") -> Stored[RegistryPass]:
        assert work.place is not None
        new = msgspec.structs.replace(
            stored.record, began=work.began, saved_at=self._clock(), place=work.place, sums=work.sums.to_bytes()
        )
        return self._passes.save(ALL, new, stored)


class _Work:
    """A pass at work: a place, and the sums of all before it. A step that fails changes neither."""

    def __init__(
        self, begun: RegistryPass, pages: RegistryPages, known: RegisteredThings, compare: ComparePage
    ) -> None:
        self.place: Place | None = begun.place
        self.sums = Sums.from_bytes(begun.sums)
        self.began = begun.began
        self._pages = pages
        self._known = known
        self._compare = compare
        self._groups: tuple[str | None, list[str], str | None] | None = None
        self._above: dict[str, frozenset[str]] = {}

    def start_again(self, now: int) -> None:
        """Forget what was read."""
        self.place, self.sums, self.began, self._groups = InThings(), _zero(), now, None
        self._above.clear()

    def step(self) -> bool:
        """Do a page. Returns whether more are left."""
        self._compare.check_time()
        match self.place:
            case InThings():
                self.place = self._things(self.place)
            case InGroups():
                self.place = self._members(self.place)
            case InProjection():
                self.place = self._believed(self.place)
            case InDoubt():
                self.place = self._doubted(self.place)
            case _:
                raise AssertionError(f"{self.place} is no place of a full pass")
        return self.place is not None

    def _things(self, place: InThings) -> Place:
        names, token = self._compare.patiently(lambda: self._pages.things(place.token))
        self._compare(names, lambda facts: facts.registered)
        self._add(names, "")
        return InThings(token) if token else InGroups()

    def _members(self, place: InGroups) -> Place:
        if place.above is None:
            return self._next_group(place)
        group, above = place.group, frozenset(place.above)
        members, token = self._compare.patiently(lambda: self._pages.members(group, place.token))
        self._compare(members, lambda facts: group in facts.groups and above <= {*facts.groups, *facts.above})
        self._add(members, group)
        return InGroups(place.page, group, token, place.above) if token else InGroups(place.page, group)

    def _next_group(self, place: InGroups) -> Place:
        """Where the group behind a place begins, a step of its own: however little time there is, it gets on."""
        names, next_page = self._page_of_groups(place.page)
        group = next((name for name in names if name > place.group), None)
        if group is None:
            return InGroups(next_page) if next_page else InProjection()
        return InGroups(place.page, group, above=self._compare.patiently(lambda: self._pages.above(group)))

    def _page_of_groups(self, token: str | None) -> tuple[list[str], str | None]:
        if self._groups is None or self._groups[0] != token:
            names, next_page = self._compare.patiently(lambda: self._pages.groups(token))
            self._groups = token, sorted(names), next_page
        return self._groups[1:]

    def _believed(self, place: InProjection) -> Place:
        after = IndexKey(place.after[0], Key(*place.after[1:])) if place.after else None
        names, last = self._known.page(place.shard, after)
        for thing, facts in self._compare(names, self._is_below_its_groups).items():
            if facts.registered:
                self._subtract(thing, facts)
        if last:
            return InProjection(place.shard, (last.sort, *last.key))
        return InProjection(place.shard + 1) if place.shard + 1 < keys.THING_SHARDS else InDoubt()

    def _is_below_its_groups(self, facts: ThingFacts) -> bool:
        """Whether a thing is below no other groups than its own ones are: one may have been made again elsewhere."""
        if not facts.above:
            return True
        for group in facts.groups:
            if group not in self._above:
                above = self._compare.patiently(lambda group=group: self._pages.above(group))  # type: ignore[misc]
                self._above[group] = frozenset(above)
        return all(any(above in self._above[group] for group in facts.groups) for above in facts.above)

    def _doubted(self, place: InDoubt) -> Place | None:
        bucket = next(self.sums.differing(first=place.bucket), None)
        if bucket is None:
            return None
        for things in self._known.bucket(bucket):
            self._compare(things, lambda facts: not facts.registered or facts.answered_at >= self.began)
        return InDoubt(bucket + 1)

    def _add(self, things: Iterable[str], group: str) -> None:
        for thing in things:
            self.sums.add(keys.thing_bucket(thing), number(thing, group))

    def _subtract(self, thing: str, facts: ThingFacts) -> None:
        for group in ("", *facts.groups):
            self.sums.subtract(keys.thing_bucket(thing), number(thing, group))


def _zero() -> Sums:
    return Sums(keys.THING_BUCKETS)
