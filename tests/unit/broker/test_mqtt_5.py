"""What MQTT 5 has beyond 3.1.1: what clients are told, and what they may ask for."""

import pytest

from tests.unit.broker.test_decode_5 import CONNECT, FIRST_PACKETS, LATER_PACKETS_5
from tests.unit.broker.wire import REPORT_TOPIC, Client, Home, next_publish, serve
from warden.embedded.broker.packets import (
    MQTT_3_1_1,
    MQTT_5,
    NO_LOCAL,
    RETAIN_AS_PUBLISHED,
    Code,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Puback,
    Publish,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Will,
)
from warden.embedded.broker.properties import NO_PROPERTIES, Properties

AWS = Properties(
    session_expiry=0, receive_maximum=100, maximum_qos=1, retain_available=1, maximum_packet_size=139_269,
    topic_alias_maximum=8, wildcards_available=1, subscription_ids_available=0, shared_available=0,
)  # fmt: skip
PUBLISHED = Properties(
    payload_format=1, content_type="text/plain", response_topic="answers", correlation_data=b"\x07",
    user=(("k", "v"), ("k", "w")),
)  # fmt: skip


def aws(**others: object) -> Properties:
    told = {name: getattr(AWS, name) for name in AWS.__dataclass_fields__} | others
    return Properties(**told)  # type: ignore[arg-type]


async def connack(home: Home, connect: Connect) -> Connack:
    client = await home.dial(level=MQTT_5)
    answer = await client.ask(connect)
    assert isinstance(answer, Connack)
    return answer


async def lamp_5(home: Home, **properties: object) -> Client:
    return await home.connect("lamp", level=MQTT_5, properties=Properties(**properties))  # type: ignore[arg-type]


async def gone(home: Home, client: Client) -> None:
    count = home.broker.clients()
    client.abort()
    await home.until(lambda: home.broker.clients() < count)


@pytest.mark.parametrize(
    ("keep_alive", "told"), [(30, None), (1_200, None), (0, 1_200), (1_201, 1_200), (29, 30), (1, 30)]
)
def test_a_client_is_told_what_the_broker_can_do_and_another_keep_alive_than_its_own(
    keep_alive: int, told: int | None
) -> None:
    async def scenario(home: Home) -> None:
        answer = await connack(home, Connect("lamp", keep_alive=keep_alive, level=MQTT_5))
        assert answer == Connack(properties=aws(server_keep_alive=told))

    serve(scenario)


def test_a_client_without_an_id_is_told_the_one_it_gets_and_may_keep_its_session() -> None:
    async def scenario(home: Home) -> None:
        asked = Properties(session_expiry=60)
        client = await home.dial(level=MQTT_5)
        answer = await client.ask(Connect("", clean=False, keep_alive=60, level=MQTT_5, properties=asked))
        assert isinstance(answer, Connack)
        assigned = answer.properties.assigned_client_id
        assert assigned
        await gone(home, client)
        again = Connect(assigned, clean=False, keep_alive=60, level=MQTT_5, properties=asked)
        assert await connack(home, again) == Connack(True, properties=aws(session_expiry=60))

    serve(scenario)


@pytest.mark.parametrize(
    ("connect", "code"),
    [
        (Connect("$lamp", level=MQTT_5), Code.CLIENT_IDENTIFIER_NOT_VALID),
        (Connect("l" * 129, level=MQTT_5), Code.CLIENT_IDENTIFIER_NOT_VALID),
        (Connect("lamp", will=Will("/" * 8, b""), level=MQTT_5), Code.TOPIC_NAME_INVALID),
    ],
)
def test_a_refused_client_is_told_why(connect: Connect, code: Code) -> None:
    async def scenario(home: Home) -> None:
        client = await home.dial(level=MQTT_5)
        assert await client.ask(connect) == Connack(code=code)
        assert await client.is_closed()

    serve(scenario)


@pytest.mark.parametrize(("data", "code"), FIRST_PACKETS.values(), ids=FIRST_PACKETS)
def test_a_bad_connect_is_answered_and_closes_its_connection(data: bytes, code: Code) -> None:
    async def scenario(home: Home) -> None:
        client = await home.dial(level=MQTT_5)
        await client.send(data)
        assert [await client.receive(), await client.receive()] == [Connack(code=code), None]
        assert (home.broker.stats.malformed, home.broker.stats.failed) == (1, 0)

    serve(scenario)


