"""An account that the tests of one module share: each begins with a deployment as new."""

import gc
from collections.abc import Callable, Iterator

import pytest

from tests.aws.faults.account import account
from tests.aws.faults.home import Home

NewHome = Callable[[], Home]


@pytest.fixture(scope="module")
def new_home() -> Iterator[NewHome]:
    gc.freeze()  # thousands of requests in moto leave garbage: what is there before need not be looked through again
    with account() as (clients, strikes):

        def new() -> Home:
            strikes.clear()
            return Home(clients, strikes)

        yield new
    gc.unfreeze()
