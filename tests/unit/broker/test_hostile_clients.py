"""Clients that break the protocol or its limits are closed, and hurt nobody else."""

import pytest

from tests.unit.broker.test_decode import CONNECT, FIRST_PACKETS, LATER_PACKETS
from tests.unit.broker.wire import Home, serve
from warden.embedded.broker.encode import encode
from warden.embedded.broker.packets import (
    Connack,
    Packet,
    Pingresp,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
)


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
