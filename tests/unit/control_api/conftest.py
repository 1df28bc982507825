from collections.abc import Iterator

import pytest

from tests.contract.account import Account


@pytest.fixture
def account() -> Iterator[Account]:
    made = Account()
    yield made
    made.close()
