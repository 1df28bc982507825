"""Comparing what we believe with the registry: what is asked, what is found, and what an interruption leaves."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import pytest

from tests.core.profiles import ACCOUNT, BAD, profile
from warden.adapters.sqlite import SqliteTable
from warden.domain.behaviors.target import Target, ThingFacts
from warden.domain.errors import Throttled, Unavailable
from warden.ports import Condition, Item
from warden.storage import keys
from warden.storage.catalogue import CatalogueCache, CatalogueStore
from warden.storage.registered_things import RegisteredThings
from warden.storage.registry_passes import ALL, DYNAMIC, RegistryPasses
from warden.storage.thing_log import TableThingLog
from warden.use_cases.attach_security_profile import attach_security_profile
from warden.use_cases.compare_page import ComparePage
from warden.use_cases.create_security_profile import create_security_profile
from warden.use_cases.ingest_report import IngestReport, Options
from warden.use_cases.reconcile_dynamic_groups import ReconcileDynamicGroups
from warden.use_cases.reconcile_registry import ReconcileRegistry
from warden.use_cases.record_registry_answer import RecordRegistryAnswer
from warden.use_cases.refresh_thing import RefreshThing
from warden.use_cases.registry_pages import StaleToken

BEGINNING = 1_800_000_000_000
MINUTE, HOUR = 60_000, 3_600_000
FOREVER = 10**15


class Killed(BaseException):
    """The function was ended, without a chance to do anything."""


@dataclass
class Registry:
    """Ports Things and RegistryPages: a registry that lists a few names at once, and counts what it is asked."""

    clock: "Clock"
    page_size: int = 3
    things_: dict[str, tuple[str, set[str]]] = field(default_factory=dict)
    groups_: dict[str, bool] = field(default_factory=dict)
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
        return ThingFacts(thing_id, tuple(sorted(groups)), answered_at=now)

    def things(self, token: str | None) -> tuple[list[str], str | None]:
        self._call("things")
        return self._page(self.things_, token)

    def groups(self, token: str | None) -> tuple[list[str], str | None]:
        self._call("groups")
        return self._page(self.groups_, token)

    def members(self, group: str, token: str | None) -> tuple[list[str], str | None]:
        self._call("members")
        return self._page([thing for thing, (_, groups) in self.things_.items() if group in groups], token)

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


@dataclass
class Clock:
    now: int = BEGINNING

    def __call__(self) -> int:
        return self.now


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


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


@pytest.fixture
def fleet(world: World) -> World:
    """Ten things in two groups or none, all known, and a group of nobody."""
    for n in range(10):
        world.registry.create(f"t{n}", *(["A"] if n % 2 else []), *(["B"] if n % 3 else []))
    world.registry.groups_["Nobody"] = False
    world.reconcile()
    assert world.agrees()
    world.clock.now += HOUR
    return world


# A full pass


def test_an_existing_fleet_is_seeded_with_a_question_for_each_thing(world: World) -> None:
    for n in range(10):
        world.registry.create(f"t{n}", "A", *(["B"] if n % 2 else []))
    assert world.passes.last(ALL) is None

    calls = world.reconcile()

    assert world.agrees()
    assert calls["ask"] == 10
    last = world.passes.last(ALL)
    assert last
    assert BEGINNING < last.began < last.ended == world.clock.now


def test_a_fleet_that_is_known_costs_its_pages_and_no_question(fleet: World) -> None:
    calls = fleet.reconcile()

    # 10 things and 3 groups of 5, 6 and 0 members, 3 names a page
    assert calls == {"things": 4, "groups": 1, "members": 2 + 2 + 1}


LOST: dict[str, tuple[Callable[[Registry], object], int]] = {
    "a thing was created": (lambda registry: registry.create("t10", "A"), 1),
    "a thing was created that is in no group": (lambda registry: registry.create("t10"), 1),
    "a thing was deleted": (lambda registry: registry.things_.pop("t5"), 1),
    "a thing that is in no group was deleted": (lambda registry: registry.things_.pop("t0"), 1),
    "a thing joined a group": (lambda registry: registry.join("t0", "A"), 1),
    "a thing joined a new group": (
        lambda registry: (registry.groups_.update(C=False), registry.join("t0", "C")),
        1,
    ),
    "a thing left a group": (lambda registry: registry.leave("t1", "A"), 1),
    "a thing moved to another group": (lambda registry: (registry.leave("t3", "A"), registry.join("t3", "B")), 1),
    "a group was deleted": (
        lambda registry: (
            registry.groups_.pop("B"),
            [registry.leave(thing, "B") for thing in registry.things_],
        ),
        6,
    ),
    "everything was deleted": (lambda registry: (registry.things_.clear(), registry.groups_.clear()), 10),
}


@pytest.mark.parametrize("lost", LOST)
def test_what_a_lost_event_would_have_told_is_found(fleet: World, lost: str) -> None:
    change, questions = LOST[lost]
    change(fleet.registry)

    calls = fleet.reconcile()

    assert fleet.agrees()
    assert calls["ask"] == questions, "things that did not change are in other parts of the fleet"


MATES = [name for n in range(200_000) if keys.thing_bucket(name := f"m{n}") == 7][:4]
"""Names that are in one part of the fleet, so that its sum does not tell them apart."""


@pytest.mark.parametrize(
    "change",
    [
        lambda registry: registry.create(MATES[3], "A"),
        lambda registry: registry.join(MATES[0], "B"),
    ],
    ids=["a new thing", "who joined a group"],
)
def test_who_is_on_a_page_unknown_is_asked_about_alone(fleet: World, change: Callable[[Registry], None]) -> None:
    for name in MATES[:3]:
        fleet.registry.create(name, "A")
    fleet.reconcile()
    fleet.clock.now += HOUR
    change(fleet.registry)

    assert fleet.reconcile()["ask"] == 1

    assert fleet.agrees()


def test_a_stored_answer_that_the_registry_never_gave_is_found(fleet: World) -> None:
    """We may be wrong for a fault of ours as well."""
    fleet.log.record_facts("t4", ThingFacts("t4-id", ("A",), answered_at=fleet.clock.now))
    fleet.clock.now += 1

    fleet.reconcile()

    assert fleet.agrees()


def test_a_thing_that_is_believed_to_be_unregistered_is_asked_about(fleet: World) -> None:
    fleet.log.record_facts("t4", ThingFacts("", answered_at=fleet.clock.now))
    fleet.clock.now += 1

    assert fleet.reconcile()["ask"] == 1

    assert fleet.agrees()


def test_a_stranger_that_was_registered_since_is_asked_about(fleet: World) -> None:
    fleet.log.record_facts("stranger", ThingFacts("", answered_at=fleet.clock.now))
    fleet.clock.now += 1
    fleet.registry.create("stranger")

    assert fleet.reconcile()["ask"] == 1

    assert fleet.agrees()


def test_a_violation_ends_whose_thing_left_unheard(fleet: World) -> None:
    fleet.watch("A")
    fleet.violate("t1", "t3")
    fleet.registry.leave("t1", "A")

    fleet.reconcile()

    assert fleet.ringing() == {"t3"}


@pytest.mark.parametrize("each", [12, 15, 40, 200])
def test_a_pass_in_pieces_finds_the_same(world: World, each: int) -> None:
    """Of each piece's ms, a page takes ten."""
    for n in range(12):
        world.registry.create(f"t{n}", "A", *(["B"] if n % 2 else []))
    world.reconcile()
    world.clock.now += HOUR
    world.registry.things_.pop("t3")
    world.registry.leave("t5", "B")
    world.registry.create("t12", "A")

    calls = world.reconcile(each=each)

    assert world.agrees()
    assert calls["ask"] == 3


