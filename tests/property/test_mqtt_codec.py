"""Properties of the MQTT codec and of topic matching."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.broker.mqtt_packets import (
    LEVELS,
    connects,
    decode,
    filters,
    in_pieces,
    levels_of_topics,
    packets,
    qualities,
)
from warden.embedded.broker.decode import Decoder
from warden.embedded.broker.encode import encode
from warden.embedded.broker.packets import NO_LOCAL, QOS, RETAIN_AS_PUBLISHED
from warden.embedded.broker.topics import Subscriptions

examples = settings(max_examples=150, deadline=None)

options = st.tuples(qualities, st.sampled_from([0, NO_LOCAL]), st.sampled_from([0, RETAIN_AS_PUBLISHED])).map(sum)
paths = st.lists(levels_of_topics, min_size=1, max_size=5).map("/".join).filter(bool)


@pytest.mark.parametrize("level", LEVELS)
@examples
@given(st.data(), st.lists(st.integers(0, 5_000), max_size=12))
def test_packets_in_any_pieces_come_out_as_they_went_in(level: int, data: st.DataObject, cuts: list[int]) -> None:
    sent = [data.draw(connects(level)), *data.draw(st.lists(packets(level), max_size=6))]
    encoded = b"".join(encode(packet, level) for packet in sent)
    assert decode(Decoder(), in_pieces(encoded, cuts)) == (sent, "")


@examples
@given(st.binary(max_size=400), st.sampled_from([None, *LEVELS]), st.lists(st.integers(0, 400), max_size=12))
def test_any_bytes_are_packets_or_malformed_however_they_are_cut(
    data: bytes, level: int | None, cuts: list[int]
) -> None:
    assert decode(Decoder(level), in_pieces(data, cuts)) == decode(Decoder(level), [data])


@pytest.mark.parametrize("level", LEVELS)
@examples
@given(
    st.data(),
    st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), min_size=1, max_size=4),
    st.lists(st.integers(0, 2_000), max_size=6),
)
def test_damaged_packets_are_packets_or_malformed_however_they_are_cut(
    level: int, data: st.DataObject, damages: list[tuple[int, int]], cuts: list[int]
) -> None:
    sent = [data.draw(connects(level)), *data.draw(st.lists(packets(level), min_size=1, max_size=4))]
    damaged = bytearray(b"".join(encode(packet, level) for packet in sent))
    for place, value in damages:
        damaged[place % len(damaged)] = value
    assert decode(Decoder(), in_pieces(bytes(damaged), cuts)) == decode(Decoder(), [bytes(damaged)])


def matches(topic_filter: str, topic: str) -> bool:
    """AWS IoT's rules of matching, level by level."""
    wanted, given_ = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    if wanted[-1] == "#":
        return len(given_) >= len(wanted) and all(map(fits, wanted[:-1], given_))
    return len(given_) == len(wanted) and all(map(fits, wanted, given_))


def both(one: int, other: int) -> int:
    """The options of two subscriptions of one client: each message once, as the more generous of them has it."""
    return max(one & QOS, other & QOS) | one & other & NO_LOCAL | (one | other) & RETAIN_AS_PUBLISHED


def fits(wanted: str, level: str) -> bool:
    return wanted in ("+", level)


@examples
@given(st.lists(st.tuples(filters, st.integers(0, 3), options), max_size=12), st.data(), paths)
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
            expected[subscriber] = both(qos, expected[subscriber]) if subscriber in expected else qos
    assert subscriptions.match(topic) == expected
