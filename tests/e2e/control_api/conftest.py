"""One `warden serve` for all of these tests, and a stock boto3 client of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.home import Home, running


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running(tmp_path_factory.mktemp("home") / "data") as started:
        yield started


@pytest.fixture(scope="package")
def iot(home: Home) -> Any:
    """Knows what profiles that use every member refer to."""
    iot = home.client("iot")
    iot.create_custom_metric(metricName="battery_level", metricType="number", clientRequestToken="battery")
    for name in ("SomeTopics", "OtherTopics"):
        iot.create_dimension(name=name, type="TOPIC_FILTER", stringValues=["pumps/#"], clientRequestToken=name)
    return iot
