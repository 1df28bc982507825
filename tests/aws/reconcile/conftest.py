"""A registry, and a fleet in it that is known."""

from collections.abc import Iterator

import pytest

from tests.aws.conftest import HOUR
from tests.aws.reconcile.world import World


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
