"""What clients see of what they have no right to, in both versions, and that it has no effect."""

import logging
from ipaddress import ip_address

import pytest

from tests.unit.broker.wire import Client, Home, Policies, next_publish, serve
from warden.embedded.broker.connection import Reason
from warden.embedded.broker.events import ConnectFailed, Denied, Disconnected
from warden.embedded.broker.herald import MOST_LOGGED
from warden.embedded.broker.packets import (
    MQTT_3_1_1,
    MQTT_5,
    Code,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Will,
)
from warden.embedded.broker.requests import Ways

BOTH = pytest.mark.parametrize("level", [MQTT_3_1_1, MQTT_5])


async def all_of(client: Client) -> list[Packet]:
    """What a client gets until the broker closes its connection."""
    packets = []
    while packet := await client.receive():
        packets.append(packet)
    return packets


@pytest.mark.parametrize(("level", "answers"), [(MQTT_3_1_1, []), (MQTT_5, [Connack(code=Code.NOT_AUTHORIZED)])])
@pytest.mark.parametrize(
    "will",
    [
        pytest.param(None, id="itself"),
        pytest.param(Will("secret", b""), id="its will"),
        pytest.param(Will("kept", b"", retain=True), id="its retained will"),
    ],
)
def test_a_client_that_may_not_connect_is_closed_and_evicts_nobody(
    level: int, answers: list[Packet], will: Will | None
) -> None:
    policies = Policies(publishes={"secret"}, retains={"kept"})

    async def scenario(home: Home) -> None:
        real = await home.connect("lamp", will=Will("kept", b""))
        await real.subscribe("t", qos=1)
        if will is None:
            policies.connects.add("lamp")
        intruder = await home.dial(level=level)
        await intruder.send(Connect("lamp", will=will, level=level), Publish("take", b""))
        assert await all_of(intruder) == answers
        home.broker.publish("t", b"", 1)
        assert await real.ping() == [Publish("t", b"", 1, 1)]
        assert (home.taken, home.broker.stats.denied) == ([], 1)
        (failed,) = [event for event in home.events if isinstance(event, ConnectFailed)]
        assert (failed.client_id, failed.address) == ("lamp", "127.0.0.1")
        assert not [event for event in home.events if isinstance(event, Disconnected)]

    serve(scenario, authorise=policies)


def test_whoever_decides_is_shown_the_connect_with_the_client_s_id_and_without_its_password() -> None:
    policies = Policies()

    async def scenario(home: Home) -> None:
        will = Will("wills", b"", 1, True)
        client = await home.dial()
        await client.ask(Connect("", will=will, username="u", password=b"secret"))
        ((peer, connect),) = policies.asked
        assert ip_address(peer.address).is_loopback
        assert peer.port == client.writer.get_extra_info("sockname")[1]
        assert (peer.certificate_id, peer.tls) == ("", None)
        assert connect.client_id
        assert (connect.clean, connect.will, connect.username, connect.password) == (True, will, "u", None)

    serve(scenario, authorise=policies)


@pytest.mark.parametrize(
    ("level", "qos", "answers", "stays"),
    [
        pytest.param(MQTT_3_1_1, 0, [], False, id="3.1.1, QoS 0: closed"),
        pytest.param(MQTT_3_1_1, 1, [], False, id="3.1.1, QoS 1: closed without a PUBACK"),
        pytest.param(MQTT_5, 0, [Disconnect(Code.NOT_AUTHORIZED)], False, id="5, QoS 0: DISCONNECT"),
        pytest.param(MQTT_5, 1, [Puback(7, Code.NOT_AUTHORIZED), Pingresp()], True, id="5, QoS 1: PUBACK"),
    ],
)
@pytest.mark.parametrize("topic", ["secret", "kept", "take/secret"])
def test_a_message_that_a_client_may_not_publish_goes_nowhere(
    level: int, qos: int, answers: list[Packet], stays: bool, topic: str
) -> None:
    async def scenario(home: Home) -> None:
        watcher = await home.connect("watcher")
        await watcher.subscribe("#")
        client = await home.connect("lamp", level=level)
        await client.ask(Publish("kept", b"", 1, 6))
        await client.send(Publish(topic, b"x", qos, 7 if qos else 0, retain=topic == "kept"), b"\xc0\0")
        if stays:
            assert [await client.receive(), await client.receive()] == answers
        else:
            assert await all_of(client) == answers
            assert [event.reason for event in home.events if isinstance(event, Disconnected)] == [Reason.AUTH_ERROR]
        assert await watcher.ping() == [Publish("kept", b"")]
        assert (home.taken, list(home.broker.retained.list())) == ([], [])
        (denied,) = [event for event in home.events if isinstance(event, Denied)]
        assert (denied.operation, denied.topic, denied.client_id) == ("publish", topic, "lamp")

    serve(scenario, authorise=Policies(publishes={"secret", "take/secret"}, retains={"kept"}))


def test_a_denied_message_of_qos_0_need_not_close_a_connection_of_mqtt_5() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp", level=MQTT_5)
        await client.send(Publish("take/secret", b""))
        assert await client.ping() == []
        assert (home.taken, home.broker.stats.denied) == ([], 1)

    serve(scenario, authorise=Policies(publishes={"take/secret"}), ways=Ways(close_on_denied_publish=False))


