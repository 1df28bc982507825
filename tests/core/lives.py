"""The life of two things, and how it can be made hard."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from tests.core.invariants import Witness
from tests.core.profiles import BAD, EVERYTHING, GOOD, few_connections, group, little_traffic, profile
from tests.core.world import DAY, MINUTE, SECOND, World
from tests.faults import Fault, Plan, ScriptedPlan, SeededPlan
from warden.domain.alarms.entry import REPORTS_REMEMBERED

Moment = Callable[[World], object]
Strikes = Counter[tuple[str, Fault]]


def _reports(thing: str, *values: int, bytes_out: int = 10) -> Moment:
    """A thing reports every five minutes, and each report is delivered until it is acknowledged."""

    def happen(world: World) -> None:
        for value in values:
            world.now += 300 * SECOND
            sent = world.say(thing, value, bytes_out=bytes_out)
            world.insist(lambda sent=sent: world.take(sent, world.outside.calls % world.evaluators))

    return happen


def _report_at_once(thing: str, *values: int) -> Moment:
    """A thing sends reports before the first of them is acknowledged, and another thing one in between."""

    def happen(world: World) -> None:
        world.now += 300 * SECOND
        other = {"a": "b", "b": "a"}[thing]
        said = [(thing, values[0]), (other, values[0]), *((thing, value) for value in values[1:])]
        sent = [world.say(who, value, bytes_out=10, at=world.now + ms) for ms, (who, value) in enumerate(said)]
        world.insist(lambda: world.take_all(*[each for each in sent if each in world.unanswered]))

    return happen


def _moves(thing: str, change: str, *groups: str) -> Moment:
    def happen(world: World) -> None:
        world.change(thing, lambda: getattr(world.registry, change)(thing, *groups))
        while world.untold:
            world.insist(world.tell)

    return happen


def _edits(edit: Callable[[World], None]) -> Moment:
    return lambda world: world.insist(lambda: edit(world))


def _passes(time: int) -> Moment:
    def happen(world: World) -> None:
        world.now += time
        for _ in range(3):
            while not world.attempt(world.sweep):
                pass
            world.pump()
            world.now += 16 * MINUTE

    return happen


def _start(world: World) -> None:
    world.registry.create("a", "g")
    world.registry.create("b", "g")
    world.create(profile("p", few_connections(), few_connections(name="patient", to_alarm=2, to_clear=2)), group("g"))
    world.create(profile("q", little_traffic()), EVERYTHING)
    world.create(profile("always", few_connections(40, name="always")), EVERYTHING)


LIFE: tuple[Moment, ...] = (
    _reports("a", BAD),
    _reports("b", BAD, BAD, bytes_out=5000),
    lambda world: world.pump(),
    _reports("a", GOOD, BAD, BAD),
    lambda world: world.pump(),
    _edits(lambda world: world.update(profile("p", few_connections(20), little_traffic(name="patient")))),
    _reports("b", GOOD),
    _moves("b", "move", "h"),
    lambda world: world.pump(),
    _moves("a", "create", "g"),
    _reports("a", BAD, bytes_out=5000),
    lambda world: world.pump(),
    _edits(lambda world: world.detach("q", EVERYTHING)),
    _passes(MINUTE),
    _edits(lambda world: world.attach("q", EVERYTHING)),
    _report_at_once("a", BAD, *[GOOD] * REPORTS_REMEMBERED),
    _reports("b", BAD, bytes_out=5000),
    _passes(2 * DAY),
    _reports("a", BAD, bytes_out=5000),
    _reports("b", GOOD, bytes_out=5000),
    _edits(lambda world: world.detach("q", EVERYTHING)),
    lambda world: world.pump(),
    _edits(lambda world: world.attach("q", EVERYTHING)),
    _edits(lambda world: world.delete("p")),
    lambda world: world.pump(),
    _passes(MINUTE),
)
"""What profile `always` raises is wanted from the beginning to the end, and has to reach subscribers. What `q` raises
is not wanted any more when dispatch looks at it, and is put to rest through the log."""


def live(
    home: type[World],
    plan: Plan | None = None,
    *,
    seed: int = 0,
    between: Moment | None = None,
    overtaken: int = 0,
) -> World:
    """Live it all, struck by a plan, until everything has settled down; what holds whatever happens is asserted.

    Thing "a" reports twice, and "b" once, right before the call to the outside that is `overtaken`.

    Returns: The world as it was left; closed.
    """
    with closing(home(seed=seed)) as world:
        witness = Witness(world)
        _start(world)
        world.outside.faults = plan
        if overtaken:
            world.outside.before(overtaken, lambda: _report_at_once("a", GOOD, BAD)(world))
        for moment in LIFE:
            moment(world)
            witness.look()
            if between:
                between(world)
                witness.look()
        world.settle_down()
        witness.look()
        witness.judge()
        return world


def calls(home: type[World]) -> list[str]:
    """The calls to what is outside, in order, in a life that is struck by nothing."""
    plan = SeededPlan(random.Random(0), 0)
    live(home, plan)
    return [verb for verb, _ in plan.told]


def struck_once(home: type[World], nth: int, fault: Fault) -> Strikes:
    """A life that one fault strikes. Returns what struck."""
    with _noted(f"{fault.name} at call {nth}"):
        return live(home, ScriptedPlan(("*", nth, fault))).outside.struck


def suffers(home: type[World], seed: int) -> Strikes:
    """A life with some of everything that can go wrong. Returns what struck."""
    rng = random.Random(seed)

    def between(world: World) -> None:
        for thing, logged in rng.sample(world.outbox(), min(2, len(world.outbox()))):
            world.attempt(lambda thing=thing, logged=logged: world.dispatch(thing, logged))  # seen before, or not yet
        for sent in rng.sample(world.sent, min(2, len(world.sent))):
            world.attempt(lambda sent=sent: world.take(sent, rng.randrange(world.evaluators)))
        world.topics.down = rng.random() < 0.1

    plan = SeededPlan(rng, rng.choice((0.01, 0.05, 0.15)), home.possible)
    with _noted(f"seed {seed}"):
        return live(home, plan, seed=seed, between=between).outside.struck


@contextmanager
def _noted(which: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        error.add_note(which)
        raise
