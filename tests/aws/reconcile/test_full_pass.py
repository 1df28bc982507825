"""A comparison with the whole registry: what is asked, and what is found."""

from collections.abc import Callable

import pytest

from tests.aws.conftest import BEGINNING, HOUR
from tests.aws.reconcile.world import MATES, Registry, World
from warden.domain.behaviors.target import ThingFacts
from warden.storage.registry_passes import ALL


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

    # 10 things and 3 groups of 5, 6 and 0 members, 3 names a page; each group is asked where it stands
    assert calls == {"things": 4, "groups": 1, "members": 2 + 2 + 1, "above": 3}


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


def test_who_is_believed_below_a_group_that_its_own_groups_are_not_below_is_asked_about(fleet: World) -> None:
    """A group was deleted and made again elsewhere while a process still took it to stand where it stood."""
    fleet.registry.above_["A"] = ("plant",)
    fleet.reconcile()
    believed = [thing for thing, facts in fleet.known.facts(fleet.registry.things_).items() if facts.above]
    assert believed
    del fleet.registry.above_["A"]
    fleet.clock.now += HOUR

    calls = fleet.reconcile()

    assert fleet.agrees()
    assert calls["ask"] == len(believed)
    assert fleet.reconcile()["ask"] == 0


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