FILTERS = Subscribe(1, (("t", 1), ("secret/#", 1), ("u", 0)))


def test_a_denied_subscription_closes_a_connection_of_3_1_1() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp", clean=False)
        await client.send(FILTERS)
        assert await all_of(client) == []
        again = await home.connect("lamp", clean=False)
        home.broker.publish("t", b"")
        assert await again.ping() == []

    serve(scenario, authorise=Policies(subscribes={"secret/#"}))


@pytest.mark.parametrize(("level", "code"), [(MQTT_3_1_1, 0x80), (MQTT_5, 0x87)])
def test_a_denied_subscription_is_refused_alone(level: int, code: int) -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp", level=level)
        assert await client.ask(FILTERS) == Suback(1, (1, code, 0))
        home.broker.publish("secret/a", b"")
        home.broker.publish("t", b"")
        assert await client.ping() == [Publish("t", b"")]
        (denied,) = [event for event in home.events if isinstance(event, Denied)]
        assert (denied.operation, denied.topic) == ("subscribe", "secret/#")

    serve(scenario, authorise=Policies(subscribes={"secret/#"}), ways=Ways(close_on_denied_subscribe=False))


@BOTH
@pytest.mark.parametrize("qos", [0, 1])
def test_a_message_that_a_client_may_not_receive_is_withheld_and_its_session_stays(level: int, qos: int) -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp", level=level)
        await client.subscribe("+", qos=qos)
        for number in range(150):  # more than may be unacknowledged
            home.broker.publish("secret", str(number).encode(), qos)
        home.broker.publish("t", b"", qos)
        assert [packet.topic for packet in await client.ping() if isinstance(packet, Publish)] == ["t"]
        assert home.broker.stats.withheld == 150
        assert {event.operation for event in home.events if isinstance(event, Denied)} == {"receive"}

    serve(scenario, authorise=Policies(receives={"secret"}))


def test_a_message_that_waited_is_withheld_if_its_receiver_may_no_longer_have_it() -> None:
    policies = Policies()

    async def scenario(home: Home) -> None:
        client = await home.connect("lamp", clean=False)
        await client.subscribe("+", qos=1)
        client.abort()
        await home.until(lambda: not home.broker.clients())
        for topic in ("secret", "t"):
            home.broker.publish(topic, b"", 1)
        policies.receives.add("secret")
        client = await home.connect("lamp", clean=False)
        assert [packet.topic for packet in await client.ping() if isinstance(packet, Publish)] == ["t"]

    serve(scenario, authorise=policies)


def test_the_log_is_told_once_of_what_a_client_tries_again_and_again(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp", level=MQTT_5)
        for _ in range(3):
            await client.ask(Publish("secret", b"", 1, 1))
        await client.subscribe("secret")
        assert home.broker.stats.denied == 4
        assert len([event for event in home.events if isinstance(event, Denied)]) == 4
        refused = await home.dial()
        await refused.send(Connect("nobody"))
        assert await refused.receive() is None

    serve(scenario, authorise=Policies(connects={"nobody"}, publishes={"secret"}, subscribes={"secret"}))
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "client 'lamp' at 127.0.0.1 may not publish on 'secret'",
        "client 'lamp' at 127.0.0.1 may not subscribe to 'secret'",
        "client 'nobody' at 127.0.0.1 may not connect",
    ]


def test_the_log_is_told_of_each_topic_that_a_client_may_not_use_and_of_so_many(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Else whoever has been denied anything goes on unseen."""
    topics = [f"secret/{number}" for number in range(MOST_LOGGED + 5)]

    async def scenario(home: Home) -> None:
        client = await home.connect("lamp", level=MQTT_5)
        for topic in topics:
            await client.ask(Publish(topic, b"", 1, 1))
        assert home.broker.stats.denied == len(topics)

    serve(scenario, authorise=Policies(publishes=set(topics)))
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert told == [f"client 'lamp' at 127.0.0.1 may not publish on {topic!r}" for topic in topics[:MOST_LOGGED]]


def test_what_listens_to_events_may_fail(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("no ears")

    async def scenario(home: Home) -> None:
        client = await home.connect("lamp")
        await client.subscribe("t")
        home.broker.publish("t", b"")
        assert await next_publish(client) == Publish("t", b"")

    serve(scenario, tell=fail)
    assert "no ears" in caplog.text


@BOTH
def test_a_filter_beyond_the_limits_is_refused_unread_and_its_text_is_not_logged(
    level: int, caplog: pytest.LogCaptureFixture
) -> None:
    too_long = "\x01" * 60_000

    async def scenario(home: Home) -> None:
        client = await home.connect("lamp", level=level)
        code = Code.TOPIC_FILTER_INVALID if level == MQTT_5 else 0x80
        assert await client.subscribe(too_long, "t") == (code, 0)
        assert await client.ping() == []

    with caplog.at_level(logging.DEBUG):
        serve(scenario, authorise=Policies(subscribes={too_long}))
    assert all(len(record.getMessage()) < 1_000 for record in caplog.records)
