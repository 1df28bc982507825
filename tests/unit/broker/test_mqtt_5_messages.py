"""What MQTT 5 adds to messages: properties, aliases, expiry, flow control, options of subscriptions."""

import pytest

from tests.unit.broker.wire import Home, gone, lamp_5, next_publish, serve
from warden.embedded.broker.packets import (
    MQTT_5,
    NO_LOCAL,
    RETAIN_AS_PUBLISHED,
    Code,
    Connect,
    Disconnect,
    Puback,
    Publish,
    Suback,
    Subscribe,
)
from warden.embedded.broker.properties import NO_PROPERTIES, Properties

PUBLISHED = Properties(
    payload_format=1, content_type="text/plain", response_topic="answers", correlation_data=b"\x07",
    user=(("k", "v"), ("k", "w")),
)  # fmt: skip


def test_properties_reach_those_who_speak_mqtt_5_and_the_others_get_the_message_alone() -> None:
    async def scenario(home: Home) -> None:
        older, newer = await home.connect("older"), await home.connect("newer", level=MQTT_5)
        for client in (older, newer):
            await client.subscribe("t", qos=1)
        sender = await lamp_5(home)
        with_alias = Properties(**{name: getattr(PUBLISHED, name) for name in PUBLISHED.__slots__} | {"topic_alias": 1})
        await sender.send(Publish("t", b"21", 1, 9, properties=with_alias), Publish("", b"22", properties=with_alias))
        await sender.ping()
        assert await older.ping() == [Publish("t", b"21", 1, 1), Publish("t", b"22")]
        assert await newer.ping() == [
            Publish("t", b"21", 1, 1, properties=PUBLISHED), Publish("t", b"22", properties=PUBLISHED),
        ]  # fmt: skip
        await older.send(Publish("t", b"23"))
        assert await next_publish(newer) == Publish("t", b"23")

    serve(scenario)


def test_a_topic_alias_stands_for_the_last_topic_that_it_was_sent_with_on_its_connection() -> None:
    async def scenario(home: Home) -> None:
        client = await lamp_5(home)
        one, eight = Properties(topic_alias=1), Properties(topic_alias=8)
        await client.send(
            Publish("take/a", b"1", properties=one), Publish("take/b", b"2", properties=eight),
            Publish("", b"3", properties=one), Publish("take/c", b"4", properties=one),
            Publish("", b"5", properties=one), Publish("", b"6", properties=eight),
        )  # fmt: skip
        await client.ping()
        assert [publication.topic for publication in home.taken] == [f"take/{letter}" for letter in "abaccb"]
        client = await lamp_5(home)
        assert await client.ask(Publish("", b"", properties=one)) == Disconnect(Code.PROTOCOL_ERROR)

    serve(scenario)


def test_a_topic_that_is_too_long_stands_behind_no_alias_and_takes_away_what_did() -> None:
    async def scenario(home: Home) -> None:
        client, one = await lamp_5(home), Properties(topic_alias=1)
        await client.send(Publish("take/a", b"", properties=one))
        assert await client.ask(Publish("t" * 257, b"", 1, 7, properties=one)) == Puback(7, Code.TOPIC_NAME_INVALID)
        assert await client.ask(Publish("", b"", properties=one)) == Disconnect(Code.PROTOCOL_ERROR)

    serve(scenario)


def test_a_client_is_sent_no_packet_that_is_larger_than_it_takes() -> None:
    async def scenario(home: Home) -> None:
        client = await home.dial(level=MQTT_5)
        await client.send(Connect("lamp", level=MQTT_5, properties=Properties(maximum_packet_size=12)))
        await client.send(Subscribe(1, (("a", 0),) * 8))
        assert await client.ping() == [], "neither a CONNACK of 31 bytes nor a SUBACK of 13"
        await client.send(Subscribe(1, (("a", 0),)))
        assert await client.ping() == [Suback(1, (0,))]

    serve(scenario)


def test_a_message_that_waits_is_sent_with_the_time_it_has_left_or_not_at_all() -> None:
    async def scenario(home: Home) -> None:
        client = await lamp_5(home, session_expiry=600)
        await client.subscribe("t", qos=1)
        await gone(home, client)
        sender = await home.connect("sender", level=MQTT_5)
        for seconds in (10, 30, None):
            properties = Properties(message_expiry=seconds)
            await sender.ask(Publish("t", str(seconds).encode(), 1, 1, properties=properties))
        home.clock.now += 10
        client = await home.dial(level=MQTT_5)
        await client.ask(Connect("lamp", clean=False, level=MQTT_5))
        assert [(packet.payload, packet.properties) for packet in await client.ping()] == [  # type: ignore[union-attr]
            (b"30", Properties(message_expiry=20)), (b"None", NO_PROPERTIES),
        ]  # fmt: skip
        assert home.broker.stats.expired == 1

    serve(scenario)