@pytest.mark.parametrize(("data", "code"), LATER_PACKETS_5.values(), ids=LATER_PACKETS_5)
def test_a_bad_packet_is_answered_and_closes_its_connection_and_no_other(data: bytes, code: Code) -> None:
    async def scenario(home: Home) -> None:
        bystander = await home.connect("bystander")
        client = await home.dial(level=MQTT_5)
        await client.send(CONNECT + data, Publish("take/later", b""))
        assert isinstance(await client.receive(), Connack)
        assert [await client.receive(), await client.receive()] == [Disconnect(code), None]
        assert await bystander.ping() == []
        assert (home.broker.stats.malformed, home.broker.stats.failed, home.taken) == (1, 0, [])

    serve(scenario)


@pytest.mark.parametrize(
    ("packet", "code"),
    [
        pytest.param(Connack(), Code.PROTOCOL_ERROR, id="a CONNACK"),
        pytest.param(Publish("t" * 257, b""), Code.TOPIC_NAME_INVALID, id="a topic of 257 bytes"),
        pytest.param(Publish("$aws/things/lamp/shadow/update", b""), Code.NOT_AUTHORIZED, id="a reserved topic"),
        pytest.param(Subscribe(1, (("t", 0),) * 9), Code.QUOTA_EXCEEDED, id="9 filters in a SUBSCRIBE"),
        pytest.param(Publish("t", b"", properties=Properties(topic_alias=9)), Code.TOPIC_ALIAS_INVALID, id="alias 9"),
        pytest.param(
            Publish("", b"", properties=Properties(topic_alias=8)), Code.PROTOCOL_ERROR, id="an unknown alias"
        ),
        pytest.param(Disconnect(0, Properties(session_expiry=1)), Code.PROTOCOL_ERROR, id="a session kept too late"),
    ],
)
def test_a_client_that_breaks_a_rule_is_told_which_and_closed(packet: Packet, code: Code) -> None:
    async def scenario(home: Home) -> None:
        client = await lamp_5(home)
        await client.send(packet, Publish("take/later", b""))
        assert [await client.receive(), await client.receive()] == [Disconnect(code), None]
        assert home.taken == []

    serve(scenario)


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        ("/" * 8, Code.TOPIC_NAME_INVALID),
        ("t" * 257, Code.TOPIC_NAME_INVALID),
        ("$aws/things/lamp/shadow/update", Code.NOT_AUTHORIZED),
        ("t", Code.SUCCESS),
    ],
)
def test_a_message_of_qos_1_is_refused_by_its_acknowledgement(topic: str, code: Code) -> None:
    async def scenario(home: Home) -> None:
        client = await lamp_5(home)
        assert await client.ask(Publish(topic, b"", 1, 5)) == Puback(5, code)
        assert await client.ping() == []

    serve(scenario)


def test_subscriptions_are_refused_each_for_its_reason() -> None:
    async def scenario(home: Home) -> None:
        client = await lamp_5(home)
        assert await client.subscribe(REPORT_TOPIC, "/" * 8, "$share/g/t", "t", qos=1) == (0x8F, 0x8F, 0x9E, 1)
        for batch in range(7):
            await client.subscribe(*(f"{batch}/{each}" for each in range(7)))
        assert await client.subscribe("51st", "t") == (Code.QUOTA_EXCEEDED, 0)
        assert await client.ask(Unsubscribe(1, ("t", "never"))) == Unsuback(1, (0, 0))

    serve(scenario)


def test_properties_reach_those_who_speak_mqtt_5_and_the_others_get_the_message_alone() -> None:
    async def scenario(home: Home) -> None:
        older, newer = await home.connect("older"), await home.connect("newer", level=MQTT_5)
        for client in (older, newer):
            await client.subscribe("t", qos=1)
        sender = await lamp_5(home)
        with_alias = Properties(**{name: getattr(PUBLISHED, name) for name in PUBLISHED.__slots__} | {"topic_alias": 1})
        await sender.send(Publish("t", b"21", 1, 9, properties=with_alias), Publish("", b"22", properties=with_alias))
        await sender.ping()
        assert await older.ping() == [Publish("t", b"21", 1, 1), Publish("t", b"22")]
        assert await newer.ping() == [
            Publish("t", b"21", 1, 1, properties=PUBLISHED), Publish("t", b"22", properties=PUBLISHED),
        ]  # fmt: skip
        await older.send(Publish("t", b"23"))
        assert await next_publish(newer) == Publish("t", b"23")

    serve(scenario)


def test_a_topic_alias_stands_for_the_last_topic_that_it_was_sent_with_on_its_connection() -> None:
    async def scenario(home: Home) -> None:
        client = await lamp_5(home)
        one, eight = Properties(topic_alias=1), Properties(topic_alias=8)
        await client.send(
            Publish("take/a", b"1", properties=one), Publish("take/b", b"2", properties=eight),
            Publish("", b"3", properties=one), Publish("take/c", b"4", properties=one),
            Publish("", b"5", properties=one), Publish("", b"6", properties=eight),
        )  # fmt: skip
        await client.ping()
        assert [publication.topic for publication in home.taken] == [f"take/{letter}" for letter in "abaccb"]
        client = await lamp_5(home)
        assert await client.ask(Publish("", b"", properties=one)) == Disconnect(Code.PROTOCOL_ERROR)

    serve(scenario)


