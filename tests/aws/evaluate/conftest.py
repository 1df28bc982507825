"""A report's road, over AWS as moto plays it."""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from tests.aws.evaluate.road import Road
from warden.handlers.parts import Clients, Parts
from warden.settings import Settings


@pytest.fixture
def varied(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings of one test: `@pytest.mark.parametrize("varied", [{…}], indirect=True)`."""
    return getattr(request, "param", {})


@pytest.fixture
def settings(settings: Settings, varied: dict[str, Any]) -> Settings:
    return replace(settings, **varied)


@pytest.fixture
def road(parts: Parts, aws: Clients) -> Iterator[Road]:
    road = Road(parts, aws)
    road.connect()
    yield road
    road.disconnect()
