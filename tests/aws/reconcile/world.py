"""A registry that is compared with what we believe, on SQLite: its pages, its faults, and passes in any pieces."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count, islice

from tests.aws.conftest import Clock
from tests.core.profiles import ACCOUNT, BAD, profile
from warden.adapters.sqlite import SqliteTable
from warden.domain.behaviors.target import Target, ThingFacts
from warden.storage import keys
from warden.storage.catalogue import CatalogueCache, CatalogueStore
from warden.storage.registered_things import RegisteredThings
from warden.storage.registry_passes import ALL, RegistryPasses
from warden.storage.thing_log import TableThingLog
from warden.use_cases.attach_security_profile import attach_security_profile
from warden.use_cases.compare_page import ComparePage
from warden.use_cases.create_security_profile import create_security_profile
from warden.use_cases.ingest_report import IngestReport, Options
from warden.use_cases.reconcile_dynamic_groups import ReconcileDynamicGroups
from warden.use_cases.reconcile_registry import ReconcileRegistry
from warden.use_cases.record_registry_answer import RecordRegistryAnswer
from warden.use_cases.refresh_thing import RefreshThing

FOREVER = 10**15


class Killed(BaseException):
    """The function was ended, without a chance to do anything."""


@dataclass
class Registry:
    """Ports Things and RegistryPages: a registry that lists a few names at once, and counts what it is asked."""

    clock: Clock
    page_size: int = 3
    things_: dict[str, tuple[str, set[str]]] = field(default_factory=dict)
    groups_: dict[str, bool] = field(default_factory=dict)
    above_: dict[str, tuple[str, ...]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    before: Callable[[str], None] = lambda _: None

    def create(self, thing: str, *groups: str, dynamic: bool = False) -> None:
        self.things_[thing] = (f"{thing}-id", set(groups))
        self.groups_.update({group: dynamic for group in groups if group not in self.groups_})

    def join(self, thing: str, group: str) -> None:
        self.things_[thing][1].add(group)

    def leave(self, thing: str, group: str) -> None:
        self.things_[thing][1].discard(group)

    def _call(self, name: str) -> None:
        self.clock.now += 10
        self.before(name)
        self.calls[name] += 1

    def ask(self, thing: str, *, now: int) -> ThingFacts:
        self._call("ask")
        thing_id, groups = self.things_.get(thing, ("", set()))
        above = {name for group in groups for name in self.above_.get(group, ())}
        return ThingFacts(thing_id, tuple(sorted(groups)), answered_at=now, above=tuple(sorted(above - groups)))

    def things(self, token: str | None) -> tuple[list[str], str | None]:
        self._call("things")
        return self._page(self.things_, token)

    def groups(self, token: str | None) -> tuple[list[str], str | None]:
        self._call("groups")
        return self._page(self.groups_, token)

    def members(self, group: str, token: str | None) -> tuple[list[str], str | None]:
        self._call("members")
        return self._page([thing for thing, (_, groups) in self.things_.items() if group in groups], token)

    def above(self, group: str) -> tuple[str, ...]:
        self._call("above")
        return self.above_.get(group, ())

    def is_dynamic(self, group: str) -> bool:
        self._call("is_dynamic")
        return self.groups_.get(group, False)

    def _page(self, names: Iterable[str], token: str | None) -> tuple[list[str], str | None]:
        """In no order that the names would tell; a token is what was listed last, as if pages were stable."""
        ordered = sorted(names, key=lambda name: (hash_of(name), name))
        rest = [name for name in ordered if token is None or (hash_of(name), name) > (hash_of(token), token)]
        page = rest[: self.page_size]
        return page, page[-1] if len(rest) > len(page) else None


def hash_of(name: str) -> int:
    return keys.shard(name[::-1], 97)


class World:
    """A registry, and what we believe of it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.registry = Registry(self.clock)
        self.tables = SqliteTable(":memory:", keys.LOG), SqliteTable(":memory:", keys.CONTROL)
        log_table, control = self.tables
        self.log = TableThingLog(log_table)
        self.known = RegisteredThings(log_table)
        self.passes = RegistryPasses(control)
        self.catalogue = CatalogueStore(control)
        self.too_large: list[str] = []
        self.reports = 0

    def close(self) -> None:
        for table in self.tables:
            table.close()

    # Passes

    def invoke(self, groups: str, resume: int | None = None, *, until: int = FOREVER) -> int | None:
        """One invocation, in a container of its own."""
        answered = RecordRegistryAnswer(
            self.log, self.log, CatalogueCache(self.catalogue, poll_ms=None), keep=self.log.keep
        )
        compare = ComparePage(self.known, RefreshThing(self.registry, self.known, answered), self.clock, until=until)
        self.clock.now += 1
        if groups == ALL:
            work = ReconcileRegistry(self.registry, self.known, compare, self.passes, self.clock)
            return work(resume)
        return ReconcileDynamicGroups(
            self.registry,
            self.known,
            compare,
            self.passes,
            self.catalogue,
            clock=self.clock,
            too_large=self.too_large.append,
        )(resume)

    def reconcile(self, groups: str = ALL, *, each: int | None = None) -> Counter[str]:
        """A whole pass, perhaps in invocations of `each` ms. Returns what it asked the registry."""
        self.registry.calls.clear()
        left: int | None = None
        for _ in range(1000):
            until = FOREVER if each is None else self.clock.now + each
            left = self.invoke(groups, left, until=until)
            if left is None:
                return +self.registry.calls
        raise AssertionError("the pass does not end")

    # What is believed

    def agrees(self) -> bool:
        """Whether we believe exactly what the registry has."""
        listed = {thing for names in self.known.everything() for thing in names}
        believed = {
            thing: (facts.thing_id, set(facts.groups))
            for thing, facts in self.known.facts(listed).items()
            if facts.registered
        }
        return believed == self.registry.things_

    # Violations

    def watch(self, *groups: str) -> None:
        for group in groups:
            create_security_profile(self.catalogue, profile(group), {}, arn="", now=self.clock.now)
            target = Target.parse(f"arn:aws:iot:us-east-1:{ACCOUNT}:thinggroup/{group}")
            attach_security_profile(self.catalogue, group, target, has_group=lambda _: True, now=self.clock.now)

    def violate(self, *things: str) -> None:
        catalogues = CatalogueCache(self.catalogue, poll_ms=None)
        options = Options(account=ACCOUNT, keep=self.log.keep)
        ingest = IngestReport(self.log, self.log, self.registry, catalogues, options)
        for thing in things:
            self.clock.now += 1
            self.reports += 1
            report = (
                f'{{"header": {{"report_id": {self.reports}, "version": "1.0"}}, "metrics": '
                f'{{"tcp_connections": {{"established_connections": {{"total": {BAD}}}}}}}}}'
            )
            ingest(thing, "json", report.encode(), at=self.clock.now)

    def ringing(self) -> set[str]:
        found = set()
        for thing in self.known.facts(f"t{n}" for n in range(20)):
            newest = self.log.load(thing, consistent=True).newest
            if newest and any(alarm.ringing for alarm in newest.entry.state.alarms):
                found.add(thing)
        return found


MATES = [*islice((name for n in count() if keys.thing_bucket(name := f"m{n}") == 7), 4)]
"""Names that are in one part of the fleet, so that its sum does not tell them apart."""
