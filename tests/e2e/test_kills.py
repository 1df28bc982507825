"""Nothing that was acknowledged is lost, and nothing is counted twice, whoever is killed and when.

The ledger of what was acknowledged is kept here, outside of the processes that are killed.
"""

import fcntl
import json
import random
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from typing import Any
from uuid import uuid4

import paho.mqtt.client as mqtt
import psutil
import pytest

from tests.home import PATIENCE, Home, behavior, encode, eventually, listening, running
from warden.adapters.sqlite import SqliteTable
from warden.domain.alarms.entry import Logged
from warden.storage import keys
from warden.storage.thing_log import TableThingLog

KILLING = (sys.executable, str(Path(__file__).with_name("killing_plane.py")))
OF_THE_GUIDE = behavior(22)
IN_FLIGHT = 10
"""Reports of one thing on their way at a time: fewer than those that the thing's state remembers."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Reporter:
    """A device with a persistent session that sends each report until it is acknowledged, over any connection.

    Attributes:
        replies: Ids and statuses of the replies that came.
        sent: How many reports were sent.
    """

    def __init__(self, port: int, thing: str) -> None:
        self.thing = thing
        self.replies: Queue[tuple[int, str]] = Queue()
        self.sent = 0
        self._topic = f"$aws/things/{thing}/defender/metrics/json"
        self._sent_as: dict[int, int] = {}
        self._pubacks: set[int] = set()  # with no lock: paho holds one of its own while it tells of them
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=thing, clean_session=False)
        self._client.reconnect_delay_set(0.1, 0.1)  # type: ignore[arg-type]
        self._client.on_connect = self._connected
        self._client.on_publish = self._acknowledged
        self._client.on_message = self._replied
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert subscribed.wait(PATIENCE)

    def report(self, report: dict[str, Any]) -> None:
        """Send a report, and wait for nothing."""
        self.sent += 1
        told = self._client.publish(self._topic, encode(report, "json"), qos=1)
        self._sent_as[told.mid] = report["header"]["report_id"]

    @property
    def acknowledged(self) -> set[int]:
        """Ids of the reports whose PUBACK came."""
        return {self._sent_as[mid] for mid in self._pubacks.copy() if mid in self._sent_as}

    def unacknowledged(self) -> int:
        """How many reports wait for their PUBACK."""
        return self.sent - len(self._pubacks)

    def is_done(self) -> bool:
        """Whether everything sent was acknowledged."""
        return not self.unacknowledged()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe([(f"{self._topic}/accepted", 1), (f"{self._topic}/rejected", 1)])

    def _acknowledged(self, _: mqtt.Client, __: Any, mid: int, *___: Any) -> None:
        self._pubacks.add(mid)

    def _replied(self, _: mqtt.Client, __: Any, message: mqtt.MQTTMessage) -> None:
        reply = json.loads(message.payload)
        self.replies.put((reply["reportId"], reply["status"]))


def entries(home: Home, thing: str) -> list[Logged]:
    """A thing's log, from the file."""
    table = SqliteTable(home.data / "log.db", keys.LOG, read_only=True)
    try:
        return list(TableThingLog(table).since(thing, 0))
    finally:
        table.close()


def report_ids(home: Home, thing: str) -> Counter[int]:
    """How often each report is in a thing's log."""
    return Counter(logged.entry.report_id for logged in entries(home, thing) if logged.entry.report_id)