@pytest.mark.parametrize("then", ["retried", "left to the next schedule"])
def test_a_pass_that_is_killed_at_any_call_is_finished_by_the_next(then: str) -> None:
    """Also the ends of violations that a stored answer calls for."""
    for nth in range(1, 200):
        world = World()
        for n in range(8):
            world.registry.create(f"t{n}", "A", *(["B"] if n % 2 else []))
        world.reconcile()
        world.watch("A", "B")
        world.violate("t1", "t2", "t3", "t5")
        world.clock.now += HOUR
        world.registry.things_.pop("t2")
        world.registry.leave("t3", "B")
        world.registry.leave("t3", "A")
        world.registry.join("t4", "B")
        survived = _killed(world, nth)

        again = world.passes.current(ALL) if then == "retried" else None
        world.clock.now += MINUTE
        left = world.invoke(ALL, again.record.id if again else None)

        assert left is None
        assert world.agrees(), f"killed at call {nth}"
        assert world.ringing() == {"t1", "t5"}, f"killed at call {nth}"
        world.close()
        if survived:
            assert nth > 15
            return
    raise AssertionError("it is always killed")


def _killed(world: World, nth: int) -> bool:
    """A pass that is killed at its nth call to the registry or to a table. Returns whether it came to its end first."""
    calls = 0

    def strike(*_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == nth:
            raise Killed

    world.registry.before = strike
    originals = [(table, name, getattr(table, name)) for table in world.tables for name in ("put", "transact")]
    for table, name, original in originals:
        setattr(table, name, lambda *args, original=original: (strike(), original(*args)))
    try:
        world.invoke(ALL)
    except Killed:
        return False
    else:
        return True
    finally:
        world.registry.before = lambda _: None
        for table, name, original in originals:
            setattr(table, name, original)


def test_an_invocation_that_goes_on_and_is_killed_goes_on_when_lambda_retries_it(fleet: World) -> None:
    left = fleet.invoke(ALL, until=fleet.clock.now + 30)
    assert left is not None

    def die(_: str) -> None:
        fleet.registry.before = lambda _: None
        raise Killed

    fleet.registry.before = die
    with pytest.raises(Killed):
        fleet.invoke(ALL, left)
    before = fleet.passes.last(ALL)

    assert fleet.invoke(ALL, left) is None

    assert fleet.passes.last(ALL) != before, "the pass came to its end"


def test_a_place_whose_storing_was_not_answered_is_not_taken_for_anothers(fleet: World) -> None:
    """botocore repeats such a put, which then meets its own first try."""
    put = fleet.tables[1].put

    def put_twice(item: Item, condition: Condition | None = None) -> None:
        put(item, condition)
        put(item, condition)

    fleet.tables[1].put = put_twice  # type: ignore[method-assign]
    fleet.clock.now += HOUR

    fleet.reconcile(each=30)

    last = fleet.passes.last(ALL)
    assert last
    assert last.ended == fleet.clock.now


def test_a_newer_pass_takes_over_and_the_older_one_stops(fleet: World) -> None:
    older = fleet.invoke(ALL, until=fleet.clock.now + 30)
    assert older is not None

    newer = fleet.invoke(ALL, until=fleet.clock.now + 30)

    assert newer is not None
    assert newer > older
    fleet.registry.calls.clear()
    assert fleet.invoke(ALL, older) is None
    assert fleet.registry.calls == {}, "who is superseded asks nothing"
    assert fleet.invoke(ALL, newer) is None
    assert fleet.registry.calls["things"] < 4, "it went on where the older one stopped"


def test_a_pass_notices_within_a_minute_that_another_took_over(fleet: World) -> None:
    fleet.registry.page_size = 1

    def take_over(_: str) -> None:
        fleet.registry.before = lambda _: None
        fleet.invoke(ALL, until=fleet.clock.now)
        fleet.registry.before = lambda _: setattr(fleet.clock, "now", fleet.clock.now + 2 * MINUTE // 3)

    fleet.registry.before = take_over
    fleet.registry.calls.clear()

    assert fleet.invoke(ALL) is None

    assert fleet.registry.calls.total() <= 4
    assert fleet.passes.current(ALL), "the one that took over is not finished"


def test_a_pass_that_was_left_long_ago_is_begun_anew(fleet: World) -> None:
    left = fleet.invoke(ALL, until=fleet.clock.now + 30)
    assert left is not None
    fleet.clock.now += 2 * HOUR

    assert fleet.reconcile() == {"things": 4, "groups": 1, "members": 5}


def test_a_token_that_the_registry_forgot_begins_the_pass_anew(fleet: World) -> None:
    fleet.registry.things_.pop("t1")

    def forget(name: str) -> None:
        if name == "members" and fleet.registry.calls["members"] == 1:
            fleet.registry.before = lambda _: None
            raise StaleToken("unknown token")

    fleet.registry.before = forget

    calls = fleet.reconcile()

    assert fleet.agrees()
    assert calls["things"] == 2 * 3, "it began again"
    assert calls["ask"] == 1, "and did not count anything twice"


def test_a_busy_registry_is_asked_again(fleet: World) -> None:
    fleet.registry.things_.pop("t1")
    asked = Counter[str]()

    def throttle(name: str) -> None:
        asked[name] += 1
        if asked[name] % 2:
            raise Throttled("slow down")

    fleet.registry.before = throttle

    fleet.reconcile()

    assert fleet.agrees()


def test_a_registry_that_fails_fails_the_invocation(fleet: World) -> None:
    """Lambda tries it again."""

    def fail(name: str) -> None:
        if name == "members":
            raise Unavailable("no answer")

    fleet.registry.before = fail
    with pytest.raises(Unavailable):
        fleet.invoke(ALL)
    fleet.registry.before = lambda _: None

    assert fleet.invoke(ALL) is None
    assert fleet.agrees()


def test_a_thing_whose_event_comes_while_the_pass_runs_is_not_asked_twice(fleet: World) -> None:
    """The registry's list was read before; what is stored is newer than the pass."""

    def leave(name: str) -> None:
        if name == "members" and fleet.registry.calls["members"] == 4:  # those of A and B are read
            fleet.registry.before = lambda _: None
            fleet.registry.leave("t1", "A")
            answer = fleet.registry.ask("t1", now=fleet.clock.now)
            fleet.log.record_facts("t1", answer)
            fleet.registry.calls.clear()

    fleet.registry.before = leave

    assert fleet.reconcile()["ask"] == 0
    assert fleet.agrees()


# Dynamic groups


@pytest.fixture
def queried(world: World) -> World:
    """Ten things, some in dynamic group D, a static and an unwatched dynamic one beside it; all known."""
    for n in range(10):
        world.registry.create(f"t{n}", *(["D", "Unwatched"] if n % 2 else []), dynamic=True)
    for n in range(10):
        world.registry.create(f"t{n}", *world.registry.things_[f"t{n}"][1], "Static")
    world.watch("D", "Static")
    world.reconcile()
    world.reconcile(DYNAMIC)
    world.clock.now += 15 * MINUTE
    return world


def test_an_unchanged_dynamic_group_costs_its_pages(queried: World) -> None:
    assert queried.reconcile(DYNAMIC) == {"is_dynamic": 2, "members": 2}


def test_who_joined_and_who_left_a_dynamic_group_is_asked_about_alone(queried: World) -> None:
    queried.registry.join("t0", "D")
    queried.registry.leave("t1", "D")
    queried.registry.leave("t2", "Static")

    calls = queried.reconcile(DYNAMIC)

    assert calls["ask"] == 2
    assert "D" in queried.known.facts(["t0"])["t0"].groups
    assert "D" not in queried.known.facts(["t1"])["t1"].groups
    assert "Static" in queried.known.facts(["t2"])["t2"].groups, "that is the nightly pass's"
    queried.clock.now += 15 * MINUTE
    assert queried.reconcile(DYNAMIC)["ask"] == 0


def test_a_violation_ends_whose_thing_the_query_does_not_find_any_more(queried: World) -> None:
    queried.violate("t1", "t3")
    queried.registry.leave("t1", "D")
    queried.registry.leave("t1", "Static")

    queried.reconcile(DYNAMIC)

    assert queried.ringing() == {"t3"}


def test_bucket_mates_of_who_left_are_not_asked_about(queried: World) -> None:
    for name in MATES:
        queried.registry.create(name, "D", dynamic=True)
    queried.reconcile()
    queried.reconcile(DYNAMIC)
    queried.clock.now += 15 * MINUTE
    queried.registry.leave(MATES[0], "D")

    assert queried.reconcile(DYNAMIC)["ask"] == 1

    assert "D" not in queried.known.facts(MATES)[MATES[0]].groups


def test_a_group_that_is_watched_from_now_on_is_compared_with_all_that_we_believe(queried: World) -> None:
    queried.registry.leave("t1", "Unwatched")
    queried.watch("Unwatched")

    calls = queried.reconcile(DYNAMIC)

    assert calls["ask"] == 1
    assert "Unwatched" not in queried.known.facts(["t1"])["t1"].groups


def test_a_dynamic_pass_in_pieces_does_each_group_once(queried: World) -> None:
    for name in "EFG":
        queried.registry.groups_[name] = True
        queried.registry.join("t0", name)
    queried.watch("E", "F", "G")

    calls = queried.reconcile(DYNAMIC, each=90)

    assert queried.too_large == []
    assert set("EFG") <= set(queried.known.facts(["t0"])["t0"].groups)
    assert calls["members"] == 2 + 3


def test_a_group_that_no_invocation_has_time_for_is_named_and_does_not_hold_up_the_rest(queried: World) -> None:
    queried.registry.groups_["Z"] = True
    queried.registry.join("t0", "Z")
    queried.watch("Z")
    queried.registry.page_size = 1

    queried.reconcile(DYNAMIC, each=45)

    assert queried.too_large == ["D"]
    assert "Z" in queried.known.facts(["t0"])["t0"].groups


def test_a_killed_dynamic_pass_is_finished_by_the_next(queried: World) -> None:
    queried.violate("t1", "t3")
    queried.registry.leave("t1", "D")
    queried.registry.leave("t1", "Static")
    record_facts = queried.log.record_facts

    def die(thing: str, answer: ThingFacts) -> ThingFacts:
        record_facts(thing, answer)
        raise Killed

    queried.log.record_facts = die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        queried.invoke(DYNAMIC)
    queried.log.record_facts = record_facts  # type: ignore[method-assign]
    queried.clock.now += 15 * MINUTE

    queried.reconcile(DYNAMIC)

    assert queried.ringing() == {"t3"}
