"""MQTT 3.1.1 from bytes to packets, without input or output of its own.

A packet's size is judged by its fixed header, before anything is kept for it. Source: MQTT 3.1.1, sections 2 and 3.
"""

from collections.abc import Callable, Iterator

from warden.embedded.broker.encode import (
    CONNACK,
    CONNECT,
    DISCONNECT,
    MQTT_3_1_1,
    MQTT_5,
    PINGREQ,
    PINGRESP,
    PUBACK,
    PUBLISH,
    SUBACK,
    SUBSCRIBE,
    UNSUBACK,
    UNSUBSCRIBE,
    encode,
    frame,
)
from warden.embedded.broker.packets import (
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
from warden.embedded.broker.topics import is_filter

MAX_PAYLOAD = 128 * 1024  # AWS IoT Core quotas, payload size
MAX_CONNECT = 16 * 1024
MAX_PACKET = MAX_PAYLOAD + 8 * 1024

_LARGEST = {
    CONNECT: MAX_CONNECT,
    CONNACK: 2,
    PUBLISH: MAX_PACKET,
    PUBACK: 2,
    SUBSCRIBE: MAX_PACKET,
    SUBACK: MAX_PACKET,
    UNSUBSCRIBE: MAX_PACKET,
    UNSUBACK: 2,
    PINGREQ: 0,
    PINGRESP: 0,
    DISCONNECT: 0,
}
_PUBLISH_FLAGS = (0b0000, 0b0001, 0b0010, 0b0011, 0b1010, 0b1011)  # DUP only with QoS 1, QoS only 0 and 1
_FLAGS = {PUBLISH: _PUBLISH_FLAGS, SUBSCRIBE: (0b0010,), UNSUBSCRIBE: (0b0010,)}

_REFUSED = -1
# What each of the 256 first bytes allows the rest of the packet to measure.
_LIMITS = tuple(
    _LARGEST.get(first >> 4, _REFUSED) if first & 0x0F in _FLAGS.get(first >> 4, (0,)) else _REFUSED
    for first in range(256)
)


class Decoder:
    """Bytes in pieces of any size to packets.

    Args:
        level: The protocol level that was agreed on. None is a broker's end of a new connection: its first packet
            has to be CONNECT, which says the level. No other CONNECT is taken.
    """

    __slots__ = ("_level", "_needed", "_partial")

    def __init__(self, level: int | None = None) -> None:
        self._level = level
        self._partial = bytearray()
        self._needed = 0  # bytes that `_partial` must have before it is worth another look

    def feed(self, data: bytes) -> Iterator[Packet]:
        """The packets that are whole now. Go through all of them, or drop the decoder.

        Raises: Malformed, after the packets that came before what is wrong.
        """
        if self._partial:
            self._partial += data
            if len(self._partial) < self._needed:
                return
            data = bytes(self._partial)
            self._partial.clear()
        at = 0
        while at < len(data):
            body, end = self._frame(data, at)
            if end > len(data):
                self._partial += data[at:]
                self._needed = end - at
                return
            yield self._decode(data, at, body, end)
            at = end

    def _frame(self, data: bytes, at: int) -> tuple[int, int]:
        """Where a packet's body begins and ends; as long as its length is not known, the end is one byte further."""
        limit = self._limit(data[at])
        length = 0
        for position, shift in enumerate((0, 7, 14, 21), start=at + 1):
            if position >= len(data):
                return position, position + 1
            length |= (data[position] & 0x7F) << shift
            if data[position] < 0x80:
                if length > limit:
                    raise Malformed(Code.PACKET_TOO_LARGE, f"{length} bytes where {limit} are the most")
                return position + 1, position + 1 + length
        raise Malformed(Code.MALFORMED_PACKET, "a remaining length of more than 4 bytes")

    def _limit(self, first: int) -> int:
        if (first == CONNECT << 4) is not (self._level is None):
            raise Malformed(Code.PROTOCOL_ERROR, "CONNECT is the first packet, and only the first")
        limit = _LIMITS[first]
        if limit == _REFUSED:
            raise _refusal(first)
        return limit

    def _decode(self, data: bytes, at: int, start: int, end: int) -> Packet:
        kind = data[at] >> 4
        if kind == PUBLISH:
            return _publish(data, data[at] & 0x0F, start, end)
        body = _Body(data, start, end)
        packet = _PARSERS[kind](body)
        body.finish()
        if kind == CONNECT:
            self._level = MQTT_3_1_1
        return packet


def _refusal(first: int) -> Malformed:
    kind, flags = first >> 4, first & 0x0F
    if kind in (5, 6, 7) or (kind == PUBLISH and flags & 0b0110 == 0b0100):
        return Malformed(Code.QOS_NOT_SUPPORTED, "QoS 2")
    return Malformed(Code.MALFORMED_PACKET, f"packet type {kind} with flags {flags:04b}")


class _Body:
    """Reads a packet's variable header and payload in order, never beyond its end."""

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self._data, self._at, self._end = data, at, end

    def take(self, count: int) -> bytes:
        start = self._at
        self._at += count
        if self._at > self._end:
            raise Malformed(Code.MALFORMED_PACKET, "a field reaches beyond its packet")
        return self._data[start : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def packet_id(self) -> int:
        return _nonzero(self.number())

    def binary(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        return _text(self.binary())

    def more(self) -> bool:
        return self._at < self._end

    def finish(self) -> None:
        if self.more():
            raise Malformed(Code.MALFORMED_PACKET, f"{self._end - self._at} bytes too many")


def _nonzero(packet_id: int) -> int:
    if packet_id == 0:
        raise Malformed(Code.MALFORMED_PACKET, "packet identifier 0")
    return packet_id


def _text(encoded: bytes) -> str:
    try:
        text = encoded.decode()  # refuses surrogates, too
    except UnicodeDecodeError as error:
        raise Malformed(Code.MALFORMED_PACKET, "text that is not UTF-8") from error
    if "\0" in text:
        raise Malformed(Code.MALFORMED_PACKET, "U+0000 in text")
    return text


def _topic_name(encoded: bytes) -> str:
    topic = _text(encoded)
    if not topic or "+" in topic or "#" in topic:
        raise Malformed(Code.TOPIC_NAME_INVALID, "a topic to publish to that is empty or has a wildcard")
    return topic


def _topic_filter(encoded: bytes) -> str:
    topic_filter = _text(encoded)
    if not is_filter(topic_filter):
        raise Malformed(Code.TOPIC_FILTER_INVALID, "a topic filter that is empty or has a misplaced wildcard")
    return topic_filter


def _qos(qos: int) -> int:
    if qos == 2:
        raise Malformed(Code.QOS_NOT_SUPPORTED, "QoS 2")
    if qos > 2:
        raise Malformed(Code.MALFORMED_PACKET, f"QoS {qos}")
    return qos


def _publish(data: bytes, flags: int, start: int, end: int) -> Publish:
    # Most packets are of this kind: read in place, without `_Body`.
    qos = flags >> 1 & 0b11
    topic_at = start + 2
    at = topic_at + int.from_bytes(data[start:topic_at], "big")
    payload_at = at + 2 if qos else at
    if payload_at > end:
        raise Malformed(Code.MALFORMED_PACKET, "a field reaches beyond its packet")
    if end - payload_at > MAX_PAYLOAD:
        raise Malformed(Code.PACKET_TOO_LARGE, f"a payload of {end - payload_at} bytes")
    return Publish(
        _topic_name(data[topic_at:at]),
        data[payload_at:end],
        qos,
        _nonzero(int.from_bytes(data[at:payload_at], "big")) if qos else 0,
        bool(flags & 0b0001),
        bool(flags & 0b1000),
    )


def _connect(body: _Body) -> Connect:
    _agree_on_level(body.text(), body.byte())
    flags, keep_alive, client_id = body.byte(), body.number(), body.text()
    _check_connect_flags(flags)
    return Connect(
        client_id,
        clean=bool(flags & 0x02),
        keep_alive=keep_alive,
        will=_will(body, flags) if flags & 0x04 else None,
        username=body.text() if flags & 0x80 else None,
        password=body.binary() if flags & 0x40 else None,
    )


def _agree_on_level(protocol: str, level: int) -> None:
    if protocol not in ("MQTT", "MQIsdp"):
        raise Malformed(Code.UNSUPPORTED_PROTOCOL_VERSION, "CONNECT of another protocol")
    if protocol != "MQTT" or level != MQTT_3_1_1:
        raise Malformed(Code.UNSUPPORTED_PROTOCOL_VERSION, f"{protocol} level {level}", _version_refused(level))


def _version_refused(level: int) -> bytes:
    """A CONNACK in the client's own version; MQTT 5 has a reason code and properties, here none."""
    if level == MQTT_5:
        return frame(CONNACK, bytes((0, Code.UNSUPPORTED_PROTOCOL_VERSION, 0)))
    return encode(Connack(code=ConnackCode.UNACCEPTABLE_PROTOCOL_VERSION))


def _check_connect_flags(flags: int) -> None:
    if flags & 0x01:
        raise Malformed(Code.MALFORMED_PACKET, "CONNECT's reserved flag")
    if not flags & 0x04 and flags & 0x38:
        raise Malformed(Code.MALFORMED_PACKET, "flags of a will without a will")
    if flags & 0xC0 == 0x40:
        raise Malformed(Code.MALFORMED_PACKET, "a password without a user name")


def _will(body: _Body, flags: int) -> Will:
    qos = _qos(flags >> 3 & 0b11)
    return Will(_topic_name(body.binary()), body.binary(), qos, bool(flags & 0x20))


def _connack(body: _Body) -> Connack:
    flags = body.byte()
    if flags > 1:
        raise Malformed(Code.MALFORMED_PACKET, "CONNACK's reserved flags")
    return Connack(bool(flags), body.byte())


def _subscribe(body: _Body) -> Subscribe:
    packet_id = body.packet_id()
    filters = [(_topic_filter(body.binary()), _qos(body.byte()))]
    while body.more():
        filters.append((_topic_filter(body.binary()), _qos(body.byte())))
    return Subscribe(packet_id, tuple(filters))


def _unsubscribe(body: _Body) -> Unsubscribe:
    packet_id = body.packet_id()
    filters = [_topic_filter(body.binary())]
    while body.more():
        filters.append(_topic_filter(body.binary()))
    return Unsubscribe(packet_id, tuple(filters))


def _suback(body: _Body) -> Suback:
    packet_id = body.packet_id()
    codes = [body.byte()]
    while body.more():
        codes.append(body.byte())
    return Suback(packet_id, tuple(codes))


_PARSERS: dict[int, Callable[[_Body], Packet]] = {
    CONNECT: _connect,
    CONNACK: _connack,
    PUBACK: lambda body: Puback(body.packet_id()),
    SUBSCRIBE: _subscribe,
    SUBACK: _suback,
    UNSUBSCRIBE: _unsubscribe,
    UNSUBACK: lambda body: Unsuback(body.packet_id()),
    PINGREQ: lambda _: Pingreq(),
    PINGRESP: lambda _: Pingresp(),
    DISCONNECT: lambda _: Disconnect(),
}
