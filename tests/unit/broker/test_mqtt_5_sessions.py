"""What MQTT 5 adds to sessions: how long they are kept, how they end, and wills that wait."""

import pytest

from tests.unit.broker.wire import Client, Home, connack, gone, lamp_5, serve
from warden.embedded.broker.packets import (
    MQTT_3_1_1,
    MQTT_5,
    Code,
    Connack,
    Connect,
    Disconnect,
    Publish,
    Will,
)
from warden.embedded.broker.properties import Properties


@pytest.mark.parametrize(
    ("asked", "told"), [(None, 0), (0, 0), (60, 60), (604_800, 604_800), (604_801, 604_800), (0xFFFF_FFFF, 604_800)]
)
def test_a_session_is_kept_for_as_long_as_its_client_asks_and_a_week_at_most(asked: int | None, told: int) -> None:
    async def scenario(home: Home) -> None:
        connect = Connect("lamp", False, 60, level=MQTT_5, properties=Properties(session_expiry=asked))
        for away, present in ((told - 1, True), (told, False)):
            client = await home.dial(level=MQTT_5)
            answer = await client.ask(connect)
            assert isinstance(answer, Connack)
            assert answer.properties.session_expiry == told
            await gone(home, client)
            home.clock.now += max(away, 0)
            home.broker.sweep()
            again = await home.dial(level=MQTT_5)
            answer = await again.ask(connect)
            assert isinstance(answer, Connack)
            assert answer.session_present is (present and told > 0)
            await gone(home, again)
            home.clock.now += told
            home.broker.sweep()

    serve(scenario)


def test_a_client_that_leaves_may_say_how_long_its_session_is_kept() -> None:
    async def scenario(home: Home) -> None:
        client = await lamp_5(home, session_expiry=60)
        await client.send(Disconnect(0, Properties(session_expiry=0)))
        assert await client.receive() is None
        assert (await connack(home, Connect("lamp", clean=False, level=MQTT_5))).session_present is False

    serve(scenario)


@pytest.mark.parametrize("level", [MQTT_3_1_1, MQTT_5])
def test_a_client_that_is_taken_over_is_told(level: int) -> None:
    async def scenario(home: Home) -> None:
        first = await lamp_5(home)
        second = await home.connect("lamp", level=level)
        assert [await first.receive(), await first.receive()] == [Disconnect(Code.SESSION_TAKEN_OVER), None]
        assert await second.ping() == []

    serve(scenario)


def test_a_silent_client_and_those_of_a_broker_that_closes_are_told() -> None:
    async def scenario(home: Home) -> None:
        silent = await lamp_5(home)
        home.clock.now += 1.5 * 60 + 0.1
        home.broker.sweep()
        assert await silent.receive() == Disconnect(Code.KEEP_ALIVE_TIMEOUT)
        client = await lamp_5(home)
        await home.broker.close()
        assert await client.receive() == Disconnect(Code.SERVER_SHUTTING_DOWN)

    serve(scenario)


def test_a_fault_of_ours_is_owned_up_to(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(home: Home) -> None:
        client = await lamp_5(home)
        assert await client.ask(Publish("raise", b"", 1, 5)) == Disconnect(Code.UNSPECIFIED_ERROR)

    serve(scenario)
    assert "no such thing" in caplog.text


def test_a_client_that_leaves_may_have_its_will_published_all_the_same() -> None:
    async def scenario(home: Home) -> None:
        watcher = await home.connect("watcher")
        await watcher.subscribe("wills")
        for code in (Code.SUCCESS, Code.DISCONNECT_WITH_WILL):
            client = await home.connect("lamp", level=MQTT_5, will=Will("wills", str(code).encode()))
            await client.send(Disconnect(code))
            assert await client.receive() is None
        assert await watcher.ping() == [Publish("wills", b"4")]

    serve(scenario)


async def watched_wills(home: Home, *, delay: int, expiry: int) -> tuple[Client, Client]:
    watcher = await home.connect("watcher", keep_alive=1_200)
    await watcher.subscribe("wills")
    will = Will("wills", b"gone", properties=Properties(will_delay=delay, content_type="text/plain"))
    client = await home.connect("lamp", level=MQTT_5, will=will, properties=Properties(session_expiry=expiry))
    await gone(home, client)
    return watcher, client


@pytest.mark.parametrize(
    ("delay", "expiry", "due"),
    [
        pytest.param(30, 60, 30, id="after its delay"),
        pytest.param(60, 30, 30, id="when its session ends"),
        pytest.param(30, 0, 0, id="at once without a session"),
        pytest.param(0, 30, 0, id="at once without a delay"),
    ],
)
def test_a_will_is_published(delay: int, expiry: int, due: int) -> None:
    async def scenario(home: Home) -> None:
        watcher, _ = await watched_wills(home, delay=delay, expiry=expiry)
        if due:
            home.clock.now += due - 1
            home.broker.sweep()
            assert await watcher.ping() == []
            home.clock.now += 1
            home.broker.sweep()
        assert await watcher.ping() == [Publish("wills", b"gone")]
        home.clock.now += 100
        home.broker.sweep()
        assert await watcher.ping() == []

    serve(scenario)


@pytest.mark.parametrize(("clean", "published"), [(False, []), (True, [Publish("wills", b"gone")])])
def test_a_delayed_will_of_a_client_that_is_back_is_published_only_if_its_session_is_not(
    clean: bool, published: list[Publish]
) -> None:
    async def scenario(home: Home) -> None:
        watcher, _ = await watched_wills(home, delay=30, expiry=60)
        await home.connect("lamp", clean=clean, level=MQTT_5, keep_alive=1_200)
        assert await watcher.ping() == published
        home.clock.now += 31
        home.broker.sweep()
        assert await watcher.ping() == []

    serve(scenario)
