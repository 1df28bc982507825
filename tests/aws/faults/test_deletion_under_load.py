"""D4 under load: a behavior is deleted while evaluators that hold different versions of the profiles, dispatchers and
the sweep are at work, each between any two requests of the others.

What had passed the fence when the deletion was answered counts as sent: the bound is the invocation that was under way.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from random import Random
from threading import Thread, current_thread
from typing import Any

import msgspec
import pytest

from tests.aws.alert_account import profile
from tests.aws.conftest import ACCOUNT, BEGINNING, REGION, SECOND
from tests.aws.evaluate.road import metrics_topic, small_report
from tests.aws.faults.conftest import NewHome
from tests.aws.faults.home import Home, Record
from tests.aws.faults.lives import IN_ALARM, INVALIDATED
from tests.aws.faults.turns import Turns
from tests.aws.http_api import http_event
from tests.aws.rule_sql import Message, run
from tests.core.profiles import BAD, GOOD, few_connections
from warden.domain.alarms.entry import Transition
from warden.domain.alarms.violation import Event
from warden.domain.behaviors.target import Target
from warden.handlers.control_api import ControlApi
from warden.handlers.evaluate import Evaluate
from warden.rules import metrics_sql
from warden.storage import keys
from warden.use_cases.attach_security_profile import attach_security_profile
from warden.use_cases.create_security_profile import create_security_profile

GROUP = "loaded"
THINGS = [f"{GROUP}-{number}" for number in range(6)]
EVALUATORS, DISPATCHERS, REPORTS, SWEEPS = 3, 2, 12, 2
BELIEVED = 5 * SECOND
"""How long an evaluator judges by the profiles that it knows."""

REPLACED = msgspec.to_builtins({"behaviors": [few_connections(name="comes")]})
DELETIONS: dict[str, tuple[str, str, Any]] = {
    "left-out": ("PATCH", "/security-profiles/doomed", REPLACED),
    "deleteBehaviors": ("PATCH", "/security-profiles/doomed", {"deleteBehaviors": True}),
    "profile": ("DELETE", "/security-profiles/doomed", None),
}
"""The requests that delete behavior `goes`; the first one makes `comes` in its place."""

Effect = tuple[str, str]
"""A violation's id, and what was recorded or sent of it."""


