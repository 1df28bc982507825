"""MQTT 3.1.1 and 5 from bytes to packets, without input or output of its own.

A packet's size is judged by its fixed header, before anything is kept for it. Source: MQTT 3.1.1 and MQTT 5, section 2.
"""

from collections.abc import Iterator, Mapping

from warden.embedded.broker.body import MAX_PROPERTIES, Body
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
)
from warden.embedded.broker.packets import MQTT_3_1_1, MQTT_5, Code, Malformed, Packet
from warden.embedded.broker.parse import MAX_PAYLOAD, PARSERS, connect, publish

MAX_CONNECT = 16 * 1024
MAX_PACKET = MAX_PAYLOAD + 8 * 1024
_AUTH = 15

_LARGEST = {
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
_WITH_PROPERTIES = MAX_PROPERTIES + 8
_LARGEST_5 = _LARGEST | {
    CONNACK: _WITH_PROPERTIES,
    PUBACK: _WITH_PROPERTIES,
    UNSUBACK: MAX_PACKET,
    DISCONNECT: _WITH_PROPERTIES,
}
_PUBLISH_FLAGS = (0b0000, 0b0001, 0b0010, 0b0011, 0b1010, 0b1011)  # DUP only with QoS 1, QoS only 0 and 1
_FLAGS = {PUBLISH: _PUBLISH_FLAGS, SUBSCRIBE: (0b0010,), UNSUBSCRIBE: (0b0010,)}
_REFUSED = -1


def _limits(largest: Mapping[int, int]) -> tuple[int, ...]:
    """What each of the 256 first bytes allows the rest of the packet to measure."""
    return tuple(
        largest.get(first >> 4, _REFUSED) if first & 0x0F in _FLAGS.get(first >> 4, (0,)) else _REFUSED
        for first in range(256)
    )


_LIMITS = {None: _limits({CONNECT: MAX_CONNECT}), MQTT_3_1_1: _limits(_LARGEST), MQTT_5: _limits(_LARGEST_5)}


class Decoder:
    """Bytes in pieces of any size to packets.

    Args:
        level: The protocol level that was agreed on. None is a broker's end of a new connection: its first packet
            has to be CONNECT, which says the level. No other CONNECT is taken.
    """

    __slots__ = ("_level", "_limits", "_needed", "_partial")

    def __init__(self, level: int | None = None) -> None:
        self._partial = bytearray()
        self._needed = 0  # bytes that `_partial` must have before it is worth another look
        self._agree(level)

    def _agree(self, level: int | None) -> None:
        self._level = level
        self._limits = _LIMITS[level]

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
        limit = self._limits[data[at]]
        if limit == _REFUSED:
            raise self._refusal(data[at])
        length, position = 0, at + 1
        for shift in (0, 7, 14, 21):
            if position >= len(data):
                return position, position + 1
            byte = data[position]
            position += 1
            length |= (byte & 0x7F) << shift
            if byte < 0x80:
                if length > limit:
                    raise Malformed(Code.PACKET_TOO_LARGE, f"{length} bytes where {limit} are the most")
                return position, position + length
        raise Malformed(Code.MALFORMED_PACKET, "a remaining length of more than 4 bytes")

    def _refusal(self, first: int) -> Malformed:
        kind, flags = first >> 4, first & 0x0F
        if self._level is None or first == CONNECT << 4:
            return Malformed(Code.PROTOCOL_ERROR, "CONNECT is the first packet, and only the first")
        if kind in (5, 6, 7) or (kind == PUBLISH and flags & 0b0110 == 0b0100):
            return Malformed(Code.QOS_NOT_SUPPORTED, "QoS 2")
        if kind == _AUTH and self._level == MQTT_5:
            return Malformed(Code.PROTOCOL_ERROR, "AUTH, where no authentication was agreed on")
        return Malformed(Code.MALFORMED_PACKET, f"packet type {kind} with flags {flags:04b}")

    def _decode(self, data: bytes, at: int, start: int, end: int) -> Packet:
        kind = data[at] >> 4
        is_5 = self._level == MQTT_5
        if kind == PUBLISH:
            return publish(data, data[at] & 0x0F, start, end, is_5)
        body = Body(data, start, end)
        if kind == CONNECT:
            packet = connect(body)
            self._agree(packet.level)
            return packet
        parsed = PARSERS[kind](body, is_5)
        body.finish()
        return parsed
