"""Clients whose rights change while they are connected, and who they are as whoever decides sees it."""

import asyncio
import logging

import pytest

from tests.unit.broker.wire import Home, Policies, Taker, serve
from warden.embedded.broker import Broker, Peer, Rights
from warden.embedded.broker.encode import encode
from warden.embedded.broker.events import Disconnected
from warden.embedded.broker.packets import (
    MQTT_5,
    Code,
    Connack,
    Connect,
    Disconnect,
    Puback,
    Publish,
    Will,
)


def test_rights_are_asked_for_again_when_they_have_changed() -> None:
    policies, newer = Policies(), Policies(publishes={"t"}, connects={"gone"})
    asked = [policies]

    def authorise(peer: Peer, connect: Connect) -> Rights | None:
        return asked[0](peer, connect)

    async def scenario(home: Home) -> None:
        watcher = await home.connect("watcher")
        await watcher.subscribe("#")
        lamp, gone = await home.connect("lamp", level=MQTT_5), await home.connect("gone", level=MQTT_5)
        other = await home.connect("other", level=MQTT_5)
        asked[0] = newer
        assert home.broker.reauthorise(lambda _, client_id: client_id != "other") == 1
        assert await gone.receive() == Disconnect(Code.NOT_AUTHORIZED)
        assert await lamp.ask(Publish("t", b"", 1, 1)) == Puback(1, Code.NOT_AUTHORIZED)
        assert await other.ask(Publish("t", b"", 1, 1)) == Puback(1)
        assert [event.client_id for event in home.events if isinstance(event, Disconnected)] == ["gone"]
        assert await watcher.ping() == [Publish("t", b"")]

    serve(scenario, authorise=authorise)


def test_a_client_whose_rights_cannot_be_told_any_more_keeps_none(caplog: pytest.LogCaptureFixture) -> None:
    broken: list[str] = []

    def authorise(peer: Peer, connect: Connect) -> Rights | None:
        if connect.client_id in broken:
            raise RuntimeError("no such policy")
        return Policies()(peer, connect)

    async def scenario(home: Home) -> None:
        lamp, other = await home.connect("lamp", level=MQTT_5), await home.connect("other")
        broken.append("lamp")
        assert home.broker.reauthorise() == 1
        assert await lamp.receive() == Disconnect(Code.UNSPECIFIED_ERROR)
        assert await other.ping() == []
        intruder = await home.dial()
        await intruder.send(Connect("lamp"))
        assert await intruder.receive() is None

    serve(scenario, authorise=authorise)
    assert "no such policy" in caplog.text


@pytest.mark.parametrize("with_will", [True, False])
def test_clients_are_disconnected_by_what_they_are(with_will: bool) -> None:
    async def scenario(home: Home) -> None:
        watcher = await home.connect("watcher")
        await watcher.subscribe("wills")
        lamp = await home.connect("lamp", level=MQTT_5, will=Will("wills", b"gone"))
        silent = await home.dial()
        await home.until(lambda: home.broker.stats.connections == 3)
        ended = home.broker.disconnect(
            lambda peer, client_id: peer.certificate_id == "" and client_id == "lamp", with_will=with_will
        )
        assert ended == 1
        assert await lamp.receive() == Disconnect(Code.ADMINISTRATIVE_ACTION)
        assert await watcher.ping() == ([Publish("wills", b"gone")] if with_will else [])
        assert isinstance(await silent.ask(Connect("silent")), Connack)

    serve(scenario)


def test_a_will_is_not_published_by_a_client_that_lost_the_right_to_it() -> None:
    policies = Policies()

    async def scenario(home: Home) -> None:
        watcher = await home.connect("watcher")
        await watcher.subscribe("#")
        for topic in ("wills", "other"):
            client = await home.connect(topic, will=Will(topic, b"gone"))
            policies.publishes = {"wills"}
            client.abort()
            await home.until(lambda: home.broker.clients() == 1)
        assert await watcher.ping() == [Publish("other", b"gone")]

    serve(scenario, authorise=policies)


class Wire(asyncio.Transport):
    """The transport of a front that has ended TLS, as far as a connection uses it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.written += data

    def close(self) -> None:
        self.closed = True

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """As many as there are."""


def test_a_front_brings_its_own_transport_and_says_who_is_at_its_other_end() -> None:
    policies, peer = Policies(), Peer("192.0.2.7", 4_711, "c" * 64, tls=object())

    async def run() -> None:
        taker = Taker()
        broker = Broker(take=taker, log=logging.getLogger("broker"), authorise=policies)
        wire = Wire()
        connection = broker.protocol(lambda transport: peer if transport is wire else Peer("", 0))
        connection.connection_made(wire)
        connection.data_received(encode(Connect("lamp")))
        await asyncio.sleep(0)
        assert wire.written == encode(Connack())
        assert [asked for asked, _ in policies.asked] == [peer]
        assert broker.disconnect(lambda each, _: each.certificate_id == "c" * 64) == 1
        assert wire.closed
        connection.data_received(encode(Publish("take", b"")))  # which the front had decrypted already
        assert taker.taken == []
        await broker.close()

    asyncio.run(run())
