"""What each kind of packet consists of, in MQTT 3.1.1 and 5. Source: MQTT 3.1.1 and MQTT 5, section 3."""

from collections.abc import Callable

from warden.embedded.broker.body import Body, nonzero, topic_filter, topic_name
from warden.embedded.broker.encode import (
    CONNACK,
    CONNECT,
    DISCONNECT,
    PINGREQ,
    PINGRESP,
    PUBACK,
    PUBLISH,
    SUBACK,
    SUBSCRIBE,
    UNSUBACK,
    UNSUBSCRIBE,
    encode,
)
from warden.embedded.broker.packets import (
    MQTT_3_1_1,
    MQTT_5,
    NO_LOCAL,
    QOS,
    RETAIN_AS_PUBLISHED,
    RETAIN_HANDLING,
    Code,
    Connack,
    ConnackCode,
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
from warden.embedded.broker.properties import NO_PROPERTIES, WILL, Properties

MAX_PAYLOAD = 128 * 1024  # AWS IoT Core quotas, payload size

_OPTIONS = QOS | NO_LOCAL | RETAIN_AS_PUBLISHED | RETAIN_HANDLING


def publish(data: bytes, flags: int, start: int, end: int, is_5: bool) -> Publish:
    """A PUBLISH whose body is `data` from `start` to `end`."""
    # Most packets are of this kind: read in place, without `Body`.
    qos = flags >> 1 & 0b11
    topic_at = start + 2
    at = topic_at + int.from_bytes(data[start:topic_at], "big")
    payload_at = at + 2 if qos else at
    if payload_at > end:
        raise Malformed(Code.MALFORMED_PACKET, "a field reaches beyond its packet")
    packet_id = nonzero(int.from_bytes(data[at:payload_at], "big")) if qos else 0
    if is_5:
        return _publish_5(flags, data[topic_at:at], packet_id, Body(data, payload_at, end))
    if end - payload_at > MAX_PAYLOAD:
        raise Malformed(Code.PACKET_TOO_LARGE, f"a payload of {end - payload_at} bytes")
    return Publish(
        topic_name(data[topic_at:at]),
        data[payload_at:end],
        qos,
        packet_id,
        bool(flags & 0b0001),
        bool(flags & 0b1000),
    )


def _publish_5(flags: int, topic: bytes, packet_id: int, body: Body) -> Publish:
    properties = body.properties(PUBLISH)
    if properties.subscription_id is not None:
        raise Malformed(Code.PROTOCOL_ERROR, "a subscription identifier in a PUBLISH to a broker")
    _check_message(properties)
    if properties.topic_alias == 0:
        raise Malformed(Code.TOPIC_ALIAS_INVALID, "topic alias 0")
    if not topic and properties.topic_alias is None:
        raise Malformed(Code.PROTOCOL_ERROR, "neither a topic nor an alias")
    payload = body.rest()
    if len(payload) > MAX_PAYLOAD:
        raise Malformed(Code.PACKET_TOO_LARGE, f"a payload of {len(payload)} bytes")
    named = topic_name(topic) if topic else ""
    qos = flags >> 1 & 0b11
    return Publish(named, payload, qos, packet_id, bool(flags & 0b0001), bool(flags & 0b1000), properties)


def _check_message(properties: Properties) -> None:
    topic = properties.response_topic
    if topic is not None and (not topic or "+" in topic or "#" in topic):
        raise Malformed(Code.PROTOCOL_ERROR, "a response topic that is empty or has a wildcard")


def connect(body: Body) -> Connect:
    """A CONNECT; the version in it is the one that its rest is written in."""
    level = _agreed_level(body.text(), body.byte())
    try:
        return _connect(body, level)
    except Malformed as error:
        if level == MQTT_5:
            error.answer = encode(Connack(code=error.code), MQTT_5)
        raise


def _connect(body: Body, level: int) -> Connect:
    flags, keep_alive, is_5 = body.byte(), body.number(), level == MQTT_5
    properties = body.properties(CONNECT) if is_5 else NO_PROPERTIES
    if properties.authentication_method is not None:
        raise Malformed(Code.BAD_AUTHENTICATION_METHOD, "extended authentication")
    if properties.authentication_data is not None:
        raise Malformed(Code.PROTOCOL_ERROR, "authentication data without a method")
    client_id = body.text()
    _check_connect_flags(flags, is_5)
    packet = Connect(
        client_id,
        clean=bool(flags & 0x02),
        keep_alive=keep_alive,
        will=_will(body, flags, is_5) if flags & 0x04 else None,
        username=body.text() if flags & 0x80 else None,
        password=body.binary() if flags & 0x40 else None,
        level=level,
        properties=properties,
    )
    body.finish()
    return packet


def _agreed_level(protocol: str, level: int) -> int:
    if protocol not in ("MQTT", "MQIsdp"):
        raise Malformed(Code.UNSUPPORTED_PROTOCOL_VERSION, "CONNECT of another protocol")
    if protocol != "MQTT" or level not in (MQTT_3_1_1, MQTT_5):
        answer = encode(Connack(code=ConnackCode.UNACCEPTABLE_PROTOCOL_VERSION))
        raise Malformed(Code.UNSUPPORTED_PROTOCOL_VERSION, f"{protocol} level {level}", answer)
    return level


def _check_connect_flags(flags: int, is_5: bool) -> None:
    if flags & 0x01:
        raise Malformed(Code.MALFORMED_PACKET, "CONNECT's reserved flag")
    if not flags & 0x04 and flags & 0x38:
        raise Malformed(Code.MALFORMED_PACKET, "flags of a will without a will")
    if not is_5 and flags & 0xC0 == 0x40:
        raise Malformed(Code.MALFORMED_PACKET, "a password without a user name")


def _will(body: Body, flags: int, is_5: bool) -> Will:
    qos = _qos(flags >> 3 & 0b11)
    properties = body.properties(WILL) if is_5 else NO_PROPERTIES
    _check_message(properties)
    return Will(topic_name(body.binary()), body.binary(), qos, bool(flags & 0x20), properties)


def _qos(qos: int) -> int:
    if qos == 2:
        raise Malformed(Code.QOS_NOT_SUPPORTED, "QoS 2")
    if qos > 2:
        raise Malformed(Code.MALFORMED_PACKET, f"QoS {qos}")
    return qos


def _options(options: int) -> int:
    if options & ~_OPTIONS or options & RETAIN_HANDLING == RETAIN_HANDLING:
        raise Malformed(Code.MALFORMED_PACKET, f"subscription options {options:08b}")
    _qos(options & QOS)
    return options


def _connack(body: Body, is_5: bool) -> Connack:
    flags = body.byte()
    if flags > 1:
        raise Malformed(Code.MALFORMED_PACKET, "CONNACK's reserved flags")
    return Connack(bool(flags), body.byte(), body.properties(CONNACK) if is_5 else NO_PROPERTIES)


def _puback(body: Body, is_5: bool) -> Puback:
    packet_id = body.packet_id()
    code = body.byte() if is_5 and body.more() else Code.SUCCESS
    if body.more() and is_5:
        body.properties(PUBACK)
    return Puback(packet_id, code)


def _subscribe(body: Body, is_5: bool) -> Subscribe:
    packet_id = body.packet_id()
    if is_5 and body.properties(SUBSCRIBE).subscription_id is not None:
        raise Malformed(Code.SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED, "a subscription identifier")
    options = _options if is_5 else _qos
    filters = [(topic_filter(body.binary()), options(body.byte()))]
    while body.more():
        filters.append((topic_filter(body.binary()), options(body.byte())))
    return Subscribe(packet_id, tuple(filters))


def _unsubscribe(body: Body, is_5: bool) -> Unsubscribe:
    packet_id = body.packet_id()
    if is_5:
        body.properties(UNSUBSCRIBE)
    filters = [topic_filter(body.binary())]
    while body.more():
        filters.append(topic_filter(body.binary()))
    return Unsubscribe(packet_id, tuple(filters))


def _suback(body: Body, is_5: bool) -> Suback:
    packet_id = body.packet_id()
    if is_5:
        body.properties(SUBACK)
    return Suback(packet_id, (body.byte(), *body.rest()))


def _unsuback(body: Body, is_5: bool) -> Unsuback:
    packet_id = body.packet_id()
    if not is_5:
        return Unsuback(packet_id)
    body.properties(UNSUBACK)
    return Unsuback(packet_id, (body.byte(), *body.rest()))


def _disconnect(body: Body, is_5: bool) -> Disconnect:
    if not is_5 or not body.more():
        return Disconnect()
    return Disconnect(body.byte(), body.properties(DISCONNECT) if body.more() else NO_PROPERTIES)


PARSERS: dict[int, Callable[[Body, bool], Packet]] = {
    CONNACK: _connack,
    PUBACK: _puback,
    SUBSCRIBE: _subscribe,
    SUBACK: _suback,
    UNSUBSCRIBE: _unsubscribe,
    UNSUBACK: _unsuback,
    PINGREQ: lambda *_: Pingreq(),
    PINGRESP: lambda *_: Pingresp(),
    DISCONNECT: _disconnect,
}
"""Of the packets other than CONNECT and PUBLISH; each is told whether the version is 5, and may leave bytes over."""
