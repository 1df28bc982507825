"""Retained messages, as those see them who subscribe later, and how many are kept."""

import pytest

from tests.unit.broker.wire import REPORT_TOPIC, Clock, Home, Policies, serve
from warden.embedded.broker.packets import (
    MQTT_3_1_1,
    MQTT_5,
    SEND_NO_RETAINED,
    SEND_RETAINED_IF_NEW,
    Packet,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Will,
)
from warden.embedded.broker.properties import NO_PROPERTIES, Properties
from warden.embedded.broker.retained import MAX_BYTES, MAX_MESSAGES, Retained, RetainedMessage


@pytest.mark.parametrize("level", [MQTT_3_1_1, MQTT_5])
@pytest.mark.parametrize(("kept_qos", "asked_qos", "qos"), [(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 1)])
def test_a_retained_message_is_sent_to_who_subscribes_later(
    level: int, kept_qos: int, asked_qos: int, qos: int
) -> None:
    async def scenario(home: Home) -> None:
        sender = await home.connect("sender")
        for number in (20, 21):
            await sender.send(Publish("t", str(number).encode(), kept_qos, number * kept_qos, retain=True))
        await sender.send(Publish("t", b"now", 0))
        await sender.ping()
        client = await home.connect("lamp", level=level)
        await client.send(Subscribe(1, (("t", asked_qos),)))
        assert await client.ping() == [Suback(1, (asked_qos,)), Publish("t", b"21", qos, qos, retain=True)]

    serve(scenario)


def test_a_retained_message_is_sent_to_filters_without_wildcards_only() -> None:
    async def scenario(home: Home) -> None:
        home.broker.publish("a/b", b"21", retain=True)
        client = await home.connect("lamp")
        for topic_filter in ("#", "a/+", "+/b", "a/#", "a/c"):
            await client.subscribe(topic_filter)
        assert await client.ping() == []
        await client.subscribe("a/b")
        assert await client.ping() == [Publish("a/b", b"21", retain=True)]

    serve(scenario)


def test_those_who_are_subscribed_get_it_as_any_message_and_an_empty_one_takes_it_away() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp")
        await client.subscribe("t")
        await client.send(Publish("t", b"21", retain=True), Publish("t", b"", retain=True))
        assert await client.ping() == [Publish("t", b"21"), Publish("t", b"")]
        await client.subscribe("t")
        assert await client.ping() == []
        assert list(home.broker.retained.list()) == []

    serve(scenario)


@pytest.mark.parametrize(
    ("handling", "first", "again"),
    [(0, 1, 1), (SEND_RETAINED_IF_NEW, 1, 0), (SEND_NO_RETAINED, 0, 0)],
)
def test_a_client_of_mqtt_5_says_when_it_wants_retained_messages(handling: int, first: int, again: int) -> None:
    async def scenario(home: Home) -> None:
        home.broker.publish("t", b"21", retain=True)
        client = await home.connect("lamp", level=MQTT_5)
        for expected in (first, again):
            await client.send(Subscribe(1, (("t", handling),)))
            assert len(await client.ping()) == 1 + expected

    serve(scenario)


def test_a_retained_message_keeps_its_properties_and_ends_with_its_time() -> None:
    async def scenario(home: Home) -> None:
        properties = Properties(content_type="text/plain", message_expiry=60, user=(("k", "v"),), topic_alias=1)
        sender = await home.connect("sender", level=MQTT_5)
        await sender.send(Publish("t", b"21", retain=True, properties=properties))
        await sender.ping()
        (kept,) = home.broker.retained.list()
        assert (kept.topic, kept.payload, kept.qos, kept.at) == ("t", b"21", 0, 1_000_000)
        client = await home.connect("lamp", level=MQTT_5)
        home.clock.now += 59
        left = Properties(content_type="text/plain", message_expiry=1, user=(("k", "v"),))
        await client.subscribe("t")
        assert await client.ping() == [Publish("t", b"21", retain=True, properties=left)]
        home.clock.now += 1
        await client.subscribe("t")
        assert await client.ping() == []
        assert (home.broker.retained.get("t"), list(home.broker.retained.list())) == (None, [])

    serve(scenario)


def test_a_retained_message_is_withheld_from_who_may_not_receive_it() -> None:
    async def scenario(home: Home) -> None:
        home.broker.publish("secret", b"21", retain=True)
        client = await home.connect("lamp")
        await client.subscribe("secret")
        assert await client.ping() == []
        assert home.broker.stats.withheld == 1

    serve(scenario, authorise=Policies(receives={"secret"}))


def test_a_will_may_be_retained_and_a_report_is_not() -> None:
    async def scenario(home: Home) -> None:
        reporter = await home.connect("reporter")
        await reporter.send(Publish(REPORT_TOPIC, b"{}", 1, 1, retain=True))
        lost = await home.connect("lost", will=Will("state", b"offline", 1, retain=True))
        lost.abort()
        await home.until(lambda: home.broker.clients() == 1)
        (kept,) = home.broker.retained.list()
        assert (kept.topic, kept.payload, kept.qos) == ("state", b"offline", 1)

    serve(scenario)


def message(
    topic: str, size: int = 1, properties: Properties = NO_PROPERTIES, expires_at: float | None = None
) -> RetainedMessage:
    return RetainedMessage(topic, bytes(size), 0, 0, properties, expires_at)


def test_expired_messages_make_room_for_others() -> None:
    clock = Clock()
    retained = Retained(clock)
    for number in range(MAX_MESSAGES):
        assert retained.put(message(str(number), expires_at=clock.now + (1 if number else 2)))
    assert not retained.put(message("another"))
    clock.now += 1
    for number in range(MAX_MESSAGES - 1):
        assert retained.put(message(f"new/{number}"))
    assert not retained.put(message("another"))
    clock.now += 1
    assert retained.put(message("another"))


PAIRS = Properties(user=(("", ""),) * 1_600)


@pytest.mark.parametrize(
    "filling",
    [
        pytest.param([message(str(number)) for number in range(MAX_MESSAGES)], id="messages"),
        pytest.param(
            [message(str(number), 128 * 1024) for number in range(MAX_BYTES // (128 * 1024 + 516))], id="bytes"
        ),
        pytest.param(
            [message(str(number), 1, PAIRS) for number in range(MAX_BYTES // message("000", 1, PAIRS).size)],
            id="pairs",
        ),
    ],
)
def test_what_is_retained_is_bounded_and_has_room_again(filling: list[RetainedMessage]) -> None:
    retained = Retained(Clock())
    assert all(map(retained.put, filling))
    assert not retained.put(message("more", 600 * 1024))
    assert retained.get("more") is None
    assert retained.put(filling[0])  # in its own place
    assert retained.put(message(filling[0].topic, 0))
    assert retained.put(message("more"))
    assert len(list(retained.list())) == len(filling)
    for kept in list(retained.list()):
        assert retained.put(message(kept.topic, 0))
    assert all(map(retained.put, filling))


def test_a_message_that_there_is_no_room_for_is_routed_and_acknowledged_all_the_same() -> None:
    async def scenario(home: Home) -> None:
        for number in range(MAX_MESSAGES):
            home.broker.publish(str(number), b"x", retain=True)
        client = await home.connect("lamp")
        await client.subscribe("more")
        await client.send(Publish("more", b"x", 1, 5, retain=True))
        packets: list[Packet] = await client.ping()
        assert packets == [Publish("more", b"x"), Puback(5)]
        assert home.broker.stats.unretained == 1

    serve(scenario)
