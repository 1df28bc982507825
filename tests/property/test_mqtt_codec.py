"""Properties of the MQTT codec and of topic matching."""

from collections.abc import Callable
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from warden.embedded.broker.decode import Decoder
from warden.embedded.broker.encode import MQTT_3_1_1, encode
from warden.embedded.broker.packets import (
    Connack,
    Connect,
    Disconnect,
    Malformed,
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
from warden.embedded.broker.topics import Subscriptions, is_filter

examples = settings(max_examples=150, deadline=None)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
topics = texts.map(lambda text: text.replace("+", "").replace("#", "") or "t")
levels = st.sampled_from(["", "a", "b", "$a", "$b"])
paths = st.lists(levels, min_size=1, max_size=5).map("/".join).filter(bool)
filters = st.lists(levels | st.sampled_from(["+", "+", "#"]), min_size=1, max_size=5).map("/".join).filter(is_filter)
qualities = st.integers(0, 1)
packet_ids = st.integers(1, 0xFFFF)
payloads = st.binary(max_size=300)
wills = st.builds(Will, topics, payloads, qualities, st.booleans())
publishes = st.builds(Publish, topics, payloads, retain=st.booleans()) | st.builds(
    Publish, topics, payloads, st.just(1), packet_ids, st.booleans(), st.booleans()
)


@st.composite
def connects(draw: Callable[..., object]) -> Connect:
    username = draw(st.none() | texts)
    password = draw(st.none() | payloads) if username is not None else None
    keep_alive = draw(st.integers(0, 0xFFFF))
    return Connect(draw(texts), draw(st.booleans()), keep_alive, draw(st.none() | wills), username, password)  # type: ignore[arg-type]


packets: st.SearchStrategy[Packet] = st.one_of(
    publishes,
    st.builds(Connack, st.booleans(), st.integers(0, 255)),
    st.builds(Puback, packet_ids),
    st.builds(Subscribe, packet_ids, st.lists(st.tuples(filters, qualities), min_size=1, max_size=9).map(tuple)),
    st.builds(Suback, packet_ids, st.lists(st.integers(0, 255), min_size=1, max_size=9).map(tuple)),
    st.builds(Unsubscribe, packet_ids, st.lists(filters, min_size=1, max_size=9).map(tuple)),
    st.builds(Unsuback, packet_ids),
    st.sampled_from([Pingreq(), Pingresp(), Disconnect()]),
)


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


def decode(decoder: Decoder, pieces: list[bytes]) -> tuple[list[Packet], str]:
    """What comes out, and what is wrong at the end."""
    decoded: list[Packet] = []
    try:
        for piece in pieces:
            for packet in decoder.feed(piece):
                decoded.append(packet)  # noqa: PERF402 (what came before an error counts)
    except Malformed as error:
        return decoded, f"{error.code} {error.why}"
    return decoded, ""


@examples
@given(connects(), st.lists(packets, max_size=6), st.lists(st.integers(0, 5_000), max_size=12))
def test_packets_in_any_pieces_come_out_as_they_went_in(connect: Connect, sent: list[Packet], cuts: list[int]) -> None:
    data = b"".join(map(encode, [connect, *sent]))
    assert decode(Decoder(), in_pieces(data, cuts)) == ([connect, *sent], "")


@examples
@given(st.binary(max_size=400), st.booleans(), st.lists(st.integers(0, 400), max_size=12))
def test_any_bytes_are_packets_or_malformed_however_they_are_cut(data: bytes, first: bool, cuts: list[int]) -> None:
    level = None if first else MQTT_3_1_1
    assert decode(Decoder(level), in_pieces(data, cuts)) == decode(Decoder(level), [data])


@examples
@given(
    connects(),
    st.lists(packets, min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), min_size=1, max_size=4),
    st.lists(st.integers(0, 2_000), max_size=6),
)
def test_damaged_packets_are_packets_or_malformed_however_they_are_cut(
    connect: Connect, sent: list[Packet], damages: list[tuple[int, int]], cuts: list[int]
) -> None:
    data = bytearray(b"".join(map(encode, [connect, *sent])))
    for place, value in damages:
        data[place % len(data)] = value
    assert decode(Decoder(), in_pieces(bytes(data), cuts)) == decode(Decoder(), [bytes(data)])


def matches(topic_filter: str, topic: str) -> bool:
    """AWS IoT's rules of matching, level by level."""
    wanted, given_ = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    if wanted[-1] == "#":
        return len(given_) >= len(wanted) and all(map(fits, wanted[:-1], given_))
    return len(given_) == len(wanted) and all(map(fits, wanted, given_))


def fits(wanted: str, level: str) -> bool:
    return wanted in ("+", level)


@examples
@given(st.lists(st.tuples(filters, st.integers(0, 3), qualities), max_size=12), st.data(), paths)
def test_subscribers_are_found_as_by_trying_each_filter(
    added: list[tuple[str, int, int]], data: st.DataObject, topic: str
) -> None:
    subscriptions: Subscriptions[int] = Subscriptions()
    kept: dict[tuple[str, int], int] = {}
    for topic_filter, subscriber, qos in added:
        subscriptions.add(topic_filter, subscriber, qos)
        kept[topic_filter, subscriber] = qos
    for topic_filter, subscriber in data.draw(st.lists(st.sampled_from(sorted(kept)))) if kept else []:
        subscriptions.remove(topic_filter, subscriber)
        kept.pop((topic_filter, subscriber), None)
    expected: dict[int, int] = {}
    for (topic_filter, subscriber), qos in kept.items():
        if matches(topic_filter, topic):
            expected[subscriber] = max(qos, expected.get(subscriber, 0))
    assert subscriptions.match(topic) == expected
