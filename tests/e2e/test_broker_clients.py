"""The broker under the MQTT clients that devices really use: paho, and AWS's own, first and present."""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from awscrt import io, mqtt, mqtt5
from AWSIoTPythonSDK.MQTTLib import AWSIoTMQTTClient
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from tests.surroundings.pki import an_ec_key, key_text, name
from warden.embedded.broker import Broker, Publication
from warden.embedded.plane import now
from warden.embedded.surroundings.authority import Authority
from warden.embedded.tls import Handshakes, TlsFront, server_context

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


def test_paho_is_told_by_mqtt_5_what_was_refused(home: Home) -> None:
    with paho(home, "lamp", v5=True) as lamp:
        assert lamp.answers.get(timeout=SECONDS) == (0, False)
        assert lamp.subscribe(REPORT_TOPIC, 1) == [0x8F]
        assert lamp.subscribe("$share/group/t", 1) == [0x9E]
        refused: queue.Queue[int] = queue.Queue()
        lamp.client.on_publish = lambda _client, _data, _mid, code, _properties: refused.put(code.value)
        lamp.client.publish("/" * 8, b"", 1)
        assert refused.get(timeout=SECONDS) == 0x90


def test_paho_reports_by_mqtt_5_and_gets_the_reply(home: Home) -> None:
    with paho(home, "lamp", v5=True) as lamp:
        lamp.answers.get(timeout=SECONDS)
        assert lamp.subscribe(REPORT_TOPIC + "/accepted", 1) == [1]
        lamp.publish(REPORT_TOPIC, b'{"header":{}}', 1)
        assert lamp.message() == (REPORT_TOPIC + "/accepted", b"{}", 0)
        assert home.reports.get(timeout=SECONDS).client_id == "lamp"


def test_paho_sends_properties_by_an_alias_and_gets_them(home: Home) -> None:
    with paho(home, "sensor", v5=True) as sensor, paho(home, "panel", v5=True) as panel:
        panel.answers.get(timeout=SECONDS)
        sensor.answers.get(timeout=SECONDS)
        panel.subscribe("home/+", 1)
        properties = Properties(PacketTypes.PUBLISH)
        properties.TopicAlias = 8
        properties.UserProperty = [("k", "v"), ("k", "w")]
        properties.ContentType = "text/plain"
        properties.CorrelationData = b"\x07"
        properties.MessageExpiryInterval = 60
        for topic in ("home/a", ""):
            sensor.client.publish(topic, b"21", 1, properties=properties).wait_for_publish(SECONDS)
            message = panel.messages.get(timeout=SECONDS)
            assert (message.topic, message.payload, message.retain) == ("home/a", b"21", False)
            assert message.properties is not None
            assert message.properties.json() == {
                "UserProperty": [("k", "v"), ("k", "w")], "ContentType": "text/plain", "CorrelationData": "07",
                "MessageExpiryInterval": 60,
            }  # fmt: skip


def test_paho_gets_what_is_retained(home: Home) -> None:
    home.do(lambda: home.broker.publish("state", b"on", 1, retain=True))
    for v5 in (False, True):
        with paho(home, "panel", v5=v5) as panel:
            panel.answers.get(timeout=SECONDS)
            panel.subscribe("state", 1)
            message = panel.messages.get(timeout=SECONDS)
            assert (message.payload, message.qos, message.retain) == (b"on", 1, True)


def test_paho_is_told_by_mqtt_5_that_it_is_taken_over(home: Home) -> None:
    with paho(home, "lamp", v5=True) as first:
        assert first.answers.get(timeout=SECONDS) == (0, False)
        left: queue.Queue[int] = queue.Queue()
        first.client.on_disconnect = lambda _client, _data, _flags, code, _properties: left.put(code.value)
        with paho(home, "lamp") as second:
            assert second.answers.get(timeout=SECONDS) == (0, False)
            assert left.get(timeout=SECONDS) == 0x8E


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


