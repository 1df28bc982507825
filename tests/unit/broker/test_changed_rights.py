"""Clients whose rights change while they are connected, and who they are as whoever decides sees it."""

import asyncio
import logging

import pytest

from tests.unit.broker.wire import Home, Policies, Taker, serve
from warden.embedded.broker import Broker, Peer, Rights
from warden.embedded.broker.broker import REAUTHORISED_AT_ONCE
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
from warden.embedded.broker.properties import Properties


def test_rights_are_asked_for_again_when_they_have_changed() -> None:
    bystanders, policies, newer = Policies(), Policies(), Policies(publishes={"t"}, connects={"gone"})
    asked = [bystanders]

    def authorise(peer: Peer, connect: Connect) -> Rights | None:
        return asked[0](peer, connect)

    async def scenario(home: Home) -> None:
        watcher = await home.connect("watcher")
        await watcher.subscribe("#")
        other = await home.connect("other", level=MQTT_5)
        asked[0] = policies
        lamp, gone = await home.connect("lamp", level=MQTT_5), await home.connect("gone", level=MQTT_5)
        asked[0] = newer
        assert await home.broker.reauthorise(lambda rights: rights is policies) == 1
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
        assert await home.broker.reauthorise() == 1
        assert await lamp.receive() == Disconnect(Code.UNSPECIFIED_ERROR)
        assert await other.ping() == []
        intruder = await home.dial()
        await intruder.send(Connect("lamp"))
        assert await intruder.receive() is None

    serve(scenario, authorise=authorise)
    assert "no such policy" in caplog.text


def test_others_are_served_while_many_are_asked_for_again() -> None:
    policies = Policies()

    async def scenario(home: Home) -> None:
        many = 2 * REAUTHORISED_AT_ONCE
        for number in range(many):
            await home.connect(f"lamp-{number}")
        policies.asked.clear()
        policies.connects = {f"lamp-{number}" for number in range(many)}
        task = asyncio.get_running_loop().create_task(home.broker.reauthorise())
        await asyncio.sleep(0)
        assert 0 < len(policies.asked) < many
        assert await task == many
        assert home.broker.clients() == 0

    serve(scenario, authorise=policies)


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


@pytest.mark.parametrize("lost", ["publishes", "connects"])
def test_the_will_of_a_client_that_is_disconnected_for_its_rights_is_judged_by_the_new_ones(lost: str) -> None:
    """Of connecting, or of publishing the will: who has lost one has no will any more."""
    policies = Policies()

    async def scenario(home: Home) -> None:
        watcher = await home.connect("watcher")
        await watcher.subscribe("#")
        await home.connect("wills", will=Will("wills", b"gone", retain=True))
        setattr(policies, lost, {"wills"})
        assert await home.broker.reauthorise() == 1
        assert await watcher.ping() == []
        assert not list(home.broker.retained.list())

    serve(scenario, authorise=policies)


def test_a_will_that_waits_is_judged_by_the_rights_that_hold_when_its_time_has_come() -> None:
    policies = Policies()

    async def scenario(home: Home) -> None:
        watcher = await home.connect("watcher")
        await watcher.subscribe("#")
        for client_id in ("stays", "revoked"):
            will = Will(client_id, b"gone", properties=Properties(will_delay=60))
            session = Properties(session_expiry=3_600)
            client = await home.connect(client_id, level=MQTT_5, will=will, properties=session)
            client.abort()
        await home.until(lambda: home.broker.clients() == 1)
        policies.connects = {"revoked"}
        home.clock.now += 60
        home.broker.sweep()
        assert await watcher.ping() == [Publish("stays", b"gone")]

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
        policies.connects = {"lamp"}
        assert await broker.reauthorise() == 1
        assert wire.closed
        connection.data_received(encode(Publish("take", b"")))  # which the front had decrypted already
        assert taker.taken == []
        await broker.close()

    asyncio.run(run())
