"""Whatever the model rules out is refused by every operation there is, and the member named."""

import json
from collections import Counter

import pytest

from tests.contract.account import Account
from tests.contract.examples import OPERATIONS
from tests.contract.iot import router, service_model
from tests.contract.requests import Breach, breaches, most, written
from warden.control_api.operations import Judge

JUDGES = "ValidateSecurityProfileBehaviors"


@pytest.fixture(scope="module")
def account() -> Account:
    return Account()


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_request_of_which_every_breach_is_made_breaks_nothing_itself(name: str) -> None:
    """So each of them has the one fault that it is refused for."""
    operation = service_model().operation_model(name)
    taken = router(**{name: lambda _: {}}).handle(written(operation, most(operation.input_shape, items=1)))
    assert (taken.status, taken.body) == (200, b"{}")


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_breach_of_the_model_is_refused_and_its_member_named(account: Account, name: str) -> None:
    operation = service_model().operation_model(name)
    found = list(breaches(operation))
    unseen = [(each.about, each.where) for each in found if not _is_named(account, name, each)]
    assert found
    assert unseen == []


def _is_named(account: Account, name: str, breach: Breach) -> bool:
    answer = account.handle(written(service_model().operation_model(name), breach.given))
    told = json.loads(answer.body)
    if name == JUDGES and breach.where.startswith("behaviors["):
        first = told["validationErrors"][0]["errorMessage"]
        return (answer.status, told["valid"], first.startswith(f"{breach.where}: expected ")) == (200, False, True)
    code = answer.headers.get("x-amzn-ErrorType")
    return (answer.status, code, told["message"].startswith(f"{breach.where}: expected ")) == (
        400,
        "InvalidRequestException",
        True,
    )


def test_one_operation_tells_what_is_wrong_with_behaviors_instead_of_refusing_them(account: Account) -> None:
    assert [name for name, operation in account.operations.items() if isinstance(operation, Judge)] == [JUDGES]


def test_every_kind_of_constraint_that_the_model_knows_is_broken_somewhere() -> None:
    """In about as many places as there are today: a generator that lost some would show nothing."""
    found = [each for name in OPERATIONS for each in breaches(service_model().operation_model(name))]
    places = Counter(" ".join(each.about.split()[:2]) for each in found)
    assert places["missing"] >= 30
    assert places["of another"] >= 300
    assert places["unknown member"] >= 30
    assert places["pattern"] >= 40
    assert places["enum"] >= 15
    assert places["key"] == 2
    assert min(places[f"too {how}"] for how in ("short", "long", "low", "high", "few", "many")) >= 2