class Crt5:
    """A client of AWS's for MQTT 5, and what happened to it."""

    def __init__(self, home: Home, client_id: str | None, **connect: Any) -> None:
        self.messages: queue.Queue[mqtt5.PublishPacket] = queue.Queue()
        self.answers: queue.Queue[mqtt5.ConnackPacket | None] = queue.Queue()
        self.disconnected: queue.Queue[mqtt5.DisconnectPacket | None] = queue.Queue()
        self.settings: queue.Queue[mqtt5.NegotiatedSettings] = queue.Queue()
        stopped = self.stopped = threading.Event()
        group = io.EventLoopGroup(1)
        self.client = mqtt5.Client(
            mqtt5.ClientOptions(
                host_name="127.0.0.1",
                port=home.port,
                bootstrap=io.ClientBootstrap(group, io.DefaultHostResolver(group)),
                connect_options=mqtt5.ConnectPacket(client_id=client_id, keep_alive_interval_sec=60, **connect),
                on_publish_callback_fn=lambda data: self.messages.put(data.publish_packet),
                on_lifecycle_event_connection_success_fn=self._connected,
                on_lifecycle_event_connection_failure_fn=lambda data: self.answers.put(data.connack_packet),
                on_lifecycle_event_disconnection_fn=lambda data: self.disconnected.put(data.disconnect_packet),
                on_lifecycle_event_stopped_fn=lambda _: stopped.set(),
            )
        )
        self.client.start()

    def _connected(self, data: mqtt5.LifecycleConnectSuccessData) -> None:
        self.settings.put(data.negotiated_settings)
        self.answers.put(data.connack_packet)

    def stop(self) -> None:
        self.client.stop()
        assert self.stopped.wait(SECONDS)


def test_aws_mqtt_5_client_learns_the_broker_s_limits(home: Home) -> None:
    lamp = Crt5(home, None)
    settings = lamp.settings.get(timeout=SECONDS)
    assert settings.client_id
    assert (settings.maximum_qos, settings.receive_maximum_from_server) == (mqtt5.QoS.AT_LEAST_ONCE, 100)
    assert settings.maximum_packet_size_to_server == 139_269
    assert (settings.retain_available, settings.wildcard_subscriptions_available) == (True, True)
    assert (settings.subscription_identifiers_available, settings.shared_subscriptions_available) == (False, False)
    lamp.stop()


def test_aws_mqtt_5_client_reports_and_gets_the_reply(home: Home) -> None:
    lamp = Crt5(home, "lamp")
    subscribe = mqtt5.SubscribePacket([mqtt5.Subscription(REPORT_TOPIC + "/accepted", mqtt5.QoS.AT_LEAST_ONCE)])
    assert lamp.client.subscribe(subscribe).result(SECONDS).reason_codes == [1]
    report = mqtt5.PublishPacket(b'{"header":{}}', mqtt5.QoS.AT_LEAST_ONCE, topic=REPORT_TOPIC)
    answer = lamp.client.publish(report).result(SECONDS)
    assert answer.puback.reason_code == 0
    assert lamp.messages.get(timeout=SECONDS).payload == b"{}"
    assert home.reports.get(timeout=SECONDS).client_id == "lamp"
    lamp.stop()


def test_aws_mqtt_5_client_sends_and_gets_properties(home: Home) -> None:
    lamp = Crt5(home, "lamp")
    subscribe = mqtt5.SubscribePacket([mqtt5.Subscription("home/+", mqtt5.QoS.AT_LEAST_ONCE)])
    lamp.client.subscribe(subscribe).result(SECONDS)
    sent = mqtt5.PublishPacket(
        b"21", mqtt5.QoS.AT_LEAST_ONCE, topic="home/a", content_type="text/plain", response_topic="answers",
        correlation_data=b"\x07", message_expiry_interval_sec=60, user_properties=[mqtt5.UserProperty("k", "v")],
    )  # fmt: skip
    lamp.client.publish(sent).result(SECONDS)
    got = lamp.messages.get(timeout=SECONDS)
    assert (got.topic, got.payload, got.content_type, got.response_topic) == ("home/a", b"21", "text/plain", "answers")
    assert (got.correlation_data_bytes, got.message_expiry_interval_sec) == (b"\x07", 60)
    assert got.user_properties == [mqtt5.UserProperty("k", "v")]
    lamp.stop()


