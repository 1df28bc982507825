from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.surroundings.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home(tmp_path) as running:
        yield running
