"""The product does what a naive reading of the documents would, whatever happens to an account in whatever order.

A failure prints the history that led to it, from the beginning.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.model import happenings as h
from tests.model import strategies as given
from tests.model.playing import Differs, Play, shortest
from tests.model.product import BEGINNING
from tests.model.reading import HOUR
from tests.model.records import Rules

few = settings(
    max_examples=100,
    stateful_step_count=30,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # `shortest` does the rest
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
many = settings(few, max_examples=2000, stateful_step_count=60)


class Account(RuleBasedStateMachine):
    """An account, to which things happen; the product and the reference are asked after each of them."""

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGINNING
        self.play: Play | None = None
        self.held: list[h.Happening] | None = None
        self.profiles: dict[str, tuple[h.Behavior, ...]] = {}
        self.targets: set[tuple[str, str]] = set()
        self.types: dict[str, str] = {}
        self.registered: dict[str, str] = {}
        self.things_made = 0
        self.unheard: list[tuple[str, int]] = []
        self.sent: list[h.Reported] = []

    @initialize(rules=given.rules, data=st.data(), registered=given.mostly, nested=st.booleans(), to=given.targets)
    def begin(self, rules: Rules, data: st.DataObject, registered: bool, nested: bool, to: str) -> None:
        self.play = Play(rules)
        for metric, metric_type in given.CUSTOM.items():
            self.define(metric, metric_type)
        if nested:
            for group, parent in pairwise(given.GROUPS):
                self.move_group(group, parent, heard=True)
        for thing in given.THINGS if registered else ():
            self.create(thing, ("g",), heard=True)
        self._put("p", [data.draw(given.behaviors(name, self.types)) for name in given.NAMES[:2]])
        self.attach("p", to)

    def teardown(self) -> None:
        if self.play:
            self.play.close()

    def happen(self, happening: h.Happening) -> None:
        assert self.play
        if self.held is None:
            self.play.happen(happening)
        else:
            self.held.append(happening)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """What happens meanwhile happens at once."""
        self.held = held = list[h.Happening]()
        yield
        self.held = None
        self.happen(h.AtOnce(self.now, tuple(held)))

    @invariant()
    def the_product_has_done_what_it_ought_to(self) -> None:
        if self.play:
            self.play.compare()

    # Profiles

    def _put(self, name: str, behaviors: Sequence[h.Behavior]) -> None:
        self.now += 1
        self.profiles[name] = tuple(behaviors)
        self.happen(h.ProfilePut(self.now, name, self.profiles[name]))

    @rule(data=st.data(), what=st.sampled_from(["put", "edit", "edit", "attach", "attach", "detach", "define"]))
    def administer(self, data: st.DataObject, what: str) -> None:
        match what:
            case "put":
                self.put_profile(data.draw(given.profiles), data)
            case "edit" if any(self.profiles.values()):
                self.edit_behavior(data)
            case "detach" if self.profiles:
                self.detach(data, deleted=data.draw(given.seldom))
            case "define":
                self.define(data.draw(given.custom), data.draw(given.types))
            case _:
                self.attach(data.draw(given.profiles), data.draw(given.targets))

    def put_profile(self, name: str, data: st.DataObject) -> None:
        known_as = data.draw(st.lists(given.names, max_size=3, unique=True))
        self._put(name, [data.draw(given.behaviors(each, self.types)) for each in known_as])

    def edit_behavior(self, data: st.DataObject) -> None:
        name, behaviors = data.draw(st.sampled_from([each for each in self.profiles.items() if each[1]]))
        position = data.draw(st.integers(0, len(behaviors) - 1))
        old, kinds = behaviors[position], {**given.KINDS, **self.types}
        new: list[h.Behavior] = [old]
        match data.draw(
            st.sampled_from(["criteria", "count", "count", "anything", "anything", "name", "gone", "same", "mute"])
        ):
            case "criteria":
                new = [{**old, "criteria": data.draw(given.criteria(old["metric"], kinds[old["metric"]]))}]
            case "count" if "criteria" in old:
                member = data.draw(st.sampled_from(["consecutiveDatapointsToAlarm", "consecutiveDatapointsToClear"]))
                new = [{**old, "criteria": {**old["criteria"], member: data.draw(st.integers(1, 3))}}]
            case "anything":
                new = [data.draw(given.behaviors(old["name"], self.types))]
            case "name":
                free = [each for each in (*given.NAMES, "four") if each not in {says["name"] for says in behaviors}]
                new = [{**old, "name": data.draw(st.sampled_from(free))}]
            case "gone":
                new = []
            case "mute":
                new = [{**old, "suppressAlerts": not old.get("suppressAlerts", False)}]
        self._put(name, [*behaviors[:position], *new, *behaviors[position + 1 :]])

    def attach(self, name: str, to: str) -> None:
        if name in self.profiles and (name, to) not in self.targets:
            self.targets.add((name, to))
            self.happen(h.Attached(self.now, name, to))

    def detach(self, data: st.DataObject, *, deleted: bool) -> None:
        """From one target, or from all since it is deleted."""
        if deleted or not self.targets:
            name = data.draw(st.sampled_from(list(self.profiles)))
            del self.profiles[name]
            self.targets = {each for each in self.targets if each[0] != name}
            self.happen(h.ProfileDeleted(self.now, name))
        else:
            name, target = data.draw(st.sampled_from(sorted(self.targets)))
            self.targets.remove((name, target))
            self.happen(h.Detached(self.now, name, target))

    def define(self, metric: str, metric_type: str) -> None:
        """A metric that no profile uses is deleted, one that is not there is created."""
        used = {says.get("metric") for behaviors in self.profiles.values() for says in behaviors}
        if metric not in self.types:
            self.types[metric] = metric_type
            self.happen(h.MetricDefined(self.now, metric, metric_type))
        elif metric not in used:
            del self.types[metric]
            self.happen(h.MetricDefined(self.now, metric, None))

    # The registry

    def _changed(self, thing: str, thing_id: str, groups: tuple[str, ...], *, heard: bool) -> None:
        self.now += 1  # answers are told apart by when they were asked for
        self.happen(h.ThingChanged(self.now, thing, thing_id, groups))
        self._ask([thing], heard=heard)

    def _ask(self, things: Iterable[str], *, heard: bool) -> None:
        for thing in things:
            self.now += 1
            self.happen(h.Asked(self.now, thing))
            self.unheard.append((thing, self.now))
            if heard:
                self._hear(len(self.unheard) - 1)
        self.now += 1

    def _hear(self, position: int) -> None:
        thing, asked_at = self.unheard.pop(position)
        self.happen(h.Heard(self.now, thing, asked_at))

    def create(self, thing: str, groups: tuple[str, ...], *, heard: bool) -> None:
        self.things_made += 1
        self.registered[thing] = f"{thing}-{self.things_made}"
        self._changed(thing, self.registered[thing], groups, heard=heard)

    @rule(
        thing=given.things,
        how=st.sampled_from(["moved", "moved", "deleted", "created again"]),
        groups=given.memberships,
        heard=given.mostly,
    )
    def change_thing(self, thing: str, how: str, groups: tuple[str, ...], heard: bool) -> None:
        """A thing that is not there is created."""
        if thing not in self.registered or how == "created again":
            self.create(thing, groups, heard=heard)
        elif how == "moved":
            self._changed(thing, self.registered[thing], groups, heard=heard)
        else:
            del self.registered[thing]
            self._changed(thing, "", (), heard=heard)

    @rule(group=given.groups, parent=given.groups, heard=given.mostly)
    def move_group(self, group: str, parent: str, *, heard: bool) -> None:
        """A group gets a parent among those that may be above it, or loses it."""
        above = given.GROUPS.index(parent) > given.GROUPS.index(group)
        self.now += 1
        self.happen(h.GroupMoved(self.now, group, parent if above else None))
        self._ask(sorted(self.registered), heard=heard)

    @precondition(lambda self: self.unheard)
    @rule(data=st.data())
    def hear(self, data: st.DataObject) -> None:
        self._hear(data.draw(st.integers(0, len(self.unheard) - 1)))

    # Reports

    def _report(self, thing: str, body: h.Body, at: int) -> h.Reported:
        self.sent.append(h.Reported(self.now, thing, len(self.sent) + 1, body, at))
        return self.sent[-1]

    def _body(self, data: st.DataObject) -> h.Body:
        watching = [says for behaviors in self.profiles.values() for says in behaviors if "criteria" in says]
        return data.draw(given.bodies(watching[:5], self.types))

    @rule(thing=given.things, data=st.data(), gaps=given.rhythms)
    def report(self, thing: str, data: st.DataObject, gaps: list[int]) -> None:
        for gap in gaps:
            self.now += gap
            self.happen(self._report(thing, self._body(data), self.now))

    def _say(self, thing: str, body: h.Body, times: int) -> None:
        for _ in range(times):
            self.now += 300 * given.SECOND
            self.happen(self._report(thing, body, self.now))

    @rule(
        thing=given.things,
        data=st.data(),
        times=st.integers(1, 3),
        between=st.sampled_from(["edit", "edit", "detach", "leave", "be quiet", "pause"]),
    )
    def report_the_same(self, thing: str, data: st.DataObject, times: int, between: str) -> None:
        """What argues for a turn goes on every five minutes, and something comes in between."""
        body = self._body(data)
        self._say(thing, body, times)
        match between:
            case "edit" if any(self.profiles.values()):
                self.edit_behavior(data)
            case "detach" if self.targets:
                name, target = data.draw(st.sampled_from(sorted(self.targets)))
                self.happen(h.Detached(self.now, name, target))
                self._say(thing, body, data.draw(st.integers(0, 1)))
                self.happen(h.Attached(self.now, name, target))
            case "leave" if thing in self.registered:
                self._changed(thing, self.registered[thing], (), heard=True)
                self._say(thing, body, data.draw(st.integers(0, 1)))
                self._changed(thing, self.registered[thing], ("g",), heard=True)
            case "pause":
                keep = self.play.rules.keep if self.play else 0
                self.wait(data.draw(st.sampled_from([HOUR, keep - 1, keep])), data.draw(given.mostly), expired=False)
            case "be quiet":  # of all that is watched
                for gap in data.draw(given.quiet):
                    self.now += gap
                    self.happen(self._report(thing, {"metrics": {}}, self.now))
        self._say(thing, body, times)

    @precondition(lambda self: self.sent)
    @rule(thing=given.things, data=st.data(), late=given.late)
    def report_late(self, thing: str, data: st.DataObject, late: int) -> None:
        self.happen(self._report(thing, self._body(data), self.now - late))

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), beside=st.sampled_from([-1, 0, 1, 20_000, 150_000]))
    def report_late_beside_another(self, data: st.DataObject, beside: int) -> None:
        recent = self.sent[-6:]
        other = recent[data.draw(st.integers(0, len(recent) - 1))]
        self.happen(self._report(other.thing, self._body(data), min(other.at + beside, self.now)))

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), fresh=st.booleans(), again=st.booleans())
    def repeat(self, data: st.DataObject, fresh: bool, again: bool) -> None:
        """A report comes again: the same delivery, or one that is timed anew."""
        sent = self.sent[data.draw(st.integers(0, len(self.sent) - 1))]
        if fresh:
            # That a thing was registered meanwhile is found out, and acted on, by a report that is new: one that was
            # counted already writes nothing, so what it has learned waits for the next look at the thing.
            self._hear_all(sent.thing)
        at = self.now if fresh else sent.at
        self.happen(h.Reported(self.now, sent.thing, sent.report_id, sent.body, at, again=fresh and again))

    def _hear_all(self, thing: str) -> None:
        while positions := [n for n, (name, _) in enumerate(self.unheard) if name == thing]:
            self._hear(positions[0])

    @rule(
        thing=given.things,
        data=st.data(),
        early=st.sampled_from([0, 0, 1, 60_000]),
        doubled=given.seldom,
        gap=given.gaps,
    )
    def reports_cross(self, thing: str, data: st.DataObject, early: int, doubled: bool, gap: int) -> None:
        self._hear_all(thing)  # which of the two has asked the registry first would be the race of another port
        self.now += gap
        first = self._report(thing, self._body(data), self.now - early)
        second = first if doubled else self._report(thing, self._body(data), self.now)
        self.happen(h.Crossed(self.now, first, second))

    @rule(
        thing=given.things,
        data=st.data(),
        by=st.sampled_from(["edit", "detach", "detach", "delete", "leave", "create"]),
    )
    def report_is_overtaken(self, thing: str, data: st.DataObject, by: str) -> None:
        """Before a report's events are recorded, nobody wants them any more, or others; and then perhaps again."""
        self._say(thing, self._body(data), 1)
        body, targets = self._body(data), self.targets.copy()
        self.now += 300 * given.SECOND
        with self.at_once():
            self.happen(self._report(thing, body, self.now))
            match by:
                case "edit" if any(self.profiles.values()):
                    self.edit_behavior(data)
                case "detach" | "delete" if self.profiles:
                    self.detach(data, deleted=by == "delete")
                case "leave" if thing in self.registered:
                    self._changed(thing, self.registered[thing], (), heard=True)
                case "create":
                    self.create(thing, ("g",), heard=True)
        for name, to in sorted(targets - self.targets):
            self.attach(name, to)
        self._say(thing, body, 1)

    # Time

    @rule(time=given.waits, swept=given.mostly, expired=given.seldom)
    def wait(self, time: int, swept: bool, *, expired: bool) -> None:
        self.now += time
        self.happen(h.Waited(self.now, swept, expired))


def check(how: settings) -> None:
    try:
        run_state_machine_as_test(Account, settings=how)
    except Differs as found:
        raise shortest(found) from None


def test_the_product_does_what_the_reference_does() -> None:
    check(few)


@pytest.mark.faults
def test_the_product_does_what_the_reference_does_for_long() -> None:
    check(many)
