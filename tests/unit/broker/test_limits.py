"""AWS IoT's quotas of a connection: how many messages, how many bytes a second, how many under way."""

import asyncio

import pytest

from tests.unit.broker.wire import Home, Policies, serve
from warden.embedded.broker.limits import AWS_LIMITS, CLIENTS_REMEMBERED, Limits, Meter, Turnstile
from warden.embedded.broker.packets import MQTT_3_1_1, MQTT_5, Code, Connack, Connect, Puback, Publish
from warden.embedded.broker.properties import Properties

LIMITS = Limits(publishes_per_second=10)


def test_messages_beyond_the_limit_are_discarded_and_not_acknowledged() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp")
        await client.send(*(Publish("t", b"", 1, number) for number in range(1, 13)), Publish("t", b""))
        assert await client.ping() == [Puback(number) for number in range(1, 11)]
        assert home.broker.stats.discarded == 3
        home.clock.now += 0.1
        assert await client.ask(Publish("t", b"", 1, 13)) == Puback(13)
        other = await home.connect("other")
        assert await other.ask(Publish("t", b"", 1, 1)) == Puback(1)

    serve(scenario, limits=LIMITS)


def test_a_client_of_mqtt_5_is_told_of_messages_beyond_the_limit() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp", level=MQTT_5)
        await client.send(*(Publish("t", b"", 1, number) for number in range(1, 12)))
        assert (await client.ping())[-1] == Puback(11, Code.QUOTA_EXCEEDED)

    serve(scenario, limits=LIMITS)


def test_messages_to_a_client_beyond_the_limit_wait_or_are_lost() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp")
        await client.subscribe("0")
        await client.subscribe("1", qos=1)
        for _ in range(6):
            home.broker.publish("0", b"")
            home.broker.publish("1", b"", 1)
        packets = [packet for packet in await client.ping() if isinstance(packet, Publish)]
        assert [packet.qos for packet in packets] == [0, 1] * 5
        assert home.broker.stats.dropped == 1
        home.clock.now += 1
        home.broker.sweep()
        assert [packet.packet_id for packet in await client.ping() if isinstance(packet, Publish)] == [6]

    serve(scenario, limits=LIMITS)


def test_bytes_beyond_the_limit_are_read_later() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp")
        await client.send(Publish("take", bytes(2_000)))
        await home.until(lambda: home.taken)
        (connection,) = home.broker._connections
        assert not connection._transport.is_reading()
        await client.send(Publish("take", b""))
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(home.taken) == 1
        connection._release()  # the loop does so in a second
        await home.until(lambda: len(home.taken) == 2)

    serve(scenario, limits=Limits(bytes_per_second=1_000))


@pytest.mark.parametrize(
    ("arrivals", "waits"),
    [
        pytest.param([(0.0, 524_288)], [0], id="a second's worth at once"),
        pytest.param([(0.0, 1_048_576)], [1], id="two"),
        pytest.param([(0.0, 1_048_576), (0.5, 262_144), (3.0, 1)], [1, 1, 0], id="what waits already counts"),
        pytest.param([(0.0, 262_144), (0.5, 262_144), (1.0, 262_144)], [0, 0, 0], id="all the time within it"),
    ],
)
def test_how_long_nothing_is_read_after_bytes_that_came(arrivals: list[tuple[float, int]], waits: list[float]) -> None:
    meter = Meter(AWS_LIMITS)
    assert [meter.wait_seconds(size, now) for now, size in arrivals] == waits


def test_a_client_of_3_1_1_is_not_read_while_100_of_its_messages_are_under_way() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp")
        await client.send(*(Publish("take", b"", 1, number) for number in range(1, 101)))
        await home.until(lambda: len(home.taken) == 100)
        (connection,) = home.broker._connections
        assert not connection._transport.is_reading()
        await client.send(Publish("take", b"", 1, 101))
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(home.taken) == 100
        home.taken[0].acknowledge()
        assert await client.receive() == Puback(1)
        await home.until(lambda: len(home.taken) == 101)
        home.taken[1].acknowledge()
        home.taken[2].acknowledge()
        assert await client.ping() == [Puback(2), Puback(3)]

    serve(scenario)


def test_an_acknowledgement_that_comes_when_its_connection_is_over_hurts_nobody() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp", level=MQTT_5, properties=Properties(session_expiry=60))
        await client.send(*(Publish("take", b"", 1, number) for number in range(1, 101)))
        await home.until(lambda: len(home.taken) == 100)
        client.abort()
        await home.until(lambda: not home.broker.clients())
        for publication in home.taken:
            publication.acknowledge()
        assert await (await home.connect("lamp")).ping() == []

    serve(scenario)


def test_a_client_id_that_connects_too_often_is_refused_for_a_while_and_takes_over_nobody() -> None:
    async def scenario(home: Home) -> None:
        there = await home.connect("lamp", level=MQTT_5)
        for level, answer in ((MQTT_3_1_1, None), (MQTT_5, Connack(code=Code.QUOTA_EXCEEDED))):
            late = await home.dial(level=level)
            assert await late.ask(Connect("lamp", level=level)) == answer
            assert await late.is_closed()
        assert await there.ping() == []
        assert home.broker.stats.throttled == 2
        await home.connect("other")
        home.clock.now += 1
        await home.connect("lamp")

    serve(scenario, limits=Limits(connects_per_client=1))


def test_who_may_not_connect_uses_up_nobody_s_connects() -> None:
    policies = Policies(connects={"lamp"})

    async def scenario(home: Home) -> None:
        denied = await home.dial(level=MQTT_5)
        assert await denied.ask(Connect("lamp", level=MQTT_5)) == Connack(code=Code.NOT_AUTHORIZED)
        policies.connects = set()
        await home.connect("lamp")

    serve(scenario, limits=Limits(connects_per_client=1), authorise=policies)


def test_connects_of_all_clients_are_bounded_together() -> None:
    async def scenario(home: Home) -> None:
        for number in range(3):
            await home.connect(f"lamp-{number}")
        late = await home.dial(level=MQTT_5)
        assert await late.ask(Connect("late", level=MQTT_5)) == Connack(code=Code.QUOTA_EXCEEDED)
        home.clock.now += 0.4
        await home.connect("late")

    serve(scenario, limits=Limits(connects_per_second=3))


@pytest.mark.parametrize(("level", "code"), [(MQTT_3_1_1, 0x80), (MQTT_5, Code.QUOTA_EXCEEDED)])
def test_subscribes_of_all_clients_are_bounded_together(level: int, code: int) -> None:
    async def scenario(home: Home) -> None:
        first, second = await home.connect("first", level=level), await home.connect("second", level=level)
        assert await first.subscribe("a", "b") == (0, 0)
        assert await second.subscribe("a", "b") == (code, code)
        home.broker.publish("a", b"")
        assert (len(await first.ping()), await second.ping()) == (1, [])
        home.clock.now += 1
        assert await second.subscribe("a") == (0,)

    serve(scenario, limits=Limits(subscribes_per_second=1))


def test_no_more_client_ids_are_remembered_than_there_is_room_for() -> None:
    turnstile = Turnstile(Limits(connects_per_client=1))
    for number in range(CLIENTS_REMEMBERED + 1):
        assert turnstile.may_connect(str(number), 0.0)
    assert [turnstile.may_connect(str(number), 0.0) for number in (CLIENTS_REMEMBERED, 0)] == [False, True]
