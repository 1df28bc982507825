"""What clients see of the broker, and what reaches the program around it."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from tests.unit.broker.test_decode import CONNECT, FIRST_PACKETS, LATER_PACKETS, connect
from tests.unit.broker.wire import REPORT_TOPIC, Client, Home, home
from warden.embedded.broker import Publication
from warden.embedded.broker.encode import encode
from warden.embedded.broker.packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Will,
)


def serve(scenario: Callable[[Home], Awaitable[None]]) -> None:
    """Run a scenario against a broker of its own."""

    async def run() -> None:
        async with home() as running:
            await scenario(running)

    asyncio.run(run())


async def next_publish(client: Client) -> Publish:
    packet = await client.receive()
    assert isinstance(packet, Publish), packet
    return packet


# Hostile bytes


@pytest.mark.parametrize("data", [data for data, _ in FIRST_PACKETS.values()], ids=FIRST_PACKETS)
def test_a_bad_first_packet_closes_its_connection_and_no_other(data: bytes) -> None:
    async def scenario(home: Home) -> None:
        bystander = await home.connect("bystander")
        client = await home.dial()
        await client.send(data)
        assert await client.receive() is None
        assert await bystander.ping() == []
        assert (home.broker.stats.malformed, home.broker.stats.failed) == (1, 0)

    serve(scenario)


@pytest.mark.parametrize("data", [data for data, _ in LATER_PACKETS.values()], ids=LATER_PACKETS)
def test_a_bad_packet_closes_its_connection_and_no_other(data: bytes) -> None:
    async def scenario(home: Home) -> None:
        bystander = await home.connect("bystander")
        client = await home.dial()
        await client.send(CONNECT + data + encode(Publish("take/later", b"")))
        assert await client.is_closed()
        assert await bystander.ping() == []
        assert (home.broker.stats.malformed, home.broker.stats.failed, home.taken) == (1, 0, [])

    serve(scenario)


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(Connack(), id="a CONNACK"),
        pytest.param(Suback(1, (0,)), id="a SUBACK"),
        pytest.param(Unsuback(1), id="an UNSUBACK"),
        pytest.param(Pingresp(), id="a PINGRESP"),
        pytest.param(Publish("t" * 257, b""), id="a topic of 257 bytes"),
        pytest.param(Publish("/" * 8, b""), id="a topic of 8 slashes"),
        pytest.param(Subscribe(1, (("t", 0),) * 9), id="9 filters in a SUBSCRIBE"),
        pytest.param(Publish("$aws/things/lamp/shadow/update", b"", 1, 1), id="a reserved topic"),
        pytest.param(Publish("$SYS/broker", b""), id="another reserved topic"),
    ],
)
def test_a_client_that_breaks_a_rule_is_closed_without_an_answer(packet: Packet) -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp")
        await client.send(packet, Publish("take/later", b""))
        assert await client.receive() is None
        assert home.taken == []

    serve(scenario)


def test_mqtt_5_is_refused_in_its_own_words() -> None:
    async def scenario(home: Home) -> None:
        client = await home.dial()
        await client.send(connect(0x02, level=5))
        assert await client._reader.read() == b"\x20\x03\x00\x84\x00"

    serve(scenario)


# CONNECT and sessions


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


# Silence and wills


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


# PUBLISH, and the seam


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


# Back-pressure


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
