"""Whatever happens to whichever request of a function, nothing is lost, nothing is twice, nothing is for ever.

A report's way in the AWS home, from the handler `evaluate` by way of the stream, `dispatch`, the alert rule and
`receipts` to the sweep, over AWS as moto plays it. Each request is struck, one in each step of a life, and what
AWS does then is done: an invocation, a batch or a message is brought again, and the schedule comes round.
"""

import random
from collections import Counter
from itertools import zip_longest

import pytest

from tests.aws.faults.conftest import NewHome
from tests.aws.faults.lives import LIVES, Aim, aims, few_aims, is_write, lived
from tests.aws.faults.strikes import AFTER, BEFORE, Strike
from tests.core.profiles import BAD

Aims = list[Aim | None]


def requests(new_home: NewHome, name: str) -> list[list[str]]:
    """Of each step of a life that nothing strikes."""
    life = LIVES[name]
    return lived(new_home(), life, [None for _ in life.phases()])


def struck(new_home: NewHome, name: str, aimed: Aims) -> Counter[tuple[str, Strike]]:
    home = new_home()
    try:
        lived(home, LIVES[name], aimed)
    except BaseException as error:
        error.add_note(f"struck were {aimed} of {name!r}")
        raise
    return home.struck


def test_a_strike_at_each_request_of_a_violation_that_begins_and_ends(new_home: NewHome) -> None:
    phases = requests(new_home, "begins and clears")
    begins, clears = phases
    at_once = zip_longest(few_aims(begins, AFTER), few_aims(clears, BEFORE))
    hit = sum((struck(new_home, "begins and clears", list(aimed)) for aimed in at_once), Counter[tuple[str, Strike]]())
    assert sum(hit.values()) == sum(map(len, phases))
    assert {operation for operation, _ in hit} == {call for calls in phases for call in calls}
    assert {strike for _, strike in hit} >= set(Strike) - {Strike.CONFLICT}


@pytest.mark.parametrize("strike", [Strike.THROTTLED, Strike.LOST_ANSWER])
def test_a_receipt_that_comes_again_after_a_strike_lets_nothing_be_published_again(
    new_home: NewHome, strike: Strike
) -> None:
    for number in (1, 2):
        home = new_home()
        home.watch("pumps")
        home.report("pump", BAD)
        home.dispatch()
        home.run_rules()
        home.strikes.clear()
        home.strikes.once(number, strike)
        home.receive()
        assert home.due() == []
        home.settle()
        assert home.published == home.heard == home.events()


@pytest.mark.parametrize(
    ("name", "strikes"),
    [("deleted", AFTER), ("refused", AFTER), ("left behind", BEFORE)],
    ids=["deleted", "refused", "left behind"],
)
def test_a_strike_at_each_write_of_a_life(new_home: NewHome, name: str, strikes: tuple[Strike, ...]) -> None:
    """But for those of its first step, which the life that begins and clears has, too."""
    _, *phases = requests(new_home, name)
    found = [[aim for aim in few_aims(calls, strikes) if is_write(calls[aim[0] - 1])] for calls in phases]
    for aimed in zip_longest(*found):
        struck(new_home, name, [None, *aimed])


@pytest.mark.faults
@pytest.mark.parametrize("name", LIVES)
def test_every_strike_at_each_request_of_every_life(new_home: NewHome, name: str) -> None:
    phases = requests(new_home, name)
    for position, calls in enumerate(phases):
        for aim in aims(calls):
            struck(new_home, name, [aim if n == position else None for n in range(len(phases))])


@pytest.mark.faults
@pytest.mark.parametrize("name", ["begins and clears", "deleted"])
@pytest.mark.parametrize("seed", range(3))
def test_a_strike_in_each_step_of_a_life_in_which_no_day_passes(new_home: NewHome, name: str, seed: int) -> None:
    phases = [list(aims(calls)) for calls in requests(new_home, name)]
    for found in phases:
        random.Random(seed).shuffle(found)
    for aimed in zip_longest(*phases):
        struck(new_home, name, list(aimed))
