"""Packets of both versions of MQTT, damaged at random: the decoder knows nothing but packets and `Malformed`, and what
the broker does with what still is a packet is no fault of its own.
"""

import asyncio
import logging
from collections.abc import Iterator
from itertools import islice
from random import Random

import pytest

from tests.unit.broker.mqtt_packets import decode, in_pieces
from tests.unit.broker.wire import Policies
from warden.embedded.broker import Broker
from warden.embedded.broker.decode import Decoder
from warden.embedded.broker.encode import encode
from warden.embedded.broker.packets import (
    MQTT_3_1_1,
    MQTT_5,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Will,
)
from warden.embedded.broker.properties import Properties

MESSAGE = Properties(
    payload_format=1, message_expiry=60, content_type="text/plain", response_topic="a/b", correlation_data=b"\1\2",
    user=(("k", "v"), ("ü", "")),
)  # fmt: skip
SENT: dict[int, list[Packet]] = {
    MQTT_3_1_1: [
        Connect("lamp", False, 30, Will("wills", b"gone", 1, True), "user", b"password"),
        Connect("lamp"),
        Publish("a/ü", b"hello", 1, 7, retain=True, dup=True),
        Publish("t", bytes(200)),
        Puback(1),
        Subscribe(2, (("a/+/#", 1), ("t", 0))),
        Unsubscribe(3, ("a/+/#", "t")),
        Pingreq(),
        Disconnect(),
        Connack(),
        Suback(2, (0, 1, 0x80)),
        Unsuback(3),
    ],
    MQTT_5: [
        Connect(
            "lamp", False, 30, Will("wills", b"gone", 1, True, Properties(will_delay=5, user=(("k", "v"),))), "user",
            b"password", MQTT_5, Properties(session_expiry=60, receive_maximum=2, maximum_packet_size=100),
        ),
        Connect("", level=MQTT_5),
        Publish("a/ü", b"hello", 1, 7, properties=MESSAGE),
        Publish("t", bytes(200), properties=Properties(topic_alias=3)),
        Publish("", b"", retain=True, properties=Properties(topic_alias=3)),
        Puback(1, 0x87),
        Subscribe(2, (("a/+/#", 0x1D), ("t", 0x28))),
        Unsubscribe(3, ("a/+/#", "t")),
        Pingreq(),
        Disconnect(4, Properties(session_expiry=5)),
        Connack(True, 0x87, Properties(reason="no", server_keep_alive=5)),
        Suback(2, (0, 1, 0x8F)),
        Unsuback(3, (0, 0x11)),
    ],
}  # fmt: skip
WHOLE = {level: [encode(packet, level) for packet in packets] for level, packets in SENT.items()}
INTERESTING = (0x00, 0x01, 0x7F, 0x80, 0xFF, 0x10, 0x30, 0x32, 0x82, 0xE0, 0x0B, 0x11, 0x1F, 0x23, 0x26)


def damaged(random: Random, data: bytes) -> bytes:
    """One to four random changes: a bit, a byte, bytes put in, taken out, doubled, or all from somewhere cut off."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(changed) + 1)
        match random.randrange(6):
            case 0 if at < len(changed):
                changed[at] ^= 1 << random.randrange(8)
            case 1 if at < len(changed):
                changed[at] = random.choice(INTERESTING)
            case 2:
                changed[at:at] = random.randbytes(random.randint(1, 5))
            case 3:
                del changed[at : at + random.randint(1, 5)]
            case 4:
                changed[at:at] = changed[max(0, at - random.randint(1, 9)) : at]
            case _:
                del changed[at:]
    return bytes(changed)


def streams(random: Random, level: int) -> Iterator[tuple[bytes, bytes]]:
    """For ever: a CONNECT and a few packets of which some are damaged, the CONNECT less often than the others."""
    first, later = WHOLE[level][:2], WHOLE[level][2:]
    while True:
        begin = random.choice(first)
        if random.random() < 0.1:
            begin = damaged(random, begin)
        packets = random.choices(later, k=random.randint(1, 3))
        yield begin, b"".join(damaged(random, each) if random.random() < 0.5 else each for each in packets)


def try_decoding(level: int, count: int, seed: int) -> int:
    """How many of the streams are malformed; whatever else is raised is what this looks for."""
    random, malformed = Random(seed), 0
    for number, (begin, rest) in enumerate(islice(streams(random, level), count)):
        data = begin + rest
        packets, wrong = decode(Decoder(), [data])
        malformed += bool(wrong)
        if number % 4 == 0:
            cuts = [random.randrange(len(data) + 1) for _ in range(random.randint(1, 6))]
            assert decode(Decoder(), in_pieces(data, cuts)) == (packets, wrong), data
        for packet in packets:  # what was read can be said again
            encode(packet, level)
    return malformed


class Nowhere(asyncio.Transport):
    """A transport whose far end takes everything."""

    def write(self, data: bytes) -> None:  # type: ignore[override]
        """It is gone."""

    def close(self) -> None:
        """It is closed."""

    abort = pause_reading = resume_reading = close

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """There is no buffer."""

    def get_extra_info(self, name: str, default: object = None) -> object:
        return ("192.0.2.1", 4_711) if name == "peername" else default


async def try_serving(level: int, count: int, seed: int) -> Broker:
    """A broker that was sent all of the streams, each on a connection of its own that is then lost, and a watcher."""
    now = [0.0]
    broker = Broker(
        take=lambda publication: publication.topic == "a/ü", log=logging.getLogger("fuzzed"), clock=lambda: now[0],
        authorise=Policies(subscribes={"t"}, receives={"wills"}, retains={"a/ü"}),
    )  # fmt: skip
    logging.getLogger("fuzzed").setLevel(logging.ERROR)
    watcher = broker.protocol()
    watcher.connection_made(Nowhere())
    watcher.data_received(encode(Connect("watcher", level=MQTT_5)) + encode(Subscribe(1, (("#", 0),)), MQTT_5))
    for begin, rest in islice(streams(Random(seed), level), count):
        now[0] += 1
        watcher.data_received(encode(Pingreq()))
        connection = broker.protocol()
        connection.connection_made(Nowhere())
        connection.data_received(begin)
        connection.data_received(rest)
        connection.connection_lost(None)
        broker.sweep()
    await asyncio.sleep(0)
    assert broker.clients() == 1
    await broker.close()
    return broker


@pytest.mark.parametrize("level", WHOLE)
def test_damaged_packets_are_packets_or_malformed(level: int) -> None:
    malformed = try_decoding(level, 3_000, seed=level)
    assert 1_000 < malformed < 2_900


@pytest.mark.parametrize("level", WHOLE)
def test_damaged_packets_are_no_fault_of_the_broker_s(level: int) -> None:
    broker = asyncio.run(try_serving(level, 1_500, seed=level))
    stats = broker.stats
    assert stats.failed == 0
    assert min(stats.malformed, stats.received, stats.denied, stats.withheld, stats.sent) > 10


@pytest.mark.faults
@pytest.mark.parametrize("level", WHOLE)
@pytest.mark.parametrize("seed", range(4))
def test_very_many_damaged_packets_are_packets_or_malformed(level: int, seed: int) -> None:
    assert try_decoding(level, 150_000, seed=1_000 + seed) > 50_000


@pytest.mark.faults
@pytest.mark.parametrize("level", WHOLE)
def test_very_many_damaged_packets_are_no_fault_of_the_broker_s(level: int) -> None:
    assert asyncio.run(try_serving(level, 100_000, seed=99)).stats.failed == 0
