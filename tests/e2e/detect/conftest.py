from collections.abc import Iterator

import pytest

from tests.home import Home, running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running(tmp_path_factory.mktemp("home") / "data") as started:
        yield started
