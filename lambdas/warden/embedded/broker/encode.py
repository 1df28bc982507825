"""MQTT 3.1.1 and 5 from packets to bytes, a broker's and a client's.

Source: MQTT 3.1.1 and MQTT 5, sections 2 and 3.
"""

from collections.abc import Callable
from typing import Any

from warden.embedded.broker.packets import (
    MQTT_3_1_1,
    MQTT_5,
    Code,
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
from warden.embedded.broker.properties import NO_PROPERTIES, PROPERTIES, Kind, Properties

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 1, 2, 3, 4, 8, 9
UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 10, 11, 12, 13, 14


def encode(packet: Packet, level: int = MQTT_3_1_1) -> bytes:
    """A packet's bytes at a protocol level; a CONNECT has its own.

    ValueError or OverflowError where a field does not fit: a mistake of ours. What the level has no place for
    (properties, reason codes) is left out.
    """
    return _ENCODERS[type(packet)](packet, level == MQTT_5)


def encode_publish(topic: str, payload: bytes, packet_id: int = 0, *, dup: bool = False) -> bytes:
    """A PUBLISH of MQTT 3.1.1, of QoS 1 where there is a packet identifier, else of QoS 0."""
    return encode(Publish(topic, payload, 1 if packet_id else 0, packet_id, dup=dup))


def encode_puback(packet_id: int) -> bytes:
    """A PUBACK of success, the same at both levels."""
    return b"\x40\x02" + packet_id.to_bytes(2, "big")


def frame(kind: int, *body: bytes, flags: int = 0) -> bytes:
    """A packet of a kind: its fixed header, then the parts of its body."""
    return b"".join((bytes((kind << 4 | flags,)), _variable(sum(map(len, body))), *body))


def _variable(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _number(number: int) -> bytes:
    return number.to_bytes(2, "big")


def _binary(value: bytes) -> bytes:
    return _number(len(value)) + value


def _encoded_text(text: str) -> bytes:
    return _binary(text.encode())


_VALUES: dict[Kind, Callable[[Any], bytes]] = {
    Kind.FLAG: lambda value: bytes((value,)),
    Kind.TWO_BYTES: _number,
    Kind.FOUR_BYTES: lambda value: value.to_bytes(4, "big"),
    Kind.VARIABLE: _variable,
    Kind.TEXT: _encoded_text,
    Kind.BINARY: _binary,
}


def _properties(properties: Properties) -> bytes:
    if properties is NO_PROPERTIES:
        return b"\0"
    encoded = bytearray()
    for identifier, each in PROPERTIES.items():
        value = getattr(properties, each.name)
        if each.kind is Kind.PAIR:
            for name, text in value:
                encoded += bytes((identifier,)) + _encoded_text(name) + _encoded_text(text)
        elif value is not None:
            encoded += bytes((identifier,)) + _VALUES[each.kind](value)
    return _variable(len(encoded)) + encoded


def _encode_connect(packet: Connect, _: bool) -> bytes:
    will, flags, is_5 = packet.will, 0x02 if packet.clean else 0, packet.level == MQTT_5
    fields = [_properties(packet.properties)] if is_5 else []
    fields.append(_encoded_text(packet.client_id))
    if will is not None:
        flags |= 0x04 | will.qos << 3 | will.retain << 5
        fields += [_properties(will.properties)] if is_5 else []
        fields += [_encoded_text(will.topic), _binary(will.payload)]
    if packet.username is not None:
        flags |= 0x80
        fields.append(_encoded_text(packet.username))
    if packet.password is not None:
        flags |= 0x40
        fields.append(_binary(packet.password))
    head = _encoded_text("MQTT") + bytes((packet.level, flags)) + _number(packet.keep_alive)
    return frame(CONNECT, head, *fields)


def _encode_connack(packet: Connack, is_5: bool) -> bytes:
    fields = [_properties(packet.properties)] if is_5 else []
    return frame(CONNACK, bytes((packet.session_present, packet.code)), *fields)


def _encode_publish(packet: Publish, is_5: bool) -> bytes:
    flags = packet.dup << 3 | packet.qos << 1 | packet.retain
    fields = [_encoded_text(packet.topic)]
    if packet.qos:
        fields.append(_number(packet.packet_id))
    if is_5:
        fields.append(_properties(packet.properties))
    return frame(PUBLISH, *fields, packet.payload, flags=flags)


def _encode_puback(packet: Puback, is_5: bool) -> bytes:
    if is_5 and packet.code != Code.SUCCESS:
        return frame(PUBACK, _number(packet.packet_id), bytes((packet.code,)))
    return encode_puback(packet.packet_id)


def _encode_subscribe(packet: Subscribe, is_5: bool) -> bytes:
    filters = (_encoded_text(topic_filter) + bytes((options,)) for topic_filter, options in packet.filters)
    return frame(SUBSCRIBE, _identified(packet.packet_id, is_5), *filters, flags=0b0010)


def _encode_unsubscribe(packet: Unsubscribe, is_5: bool) -> bytes:
    filters = map(_encoded_text, packet.filters)
    return frame(UNSUBSCRIBE, _identified(packet.packet_id, is_5), *filters, flags=0b0010)


def _encode_suback(packet: Suback, is_5: bool) -> bytes:
    return frame(SUBACK, _identified(packet.packet_id, is_5), bytes(packet.codes))


def _encode_unsuback(packet: Unsuback, is_5: bool) -> bytes:
    return frame(UNSUBACK, _identified(packet.packet_id, is_5), bytes(packet.codes if is_5 else ()))


def _identified(packet_id: int, is_5: bool) -> bytes:
    """A packet identifier, then the properties that we never use."""
    return _number(packet_id) + (b"\0" if is_5 else b"")


def _encode_disconnect(packet: Disconnect, is_5: bool) -> bytes:
    if not is_5 or (packet.code == Code.SUCCESS and packet.properties is NO_PROPERTIES):
        return frame(DISCONNECT)
    return frame(DISCONNECT, bytes((packet.code,)), _properties(packet.properties))


_ENCODERS: dict[type[Packet], Callable[[Any, bool], bytes]] = {
    Connect: _encode_connect,
    Connack: _encode_connack,
    Publish: _encode_publish,
    Puback: _encode_puback,
    Subscribe: _encode_subscribe,
    Suback: _encode_suback,
    Unsubscribe: _encode_unsubscribe,
    Unsuback: _encode_unsuback,
    Pingreq: lambda *_: frame(PINGREQ),
    Pingresp: lambda *_: frame(PINGRESP),
    Disconnect: _encode_disconnect,
}