def test_a_message_that_waits_is_sent_with_the_time_it_has_left_or_not_at_all() -> None:
    async def scenario(home: Home) -> None:
        client = await lamp_5(home, session_expiry=600)
        await client.subscribe("t", qos=1)
        await gone(home, client)
        sender = await home.connect("sender", level=MQTT_5)
        for seconds in (10, 30, None):
            properties = Properties(message_expiry=seconds)
            await sender.ask(Publish("t", str(seconds).encode(), 1, 1, properties=properties))
        home.clock.now += 10
        client = await home.dial(level=MQTT_5)
        await client.ask(Connect("lamp", clean=False, level=MQTT_5))
        assert [(packet.payload, packet.properties) for packet in await client.ping()] == [  # type: ignore[union-attr]
            (b"30", Properties(message_expiry=20)), (b"None", NO_PROPERTIES),
        ]  # fmt: skip
        assert home.broker.stats.expired == 1

    serve(scenario)


def test_a_client_gets_no_more_at_once_than_it_wants_and_nothing_larger() -> None:
    async def scenario(home: Home) -> None:
        client = await lamp_5(home, receive_maximum=2, maximum_packet_size=40)
        await client.subscribe("t", qos=1)
        await client.subscribe("u")
        home.broker.publish("t", bytes(40), 1)
        home.broker.publish("u", bytes(40))
        for number in range(4):
            home.broker.publish("t", str(number).encode(), 1)
        packets = [packet for packet in await client.ping() if isinstance(packet, Publish)]
        assert [packet.payload for packet in packets] == [b"0", b"1"]
        assert home.broker.stats.dropped == 2
        await client.send(Puback(packets[0].packet_id))
        assert [packet.payload for packet in await client.ping() if isinstance(packet, Publish)] == [b"2"]

    serve(scenario)


def test_what_a_client_does_not_acknowledge_counts_on_its_next_connection() -> None:
    async def scenario(home: Home) -> None:
        client = await lamp_5(home, session_expiry=600)
        await client.subscribe("t", qos=1)
        for number in range(3):
            home.broker.publish("t", str(number).encode(), 1)
        await client.ping()
        await gone(home, client)
        client = await home.dial(level=MQTT_5)
        await client.ask(Connect("lamp", clean=False, level=MQTT_5, properties=Properties(receive_maximum=2)))
        assert await client.ping() == [Publish("t", b"0", 1, 1, dup=True), Publish("t", b"1", 1, 2, dup=True)]
        await client.send(Puback(2))
        assert await client.ping() == [Publish("t", b"2", 1, 3, dup=True)]

    serve(scenario)


def test_a_client_that_sends_more_than_100_messages_without_an_answer_is_closed() -> None:
    async def scenario(home: Home) -> None:
        client = await lamp_5(home)
        await client.send(*(Publish("take", b"", 1, number) for number in range(1, 101)))
        assert await client.ping() == []
        home.taken[0].acknowledge()
        await client.send(Publish("take", b"", 1, 101))
        assert await client.ping() == [Puback(1)]
        assert await client.ask(Publish("take", b"", 1, 102)) == Disconnect(Code.RECEIVE_MAXIMUM_EXCEEDED)
        assert len(home.taken) == 101

    serve(scenario)


@pytest.mark.parametrize(
    ("options", "own", "other"),
    [
        pytest.param(0, [False], [False], id="none"),
        pytest.param(NO_LOCAL, [], [False], id="no local"),
        pytest.param(RETAIN_AS_PUBLISHED, [True], [True], id="retain as published"),
    ],
)
def test_options_of_a_subscription(options: int, own: list[bool], other: list[bool]) -> None:
    async def scenario(home: Home) -> None:
        lamp, sender = await lamp_5(home), await home.connect("sender")
        await lamp.ask(Subscribe(1, (("t", options), ("+", options))))
        for client, expected in ((lamp, own), (sender, other)):
            await client.send(Publish("t", b"21", retain=True))
            heard = await client.ping() if client is lamp else [] if await sender.ping() else await lamp.ping()
            assert [packet.retain for packet in heard if isinstance(packet, Publish)] == expected

    serve(scenario)


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
            assert (await connack(home, connect)).session_present is (present and told > 0)
            home.broker.disconnect(lambda *_: True)
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
        home.clock.now += 31
        home.broker.sweep()
        assert await watcher.ping() == published

    serve(scenario)