def now_and_then(number: int) -> dict[str, Any]:
    """The nth report of a device that violates the behavior ten times, then conforms ten times, and so on."""
    return listening(23 if number // 10 % 2 else 22, report_id=number)


def grows_to(number: int, count: Callable[[], int]) -> None:
    """Return when there are so many; fail where they do not become more, however slow the machine is."""
    there = count()
    while there < number:
        assert eventually(lambda before=there: count() > before)
        there = count()


def check_ledger(home: Home, reporters: list[Reporter], inbox: Any) -> None:
    """Everything acknowledged is in the log once, each transition is one event, and each was told."""
    transitions: set[tuple[str, str]] = set()
    for reporter in reporters:
        counted = report_ids(home, reporter.thing)
        assert set(counted) == reporter.acknowledged
        assert set(counted.values()) == {1}
        told = [each for logged in entries(home, reporter.thing) for each in logged.entry.transitions]
        assert len(told) == len({(each.violation_id, each.type) for each in told})
        transitions |= {(each.violation_id, each.type.value) for each in told}

    def recorded() -> list[tuple[str, str]]:
        return [(event["violationId"], event["violationEventType"]) for event in home.events()]

    grows_to(len(transitions), lambda: len(recorded()))
    assert sorted(recorded()) == sorted(transitions)
    alerts: set[tuple[str, str]] = set()

    def told() -> int:
        alerts.update((alert["violationId"], alert["violationEventType"]) for alert in inbox.drain())
        return len(alerts)

    grows_to(len(transitions), told)
    assert alerts == transitions


def keep(home: Home) -> None:
    """Return when the surroundings are on disk as they are now: a crash may cost them their last second."""
    marker = home.thing(f"kept-{uuid4().hex}").encode()
    file = home.data / "surroundings.checkpoint"
    assert eventually(lambda: file.exists() and marker in file.read_bytes())


def test_a_report_whose_plane_dies_at_its_commit_is_sent_again_and_counts_once(tmp_path: Path) -> None:
    home = Home(tmp_path / "data", command=KILLING)
    try:
        inbox, thing = home.inbox(), home.thing("doomed")
        home.profile("ports", OF_THE_GUIDE, alertTargets=inbox.target)
        reporter = Reporter(home.mqtt_port, thing)
        reporter.report(listening(22, report_id=1))
        assert reporter.replies.get(timeout=PATIENCE) == (1, "ACCEPTED")
        order = home.data / "die"

        for number, moment, port in ((2, "before", 23), (3, "after", 22)):
            order.write_text(moment)
            reporter.report(listening(port, report_id=number))

            assert reporter.replies.get(timeout=PATIENCE) == (number, "ACCEPTED")
            assert eventually(reporter.is_done)
            assert not order.exists()
        assert home.log.read_text().count("the data plane ended (signal 9, Killed), it is started again in ") == 2
        check_ledger(home, [reporter], inbox)
        assert [event["violationEventType"] for event in reversed(home.events())] == ["in-alarm", "alarm-cleared"]
        reporter.close()
    finally:
        home.close()


@pytest.fixture(scope="module")
def survivor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running(tmp_path_factory.mktemp("survivor") / "data") as started:
        yield started


def test_reports_are_taken_while_the_control_plane_is_dead_and_their_alerts_come_after(survivor: Home) -> None:
    inbox, thing = survivor.inbox("of-control"), survivor.thing("known", "of-control")
    survivor.profile("control", OF_THE_GUIDE, target="thinggroup/of-control", alertTargets=inbox.target)
    device = survivor.device()
    device.hear(thing)
    device.report(thing, listening(22, report_id=1))
    keep(survivor)
    control = survivor.plane("control_plane")

    control.suspend()  # so that it is not back before the report is there
    assert device.report(thing, listening(23, report_id=2))["status"] == "ACCEPTED"
    control.kill()

    assert eventually(survivor.is_healthy)
    assert "the control plane ended (signal 9, Killed), it is started again in " in survivor.log.read_text()
    assert inbox.next()["violationEventType"] == "in-alarm"
    device.report(thing, listening(22, report_id=3))
    assert inbox.next()["violationEventType"] == "alarm-cleared"


def test_both_planes_killed_at_once_come_back_with_everything(survivor: Home) -> None:
    inbox, thing = survivor.inbox("of-both"), survivor.thing("both", "of-both")
    survivor.profile("both", OF_THE_GUIDE, target="thinggroup/of-both", alertTargets=inbox.target)
    reporter = Reporter(survivor.mqtt_port, thing)
    reporter.report(listening(23, report_id=1))
    assert inbox.next()["violationEventType"] == "in-alarm"
    keep(survivor)

    for name in ("control_plane", "data_plane"):
        survivor.plane(name).kill()
    reporter.report(listening(22, report_id=2))

    assert eventually(reporter.is_done)
    assert eventually(survivor.is_healthy)
    assert eventually(lambda: "alarm-cleared" in {alert["violationEventType"] for alert in inbox.drain()})
    assert survivor.active(thingName=thing) == []
    reporter.close()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with running(
        tmp_path / "data", "--port", str(free_port()), "--mqtt-port", str(free_port()), "--mqtts-port", "0"
    ) as started:
        yield started


def is_held(directory: Path) -> bool:
    """Whether somebody has a data directory."""
    with (directory / "lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_after_a_killed_supervisor_all_is_free_once_its_planes_are_gone_and_the_next_start_finds_everything(
    home: Home,
) -> None:
    inbox, thing = home.inbox(), home.thing("orphan")
    home.profile("ports", OF_THE_GUIDE, alertTargets=inbox.target)
    device = home.device()
    device.hear(thing)
    device.report(thing, listening(23))
    assert inbox.next()["violationEventType"] == "in-alarm"
    keep(home)
    control, data = home.plane("control_plane"), home.plane("data_plane")
    before = (home.url, home.mqtt_port)

    control.suspend()
    home.process.kill()
    home.process.wait()
    assert psutil.wait_procs([data], timeout=PATIENCE)[1] == []
    assert is_held(home.data)
    control.resume()
    assert psutil.wait_procs([control], timeout=PATIENCE)[1] == []
    home.start()

    assert (home.url, home.mqtt_port) == before
    assert [each["thingName"] for each in home.active()] == ["orphan"]


class Load:
    """Reporters that always have some reports on their way, until they are stopped."""

    def __init__(self, home: Home, *things: str) -> None:
        self.reporters = [Reporter(home.mqtt_port, thing) for thing in things]
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(each,), daemon=True) for each in self.reporters]
        for thread in self._threads:
            thread.start()

    def acknowledged(self) -> int:
        return sum(reporter.sent - reporter.unacknowledged() for reporter in self.reporters)

    def wait_for(self, more: int) -> None:
        """Return when so many more were acknowledged."""
        upto = self.acknowledged() + more
        assert eventually(lambda: self.acknowledged() >= upto)

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
            if reporter.unacknowledged() < IN_FLIGHT:
                reporter.report(now_and_then(reporter.sent + 1))
            self._stopping.wait(0.01)


