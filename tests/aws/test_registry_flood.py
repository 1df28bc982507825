"""A thousand things are registered at once: none of their events is given up, and all are known as soon as they may."""

from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from random import Random
from typing import Any

import pytest

from tests.aws.conftest import BEGINNING, MINUTE, REGION, SECOND, Clock
from tests.core.outside import Registry as Things
from warden.adapters.sqlite import SqliteTable
from warden.domain.behaviors.target import ThingFacts
from warden.handlers.parts import Parts
from warden.handlers.registry import Registry
from warden.settings import Settings
from warden.storage import keys
from warden.storage.registered_things import RegisteredThings

THINGS = 1000
CALLS_PER_SECOND = 10
CONTAINERS = 2
BATCH, TIMEOUT_MS, VISIBILITY_MS, RECEIVES = 20, 2 * MINUTE, 12 * MINUTE, 20


@dataclass(order=True)
class Message:
    """One on the queue."""

    visible_at: int
    number: int
    body: str
    receives: int = 0

    def record(self) -> dict[str, Any]:
        attributes = {"SentTimestamp": str(BEGINNING), "ApproximateReceiveCount": str(self.receives)}
        return {"messageId": str(self.number), "body": self.body, "attributes": attributes, "eventSource": "aws:sqs"}


class Container:
    """One of the function's, at its own place in time: what it waits for, and what it asks, takes time."""

    def __init__(self, settings: Settings, tables: list[SqliteTable], things: Things, question_ms: int) -> None:
        self.clock = Clock()
        self.asked = 0
        self._things = things
        self._question_ms = question_ms
        parts = Parts(settings, region=REGION, clients=_none, clock=self.clock)
        parts.log_table, parts.control_table = tables  # type: ignore[assignment]
        parts.things = self  # type: ignore[assignment]
        self._registry = Registry(parts, lambda seconds: self._passes(round(seconds * SECOND)))

    def _passes(self, milliseconds: int) -> None:
        self.clock.now += milliseconds

    def above(self, group: str, *, now: int) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def ask(self, thing: str, *, now: int) -> ThingFacts:
        self.asked += 1
        self._passes(self._question_ms)
        return self._things.ask(thing, now=now)

    def invoke(self, batch: list[Message]) -> set[int]:
        """Returns the numbers of the messages that have to come again."""
        over_at = self.clock.now + TIMEOUT_MS
        event = {"Records": [message.record() for message in batch]}
        answer = self._registry(event, lambda: over_at - self.clock.now)
        if self.clock.now > over_at:
            return {message.number for message in batch}
        return {int(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]}


def _none(service: str) -> Any:
    raise AssertionError(f"nothing of {service} is needed")


class Flood:
    """The events of `THINGS` registrations, each thing in one group, on the queue in no order."""

    def __init__(self, settings: Settings, *, question_ms: int) -> None:
        self._tables = [SqliteTable(":memory:", keys.LOG), SqliteTable(":memory:", keys.CONTROL)]
        things = Things()
        self.names = [f"pump-{n}" for n in range(THINGS)]
        for name in self.names:
            things.create(name, "Pumps")
        self.containers = [Container(settings, self._tables, things, question_ms) for _ in range(CONTAINERS)]
        self.dead: list[Message] = []
        numbers = list(range(2 * THINGS))
        Random(7).shuffle(numbers)
        self._queue = [Message(BEGINNING, number, self._body(number)) for number in numbers]
        for place, message in enumerate(self._queue):
            message.number = place
        heapify(self._queue)

    def close(self) -> None:
        for table in self._tables:
            table.close()

    def _body(self, number: int) -> str:
        thing = self.names[number // 2]
        group = f"thingGroupMembership/thingGroup/Pumps/thing/{thing}/added"
        return f'{{"topic": "$aws/events/{group if number % 2 else f"thing/{thing}/created"}"}}'

    def run(self) -> None:
        """SQS and Lambda do what they do until the queue is empty."""
        while self._queue:
            container = min(self.containers, key=lambda each: each.clock.now)
            clock = container.clock
            clock.now = max(clock.now, self._queue[0].visible_at)
            batch = []
            while self._queue and self._queue[0].visible_at <= clock.now and len(batch) < BATCH:
                batch.append(heappop(self._queue))
            self._bring(container, batch)

    def _bring(self, container: Container, batch: list[Message]) -> None:
        received_at = container.clock.now
        for message in batch:
            message.receives += 1
        again = container.invoke(batch)
        for message in batch:
            if message.number in again:
                message.visible_at = received_at + VISIBILITY_MS
                if message.receives == RECEIVES:
                    self.dead.append(message)
                else:
                    heappush(self._queue, message)

    def known_after(self) -> list[int]:
        """After how many ms the registry was asked about each thing that is known."""
        facts = RegisteredThings(self._tables[0]).facts(self.names)
        return [each.answered_at - BEGINNING for each in facts.values() if each.groups == ("Pumps",)]


@pytest.mark.parametrize(
    ("question_ms", "seconds"),
    [(100, THINGS * 2 / CALLS_PER_SECOND / CONTAINERS), (3000, THINGS * 3 / CONTAINERS)],
    ids=["as fast as the share of the quota allows", "as fast as a slow registry answers"],
)
def test_a_thousand_registrations_at_once_are_all_known(settings: Settings, question_ms: int, seconds: float) -> None:
    assert settings.registry_calls_per_second == CALLS_PER_SECOND
    flood = Flood(settings, question_ms=question_ms)
    try:
        flood.run()
        known = flood.known_after()
    finally:
        flood.close()

    assert flood.dead == []
    assert len(known) == THINGS
    assert max(known) <= 1.1 * seconds * SECOND
    assert sum(container.asked for container in flood.containers) <= 1.1 * THINGS, "an event's twin asks nothing"
