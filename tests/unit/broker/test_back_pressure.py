"""A broker that does not read for a while, clients that read slowly or never, and the end."""

import asyncio
import socket

import pytest

from tests.unit.broker.wire import Home, next_publish, serve
from warden.embedded.broker.encode import encode
from warden.embedded.broker.packets import (
    Connack,
    Connect,
    Pingreq,
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
