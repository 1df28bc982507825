"""MQTT 5's properties as a value, and which of them each packet may have.

Source: MQTT 5, section 2.2.2.
"""

from dataclasses import dataclass
from enum import Enum, auto
from sys import getsizeof
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Properties:
    """A packet's properties; None, or no pair, where it has not got one. Intervals are seconds, sizes bytes."""

    payload_format: int | None = None
    message_expiry: int | None = None
    content_type: str | None = None
    response_topic: str | None = None
    correlation_data: bytes | None = None
    subscription_id: int | None = None
    session_expiry: int | None = None
    assigned_client_id: str | None = None
    server_keep_alive: int | None = None
    authentication_method: str | None = None
    authentication_data: bytes | None = None
    request_problem_information: int | None = None
    will_delay: int | None = None
    request_response_information: int | None = None
    response_information: str | None = None
    server_reference: str | None = None
    reason: str | None = None
    receive_maximum: int | None = None
    topic_alias_maximum: int | None = None
    topic_alias: int | None = None
    maximum_qos: int | None = None
    retain_available: int | None = None
    user: tuple[tuple[str, str], ...] = ()
    maximum_packet_size: int | None = None
    wildcards_available: int | None = None
    subscription_ids_available: int | None = None
    shared_available: int | None = None

    @property
    def size(self) -> int:
        """About the memory that its values of no fixed size take."""
        if self is NO_PROPERTIES:
            return 0
        values = (self.content_type, self.response_topic, self.correlation_data)
        return sum(map(getsizeof, values)) + sum(getsizeof(each) + sum(map(getsizeof, each)) for each in self.user)


NO_PROPERTIES = Properties()


class Kind(Enum):
    """How a property's value is written."""

    FLAG = auto()  # one byte, 0 or 1
    TWO_BYTES = auto()
    FOUR_BYTES = auto()
    VARIABLE = auto()
    TEXT = auto()
    BINARY = auto()
    PAIR = auto()


class Property(NamedTuple):
    """One of the standard's properties: its name in `Properties`, and the packets (or `WILL`) that may have it."""

    name: str
    kind: Kind
    packets: frozenset[int]
    positive: bool = False  # whether 0 is an error


WILL = 0  # what a will has besides the packet types, of which 0 is none
_CONNECT, _CONNACK, _PUBLISH, _SUBSCRIBE, _DISCONNECT = 1, 2, 3, 8, 14
_ACKNOWLEDGEMENTS = {4, 9, 11}
_MESSAGE = {_PUBLISH, WILL}


def _property(name: str, kind: Kind, packets: set[int], *, positive: bool = False) -> Property:
    return Property(name, kind, frozenset(packets), positive)


PROPERTIES = {
    0x01: _property("payload_format", Kind.FLAG, _MESSAGE),
    0x02: _property("message_expiry", Kind.FOUR_BYTES, _MESSAGE),
    0x03: _property("content_type", Kind.TEXT, _MESSAGE),
    0x08: _property("response_topic", Kind.TEXT, _MESSAGE),
    0x09: _property("correlation_data", Kind.BINARY, _MESSAGE),
    0x0B: _property("subscription_id", Kind.VARIABLE, {_PUBLISH, _SUBSCRIBE}, positive=True),
    0x11: _property("session_expiry", Kind.FOUR_BYTES, {_CONNECT, _CONNACK, _DISCONNECT}),
    0x12: _property("assigned_client_id", Kind.TEXT, {_CONNACK}),
    0x13: _property("server_keep_alive", Kind.TWO_BYTES, {_CONNACK}),
    0x15: _property("authentication_method", Kind.TEXT, {_CONNECT, _CONNACK}),
    0x16: _property("authentication_data", Kind.BINARY, {_CONNECT, _CONNACK}),
    0x17: _property("request_problem_information", Kind.FLAG, {_CONNECT}),
    0x18: _property("will_delay", Kind.FOUR_BYTES, {WILL}),
    0x19: _property("request_response_information", Kind.FLAG, {_CONNECT}),
    0x1A: _property("response_information", Kind.TEXT, {_CONNACK}),
    0x1C: _property("server_reference", Kind.TEXT, {_CONNACK, _DISCONNECT}),
    0x1F: _property("reason", Kind.TEXT, {_CONNACK, *_ACKNOWLEDGEMENTS, _DISCONNECT}),
    0x21: _property("receive_maximum", Kind.TWO_BYTES, {_CONNECT, _CONNACK}, positive=True),
    0x22: _property("topic_alias_maximum", Kind.TWO_BYTES, {_CONNECT, _CONNACK}),
    0x23: _property("topic_alias", Kind.TWO_BYTES, {_PUBLISH}),
    0x24: _property("maximum_qos", Kind.FLAG, {_CONNACK}),
    0x25: _property("retain_available", Kind.FLAG, {_CONNACK}),
    0x26: _property("user", Kind.PAIR, {WILL, *range(1, 5), *range(8, 12), _DISCONNECT}),
    0x27: _property("maximum_packet_size", Kind.FOUR_BYTES, {_CONNECT, _CONNACK}, positive=True),
    0x28: _property("wildcards_available", Kind.FLAG, {_CONNACK}),
    0x29: _property("subscription_ids_available", Kind.FLAG, {_CONNACK}),
    0x2A: _property("shared_available", Kind.FLAG, {_CONNACK}),
}
