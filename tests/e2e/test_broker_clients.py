"""The broker under the MQTT clients that devices really use: paho, and AWS's own (awscrt)."""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from awscrt import io, mqtt
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from warden.embedded.broker import Broker, Publication

SECONDS = 10
REPORT_TOPIC = "$aws/things/lamp/defender/metrics/json"


@dataclass
class Home:
    """A broker on a loop in a thread of its own, that takes over defender metrics and answers them."""

    loop: asyncio.AbstractEventLoop
    reports: queue.Queue[Publication] = field(default_factory=queue.Queue)
    port: int = 0

    def __post_init__(self) -> None:
        self.broker = Broker(take=self._take, log=logging.getLogger("broker"))

    def _take(self, publication: Publication) -> bool:
        if "/defender/metrics/" not in publication.topic:
            return False
        self.reports.put(publication)
        self.broker.publish(publication.topic + "/accepted", b"{}")
        publication.acknowledge()
        return True

    def do(self, action: Callable[..., None], *args: object) -> None:
        """Have something done on the broker's loop, and wait for it."""

        async def act() -> None:
            action(*args)

        asyncio.run_coroutine_threadsafe(act(), self.loop).result(SECONDS)


@pytest.fixture
def home() -> Iterator[Home]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    here = Home(loop)
    here.port = asyncio.run_coroutine_threadsafe(here.broker.listen("127.0.0.1", 0), loop).result(SECONDS)
    yield here
    asyncio.run_coroutine_threadsafe(here.broker.close(), loop).result(SECONDS)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