def test_a_client_gets_no_more_at_once_than_it_wants_and_nothing_larger() -> None:
    async def scenario(home: Home) -> None:
        client = await lamp_5(home, receive_maximum=2, maximum_packet_size=40)
        await client.subscribe("t", qos=1)
        await client.subscribe("u")
        home.broker.publish("t", bytes(40), 1)
        home.broker.publish("u", bytes(40))
        for number in range(4):
            home.broker.publish("t", str(number).encode(), 1)
        packets = [packet for packet in await client.ping() if isinstance(packet, Publish)]
        assert [packet.payload for packet in packets] == [b"0", b"1"]
        assert home.broker.stats.dropped == 2
        await client.send(Puback(packets[0].packet_id))
        assert [packet.payload for packet in await client.ping() if isinstance(packet, Publish)] == [b"2"]

    serve(scenario)


def test_what_a_client_does_not_acknowledge_counts_on_its_next_connection() -> None:
    async def scenario(home: Home) -> None:
        client = await lamp_5(home, session_expiry=600)
        await client.subscribe("t", qos=1)
        for number in range(3):
            home.broker.publish("t", str(number).encode(), 1)
        await client.ping()
        await gone(home, client)
        client = await home.dial(level=MQTT_5)
        await client.ask(Connect("lamp", clean=False, level=MQTT_5, properties=Properties(receive_maximum=2)))
        assert await client.ping() == [Publish("t", b"0", 1, 1, dup=True), Publish("t", b"1", 1, 2, dup=True)]
        await client.send(Puback(2))
        assert await client.ping() == [Publish("t", b"2", 1, 3, dup=True)]

    serve(scenario)


def test_a_client_may_acknowledge_what_it_got_on_its_last_connection() -> None:
    async def scenario(home: Home) -> None:
        client = await lamp_5(home, session_expiry=600)
        await client.subscribe("t", qos=1)
        for number in range(3):
            home.broker.publish("t", str(number).encode(), 1)
        await client.ping()
        await gone(home, client)
        client = await home.dial(level=MQTT_5)
        await client.ask(Connect("lamp", clean=False, level=MQTT_5, properties=Properties(receive_maximum=1)))
        assert await client.ping() == [Publish("t", b"0", 1, 1, dup=True)]
        await client.send(Puback(2), Puback(1))
        assert await client.ping() == [Publish("t", b"2", 1, 3, dup=True)]

    serve(scenario)


def test_a_client_that_wants_more_gets_100_messages_at_once() -> None:
    async def scenario(home: Home) -> None:
        client = await lamp_5(home, receive_maximum=500)
        await client.subscribe("t", qos=1)
        for _ in range(101):
            home.broker.publish("t", b"", 1)
        assert len(await client.ping()) == 100

    serve(scenario)


def test_a_client_that_sends_more_than_100_messages_without_an_answer_is_closed() -> None:
    async def scenario(home: Home) -> None:
        client = await lamp_5(home)
        await client.send(*(Publish("take", b"", 1, number) for number in range(1, 101)))
        assert await client.ping() == []
        home.taken[0].acknowledge()
        await client.send(Publish("take", b"", 1, 101))
        assert await client.ping() == [Puback(1)]
        assert await client.ask(Publish("take", b"", 1, 102)) == Disconnect(Code.RECEIVE_MAXIMUM_EXCEEDED)
        assert len(home.taken) == 101

    serve(scenario)


@pytest.mark.parametrize(
    ("options", "own", "other"),
    [
        pytest.param(0, [False], [False], id="none"),
        pytest.param(NO_LOCAL, [], [False], id="no local"),
        pytest.param(RETAIN_AS_PUBLISHED, [True], [True], id="retain as published"),
    ],
)
def test_options_of_a_subscription(options: int, own: list[bool], other: list[bool]) -> None:
    async def scenario(home: Home) -> None:
        lamp, sender = await lamp_5(home), await home.connect("sender")
        await lamp.ask(Subscribe(1, (("t", options), ("+", options))))
        for client, expected in ((lamp, own), (sender, other)):
            await client.send(Publish("t", b"21", retain=True))
            heard = await client.ping() if client is lamp else [] if await sender.ping() else await lamp.ping()
            assert [packet.retain for packet in heard if isinstance(packet, Publish)] == expected

    serve(scenario)
