"""How `warden agent` goes on where its broker does not: with the real broker, and time as it is given."""

import asyncio
import itertools
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.surroundings.home import free_port
from warden.cli.agent import agent as agent_module
from warden.cli.agent.agent import Agent, Verdict
from warden.cli.agent.line import Broker as Address
from warden.cli.agent.line import Line
from warden.cli.agent.machine import Report
from warden.cli.agent.topics import Topics
from warden.embedded.broker import Broker, Publication

SECONDS = 10
TOPICS = Topics.of("reserved", prefix="warden", thing="lamp", fmt="json")
IDS = itertools.count(1)


class Enough(Exception):
    """Ends an agent that would go on for ever."""


def report() -> Report:
    number = next(IDS)
    return Report(number, json.dumps({"header": {"report_id": number}}).encode())


@contextmanager
def broker(port: int, take: Callable[[Publication, Broker], None]) -> Iterator[None]:
    """A broker on a loop in a thread of its own, whose every message is given to `take`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def taken(publication: Publication) -> bool:
        take(publication, running)
        return True

    running = Broker(take=taken, log=logging.getLogger("broker"))
    asyncio.run_coroutine_threadsafe(running.listen("127.0.0.1", port), loop).result(SECONDS)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(running.close(), loop).result(SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def accept(publication: Publication, broker: Broker, **more: int) -> None:
    number = json.loads(publication.payload)["header"]["report_id"]
    reply = {"thingName": "lamp", "reportId": number, "status": "ACCEPTED", **more}
    broker.publish(publication.topic + "/accepted", json.dumps(reply).encode())
    publication.acknowledge()


def line(port: int) -> Callable[[], Line]:
    return lambda: Line(Address("127.0.0.1", port), "lamp", TOPICS, patience=SECONDS)


def nothing(_: str, __: str) -> None:
    """Nobody is told."""


def test_a_broker_that_is_away_is_tried_ever_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_module.random, "uniform", lambda _, most: most)
    waits: list[float] = []

    def rest(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 10:
            raise Enough

    with pytest.raises(Enough):
        Agent(line(free_port()), report, 300, nothing, rest=rest).run()
    assert waits == [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]


def test_a_report_that_was_under_way_is_sent_again_as_it_was() -> None:
    port, got = free_port(), list[bytes]()
    gone = threading.Event()

    def take_and_say_nothing(publication: Publication, _: Broker) -> None:
        got.append(publication.payload)
        gone.set()

    def take(publication: Publication, running: Broker) -> None:
        got.append(publication.payload)
        accept(publication, running)

    told: list[str] = []

    def tell(what: str, _: str) -> None:
        told.append(what)
        if what == "accepted":
            raise Enough

    def end_when_told() -> None:
        with pytest.raises(Enough):
            Agent(line(port), report, 300, tell, rest=lambda _: back.wait(SECONDS)).run()

    back = threading.Event()
    worker = threading.Thread(target=end_when_told)
    with broker(port, take_and_say_nothing):
        worker.start()
        assert gone.wait(SECONDS)
    with broker(port, take):
        back.set()
        worker.join(SECONDS)
    assert not worker.is_alive()
    assert len(got) == 2
    assert got[0] == got[1], "it counts once, since it is the same report"
    assert told == ["connected", "waiting", "connected", "accepted"]


def test_reports_are_an_interval_apart_at_least() -> None:
    port, times = free_port(), list[float]()

    def collect() -> Report:
        times.append(time.monotonic())
        if len(times) == 4:
            raise Enough
        return report()

    with broker(port, accept), pytest.raises(Enough):
        Agent(line(port), collect, 0.2, nothing).run()
    assert all(later - earlier >= 0.2 for earlier, later in itertools.pairwise(times))


def test_a_reply_to_another_report_of_the_thing_is_none_to_this_one() -> None:
    port = free_port()

    def answer(publication: Publication, running: Broker) -> None:
        other = {"thingName": "lamp", "reportId": 0, "status": "REJECTED", "statusDetails": {}}
        running.publish(publication.topic + "/rejected", json.dumps(other).encode())
        accept(publication, running)

    with broker(port, answer):
        assert Agent(line(port), report, 300, nothing).once() is Verdict.ACCEPTED


def test_a_report_that_nobody_answers_is_told_as_such() -> None:
    port, told = free_port(), list[str]()

    with broker(port, lambda publication, _: publication.acknowledge()):
        agent = Agent(line(port), report, 300, lambda _, more: told.append(more), patience=0.1)
        assert agent.once() is Verdict.UNANSWERED
    assert "the broker took it, and nobody replied" in told[-1]
