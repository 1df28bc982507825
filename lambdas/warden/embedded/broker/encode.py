"""MQTT 3.1.1 from packets to bytes, a broker's and a client's. Source: MQTT 3.1.1, sections 2 and 3."""

from collections.abc import Callable
from typing import Any

from warden.embedded.broker.packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
)

MQTT_3_1_1 = 4
MQTT_5 = 5

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 1, 2, 3, 4, 8, 9
UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 10, 11, 12, 13, 14


def encode(packet: Packet) -> bytes:
    """A packet's bytes. ValueError or OverflowError where a field does not fit: a mistake of ours."""
    return _ENCODERS[type(packet)](packet)


def encode_publish(topic: str, payload: bytes, packet_id: int = 0, *, dup: bool = False) -> bytes:
    """A PUBLISH of QoS 1 where there is a packet identifier, else of QoS 0."""
    return encode(Publish(topic, payload, 1 if packet_id else 0, packet_id, dup=dup))


def encode_puback(packet_id: int) -> bytes:
    """A PUBACK."""
    return b"\x40\x02" + packet_id.to_bytes(2, "big")


def frame(kind: int, *body: bytes, flags: int = 0) -> bytes:
    """A packet of a kind: its fixed header, then the parts of its body."""
    return b"".join((bytes((kind << 4 | flags,)), _remaining_length(sum(map(len, body))), *body))


def _remaining_length(length: int) -> bytes:
    encoded = bytearray()
    while length > 0x7F:
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    encoded.append(length)
    return bytes(encoded)


def _number(number: int) -> bytes:
    return number.to_bytes(2, "big")


def _binary(value: bytes) -> bytes:
    return _number(len(value)) + value


def _encoded_text(text: str) -> bytes:
    return _binary(text.encode())


def _encode_connect(packet: Connect) -> bytes:
    will, flags = packet.will, 0x02 if packet.clean else 0
    fields = [_encoded_text(packet.client_id)]
    if will is not None:
        flags |= 0x04 | will.qos << 3 | will.retain << 5
        fields += [_encoded_text(will.topic), _binary(will.payload)]
    if packet.username is not None:
        flags |= 0x80
        fields.append(_encoded_text(packet.username))
    if packet.password is not None:
        flags |= 0x40
        fields.append(_binary(packet.password))
    head = _encoded_text("MQTT") + bytes((MQTT_3_1_1, flags)) + _number(packet.keep_alive)
    return frame(CONNECT, head, *fields)


def _encode_publish(packet: Publish) -> bytes:
    flags = packet.dup << 3 | packet.qos << 1 | packet.retain
    topic = _encoded_text(packet.topic)
    if packet.qos == 0:
        return frame(PUBLISH, topic, packet.payload, flags=flags)
    return frame(PUBLISH, topic, _number(packet.packet_id), packet.payload, flags=flags)


def _encode_subscribe(packet: Subscribe) -> bytes:
    filters = (_encoded_text(topic_filter) + bytes((qos,)) for topic_filter, qos in packet.filters)
    return frame(SUBSCRIBE, _number(packet.packet_id), *filters, flags=0b0010)


def _encode_unsubscribe(packet: Unsubscribe) -> bytes:
    return frame(UNSUBSCRIBE, _number(packet.packet_id), *map(_encoded_text, packet.filters), flags=0b0010)


_ENCODERS: dict[type[Packet], Callable[[Any], bytes]] = {
    Connect: _encode_connect,
    Connack: lambda packet: frame(CONNACK, bytes((packet.session_present, packet.code))),
    Publish: _encode_publish,
    Puback: lambda packet: encode_puback(packet.packet_id),
    Subscribe: _encode_subscribe,
    Suback: lambda packet: frame(SUBACK, _number(packet.packet_id), bytes(packet.codes)),
    Unsubscribe: _encode_unsubscribe,
    Unsuback: lambda packet: frame(UNSUBACK, _number(packet.packet_id)),
    Pingreq: lambda _: frame(PINGREQ),
    Pingresp: lambda _: frame(PINGRESP),
    Disconnect: lambda _: frame(DISCONNECT),
}
