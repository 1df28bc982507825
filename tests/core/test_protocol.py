"""Whatever happens in whatever order, what must hold holds: found by Hypothesis, which shortens what breaks it.

Evaluators with stale profiles, reads that lag, reports and outbox entries that come again and late, profiles and things
that come and go, answers of the registry out of order, one dispatcher overtaken by another in the middle of its work.
"""

import os
import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.core.invariants import Witness
from tests.core.outside import Step
from tests.core.profiles import BAD, EVERYTHING, GOOD, REGISTERED, few_connections, group, little_traffic, profile
from tests.core.world import DAY, HOUR, MINUTE, SECOND, World
from tests.faults import Fault, SeededPlan

EXAMPLES = int(os.environ.get("WARDEN_CORE_ROUNDS", "0"))

VARIANTS: tuple[Callable[[str], object], ...] = (
    profile,
    lambda name: profile(name, few_connections(50), little_traffic()),
    lambda name: profile(name, few_connections(to_alarm=2, to_clear=2)),
    lambda name: profile(name, little_traffic(name="few-connections"), few_connections(name="another")),
    lambda name: profile(name, few_connections(suppress=True)),
    lambda name: profile(name, little_traffic(), to=None),
)

things = st.sampled_from(["a", "b"])
names = st.sampled_from(["p", "q"])
targets = st.sampled_from([EVERYTHING, REGISTERED, group("g")])
groups = st.sampled_from([(), ("g",), ("g", "h")])
evaluators = st.integers(0, 2)
positions = st.integers(0, 7)
variants = st.sampled_from(VARIANTS)