class Paho:
    """A paho client and what happened to it, in order."""

    def __init__(self, client_id: str, *, clean: bool = True, v5: bool = False) -> None:
        version = MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311
        self.client = Client(
            CallbackAPIVersion.VERSION2, client_id, None if v5 else clean, protocol=version, reconnect_on_failure=False
        )
        self.messages: queue.Queue[MQTTMessage] = queue.Queue()
        self.answers: queue.Queue[Any] = queue.Queue()
        self.client.on_message = lambda _client, _data, message: self.messages.put(message)
        self.client.on_connect = self._connected
        self.client.on_disconnect = lambda *_: self.answers.put("disconnected")
        self.client.on_subscribe = lambda _client, _data, _mid, codes, _properties: self.answers.put(codes)

    def _connected(
        self, _client: Client, _data: object, flags: ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self.answers.put((code.value, flags.session_present))

    def subscribe(self, topic: str, qos: int) -> list[int]:
        self.client.subscribe(topic, qos)
        return [code.value for code in self.answers.get(timeout=SECONDS)]

    def publish(self, topic: str, payload: bytes, qos: int) -> None:
        self.client.publish(topic, payload, qos).wait_for_publish(SECONDS)

    def message(self) -> tuple[str, bytes, int]:
        message = self.messages.get(timeout=SECONDS)
        return message.topic, message.payload, message.qos


@contextmanager
def paho(home: Home, client_id: str, *, clean: bool = True, v5: bool = False, will: str = "") -> Iterator[Paho]:
    """A client that has connected, or was refused."""
    there = Paho(client_id, clean=clean, v5=v5)
    if will:
        there.client.will_set(will, b"gone", 1)
    there.client.connect("127.0.0.1", home.port, keepalive=60)
    there.client.loop_start()
    try:
        yield there
    finally:
        there.client.disconnect()
        there.client.loop_stop()


@pytest.mark.parametrize("qos", [0, 1])
def test_paho_publishes_and_subscribes(home: Home, qos: int) -> None:
    with paho(home, "sensor") as sensor, paho(home, "panel") as panel:
        assert panel.answers.get(timeout=SECONDS) == (0, False)
        assert panel.subscribe("home/+/#", qos) == [qos]
        sensor.publish("home/a", b"not matched", qos)
        sensor.publish("home/a/temperature", b"21", qos)
        assert panel.message() == ("home/a/temperature", b"21", qos)


def test_paho_reports_and_gets_the_reply(home: Home) -> None:
    with paho(home, "lamp") as lamp:
        lamp.answers.get(timeout=SECONDS)
        assert lamp.subscribe(REPORT_TOPIC + "/accepted", 1) == [1]
        assert lamp.subscribe(REPORT_TOPIC, 1) == [0x80]
        lamp.publish(REPORT_TOPIC, b'{"header":{}}', 1)
        assert lamp.message() == (REPORT_TOPIC + "/accepted", b"{}", 0)
        report = home.reports.get(timeout=SECONDS)
        assert (report.client_id, report.payload, report.qos) == ("lamp", b'{"header":{}}', 1)


def test_paho_is_taken_over_by_a_second_client_and_its_will_is_published(home: Home) -> None:
    with paho(home, "panel") as panel:
        panel.answers.get(timeout=SECONDS)
        panel.subscribe("wills", 1)
        with paho(home, "lamp", will="wills") as first:
            assert first.answers.get(timeout=SECONDS) == (0, False)
            with paho(home, "lamp") as second:
                assert second.answers.get(timeout=SECONDS) == (0, False)
                assert first.answers.get(timeout=SECONDS) == "disconnected"
                assert panel.message() == ("wills", b"gone", 1)
                second.publish("wills", b"still here", 1)
                assert panel.message() == ("wills", b"still here", 1)


def test_paho_gets_what_it_missed_when_its_session_is_persistent(home: Home) -> None:
    with paho(home, "panel", clean=False) as panel:
        assert panel.answers.get(timeout=SECONDS) == (0, False)
        panel.subscribe("t", 1)
    home.do(home.broker.publish, "t", b"missed", 1)
    with paho(home, "panel", clean=False) as panel:
        assert panel.answers.get(timeout=SECONDS) == (0, True)
        assert panel.message() == ("t", b"missed", 1)


def test_paho_with_mqtt_5_is_told_that_its_version_is_not_supported(home: Home) -> None:
    with paho(home, "lamp", v5=True) as lamp:
        assert lamp.answers.get(timeout=SECONDS) == (0x84, False)


class Crt:
    """A connection of AWS's client, and what happened to it."""

    def __init__(self, home: Home, client_id: str, *, clean: bool = True, will: mqtt.Will | None = None) -> None:
        group = io.EventLoopGroup(1)
        bootstrap = io.ClientBootstrap(group, io.DefaultHostResolver(group))
        self.messages: queue.Queue[tuple[str, bytes, int]] = queue.Queue()
        self.interrupted = threading.Event()
        self.connection = mqtt.Connection(
            client=mqtt.Client(bootstrap, None), host_name="127.0.0.1", port=home.port, client_id=client_id,
            clean_session=clean, keep_alive_secs=60, will=will, reconnect_min_timeout_secs=1,
            on_connection_interrupted=lambda **_: self.interrupted.set(),
        )  # fmt: skip
        self.connection.on_message(
            lambda topic, payload, dup, qos, retain, **_: self.messages.put((topic, payload, int(qos)))  # noqa: ARG005
        )

    def connect(self) -> bool:
        """Whether the session was there before."""
        return bool(self.connection.connect().result(SECONDS)["session_present"])

    def subscribe(self, topic: str) -> int:
        return int(self.connection.subscribe(topic, mqtt.QoS.AT_LEAST_ONCE)[0].result(SECONDS)["qos"])

    def publish(self, topic: str, payload: bytes, qos: mqtt.QoS = mqtt.QoS.AT_LEAST_ONCE) -> None:
        self.connection.publish(topic, payload, qos)[0].result(SECONDS)

    def disconnect(self) -> None:
        self.connection.disconnect().result(SECONDS)


@pytest.mark.parametrize("qos", [mqtt.QoS.AT_MOST_ONCE, mqtt.QoS.AT_LEAST_ONCE])
def test_aws_client_publishes_and_subscribes(home: Home, qos: mqtt.QoS) -> None:
    lamp = Crt(home, "lamp")
    assert lamp.connect() is False
    assert lamp.subscribe("home/+") == 1
    lamp.publish("home/a", b"21", qos)
    assert lamp.messages.get(timeout=SECONDS) == ("home/a", b"21", int(qos))
    lamp.disconnect()


def test_aws_client_reports_and_gets_the_reply(home: Home) -> None:
    lamp = Crt(home, "lamp")
    lamp.connect()
    lamp.subscribe(REPORT_TOPIC + "/accepted")
    lamp.publish(REPORT_TOPIC, b'{"header":{}}')
    assert lamp.messages.get(timeout=SECONDS) == (REPORT_TOPIC + "/accepted", b"{}", 0)
    assert home.reports.get(timeout=SECONDS).client_id == "lamp"
    lamp.disconnect()


def test_aws_client_gets_what_it_missed_when_its_session_is_persistent(home: Home) -> None:
    lamp = Crt(home, "lamp", clean=False)
    assert lamp.connect() is False
    lamp.subscribe("t")
    lamp.disconnect()
    home.do(home.broker.publish, "t", b"missed", 1)
    lamp = Crt(home, "lamp", clean=False)
    assert lamp.connect() is True
    assert lamp.messages.get(timeout=SECONDS) == ("t", b"missed", 1)
    lamp.disconnect()


def test_aws_client_is_interrupted_by_a_take_over_and_its_will_is_published(home: Home) -> None:
    panel = Crt(home, "panel")
    panel.connect()
    panel.subscribe("wills")
    first = Crt(home, "lamp", will=mqtt.Will("wills", mqtt.QoS.AT_LEAST_ONCE, b"gone", False))
    first.connect()
    with paho(home, "lamp"):
        assert first.interrupted.wait(SECONDS)
        assert panel.messages.get(timeout=SECONDS) == ("wills", b"gone", 1)
        first.disconnect()
    panel.disconnect()
