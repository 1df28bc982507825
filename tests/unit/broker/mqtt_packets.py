"""Hypothesis strategies of MQTT's packets, of both versions, and how bytes are cut into pieces and decoded."""

from collections.abc import Callable
from itertools import pairwise

from hypothesis import strategies as st

from warden.embedded.broker.decode import Decoder
from warden.embedded.broker.packets import (
    MQTT_3_1_1,
    MQTT_5,
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
from warden.embedded.broker.properties import NO_PROPERTIES, PROPERTIES, WILL, Kind, Properties
from warden.embedded.broker.topics import is_filter

LEVELS = (MQTT_3_1_1, MQTT_5)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
topics = texts.map(lambda text: text.replace("+", "").replace("#", "") or "t")
levels_of_topics = st.sampled_from(["", "a", "b", "$a", "$b"])
levels_of_filters = levels_of_topics | st.sampled_from(["+", "+", "#"])
filters = st.lists(levels_of_filters, min_size=1, max_size=5).map("/".join).filter(is_filter)
qualities = st.integers(0, 1)
packet_ids = st.integers(1, 0xFFFF)
payloads = st.binary(max_size=300)
codes = st.lists(st.integers(0, 255), min_size=1, max_size=9).map(tuple)

_VALUES: dict[Kind, st.SearchStrategy[object]] = {
    Kind.FLAG: st.integers(0, 1),
    Kind.TWO_BYTES: st.integers(1, 0xFFFF),
    Kind.FOUR_BYTES: st.integers(1, 0xFFFF_FFFF),
    Kind.VARIABLE: st.integers(1, 0x0FFF_FFFF),
    Kind.TEXT: texts,
    Kind.BINARY: payloads,
    Kind.PAIR: st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
}
_REFUSED = {"subscription_id", "authentication_method", "authentication_data"}


def properties_of(packet: int) -> st.SearchStrategy[Properties]:
    """Those that a packet of this type may have and that are not refused."""
    values = {
        each.name: topics if each.name == "response_topic" else _VALUES[each.kind]
        for each in PROPERTIES.values()
        if packet in each.packets and each.name not in _REFUSED
    }
    some = st.fixed_dictionaries({}, optional=values).map(lambda chosen: Properties(**chosen))  # type: ignore[arg-type]
    return st.just(NO_PROPERTIES) | some.map(lambda chosen: NO_PROPERTIES if chosen == NO_PROPERTIES else chosen)


def _properties(level: int, packet: int) -> st.SearchStrategy[Properties]:
    return properties_of(packet) if level == MQTT_5 else st.just(NO_PROPERTIES)


def publishes(level: int) -> st.SearchStrategy[Publish]:
    properties = _properties(level, 3)
    at_most_once = st.tuples(topics, payloads, st.just(0), st.just(0), st.booleans(), st.just(False), properties)
    at_least_once = st.tuples(topics, payloads, st.just(1), packet_ids, st.booleans(), st.booleans(), properties)
    return (at_most_once | at_least_once).map(Publish._make)


@st.composite
def connects(draw: Callable[..., object], level: int) -> Connect:
    wills = st.builds(Will, topics, payloads, qualities, st.booleans(), _properties(level, WILL))
    username = draw(st.none() | texts)
    password = draw(st.none() | payloads) if username is not None or level == MQTT_5 else None
    keep_alive, will = draw(st.integers(0, 0xFFFF)), draw(st.none() | wills)
    properties = draw(_properties(level, 1))
    return Connect(draw(texts), draw(st.booleans()), keep_alive, will, username, password, level, properties)  # type: ignore[arg-type]


def packets(level: int) -> st.SearchStrategy[Packet]:
    """Any packet but CONNECT."""
    is_5 = level == MQTT_5
    options = st.integers(0, 0x2F).filter(lambda each: each & 0b11 < 2) if is_5 else qualities
    return st.one_of(
        publishes(level),
        st.builds(Connack, st.booleans(), st.integers(0, 255), _properties(level, 2)),
        st.builds(Puback, packet_ids, st.integers(0, 255) if is_5 else st.just(0)),
        st.builds(Subscribe, packet_ids, st.lists(st.tuples(filters, options), min_size=1, max_size=9).map(tuple)),
        st.builds(Suback, packet_ids, codes),
        st.builds(Unsubscribe, packet_ids, st.lists(filters, min_size=1, max_size=9).map(tuple)),
        st.builds(Unsuback, packet_ids, codes if is_5 else st.just(())),
        st.builds(Disconnect, st.integers(0, 255), _properties(level, 14)) if is_5 else st.just(Disconnect()),
        st.sampled_from([Pingreq(), Pingresp()]),
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
