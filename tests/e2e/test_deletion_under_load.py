"""D4 under load: a behavior is deleted while reports are in flight on several connections, and nothing more is recorded
or sent of it from the moment of the API's answer: in this home the fence's bound is nothing."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.test_kills import IN_FLIGHT, Reporter, entries, grows_to, now_and_then
from tests.home import Home, Inbox, behavior, eventually, running

CONNECTIONS = 4
BETWEEN_BURSTS = 0.05
"""Seconds; with less, more violations begin and end than are ever dispatched."""

GOES, STAYS = "goes", "stays"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running(tmp_path_factory.mktemp("home") / "data") as started:
        yield started


class Flood:
    """Devices with a connection each, whose reports do not wait for those before them."""

    def __init__(self, home: Home, *things: str) -> None:
        self.reporters = [Reporter(home.mqtt_port, thing) for thing in things]
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(each,), daemon=True) for each in self.reporters]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Send no more, and return when all was acknowledged."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        assert eventually(lambda: all(reporter.is_done() for reporter in self.reporters))
        for reporter in self.reporters:
            reporter.close()

    def _run(self, reporter: Reporter) -> None:
        while not self._stopping.is_set():
            for _ in range(IN_FLIGHT - reporter.unacknowledged()):
                reporter.report(now_and_then(reporter.sent + 1))
            self._stopping.wait(BETWEEN_BURSTS)


class Told:
    """What was recorded and sent of two behaviors, each of a profile of its own with the behavior's name in it."""

    def __init__(self, home: Home, inbox: Inbox, name: str) -> None:
        self._home, self._name = home, name
        self._sqs = home.client("sqs")
        self._queue = self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
        self._sent: list[tuple[str, int]] = []
        self.target = inbox.target

    def profile(self, behavior_name: str) -> str:
        return f"{self._name}-{behavior_name}"

    def recorded(self, behavior_name: str) -> dict[tuple[str, str], int]:
        """Violation id and type of each event, with its time, epoch ms."""
        return {
            (event["violationId"], event["violationEventType"]): round(event["violationEventTime"].timestamp() * 1000)
            for event in self._home.events(securityProfileName=self.profile(behavior_name))
        }

    def sent(self, behavior_name: str) -> list[int]:
        """When each of its alerts so far was handed to the queue, epoch ms."""
        asked = {"QueueUrl": self._queue, "MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["SentTimestamp"]}
        while messages := self._sqs.receive_message(**asked).get("Messages"):
            for message in messages:
                said = json.loads(json.loads(message["Body"])["Message"])
                self._sent.append((said["behavior"]["name"], int(message["Attributes"]["SentTimestamp"])))
            handles = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)]
            self._sqs.delete_message_batch(QueueUrl=self._queue, Entries=handles)
        return [at for named, at in self._sent if named == behavior_name]


def _raised(home: Home, things: list[str], profile: str) -> int:
    """How often violations of a profile began and ended, by the things' logs."""
    transitions = (each for thing in things for logged in entries(home, thing) for each in logged.entry.transitions)
    return sum(each.profile == profile for each in transitions)


def leave_out(iot: Any, profile: str) -> None:
    iot.update_security_profile(securityProfileName=profile, behaviors=[behavior(22, 23, name="comes")])


def delete_behaviors(iot: Any, profile: str) -> None:
    iot.update_security_profile(securityProfileName=profile, deleteBehaviors=True)


def delete_profile(iot: Any, profile: str) -> None:
    iot.delete_security_profile(securityProfileName=profile)


@pytest.mark.parametrize("delete", [leave_out, delete_behaviors, delete_profile], ids=lambda each: each.__name__)
def test_d4_nothing_of_a_behavior_is_recorded_or_sent_once_its_deletion_was_answered_under_load(
    home: Home, delete: Callable[[Any, str], None]
) -> None:
    name = delete.__name__
    told = Told(home, home.inbox(name), name)
    things = [home.thing(f"{name}-{number}", name) for number in range(CONNECTIONS)]
    for each in (GOES, STAYS):
        home.profile(told.profile(each), behavior(22, name=each), target=f"thinggroup/{name}", alertTargets=told.target)
    flood = Flood(home, *things)
    assert eventually(lambda: len(told.sent(GOES)) >= CONNECTIONS)

    delete(home.client("iot"), told.profile(GOES))
    answered_at = time.time_ns() // 1_000_000
    recorded = told.recorded(GOES)

    while max(told.sent(STAYS)) <= answered_at or max(told.recorded(STAYS).values()) <= answered_at:
        there = len(told.sent(STAYS))
        grows_to(there + 1, lambda: len(told.sent(STAYS)))
    flood.stop()
    grows_to(_raised(home, things, told.profile(STAYS)), lambda: len(told.sent(STAYS)))
    after = told.recorded(GOES)
    assert {kind for _, kind in after.keys() - recorded.keys()} <= {"alarm-invalidated"}
    assert max(at for (_, kind), at in after.items() if kind != "alarm-invalidated") <= answered_at
    assert max(told.sent(GOES)) <= answered_at
    begun = {violation for violation, kind in recorded if kind == "in-alarm"}
    assert eventually(lambda: {violation for violation, kind in told.recorded(GOES) if kind != "in-alarm"} == begun)
    assert "goes" not in {each["behavior"]["name"] for each in home.active()}
