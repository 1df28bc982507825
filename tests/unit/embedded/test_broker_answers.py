"""What is published for the control plane: answered once a report among it is in the log, on a loop driven by hand."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tests.hand_driven_loop import HandDrivenLoop
from warden.domain.errors import Unavailable
from warden.embedded.broker import Broker, Publication
from warden.embedded.broker_answers import STORED_WITHIN_SECONDS, BrokerAnswers
from warden.embedded.channel import TIMEOUT_SECONDS

REPORT = {
    "topic": "warden/things/pump/defender/metrics/json",
    "payload": b"{}",
    "qos": 0,
    "retain": False,
    "properties": None,
}


@pytest.fixture
def loop() -> Iterator[HandDrivenLoop]:
    made = HandDrivenLoop()
    yield made
    made.close()


class Desk:
    """Answers for a broker, whose reports are taken over and stay where they are."""

    def __init__(self, loop: HandDrivenLoop) -> None:
        self._loop = loop
        self.taken: list[Publication] = []
        self.broker = Broker(take=self._take, log=logging.getLogger(__name__))
        self._answers = BrokerAnswers(self.broker, self._take).by_verb()

    def _take(self, publication: Publication) -> bool:
        if publication.topic.startswith("warden/"):
            self.taken.append(publication)
        return publication.topic.startswith("warden/")

    def asked(self, **more: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = self._loop.create_task(self._publish({**REPORT, **more}))
        self._loop.settle()
        return task

    async def _publish(self, arguments: dict[str, Any]) -> Any:
        return await self._answers["publish"](arguments)


def test_a_report_is_answered_when_it_is_acknowledged_and_no_sooner(loop: HandDrivenLoop) -> None:
    desk = Desk(loop)
    answer = desk.asked()
    (report,) = desk.taken
    assert (report.topic, report.payload, report.qos, report.dup) == (REPORT["topic"], b"{}", 1, False)
    assert not answer.done()
    report.acknowledge()
    loop.settle()
    assert answer.result() is None


def test_a_report_that_is_not_stored_in_time_is_unavailable_before_the_asker_gives_up(loop: HandDrivenLoop) -> None:
    assert STORED_WITHIN_SECONDS < TIMEOUT_SECONDS
    desk = Desk(loop)
    answer = desk.asked()
    loop.later(STORED_WITHIN_SECONDS)
    with pytest.raises(Unavailable, match="not stored yet"):
        answer.result()
    desk.taken[0].acknowledge()  # later than anybody waits for, which harms nobody


def test_another_message_is_answered_at_once(loop: HandDrivenLoop) -> None:
    desk = Desk(loop)
    assert desk.asked(topic="a/b", payload=b"x", qos=1, retain=True).result() is None
    kept = desk.broker.retained.get("a/b")
    assert kept is not None
    assert (kept.payload, kept.qos) == (b"x", 1)
    assert desk.taken == []