def test_aws_mqtt_5_client_is_told_that_it_is_taken_over_and_its_will_is_published(home: Home) -> None:
    will = mqtt5.PublishPacket(b"gone", mqtt5.QoS.AT_LEAST_ONCE, topic="wills")
    lamp = Crt5(home, "lamp", will=will)
    lamp.answers.get(timeout=SECONDS)
    with paho(home, "panel", v5=True) as panel:
        panel.answers.get(timeout=SECONDS)
        panel.subscribe("wills", 1)
        with paho(home, "lamp", v5=True):
            left = lamp.disconnected.get(timeout=SECONDS)
            assert left is not None
            assert left.reason_code == mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER
            lamp.client.stop()
            assert panel.message() == ("wills", b"gone", 1)
    assert lamp.stopped.wait(SECONDS)


def test_aws_mqtt_5_client_is_told_why_it_may_not_connect(home: Home) -> None:
    lamp = Crt5(home, "$lamp")
    refused = lamp.answers.get(timeout=SECONDS)
    assert refused is not None
    assert refused.reason_code == mqtt5.ConnectReasonCode.CLIENT_IDENTIFIER_NOT_VALID
    lamp.stop()


@pytest.fixture
def tls(home: Home, tmp_path: Path) -> Iterator[int]:
    """The port of a TLS front of the broker, whose authority and a device's certificate are in `tmp_path`."""
    authority = Authority.open(tmp_path, now)
    pem, key = authority.issue_server(["localhost"])
    (tmp_path / "server.pem").write_text(pem)
    (tmp_path / "server.key").write_text(key)
    device = an_ec_key()
    (tmp_path / "device.pem").write_text(authority.issue(name("lamp"), device.public_key()))
    (tmp_path / "device.key").write_text(key_text(device))
    context = server_context(tmp_path / "server.pem", tmp_path / "server.key", [(tmp_path / "ca.pem").read_text()])

    def front() -> TlsFront:
        return TlsFront(
            context,
            home.broker.protocol,
            admit=lambda *_: True,
            failed=lambda *_: None,
            handshakes=Handshakes(lambda: 0.0),
        )

    async def listen() -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(front, "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(listen(), home.loop).result(SECONDS)
    yield server.sockets[0].getsockname()[1]
    home.do(server.close)


@pytest.mark.filterwarnings("ignore:ssl:DeprecationWarning")  # the client's own way with ssl
def test_aws_first_client_reports_over_tls_and_gets_the_reply(home: Home, tls: int, tmp_path: Path) -> None:
    lamp = AWSIoTMQTTClient("lamp")
    lamp.configureEndpoint("localhost", tls)
    lamp.configureCredentials(*(str(tmp_path / each) for each in ("ca.pem", "device.key", "device.pem")))
    lamp.configureMQTTOperationTimeout(SECONDS)
    replies: queue.Queue[tuple[str, bytes]] = queue.Queue()
    assert lamp.connect()
    assert lamp.subscribe(
        REPORT_TOPIC + "/accepted", 1, lambda _client, _data, message: replies.put((message.topic, message.payload))
    )
    assert lamp.publish(REPORT_TOPIC, '{"header":{}}', 1)
    assert replies.get(timeout=SECONDS) == (REPORT_TOPIC + "/accepted", b"{}")
    assert home.reports.get(timeout=SECONDS).client_id == "lamp"
    assert lamp.disconnect()
