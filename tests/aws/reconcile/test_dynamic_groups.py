"""The quarter-hourly comparison of dynamic groups: what is asked, what is found, and what an interruption leaves."""

import pytest

from tests.aws.conftest import MINUTE
from tests.aws.reconcile.world import MATES, Killed, World
from warden.domain.behaviors.target import ThingFacts
from warden.storage.registry_passes import DYNAMIC


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
