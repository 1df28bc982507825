"""CONNECT, sessions, silence and wills, as clients see them."""

import asyncio

import pytest

from tests.unit.broker.test_decode import CONNECT
from tests.unit.broker.wire import REPORT_TOPIC, Home, next_publish, serve
from warden.embedded.broker.encode import encode
from warden.embedded.broker.packets import (
    Connack,
    Connect,
    Disconnect,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Will,
)


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(Connect("$lamp"), id="a leading $"),
        pytest.param(Connect("l" * 129), id="129 bytes"),
        pytest.param(Connect("é" * 65), id="130 bytes in 65 characters"),
        pytest.param(Connect("", clean=False), id="none, with a session to keep"),
    ],
)
def test_a_client_id_is_refused(packet: Connect) -> None:
    async def scenario(home: Home) -> None:
        client = await home.dial()
        assert await client.ask(packet) == Connack(code=2)
        assert await client.is_closed()

    serve(scenario)


def test_clients_without_an_id_do_not_take_over_each_other() -> None:
    async def scenario(home: Home) -> None:
        clients = [await home.connect(""), await home.connect("")]
        assert [await client.ping() for client in clients] == [[], []]

    serve(scenario)


def test_a_client_need_not_wait_for_answers() -> None:
    async def scenario(home: Home) -> None:
        client = await home.dial()
        await client.send(
            Connect("lamp"), Subscribe(1, (("t", 1),)), Publish("t", b"hello", 1, 7), Pingreq(), Disconnect()
        )
        packets = [await client.receive() for _ in range(6)]
        assert packets == [
            Connack(), Suback(1, (1,)), Publish("t", b"hello", 1, 1), Puback(7), Pingresp(), None,
        ]  # fmt: skip

    serve(scenario)


def test_a_second_client_with_the_same_id_takes_over() -> None:
    async def scenario(home: Home) -> None:
        watcher = await home.connect("watcher")
        await watcher.subscribe("wills")
        first = await home.connect("lamp", will=Will("wills", b"taken over"))
        second = await home.connect("lamp")
        assert await first.is_closed()
        assert await second.ping() == []
        assert await watcher.ping() == [Publish("wills", b"taken over")]

    serve(scenario)


def test_a_refused_intruder_does_not_evict_the_real_client() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp")
        intruder = await home.dial()
        await intruder.send(encode(Connect("lamp", will=Will("/" * 8, b""))))
        assert await intruder.is_closed()
        assert await client.ping() == []

    serve(scenario)


def test_a_clean_session_ends_with_its_connection() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp")
        await client.subscribe("t", qos=1)
        await client.send(Disconnect())
        assert await client.is_closed()
        home.broker.publish("t", b"missed", 1)
        client = await home.dial()
        assert await client.ask(Connect("lamp", clean=False)) == Connack(session_present=False)
        assert await client.ping() == []

    serve(scenario)


def test_a_persistent_session_gets_what_it_missed_and_first_what_it_did_not_acknowledge() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp", clean=False)
        await client.subscribe("t", qos=1)
        home.broker.publish("t", b"acknowledged", 1)
        home.broker.publish("t", b"unacknowledged", 1)
        await client.receive()
        await client.send(Puback(1))
        await client.ping()
        client.abort()
        await home.until(lambda: not home.broker._connections)
        home.broker.publish("t", b"missed", 1)
        home.broker.publish("t", b"not kept", 0)
        client = await home.dial()
        assert await client.ask(Connect("lamp", clean=False)) == Connack(session_present=True)
        assert await client.ping() == [
            Publish("t", b"unacknowledged", 1, 2, dup=True), Publish("t", b"missed", 1, 3),
        ]  # fmt: skip

    serve(scenario)


def test_a_persistent_session_is_kept_for_an_hour() -> None:
    async def scenario(home: Home) -> None:
        for seconds, present in ((3_599, True), (3_600, False)):
            client = await home.connect("lamp", clean=False)
            await client.send(Disconnect())
            assert await client.is_closed()
            home.clock.now += seconds
            home.broker.sweep()
            client = await home.dial()
            assert await client.ask(Connect("lamp", clean=False)) == Connack(session_present=present)
            await client.send(Disconnect())
            assert await client.is_closed()

    serve(scenario)


def test_a_clean_connect_forgets_the_session_before_it() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp", clean=False)
        await client.subscribe("t", qos=1)
        client = await home.connect("lamp", clean=True)
        home.broker.publish("t", b"", 1)
        assert await client.ping() == []

    serve(scenario)


def test_a_connection_without_connect_is_closed_after_ten_seconds() -> None:
    async def scenario(home: Home) -> None:
        client = await home.dial()
        await client.send(CONNECT[:-1])
        await home.until(lambda: home.broker._connections)
        home.clock.now += 10
        home.broker.sweep()
        assert len(home.broker._connections) == 1
        home.clock.now += 0.1
        home.broker.sweep()
        assert await client.is_closed()

    serve(scenario)


@pytest.mark.parametrize(("keep_alive", "patience"), [(30, 45), (1_200, 1_800), (0, 1_800), (65_535, 1_800)])
def test_a_silent_client_is_closed_after_one_and_a_half_keep_alives(keep_alive: int, patience: int) -> None:
    async def scenario(home: Home) -> None:
        watcher = await home.connect("watcher", keep_alive=1_200)
        await watcher.subscribe("wills")
        silent = await home.connect("lamp", keep_alive=keep_alive, will=Will("wills", b"silent"))
        home.clock.now += patience
        home.broker.sweep()
        await watcher.ping()
        await silent.ping()
        home.clock.now += patience
        home.broker.sweep()
        assert home.broker.stats.silent == 0
        await watcher.ping()
        await silent.send(encode(Publish("t", b"never whole"))[:-1])
        await asyncio.sleep(0)
        home.clock.now += 0.1
        home.broker.sweep()
        assert await silent.is_closed()
        assert home.broker.stats.silent == 1
        assert await next_publish(watcher) == Publish("wills", b"silent")

    serve(scenario)


def test_silence_is_not_held_against_clients_while_the_broker_does_not_read() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp", keep_alive=30)
        home.broker.pause()
        home.clock.now += 1_000
        home.broker.sweep()
        home.broker.resume()
        home.broker.sweep()
        assert await client.ping() == []

    serve(scenario)


def test_a_will_is_published_when_a_client_is_lost_and_not_when_it_leaves() -> None:
    async def scenario(home: Home) -> None:
        watcher = await home.connect("watcher")
        await watcher.subscribe("wills", qos=1)
        leaving = await home.connect("leaving", will=Will("wills", b"leaving"))
        await leaving.send(Disconnect())
        assert await leaving.is_closed()
        lost = await home.connect("lost", will=Will("wills", b"lost", qos=1))
        lost.abort()
        assert await next_publish(watcher) == Publish("wills", b"lost", 1, 1)
        assert await watcher.ping() == []

    serve(scenario)


def test_a_will_on_a_metrics_topic_is_taken_as_any_report() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp", will=Will(REPORT_TOPIC, b"{}", qos=1))
        client.abort()
        await home.until(lambda: home.taken)
        home.taken[0].acknowledge()
        assert (home.taken[0].topic, home.taken[0].client_id) == (REPORT_TOPIC, "lamp")

    serve(scenario)


@pytest.mark.parametrize("topic", ["raise", "$aws/things/lamp/shadow/update"])
def test_a_will_that_cannot_be_published_hurts_nobody(topic: str) -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp", will=Will(topic, b""))
        client.abort()
        await home.until(lambda: not home.broker._connections)
        assert await (await home.connect("lamp")).ping() == []

    serve(scenario)
