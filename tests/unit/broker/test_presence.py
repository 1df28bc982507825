"""What is told of clients that come, go and subscribe, as AWS IoT tells it."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.unit.broker.wire import Client, Clock, Home, Policies, serve
from warden.embedded.broker.connection import Reason
from warden.embedded.broker.events import (
    MAX_REMEMBERED,
    Connected,
    ConnectFailed,
    Denied,
    Disconnected,
    Event,
    Subscribed,
    Unsubscribed,
    Versions,
)
from warden.embedded.broker.packets import (
    MQTT_5,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Publish,
    Unsuback,
    Unsubscribe,
    Will,
)
from warden.embedded.broker.presence import announcement
from warden.embedded.broker.properties import Properties

WHO: dict[str, Any] = {
    "at": 1_573_002_230_757, "client_id": "d1", "certificate_id": "c" * 64, "address": "192.0.2.0", "port": 4_711,
    "session_identifier": "a466", "version_number": 3,
}  # fmt: skip
COMMON = {
    "clientId": "d1", "timestamp": 1_573_002_230_757, "sessionIdentifier": "a466", "principalIdentifier": "c" * 64,
}  # fmt: skip


@pytest.mark.parametrize(
    ("event", "topic", "members"),
    [
        pytest.param(
            Connected(**WHO), "presence/connected/d1",
            {"eventType": "connected", "ipAddress": "192.0.2.0", "versionNumber": 3}, id="connected",
        ),
        pytest.param(
            Disconnected(**WHO, reason=Reason.CLIENT_INITIATED_DISCONNECT), "presence/disconnected/d1",
            {
                "eventType": "disconnected", "clientInitiatedDisconnect": True,
                "disconnectReason": "CLIENT_INITIATED_DISCONNECT", "versionNumber": 3,
            }, id="disconnected by the client",
        ),
        pytest.param(
            Disconnected(**WHO, reason=Reason.DUPLICATE_CLIENTID), "presence/disconnected/d1",
            {
                "eventType": "disconnected", "clientInitiatedDisconnect": False,
                "disconnectReason": "DUPLICATE_CLIENTID", "versionNumber": 3,
            }, id="taken over",
        ),
        pytest.param(
            ConnectFailed(**WHO), "presence/connect_failed/d1",
            {
                "eventType": "connect_failed", "connectFailureReason": "AUTHORIZATION_FAILED",
                "ipAddress": "192.0.2.0",
            }, id="not let in",
        ),
        pytest.param(
            Subscribed(**WHO, topics=("a/b", "c/#")), "subscriptions/subscribed/d1",
            {"eventType": "subscribed", "topics": ["a/b", "c/#"]}, id="subscribed",
        ),
        pytest.param(
            Unsubscribed(**WHO, topics=("a/b",)), "subscriptions/unsubscribed/d1",
            {"eventType": "unsubscribed", "topics": ["a/b"]}, id="unsubscribed",
        ),
    ],
)  # fmt: skip
def test_an_event_is_announced_with_exactly_aws_s_members(event: Event, topic: str, members: dict[str, Any]) -> None:
    announced = announcement(event)
    assert announced is not None
    assert announced[0] == f"$aws/events/{topic}"
    assert json.loads(announced[1]) == COMMON | members


@pytest.mark.parametrize("client_id", ["#", "+", "a+b", "a#"])
def test_a_client_id_with_a_wildcard_is_not_announced(client_id: str) -> None:
    assert announcement(Connected(**WHO | {"client_id": client_id})) is None


def test_denials_are_not_announced() -> None:
    assert announcement(Denied(**WHO, operation="publish", topic="t")) is None


async def heard(client: Client) -> list[tuple[str, dict[str, Any]]]:
    packets = [packet for packet in await client.ping() if isinstance(packet, Publish)]
    return [(packet.topic.removeprefix("$aws/events/"), json.loads(packet.payload)) for packet in packets]


async def watcher(home: Home) -> Client:
    client = await home.connect("watcher", keep_alive=1_200)
    await client.subscribe("$aws/events/presence/#", "$aws/events/subscriptions/#")
    await client.ping()
    return client


def test_those_who_subscribed_hear_of_a_client_s_whole_life() -> None:
    async def scenario(home: Home) -> None:
        watching = await watcher(home)
        client = await home.connect("lamp")
        await client.subscribe("a/b", "/" * 8, "c/#")
        await client.ask(Unsubscribe(1, ("a/b", "never")))
        await client.send(Disconnect())
        await client.receive()
        events = await heard(watching)
        assert [topic for topic, _ in events] == [
            "presence/connected/lamp", "subscriptions/subscribed/lamp", "subscriptions/unsubscribed/lamp",
            "presence/disconnected/lamp",
        ]  # fmt: skip
        assert events[1][1]["topics"] == ["a/b", "c/#"]
        assert events[2][1]["topics"] == ["a/b"]
        assert events[3][1]["disconnectReason"] == "CLIENT_INITIATED_DISCONNECT"
        assert len({payload["sessionIdentifier"] for _, payload in events}) == 1
        assert {payload["timestamp"] for _, payload in events} == {1_000_000}
        assert [type(event) for event in home.events[-4:]] == [Connected, Subscribed, Unsubscribed, Disconnected]

    serve(scenario)


async def fall_silent(home: Home, _: Client) -> None:
    home.clock.now += 91
    home.broker.sweep()


async def be_lost(_: Home, client: Client) -> None:
    client.abort()


async def be_taken_over(home: Home, _: Client) -> None:
    await home.connect("lamp")


def sending(packet: Packet | bytes) -> Callable[[Home, Client], Awaitable[None]]:
    return lambda _, client: client.send(packet)


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        pytest.param(sending(Disconnect()), "CLIENT_INITIATED_DISCONNECT", id="it leaves"),
        pytest.param(be_lost, "CONNECTION_LOST", id="it is lost"),
        pytest.param(fall_silent, "MQTT_KEEP_ALIVE_TIMEOUT", id="it is silent"),
        pytest.param(sending(b"\xf0\0"), "CLIENT_ERROR", id="it breaks the protocol"),
        pytest.param(be_taken_over, "DUPLICATE_CLIENTID", id="it is taken over"),
        pytest.param(sending(Publish("secret", b"")), "AUTH_ERROR", id="it may not publish"),
        pytest.param(sending(Publish("$aws/lamp", b"")), "FORBIDDEN_ACCESS", id="it publishes on a reserved topic"),
        pytest.param(sending(Publish("raise", b"")), "SERVER_ERROR", id="it meets a fault"),
    ],
)
def test_those_who_subscribed_hear_why_a_client_is_gone_and_get_its_will(
    end: Callable[[Home, Client], Awaitable[None]], reason: str
) -> None:
    async def scenario(home: Home) -> None:
        watching = await watcher(home)
        await watching.subscribe("wills")
        client = await home.connect("lamp", keep_alive=60, will=Will("wills", b"gone"))
        await end(home, client)
        await home.until(lambda: any(isinstance(event, Disconnected) for event in home.events))
        packets = [packet for packet in await watching.ping() if isinstance(packet, Publish)]
        told = [json.loads(packet.payload) for packet in packets if "/disconnected/" in packet.topic]
        by_client = reason == "CLIENT_INITIATED_DISCONNECT"
        assert [(each["disconnectReason"], each["clientInitiatedDisconnect"]) for each in told] == [(reason, by_client)]
        assert [packet.payload for packet in packets if packet.topic == "wills"] == ([] if by_client else [b"gone"])

    serve(scenario, authorise=Policies(publishes={"secret"}))


def test_those_who_subscribed_hear_of_a_client_that_is_not_let_in() -> None:
    async def scenario(home: Home) -> None:
        watching = await watcher(home)
        intruder = await home.dial(level=MQTT_5)
        assert isinstance(await intruder.ask(Connect("intruder", level=MQTT_5)), Connack)
        ((topic, payload),) = await heard(watching)
        assert topic == "presence/connect_failed/intruder"
        assert payload["connectFailureReason"] == "AUTHORIZATION_FAILED"
        assert "versionNumber" not in payload

    serve(scenario, authorise=Policies(connects={"intruder"}))


def test_to_unsubscribe_from_what_one_is_not_subscribed_to_is_nothing_to_tell() -> None:
    async def scenario(home: Home) -> None:
        client = await home.connect("lamp")
        assert await client.ask(Unsubscribe(1, ("never",))) == Unsuback(1)
        assert await client.subscribe("/" * 8) == (0x80,)
        assert [type(event) for event in home.events] == [Connected]

    serve(scenario)


def test_a_connection_that_was_never_accepted_is_told_of_to_nobody() -> None:
    async def scenario(home: Home) -> None:
        client = await home.dial()
        await client.send(b"\xc0\0")
        assert await client.receive() is None
        assert home.events == []

    serve(scenario)


def test_connecting_and_disconnecting_share_a_version_that_counts_up_over_a_take_over() -> None:
    async def scenario(home: Home) -> None:
        for _ in range(3):
            client = await home.connect("lamp", clean=False)
        await client.send(Disconnect())
        await client.receive()
        versions = [(type(event), event.version_number) for event in home.events]
        assert versions == [
            (Connected, 0), (Disconnected, 0), (Connected, 1), (Disconnected, 1), (Connected, 2), (Disconnected, 2),
        ]  # fmt: skip
        assert len({event.session_identifier for event in home.events}) == 1

    serve(scenario)


@pytest.mark.parametrize(
    ("expiry", "away", "version"), [(0, 3_599, 1), (0, 3_600, 0), (7_200, 7_199, 1), (7_200, 7_200, 0)]
)
def test_a_version_starts_again_after_an_hour_or_when_the_session_is_over(expiry: int, away: int, version: int) -> None:
    async def scenario(home: Home) -> None:
        for _ in range(2):
            client = await home.connect("lamp", level=MQTT_5, properties=Properties(session_expiry=expiry))
            await client.send(Disconnect())
            assert await client.receive() is None
            home.clock.now += away
        assert [event.version_number for event in home.events if isinstance(event, Connected)] == [0, version]

    serve(scenario)


def test_a_client_that_was_there_before_a_restart_is_not_numbered_below_what_it_had() -> None:
    """Who ranks events as AWS advises would take its connection for an old one."""

    async def scenario(home: Home) -> None:
        for client_id in ("lamp", "lamp", "pump"):
            await home.connect(client_id)
        home.clock.now += 3_600
        await home.connect("new")
        numbers = [event.version_number for event in home.events if isinstance(event, Connected)]
        assert numbers == [1_795_000_000, 1_795_000_001, 1_795_000_000, 0]

    serve(scenario, first_version=1_795_000_000)


def test_versions_of_too_many_clients_are_not_remembered() -> None:
    versions, clock = Versions(), Clock()
    for number in range(MAX_REMEMBERED + 1):
        versions.end(f"lamp-{number}", 5, clock() + 10)
    assert [versions.begin(f"lamp-{number}", clock()) for number in (0, 1)] == [0, 6]


def test_a_client_may_not_publish_events() -> None:
    async def scenario(home: Home) -> None:
        watching = await watcher(home)
        client = await home.connect("#")
        await client.send(Publish("$aws/events/presence/connected/lamp", b"{}"))
        assert await client.receive() is None
        assert await heard(watching) == []

    serve(scenario)
