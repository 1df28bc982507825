"""A process that dies at any call, and a network that loses answers, lose nothing and do nothing twice.

On AWS every process is at the tables itself; in the embedded home dispatch asks the data plane over the local channel,
and what a device hears leaves after a commit.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import chain, islice, zip_longest

import pytest

from tests.core.embedded import EmbeddedWorld
from tests.core.lives import Strikes, calls, live, struck_once, suffers
from tests.core.world import World
from tests.faults import Fault

ROUNDS = int(os.environ.get("WARDEN_CORE_ROUNDS", "0"))
"""How many rounds to do instead of the usual number."""

TABLE = {"get", "get_many", "put", "delete", "query", "query_index", "transact"}
FILE = {"commit", "read_stream", "prune_stream"}
TOPIC = {"publish", "settle"}
CHANNEL = {"ask append", "ask prune", "ask stream", "ask reload", "ask registry-answer"}
DEVICE = {"send reply", "send puback"}
REGISTRY = {"ask"}

HOMES = {World: TABLE | TOPIC, EmbeddedWorld: TABLE | FILE | TOPIC | CHANNEL | DEVICE | REGISTRY}
"""What is outside, in each home."""

LOSSES = {
    **dict.fromkeys(CHANNEL, (Fault.UNAVAILABLE, Fault.LOST_ANSWER, Fault.LATE)),
    **dict.fromkeys(DEVICE, (Fault.LOST_ANSWER,)),
}
"""What strikes a call here beside crashes, each once; what strikes tables and topics comes in troubled lives."""

homes = pytest.mark.parametrize("home", HOMES, ids=["aws", "embedded"])


@cache
def _calls(home: type[World]) -> list[str]:
    return calls(home)


def _faults(verb: str) -> list[Fault]:
    return [Fault.CRASH_BEFORE, Fault.CRASH_AFTER, *LOSSES.get(verb, ())]


def _strikes(home: type[World]) -> Iterator[tuple[int, Fault]]:
    """Every fault at every call, each kind in turn, so that those that are rare come early."""
    kinds: dict[tuple[str, Fault], list[tuple[int, Fault]]] = {}
    for nth, verb in enumerate(_calls(home), 1):
        for fault in _faults(verb):
            kinds.setdefault((verb, fault), []).append((nth, fault))
    for strikes in kinds.values():
        random.Random(1).shuffle(strikes)
    return (strike for strike in chain.from_iterable(zip_longest(*kinds.values())) if strike)


def _struck_once(home: type[World], rounds: int | None) -> None:
    struck: Strikes = Counter()
    for nth, fault in islice(_strikes(home), rounds):
        struck += struck_once(home, nth, fault)
    assert struck.keys() == {(verb, fault) for verb in HOMES[home] for fault in _faults(verb)}


def _suffers(home: type[World], seeds: range) -> None:
    struck: Strikes = Counter()
    for seed in seeds:
        struck += suffers(home, seed)
    assert {verb for verb, _ in struck} == HOMES[home]
    assert {fault for _, fault in struck} == home.possible


@homes
def test_the_life_of_two_things_without_a_fault(home: type[World]) -> None:
    world = live(home)
    assert world.outside.struck == {}
    assert set(_calls(home)) == HOMES[home]


@pytest.mark.unmeasured
@homes
def test_a_crash_before_or_after_a_call_loses_nothing_and_does_nothing_twice(home: type[World]) -> None:
    _struck_once(home, ROUNDS or 120)


@pytest.mark.unmeasured
@homes
def test_throttles_lost_answers_races_and_lagging_reads_lose_nothing_and_do_nothing_twice(home: type[World]) -> None:
    _suffers(home, range(ROUNDS or 50))


def test_a_report_that_comes_before_what_dispatch_appends_undoes_nothing_of_it() -> None:
    appends = [nth for nth, verb in enumerate(_calls(EmbeddedWorld), 1) if verb == "ask append"]
    assert len(appends) >= 4
    for nth in appends:
        live(EmbeddedWorld, overtaken=nth)


@pytest.mark.faults
@homes
def test_a_crash_before_or_after_every_call_loses_nothing_and_does_nothing_twice(home: type[World]) -> None:
    _struck_once(home, None)


@pytest.mark.faults
@homes
def test_thousands_of_troubled_lives_lose_nothing_and_do_nothing_twice(home: type[World]) -> None:
    _suffers(home, range(1_000_000, 1_000_000 + (ROUNDS or 3000)))