def loaded(home: Home, things: list[str]) -> tuple[Any, Load]:
    """Things with a profile and an inbox, known and on disk, under load."""
    inbox = home.inbox()
    for thing in things:
        home.thing(thing)
    home.profile("ports", OF_THE_GUIDE, alertTargets=inbox.target)
    keep(home)
    return inbox, Load(home, *things)


def stop_and_start(home: Home, load: Load) -> None:
    """SIGTERM, to which nobody may have to be forced; all that is acknowledged is in the log already."""
    assert home.stop() == 0
    assert "was killed" not in home.log.read_text()
    for reporter in load.reporters:
        assert set(report_ids(home, reporter.thing)) >= reporter.acknowledged
    home.start()


def kill_and_start(home: Home, _: Load) -> None:
    home.process.kill()
    home.process.wait()
    home.start()


def kill(name: str) -> Callable[[Home, Load], None]:
    return lambda home, _: home.plane(name).kill()


# A plane that dies often is started again later and later, until all of it is started anew.
ENDS: tuple[Callable[[Home, Load], object], ...] = (
    kill("data_plane"),
    kill("control_plane"),
    kill("data_plane"),
    stop_and_start,
    kill("data_plane"),
    kill("control_plane"),
    kill("data_plane"),
    kill_and_start,
    lambda home, _: [home.plane(name).kill() for name in ("control_plane", "data_plane")],
)


def end_at_random(home: Home, seed: int, rounds: int) -> None:
    rng = random.Random(seed)
    inbox, load = loaded(home, ["random-1", "random-2"])
    for number in range(rounds):
        load.wait_for(rng.randrange(1, 60))
        ENDS[number % len(ENDS)](home, load)
        assert eventually(home.is_healthy)
    load.wait_for(20)
    load.stop()
    check_ledger(home, load.reporters, inbox)


@pytest.mark.unmeasured
@pytest.mark.parametrize("seed", range(1, 5))
def test_kills_and_sigterm_at_random_moments_under_load_lose_and_double_nothing(home: Home, seed: int) -> None:
    end_at_random(home, seed, rounds=10)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(5, 15))
def test_many_kills_and_sigterm_at_random_moments_under_load_lose_and_double_nothing(home: Home, seed: int) -> None:
    end_at_random(home, seed, rounds=50)