class Protocol(RuleBasedStateMachine):
    """A world in which anything can come next."""

    @initialize(seed=st.integers(0, 999), stale=st.sampled_from([0.0, 0.3]), unregistered=st.booleans())
    def begin(self, seed: int, stale: float, unregistered: bool) -> None:
        self.world = World(seed=seed, evaluators=3, allow_unregistered=unregistered)
        self.witness = Witness(self.world)
        self.world.registry.create("a", "g")
        self.world.create(profile("p"), group("g"))
        self.stale = SeededPlan(random.Random(seed), stale, [Fault.STALE])
        self.world.outside.faults = self.stale

    # Reports

    @rule(
        thing=things,
        connections=st.sampled_from([BAD, BAD, GOOD, None]),
        bytes_out=st.sampled_from([None, 10, 5000]),
        overdue=st.sampled_from([0, 0, 0, SECOND, 10 * MINUTE, HOUR]),
        evaluator=evaluators,
    )
    def report(self, thing: str, connections: int | None, bytes_out: int | None, overdue: int, evaluator: int) -> None:
        world = self.world
        world.now += SECOND
        sent = world.say(thing, connections, bytes_out=bytes_out, at=world.now - overdue)
        world.attempt(lambda: world.take(sent, evaluator))

    @rule(thing=things, connections=st.sampled_from([BAD, GOOD]))
    def say(self, thing: str, connections: int) -> None:
        self.world.now += SECOND
        self.world.say(thing, connections)

    @rule(position=positions, evaluator=evaluators)
    def deliver_again(self, position: int, evaluator: int) -> None:
        recent = [sent for sent in self.world.sent[-8:] if sent.at > self.world.now - DAY]
        if recent:
            sent = recent[position % len(recent)]
            self.world.attempt(lambda: self.world.take(sent, evaluator))

    @rule(evaluator=evaluators)
    def read_catalogue(self, evaluator: int) -> None:
        self.world.attempt(lambda: self.world.read_catalogue(evaluator))

    # Profiles and things

    @rule(name=names, variant=variants, arn=targets)
    def create(self, name: str, variant: Callable[[str], object], arn: str) -> None:
        self.world.attempt(lambda: self.world.create(variant(name), arn))  # type: ignore[arg-type]

    @rule(name=names, variant=variants)
    def update(self, name: str, variant: Callable[[str], object]) -> None:
        self.world.attempt(lambda: self.world.update(variant(name)))  # type: ignore[arg-type]

    @rule(name=names, arn=targets)
    def attach(self, name: str, arn: str) -> None:
        self.world.attempt(lambda: self.world.attach(name, arn))

    @rule(name=names, arn=targets)
    def detach(self, name: str, arn: str) -> None:
        self.world.attempt(lambda: self.world.detach(name, arn))

    @rule(name=names)
    def delete(self, name: str) -> None:
        self.world.attempt(lambda: self.world.delete(name))

    @rule(thing=things, into=groups)
    def create_thing(self, thing: str, into: tuple[str, ...]) -> None:
        self.world.change(thing, lambda: self.world.registry.create(thing, *into))

    @rule(thing=things, into=groups)
    def move_thing(self, thing: str, into: tuple[str, ...]) -> None:
        if thing in self.world.registry.things:
            self.world.change(thing, lambda: self.world.registry.move(thing, *into))

    @rule(thing=things)
    def delete_thing(self, thing: str) -> None:
        self.world.change(thing, lambda: self.world.registry.delete(thing))

    @precondition(lambda self: self.world.untold)
    @rule(position=positions)
    def tell(self, position: int) -> None:
        self.world.attempt(lambda: self.world.tell(position))

    # Dispatch

    def _entry(self, position: int, *, again: bool) -> Step | None:
        marked = self.world.outbox() if again else self.world.fresh()
        if not marked:
            return None
        thing, logged = marked[position % len(marked)]
        return lambda: self.world.dispatch(thing, logged)

    @rule(position=positions, again=st.booleans())
    def dispatch(self, position: int, again: bool) -> None:
        if step := self._entry(position, again=again):
            self.world.attempt(step)

    @rule()
    def sweep(self) -> None:
        self.world.attempt(self.world.sweep)

    @rule(
        nth=st.integers(1, 25),
        position=positions,
        outer=st.sampled_from(["dispatch", "again", "sweep", "tell", "report"]),
        inner=st.sampled_from(
            ["delete", "detach", "attach", "recreate", "sweep", "tell", "report", "dispatch", "again"]
        ),
        name=names,
        arn=targets,
        thing=things,
    )
    def overtake(  # noqa: PLR0917
        self, nth: int, position: int, outer: str, inner: str, name: str, arn: str, thing: str
    ) -> None:
        """One step happens in the middle of another."""
        overtaken = self._step(outer, position, name, arn, thing, 0)
        overtaking = self._step(inner, position + 1, name, arn, thing, 1)
        self.world.outside.before(nth, lambda: self.world.attempt(overtaking))
        self.world.attempt(overtaken)
        self.world.outside.forget()

    def _step(self, what: str, position: int, name: str, arn: str, thing: str, evaluator: int) -> Step:  # noqa: PLR0917
        world = self.world

        def recreate() -> None:
            world.delete(name)
            world.create(profile(name), arn)

        steps: dict[str, Step] = {
            "delete": lambda: world.delete(name),
            "detach": lambda: world.detach(name, arn),
            "attach": lambda: world.attach(name, arn),
            "recreate": recreate,
            "sweep": world.sweep,
            "tell": lambda: world.tell(position),
            "report": lambda: world.report(thing, BAD if position % 2 else GOOD, evaluator=evaluator),
            "dispatch": self._entry(position, again=False) or world.sweep,
            "again": self._entry(position, again=True) or world.sweep,
        }
        return steps[what]

    # Time, and what goes wrong

    @rule(time=st.sampled_from([MINUTE, 16 * MINUTE, HOUR, 2 * DAY, 13 * DAY]))
    def pass_time(self, time: int) -> None:
        if time > DAY:
            self.world.pump()
        self.world.now += time

    @rule()
    def expire(self) -> None:
        """Three weeks in which nobody looks, and the logs are gone."""
        self.world.pump()
        self.world.now += 20 * DAY
        self.world.files[0].expire(self.world.now // 1000, 10_000)

    @rule(rate=st.sampled_from([0.02, 0.1]), seed=st.integers(0, 99))
    def trouble(self, rate: float, seed: int) -> None:
        self.world.outside.faults = SeededPlan(random.Random(seed), rate)

    @rule()
    def calm(self) -> None:
        self.world.outside.faults = self.stale

    @rule(down=st.booleans())
    def topic(self, down: bool) -> None:
        self.world.topics.down = down

    @invariant()
    def nothing_unwanted_happened(self) -> None:
        if hasattr(self, "witness"):
            self.witness.look()

    def teardown(self) -> None:
        if hasattr(self, "witness"):
            self.world.settle_down()
            self.witness.look()
            self.witness.judge()
            self.world.close()


def _settings(examples: int, **others: object) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        **others,  # type: ignore[arg-type]
    )


@pytest.mark.unmeasured
def test_nothing_is_lost_and_nothing_is_done_twice_in_any_order_of_things() -> None:
    run_state_machine_as_test(Protocol, settings=_settings(EXAMPLES or 60, derandomize=True))


@pytest.mark.faults
def test_nothing_is_lost_and_nothing_is_done_twice_in_thousands_of_orders_of_things() -> None:
    run_state_machine_as_test(Protocol, settings=_settings(EXAMPLES or 3000, print_blob=True))
