"""A broker that does not read for a while, clients that read slowly or never, and the end."""

import asyncio
import socket

import pytest

from tests.unit.broker.wire import Clock, Home, Taker, next_publish, serve
from warden.embedded.broker import Publication
from warden.embedded.broker.encode import encode
from warden.embedded.broker.packets import (
    Connack,
    Connect,
    Disconnect,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Subscribe,
    Will,
)


def test_a_paused_broker_reads_from_nobody() -> None:
    async def scenario(home: Home) -> None:
        old = await home.connect("old")
        home.broker.pause()
        await old.send(Publish("take/old", b""))
        new = await home.dial()
        await new.send(Connect("new"), Publish("take/new", b""))
        await home.until(lambda: len(home.broker._connections) == 2)
        for _ in range(10):
            await asyncio.sleep(0)
        assert home.taken == []
        home.broker.resume()
        assert await new.receive() == Connack()
        assert await old.ping() == []
        assert {publication.topic for publication in home.taken} == {"take/old", "take/new"}

    serve(scenario)


def test_who_waits_to_be_let_in_by_a_paused_broker_is_let_go_after_a_while_and_who_is_in_stays() -> None:
    async def scenario(home: Home) -> None:
        inside = await home.connect("inside", keep_alive=60)
        home.broker.pause()
        waiting = await home.dial()
        await waiting.send(Connect("waiting"))
        await home.until(lambda: len(home.broker._connections) == 2)
        home.clock.now += 100
        home.broker.sweep()
        assert await waiting.receive() is None
        home.broker.resume()
        home.broker.sweep()
        assert await inside.ping() == []

    serve(scenario)


def test_a_client_that_is_read_no_further_until_its_messages_are_stored_is_not_silent() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp", keep_alive=60)
        await client.send(*(Publish("take", b"", 1, number) for number in range(1, 101)))
        await home.until(lambda: len(home.taken) == 100)
        home.clock.now += 3_600
        home.broker.sweep()
        for publication in home.taken:
            publication.acknowledge()
        assert await client.ping() == [Puback(number) for number in range(1, 101)]
        home.clock.now += 91
        home.broker.sweep()
        assert await client.receive() is None

    serve(scenario)


class Laborious(Taker):
    """Takes a millisecond for each message."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def __call__(self, publication: Publication) -> bool:
        self._clock.now += 0.001
        return super().__call__(publication)


def test_what_one_client_sent_at_once_does_not_keep_the_others_waiting() -> None:
    clock = Clock()
    taker = Laborious(clock)

    async def scenario(home: Home) -> None:
        busy, other = await home.connect("busy"), await home.connect("other")
        await busy.send(b"".join(encode(Publish("take/busy", b"%d" % number)) for number in range(1_000)))
        await other.send(Publish("take/other", b""))
        await busy.send(Pingreq(), Disconnect())
        assert await busy.receive() == Pingresp()
        assert await busy.receive() is None
        assert [each.payload for each in taker.taken if each.topic == "take/busy"] == [
            b"%d" % number for number in range(1_000)
        ]
        assert next(at for at, each in enumerate(taker.taken) if each.topic == "take/other") < 100

    serve(scenario, taker=taker, clock=clock)


def test_a_fault_in_what_waited_for_its_turn_ends_its_client_alone() -> None:
    clock = Clock()

    async def scenario(home: Home) -> None:
        busy, other = await home.connect("busy"), await home.connect("other")
        await busy.send(*(Publish("take", b"") for _ in range(20)), b"\xf0\0", Publish("take", b"never"))
        assert await busy.receive() is None
        assert await other.ping() == []
        assert home.broker.stats.malformed == 1

    taker = Laborious(clock)
    serve(scenario, taker=taker, clock=clock)
    assert [each.payload for each in taker.taken] == [b""] * 20


def test_what_waits_for_a_slow_subscriber_is_bounded_and_each_loss_is_counted() -> None:
    async def scenario(home: Home) -> None:
        slow = await home.dial(receive_buffer=4_096)
        await slow.ask(Connect("slow"))
        await slow.ask(Subscribe(1, (("t", 0), ("u", 1))))
        (connection,) = home.broker._connections
        connection._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for topic, qos in (("t", 0), ("u", 1)):
            for _ in range(300):
                home.broker.publish(topic, bytes(100_000), qos)
        stats = home.broker.stats
        waiting = connection._transport.get_write_buffer_size()
        queued = 1024 * 1024 // 100_000
        assert 0 < waiting < 1.5 * 1024 * 1024
        assert stats.dropped == 600 - stats.sent - queued
        assert await (await home.connect("other")).ping() == []
        slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
        received = [await next_publish(slow) for _ in range(stats.sent + queued)]
        assert [packet.topic for packet in received].count("u") == queued

    serve(scenario)


def test_a_client_that_never_reads_its_answers_is_not_read_any_more() -> None:
    async def scenario(home: Home) -> None:
        client = await home.dial(receive_buffer=4_096)
        await client.ask(Connect("lamp", keep_alive=60))
        (connection,) = home.broker._connections
        connection._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        pings = encode(Pingreq()) * 100_000
        while not connection.slow:
            client.writer.write(pings)
            await asyncio.sleep(0)
        waiting = connection._transport.get_write_buffer_size()
        for _ in range(20):
            client.writer.write(pings)
            await asyncio.sleep(0)
        assert connection._transport.get_write_buffer_size() <= waiting < 2 * 1024 * 1024
        home.clock.now += 100
        home.broker.sweep()
        assert home.broker._connections == set()
        await home.until(lambda: connection._transport.get_write_buffer_size() == 0)
        assert connection._transport.is_closing()

    serve(scenario)


def test_a_closed_broker_leaves_no_connection_and_publishes_no_will() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp", will=Will("take/will", b""))
        await client.send(Publish("take", b"", 1, 5))
        await client.ping()
        home.taken[0].acknowledge()
        await home.broker.close()
        assert await client.receive() == Puback(5)
        assert await client.receive() is None
        assert [publication.topic for publication in home.taken] == ["take"]
        with pytest.raises(ConnectionRefusedError):
            await home.dial()

    serve(scenario)
