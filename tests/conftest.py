"""What all tests have."""

from collections.abc import Generator
from contextlib import nullcontext

import pytest

from tests.unmeasured import unmeasured


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with unmeasured() if item.get_closest_marker("unmeasured") else nullcontext():
        return (yield)
