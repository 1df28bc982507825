"""PUBLISH and SUBSCRIBE: what the program around the broker takes, and what is routed."""

import asyncio

import pytest

from tests.unit.broker.wire import REPORT_TOPIC, Home, home, next_publish, serve
from warden.embedded.broker import Publication
from warden.embedded.broker.packets import (
    Puback,
    Publish,
    Unsuback,
    Unsubscribe,
)


def test_a_message_that_is_taken_is_neither_routed_nor_acknowledged_by_the_broker() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp")
        await client.subscribe("take/#", "$aws/things/lamp/defender/metrics/#", "#")
        await client.send(Publish(REPORT_TOPIC, b"{}", 1, 5), Publish("take/a", b"", 1, 6), Publish("take/b", b""))
        assert await client.ping() == []
        assert [(p.topic, p.payload, p.qos, p.client_id) for p in home.taken] == [
            (REPORT_TOPIC, b"{}", 1, "lamp"), ("take/a", b"", 1, "lamp"), ("take/b", b"", 0, "lamp"),
        ]  # fmt: skip
        for publication in reversed(home.taken):  # in any order
            publication.acknowledge()
        assert await client.ping() == [Puback(6), Puback(5)]

    serve(scenario)


def test_an_acknowledgement_for_a_connection_that_is_over_goes_nowhere() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp", clean=False)
        await client.send(Publish("take", b"", 1, 5))
        await client.ping()
        client = await home.connect("lamp", clean=False)
        home.taken[0].acknowledge()
        assert await client.ping() == []

    serve(scenario)


def test_a_fault_in_taking_closes_that_connection_and_acknowledges_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(home: Home) -> None:
        bystander = await home.connect("bystander")
        client = await home.connect("lamp")
        assert await client.ask(Publish("raise", b"", 1, 5)) is None
        assert await bystander.ping() == []
        assert home.broker.stats.failed == 1

    serve(scenario)
    assert "RuntimeError: no such thing" in caplog.text


def test_a_message_that_is_not_taken_is_routed_with_the_lower_qos_of_both_and_acknowledged() -> None:
    async def scenario(home: Home) -> None:
        at_most_once, at_least_once = await home.connect("0"), await home.connect("1")
        await at_most_once.subscribe("t/+")
        assert await at_least_once.subscribe("t/+", qos=1) == (1,)
        client = await home.connect("lamp")
        assert await client.ask(Publish("t/a", b"a", 1, 5, retain=True)) == Puback(5)
        await client.send(Publish("t/b", b"b"))
        await client.ping()
        assert await at_most_once.ping() == [Publish("t/a", b"a"), Publish("t/b", b"b")]
        assert await at_least_once.ping() == [Publish("t/a", b"a", 1, 1), Publish("t/b", b"b")]

    serve(scenario)


def test_subscriptions_are_refused_one_by_one() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp")
        assert await client.subscribe(REPORT_TOPIC, REPORT_TOPIC + "/accepted", "/" * 8, "$share/g/t", qos=1) == (
            0x80, 1, 0x80, 0x80,
        )  # fmt: skip
        for batch in range(7):
            await client.subscribe(*(f"{batch}/{each}" for each in range(7)))
        assert await client.subscribe("51st", "0/0", qos=1) == (0x80, 1)
        assert await client.ask(Unsubscribe(1, ("0/0", "never"))) == Unsuback(1)
        assert await client.subscribe("51st") == (0,)
        home.broker.publish("0/0", b"")
        home.broker.publish("51st", b"")
        assert await client.ping() == [Publish("51st", b"")]

    serve(scenario)


def test_a_subscriber_has_at_most_100_unacknowledged_messages() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp")
        await client.subscribe("t", qos=1)
        for number in range(105):
            home.broker.publish("t", str(number).encode(), 1)
        assert len(await client.ping()) == 100
        await client.send(Puback(50), Puback(60), Puback(60), Puback(65_535))
        assert await client.ping() == [Publish("t", b"100", 1, 101), Publish("t", b"101", 1, 102)]

    serve(scenario)


def test_packet_ids_go_round_without_one_that_is_in_use() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp")
        await client.subscribe("t", qos=1)
        home.broker.publish("t", b"", 1)
        assert (await next_publish(client)).packet_id == 1
        session = home.broker._sessions.get("lamp")
        assert session is not None
        session._last_packet_id = 65_534
        home.broker.publish("t", b"", 1)
        home.broker.publish("t", b"", 1)
        assert [(await next_publish(client)).packet_id for _ in range(2)] == [65_535, 2]

    serve(scenario)


def test_a_message_may_be_published_while_one_is_taken() -> None:
    async def run() -> None:
        def reply(publication: Publication) -> bool:
            here[0].broker.publish(publication.topic + "/accepted", b"ok", publication.qos)
            publication.acknowledge()
            return True

        here: list[Home] = []
        async with home(reply) as running:
            here.append(running)
            client = await running.connect("lamp")
            await client.subscribe(REPORT_TOPIC + "/accepted", qos=1)
            await client.send(Publish(REPORT_TOPIC, b"{}", 1, 5))
            assert await client.ping() == [Publish(REPORT_TOPIC + "/accepted", b"ok", 1, 1), Puback(5)]

    asyncio.run(run())
