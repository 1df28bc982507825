"""What the core calls, as doubles that keep what they were told: the registry of things, the topics of alerts, and in
the embedded home the local channel and the way to the devices."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from tests.faults import Crash, Fault, Plan
from warden.domain.alarms.alarm import EventType
from warden.domain.behaviors.profile import AlertTarget
from warden.domain.behaviors.target import ThingFacts
from warden.domain.errors import Unavailable

Step = Callable[[], object]


class Outside:
    """Asked before every call to what is outside: a fault may strike it, a step may go first.

    `struck` counts what was decided, by call and fault.
    """

    def __init__(self) -> None:
        self.faults: Plan | None = None
        self.calls = 0
        self.struck = Counter[tuple[str, Fault]]()
        self._before: dict[int, Step] = {}
        self._nested = False

    def __call__(self, verb: str) -> Fault | None:
        if self._nested:
            return None
        self.calls += 1
        if step := self._before.pop(self.calls, None):
            with self.undisturbed():
                step()
        fault = self.faults(verb) if self.faults else None
        if fault:
            self.struck[verb, fault] += 1
        return fault

    def before(self, nth: int, step: Step) -> None:
        """Let a step happen before the nth call from now on."""
        self._before[self.calls + nth] = step

    def forget(self) -> None:
        """No step waits for a call any more."""
        self._before.clear()

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        nested, self._nested = self._nested, True
        try:
            yield
        finally:
            self._nested = nested


class Registry:
    """Port Things: what things there are, and in which groups."""

    def __init__(self) -> None:
        self.things: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._created = Counter[str]()

    def create(self, thing: str, *groups: str) -> None:
        self._created[thing] += 1
        self.things[thing] = (f"{thing}-{self._created[thing]}", tuple(sorted(groups)))

    def move(self, thing: str, *groups: str) -> None:
        self.things[thing] = (self.things[thing][0], tuple(sorted(groups)))

    def delete(self, thing: str) -> None:
        self.things.pop(thing, None)

    def ask(self, thing: str, *, now: int) -> ThingFacts:
        thing_id, groups = self.things.get(thing, ("", ()))
        return ThingFacts(thing_id, groups, answered_at=now)


@dataclass(frozen=True)
class Alert:
    """What a subscriber got."""

    topic: str
    violation_id: str
    type: EventType


class Topics:
    """Port Alerts: keeps what was published; what was not settled is lost with the process."""

    def __init__(self, outside: Outside) -> None:
        self.taken: list[Alert] = []
        self.arrived: list[Alert] = []
        self.down = False
        self._on_its_way: list[Alert] = []
        self._outside = outside

    def publish(self, target: AlertTarget, message: str) -> None:
        fault = self._outside("publish")
        if fault is Fault.CRASH_BEFORE:
            raise Crash
        if self.down or fault in {Fault.UNAVAILABLE, Fault.THROTTLED}:
            raise Unavailable("the topic takes nothing now")
        said = json.loads(json.loads(message)["default"])
        alert = Alert(target.alert_target_arn, said["violationId"], EventType(said["violationEventType"]))
        self.taken.append(alert)
        self._on_its_way.append(alert)
        if fault is Fault.LOST_ANSWER:
            raise Unavailable("taken, but nobody was told")
        if fault is Fault.CRASH_AFTER:
            raise Crash

    def settle(self) -> None:
        fault = self._outside("settle")
        if fault is Fault.CRASH_BEFORE:
            raise Crash
        if fault is Fault.UNAVAILABLE:
            raise Unavailable("nothing can be kept now")
        self.arrived += self._on_its_way
        self._on_its_way.clear()
        if fault is Fault.CRASH_AFTER:
            raise Crash

    def lose(self) -> None:
        self._on_its_way.clear()


class Channel:
    """The local channel without its socket: a question reaches the data plane or not, its answer comes back or not."""

    def __init__(self, outside: Outside, answer: Callable[[bytes], bytes]) -> None:
        self._outside = outside
        self._answer = answer
        self._late: list[bytes] = []

    def __call__(self, question: bytes, _seconds: float) -> bytes:
        while self._late:
            self._answer(self._late.pop(0))
        match fault := self._outside(f"ask {msgspec.msgpack.decode(question)['verb']}"):
            case Fault.CRASH_BEFORE:
                raise Crash
            case Fault.UNAVAILABLE | Fault.THROTTLED:
                raise ConnectionRefusedError("nobody listens")
            case Fault.LATE:
                self._late.append(question)
                raise TimeoutError("no answer in time")
        answer = self._answer(question)
        if fault is Fault.LOST_ANSWER:
            raise ConnectionResetError("hung up before the answer")
        if fault is Fault.CRASH_AFTER:
            raise Crash
        return answer

    def lose(self) -> None:
        """The data plane died: questions that it had not looked at are gone."""
        self._late.clear()


class Devices:
    """What leaves the data plane for the devices, replies and PUBACKs: what is lost on its way, nobody is told of."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    def send(self, what: str, arrive: Step) -> None:
        fault = self._outside(f"send {what}")
        if fault is Fault.CRASH_BEFORE:
            raise Crash
        if fault not in {Fault.LOST_ANSWER, Fault.UNAVAILABLE, Fault.THROTTLED}:
            arrive()
        if fault is Fault.CRASH_AFTER:
            raise Crash