class Load:
    """Things that violate and conform at random, by several functions in turns; profile `doomed` has behavior `goes`,
    which is deleted meanwhile, and profile `living` has `stays`.

    Args:
        home: As new.
        seed: Says who does what, and when.
        deletion: How `goes` is deleted.

    Attributes:
        evaluators: Containers, each with a version of the profiles of its own.
        late: Ids of the violations of which an invocation recorded or sent something after the deletion was answered,
            by invocation.
        in_grace: The invocations that were under way at the answer.
    """

    def __init__(self, home: Home, seed: int, deletion: str) -> None:
        self.home = home
        self.late: dict[object, list[str]] = defaultdict(list)
        self.in_grace: frozenset[object] = frozenset()
        self.evaluators: list[Evaluate] = []
        self._deletion = DELETIONS[deletion]
        self._random = Random(seed)
        self._turns = Turns(Random(seed))
        self._unread: list[list[Record]] = [[] for _ in range(DISPATCHERS)]
        self._under_way: dict[Thread, object] = {}
        self._answered_after: dict[str, int] = {}
        self._violating: set[str] = set()
        self._reporting = EVALUATORS
        self._reports = 0
        self._watch("doomed", "goes")
        self._add_evaluator(*THINGS)
        self._watch("living", "stays")
        self._add_evaluator(THINGS[1])
        self._make("unrelated", "bystander")
        self._add_evaluator(THINGS[2])
        stored = home.user.catalogue.head("doomed")
        assert stored
        self._goes = stored.record.live["goes"].uid

    def _make(self, name: str, behavior: str) -> None:
        made = msgspec.structs.replace(profile(name), behaviors=(few_connections(name=behavior),))
        create_security_profile(self.home.user.catalogue, made, {}, arn="", now=self.home.now)

    def _watch(self, name: str, behavior: str) -> None:
        self._make(name, behavior)
        group = Target.parse(f"arn:aws:iot:{REGION}:{ACCOUNT}:thinggroup/{GROUP}")
        attach_security_profile(self.home.user.catalogue, name, group, has_group=lambda _: True, now=self.home.now)

    def _add_evaluator(self, *things: str) -> None:
        """A container that knows the profiles as they are now. What things it judges, none judges by older profiles."""
        self.evaluators.append(Evaluate(self.home._parts(self.home.strikes.functions)))
        for thing in things:
            self.report(self.evaluators[-1], thing, GOOD, after=SECOND // 2)  # at the pace of the registry

    def report(self, evaluate: Evaluate, thing: str, connections: int, *, after: int = 1) -> None:
        """A report comes to a container."""
        self.home.now += after
        self._reports += 1
        message = Message(metrics_topic(thing), small_report(self._reports, connections), at=self.home.now)
        evaluate(run(metrics_sql("warden"), message))

    # Who takes turns

    def race(self) -> None:
        works: list[Callable[[], object]] = [self._delete, self._sweep]
        works += [partial(self._evaluate, evaluate) for evaluate in self.evaluators]
        works += [partial(self._dispatch, shard) for shard in range(DISPATCHERS)]
        functions = self.home.strikes.functions
        with self._turns.at_requests_of(functions):
            for service in ("dynamodb", "iot-data"):  # behind the turns: what is asked for then is done then
                functions(service).meta.events.register("before-call", self._before_call, unique_id="effects")
            self._turns.take(*works)
            for service in ("dynamodb", "iot-data"):
                functions(service).meta.events.unregister("before-call", unique_id="effects")

    def _before_call(self, model: Any, params: dict[str, Any], **_: object) -> None:
        mark = self._under_way.get(current_thread())
        if mark is None or not self._answered_after:
            return
        body = json.loads(params["body"])
        if model.name == "Publish" and "default" in body:
            self.late[mark].append(json.loads(body["default"])["violationId"])
        if model.name == "TransactWriteItems":
            items = [write["Put"]["Item"] for write in body["TransactItems"] if "Put" in write]
            parts = [(keys.split(item["pk"]["S"]), keys.split(item["sk"]["S"])) for item in items]
            self.late[mark] += [pk[1] for pk, sk in parts if sk[0] == "EV" and sk[-1] != INVALIDATED]

    def _evaluate(self, evaluate: Evaluate) -> None:
        for _ in range(REPORTS):
            thing = self._random.choice(THINGS)
            self._violating ^= {thing}
            self.report(evaluate, thing, BAD if thing in self._violating else GOOD)
        self._reporting -= 1

    def _dispatch(self, shard: int) -> None:
        """As the stream's pollers do: one invocation of a shard after the other, a failed batch again."""
        while True:
            records = self._take(shard)
            if records:
                with self._invocation():
                    failures = self.home.another("dispatch", {"Records": records}, _plenty)["batchItemFailures"]
                if failures:
                    numbers = [each["dynamodb"]["SequenceNumber"] for each in records]
                    self._unread[shard][:0] = records[numbers.index(failures[0]["itemIdentifier"]) :]
            elif not self._reporting and self._answered_after:
                return
            self._turns.wait()

    def _take(self, shard: int) -> list[Record]:
        """The next records of a shard, some; a thing's are all in one."""
        self.home.poll()
        for record in self.home.unread:
            thing = record["dynamodb"]["Keys"]["pk"]["S"]
            self._unread[keys.shard(thing, DISPATCHERS)].append(record)
        self.home.unread.clear()
        count = self._random.randrange(1, 10)
        taken, self._unread[shard] = self._unread[shard][:count], self._unread[shard][count:]
        return taken

    def _sweep(self) -> None:
        for _ in range(SWEEPS):
            self._pass(60)
            with self._invocation():
                self.home.another("sweep", _plenty)

    def _delete(self) -> None:
        self._pass(12)
        method, path, body = self._deletion
        api = ControlApi(self.home._parts(self.home.strikes.functions))
        answer = api(http_event(method, path, body=json.dumps(body) if body else ""))
        assert answer["statusCode"] == 200, answer
        self._answered_after = {thing: self._newest(thing) for thing in THINGS}
        self.in_grace = frozenset(self._under_way.values())

    def _pass(self, most: int) -> None:
        for _ in range(self._random.randrange(most)):
            self._turns.wait()

    @contextmanager
    def _invocation(self) -> Iterator[None]:
        self._under_way[current_thread()] = object()
        yield
        del self._under_way[current_thread()]

    # What came of it

    def events(self) -> list[Event]:
        """Those of `goes`."""
        span = {"start": BEGINNING, "end": self.home.now}
        found = self.home.user.violations.events(**span, thing=None, profile="doomed", behind=None)
        return [stored.record for _, stored in found if stored.record.uid == self._goes]

    def effects(self) -> Counter[Effect]:
        """What was recorded of `goes` for a report, and what was sent of it."""
        self.home.swallow()
        events = self.events()
        ids = {event.violation_id for event in events}
        recorded = [(each.violation_id, f"recorded {each.type}") for each in events if each.type is not INVALIDATED]
        sent = [(told.violation_id, f"sent {told.type}") for told in self.home.published if told.violation_id in ids]
        return Counter(recorded + sent)

    def overtaken(self) -> int:
        """How often evaluators raised something for `goes` after its deletion was answered."""
        return sum(len(self._raised(thing, after=seq)) for thing, seq in self._answered_after.items())

    def ids_of_goes(self) -> set[str]:
        """Of its violations, dropped ones included."""
        return {each.violation_id for thing in THINGS for each in self._raised(thing, after=0)}

    def _raised(self, thing: str, *, after: int) -> list[Transition]:
        entries = self.home.user.thing_log.recent(thing, 512)
        found = [each for logged in entries if logged.seq > after for each in logged.entry.transitions]
        return [each for each in found if each.uid == self._goes and each.type is not INVALIDATED]

    def _newest(self, thing: str) -> int:
        newest = self.home.user.thing_log.load(thing, consistent=True).newest
        return newest.seq if newest else 0

    def calm_down(self) -> None:
        """The evaluators learn of the deletion, all things violate, and what is left is done."""
        self.home.now += BELIEVED
        before = {thing: self._newest(thing) for thing in THINGS}
        for number, thing in enumerate(THINGS):
            self.report(self.evaluators[number % EVALUATORS], thing, BAD)
        assert [each for thing, seq in before.items() for each in self._raised(thing, after=seq)] == []
        self.home.settle()

    def active(self) -> Counter[str]:
        """How many things violate which behavior."""
        found = self.home.user.violations.active(thing=None, profile=None, behind=None)
        return Counter(stored.record.behavior.name for _, stored in found if stored.record.behavior)


def _plenty() -> int:
    return 60_000


@pytest.fixture(scope="module")
def new_load(new_home: NewHome) -> Callable[[int, str], Load]:
    iot = new_home().clients("iot")
    iot.create_thing_group(thingGroupName=GROUP)
    for thing in THINGS:
        iot.create_thing(thingName=thing)
        iot.add_thing_to_thing_group(thingGroupName=GROUP, thingName=thing)
    return lambda seed, deletion: Load(new_home(), seed, deletion)


def deleted_under(load: Load, deletion: str) -> int:
    """Returns how much was raised for the behavior after its deletion."""
    load.race()
    ids = load.ids_of_goes()
    for invocation, violations in load.late.items():
        bound = 1 if invocation in load.in_grace else 0  # it may have passed the fence, with one thing at a time
        assert sum(each in ids for each in violations) <= bound
    effects = load.effects()
    overtaken = load.overtaken()

    load.calm_down()

    assert load.effects() == effects
    assert load.active() == {"stays": len(THINGS)} | ({"comes": len(THINGS)} if deletion == "left-out" else {})
    assert {told.violation_id for told in load.home.active()} <= {told.violation_id for told in load.home.heard}
    ends = Counter(event.violation_id for event in load.events() if event.type is not IN_ALARM)
    assert ends == Counter(event.violation_id for event in load.events() if event.type is IN_ALARM)
    return overtaken


@pytest.mark.parametrize("deletion", DELETIONS)
def test_a_behavior_deleted_under_load_is_neither_recorded_nor_told_of_behind_the_bound(
    new_load: Callable[[int, str], Load], deletion: str
) -> None:
    overtaken = [deleted_under(new_load(seed, deletion), deletion) for seed in range(2)]
    assert sum(overtaken), "nobody raised anything for the deleted behavior: no load"


@pytest.mark.faults
@pytest.mark.parametrize("deletion", DELETIONS)
def test_a_behavior_deleted_at_many_moments_under_load(new_load: Callable[[int, str], Load], deletion: str) -> None:
    for seed in range(2, 40):
        deleted_under(new_load(seed, deletion), deletion)
