"""What MQTT 5 has beyond 3.1.1: what clients are told, and what they may ask for."""

import pytest

from tests.unit.broker.test_decode_5 import CONNECT, FIRST_PACKETS, LATER_PACKETS_5
from tests.unit.broker.wire import REPORT_TOPIC, Home, connack, gone, lamp_5, serve
from warden.embedded.broker.packets import (
    MQTT_5,
    Code,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Puback,
    Publish,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Will,
)
from warden.embedded.broker.properties import Properties

AWS = Properties(
    session_expiry=0, receive_maximum=100, maximum_qos=1, retain_available=1, maximum_packet_size=139_269,
    topic_alias_maximum=8, wildcards_available=1, subscription_ids_available=0, shared_available=0,
)  # fmt: skip


def aws(**others: object) -> Properties:
    told = {name: getattr(AWS, name) for name in AWS.__dataclass_fields__} | others
    return Properties(**told)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("keep_alive", "told"), [(30, None), (1_200, None), (0, 1_200), (1_201, 1_200), (29, 30), (1, 30)]
)
def test_a_client_is_told_what_the_broker_can_do_and_another_keep_alive_than_its_own(
    keep_alive: int, told: int | None
) -> None:
    async def scenario(home: Home) -> None:
        answer = await connack(home, Connect("lamp", keep_alive=keep_alive, level=MQTT_5))
        assert answer == Connack(properties=aws(server_keep_alive=told))

    serve(scenario)


def test_a_client_without_an_id_is_told_the_one_it_gets_and_may_keep_its_session() -> None:
    async def scenario(home: Home) -> None:
        asked = Properties(session_expiry=60)
        client = await home.dial(level=MQTT_5)
        answer = await client.ask(Connect("", clean=False, keep_alive=60, level=MQTT_5, properties=asked))
        assert isinstance(answer, Connack)
        assigned = answer.properties.assigned_client_id
        assert assigned
        await gone(home, client)
        again = Connect(assigned, clean=False, keep_alive=60, level=MQTT_5, properties=asked)
        assert await connack(home, again) == Connack(True, properties=aws(session_expiry=60))

    serve(scenario)


@pytest.mark.parametrize(
    ("connect", "code"),
    [
        (Connect("$lamp", level=MQTT_5), Code.CLIENT_IDENTIFIER_NOT_VALID),
        (Connect("l" * 129, level=MQTT_5), Code.CLIENT_IDENTIFIER_NOT_VALID),
        (Connect("lamp", will=Will("/" * 8, b""), level=MQTT_5), Code.TOPIC_NAME_INVALID),
    ],
)
def test_a_refused_client_is_told_why(connect: Connect, code: Code) -> None:
    async def scenario(home: Home) -> None:
        client = await home.dial(level=MQTT_5)
        assert await client.ask(connect) == Connack(code=code)
        assert await client.is_closed()

    serve(scenario)


@pytest.mark.parametrize(("data", "code"), FIRST_PACKETS.values(), ids=FIRST_PACKETS)
def test_a_bad_connect_is_answered_and_closes_its_connection(data: bytes, code: Code) -> None:
    async def scenario(home: Home) -> None:
        client = await home.dial(level=MQTT_5)
        await client.send(data)
        assert [await client.receive(), await client.receive()] == [Connack(code=code), None]
        assert (home.broker.stats.malformed, home.broker.stats.failed) == (1, 0)

    serve(scenario)


@pytest.mark.parametrize(("data", "code"), LATER_PACKETS_5.values(), ids=LATER_PACKETS_5)
def test_a_bad_packet_is_answered_and_closes_its_connection_and_no_other(data: bytes, code: Code) -> None:
    async def scenario(home: Home) -> None:
        bystander = await home.connect("bystander")
        client = await home.dial(level=MQTT_5)
        await client.send(CONNECT + data, Publish("take/later", b""))
        assert isinstance(await client.receive(), Connack)
        assert [await client.receive(), await client.receive()] == [Disconnect(code), None]
        assert await bystander.ping() == []
        assert (home.broker.stats.malformed, home.broker.stats.failed, home.taken) == (1, 0, [])

    serve(scenario)


@pytest.mark.parametrize(
    ("packet", "code"),
    [
        pytest.param(Connack(), Code.PROTOCOL_ERROR, id="a CONNACK"),
        pytest.param(Publish("t" * 257, b""), Code.TOPIC_NAME_INVALID, id="a topic of 257 bytes"),
        pytest.param(Publish("$aws/things/lamp/shadow/update", b""), Code.NOT_AUTHORIZED, id="a reserved topic"),
        pytest.param(Subscribe(1, (("t", 0),) * 9), Code.QUOTA_EXCEEDED, id="9 filters in a SUBSCRIBE"),
        pytest.param(Publish("t", b"", properties=Properties(topic_alias=9)), Code.TOPIC_ALIAS_INVALID, id="alias 9"),
        pytest.param(
            Publish("", b"", properties=Properties(topic_alias=8)), Code.PROTOCOL_ERROR, id="an unknown alias"
        ),
        pytest.param(Disconnect(0, Properties(session_expiry=1)), Code.PROTOCOL_ERROR, id="a session kept too late"),
    ],
)
def test_a_client_that_breaks_a_rule_is_told_which_and_closed(packet: Packet, code: Code) -> None:
    async def scenario(home: Home) -> None:
        client = await lamp_5(home)
        await client.send(packet, Publish("take/later", b""))
        assert [await client.receive(), await client.receive()] == [Disconnect(code), None]
        assert home.taken == []

    serve(scenario)


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        ("/" * 8, Code.TOPIC_NAME_INVALID),
        ("t" * 257, Code.TOPIC_NAME_INVALID),
        ("$aws/things/lamp/shadow/update", Code.NOT_AUTHORIZED),
        ("t", Code.SUCCESS),
    ],
)
def test_a_message_of_qos_1_is_refused_by_its_acknowledgement(topic: str, code: Code) -> None:
    async def scenario(home: Home) -> None:
        client = await lamp_5(home)
        assert await client.ask(Publish(topic, b"", 1, 5)) == Puback(5, code)
        assert await client.ping() == []

    serve(scenario)


def test_subscriptions_are_refused_each_for_its_reason() -> None:
    async def scenario(home: Home) -> None:
        client = await lamp_5(home)
        assert await client.subscribe(REPORT_TOPIC, "/" * 8, "$share/g/t", "t", qos=1) == (0x8F, 0x8F, 0x9E, 1)
        for batch in range(7):
            await client.subscribe(*(f"{batch}/{each}" for each in range(7)))
        assert await client.subscribe("51st", "t") == (Code.QUOTA_EXCEEDED, 0)
        assert await client.ask(Unsubscribe(1, ("t", "never"))) == Unsuback(1, (0, 0))

    serve(scenario)
