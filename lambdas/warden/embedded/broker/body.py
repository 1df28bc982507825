"""A packet's fields, read in order and never beyond its end. Source: MQTT 3.1.1 and MQTT 5, section 1.5."""

from collections.abc import Callable
from typing import Any

from warden.embedded.broker.packets import Code, Malformed
from warden.embedded.broker.properties import NO_PROPERTIES, PROPERTIES, Kind, Properties, Property
from warden.embedded.broker.topics import is_filter

MAX_PROPERTIES = 8 * 1024  # AWS's payload limit has room for no more beside a payload of 128 KB


class Body:
    """The bytes of `data` from `at` to `end`. Each method takes a field off its front, or raises Malformed."""

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self._data, self._at, self._end = data, at, end

    def take(self, count: int) -> bytes:
        """Bytes as they are."""
        start = self._at
        self._at += count
        if self._at > self._end:
            raise Malformed(Code.MALFORMED_PACKET, "a field reaches beyond its packet")
        return self._data[start : self._at]

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(self._end - self._at)

    def byte(self) -> int:
        """One byte's number."""
        return self.take(1)[0]

    def number(self) -> int:
        """Two bytes' number."""
        return int.from_bytes(self.take(2), "big")

    def variable(self) -> int:
        """A number of one to four bytes, seven bits each."""
        number = 0
        for shift in (0, 7, 14, 21):
            byte = self.byte()
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
        raise Malformed(Code.MALFORMED_PACKET, "a number of more than 4 bytes")

    def packet_id(self) -> int:
        """A packet identifier, 1 to 65,535."""
        return nonzero(self.number())

    def binary(self) -> bytes:
        """Bytes after their number."""
        return self.take(self.number())

    def text(self) -> str:
        """Text after its length."""
        return decoded_text(self.binary())

    def more(self) -> bool:
        """Whether anything is left."""
        return self._at < self._end

    def finish(self) -> None:
        """Malformed where anything is left."""
        if self.more():
            raise Malformed(Code.MALFORMED_PACKET, f"{self._end - self._at} bytes too many")

    def properties(self, packet: int) -> Properties:
        """The properties of a packet type, or of a will."""
        length = self.variable()
        if not length:
            return NO_PROPERTIES
        if length > MAX_PROPERTIES:
            raise Malformed(Code.PACKET_TOO_LARGE, f"{length} bytes of properties")
        start = self._at
        self.take(length)
        return _properties(Body(self._data, start, self._at), packet)


def _properties(body: Body, packet: int) -> Properties:
    found: dict[str, Any] = {}
    while body.more():
        identifier = body.variable()
        each = PROPERTIES.get(identifier)
        if each is None or packet not in each.packets:
            raise Malformed(Code.MALFORMED_PACKET, f"property 0x{identifier:02X} has no place here")
        value = _value(body, each)
        if each.kind is Kind.PAIR:
            value = (*found.get(each.name, ()), value)
        elif each.name in found:
            raise Malformed(Code.PROTOCOL_ERROR, f"two properties {each.name}")
        found[each.name] = value
    return Properties(**found)


def _value(body: Body, each: Property) -> Any:
    value = _READERS[each.kind](body)
    if each.positive and value == 0:
        raise Malformed(Code.PROTOCOL_ERROR, f"property {each.name} is 0")
    return value


def _flag(body: Body) -> int:
    flag = body.byte()
    if flag > 1:
        raise Malformed(Code.PROTOCOL_ERROR, f"a property that is neither 0 nor 1 but {flag}")
    return flag


_READERS: dict[Kind, Callable[[Body], Any]] = {
    Kind.FLAG: _flag,
    Kind.TWO_BYTES: Body.number,
    Kind.FOUR_BYTES: lambda body: int.from_bytes(body.take(4), "big"),
    Kind.VARIABLE: Body.variable,
    Kind.TEXT: Body.text,
    Kind.BINARY: Body.binary,
    Kind.PAIR: lambda body: (body.text(), body.text()),
}


def nonzero(packet_id: int) -> int:
    """A packet identifier that is one."""
    if packet_id == 0:
        raise Malformed(Code.MALFORMED_PACKET, "packet identifier 0")
    return packet_id


def decoded_text(encoded: bytes) -> str:
    """UTF-8 as MQTT wants it."""
    try:
        text = encoded.decode()  # refuses surrogates, too
    except UnicodeDecodeError as error:
        raise Malformed(Code.MALFORMED_PACKET, "text that is not UTF-8") from error
    if "\0" in text:
        raise Malformed(Code.MALFORMED_PACKET, "U+0000 in text")
    return text


def topic_name(encoded: bytes) -> str:
    """A topic to publish to."""
    topic = decoded_text(encoded)
    if not topic or "+" in topic or "#" in topic:
        raise Malformed(Code.TOPIC_NAME_INVALID, "a topic to publish to that is empty or has a wildcard")
    return topic


def topic_filter(encoded: bytes) -> str:
    """A filter to subscribe to."""
    wanted = decoded_text(encoded)
    if not is_filter(wanted):
        raise Malformed(Code.TOPIC_FILTER_INVALID, "a topic filter that is empty or has a misplaced wildcard")
    return wanted
