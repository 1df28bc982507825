"""MQTT's control packets as values, and the one error that bytes from a client can raise.

QoS 2 is left out, as AWS IoT leaves it out. Source: MQTT 3.1.1, section 3.
"""

from dataclasses import dataclass
from enum import IntEnum


class Code(IntEnum):
    """Why a packet is refused, in MQTT 5's reason codes; MQTT 3.1.1 knows none and only closes."""

    MALFORMED_PACKET = 0x81
    PROTOCOL_ERROR = 0x82
    UNSUPPORTED_PROTOCOL_VERSION = 0x84
    TOPIC_FILTER_INVALID = 0x8F
    TOPIC_NAME_INVALID = 0x90
    PACKET_TOO_LARGE = 0x95
    QOS_NOT_SUPPORTED = 0x9B


class Malformed(Exception):
    """What a client sent is not MQTT as we speak it; the connection has to be closed.

    Args:
        code: The reason code.
        why: What was found, for the log.
        answer: The bytes that the standard has us send before closing; mostly none.
    """

    def __init__(self, code: Code, why: str, answer: bytes = b"") -> None:
        super().__init__(why)
        self.code = code
        self.why = why
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Will:
    """What a client wants published when its connection ends without a DISCONNECT; `qos` is 0 or 1."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Connect:
    """The first packet of a connection; `keep_alive` in seconds, 0 to 65,535, 0 for none."""

    client_id: str
    clean: bool = True
    keep_alive: int = 0
    will: Will | None = None
    username: str | None = None
    password: bytes | None = None


class ConnackCode(IntEnum):
    """A CONNACK's return codes (MQTT 3.1.1, table 3.1) as far as this broker gives them."""

    ACCEPTED = 0x00
    UNACCEPTABLE_PROTOCOL_VERSION = 0x01
    IDENTIFIER_REJECTED = 0x02


@dataclass(frozen=True, slots=True)
class Connack:
    """The broker's answer to CONNECT."""

    session_present: bool = False
    code: int = ConnackCode.ACCEPTED


@dataclass(frozen=True, slots=True)
class Publish:
    """A message; `packet_id` is 1 to 65,535 where `qos` is 1, and 0 where that is 0."""

    topic: str
    payload: bytes
    qos: int = 0
    packet_id: int = 0
    retain: bool = False
    dup: bool = False


@dataclass(frozen=True, slots=True)
class Puback:
    """The receiver of a QoS 1 message has it."""

    packet_id: int


@dataclass(frozen=True, slots=True)
class Subscribe:
    """One or more topic filters, each with the QoS asked for, 0 or 1."""

    packet_id: int
    filters: tuple[tuple[str, int], ...]


REFUSED = 0x80  # a SUBACK's code for a filter that was not taken


@dataclass(frozen=True, slots=True)
class Suback:
    """For each filter of a SUBSCRIBE the QoS granted, 0 or 1, or `REFUSED`."""

    packet_id: int
    codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """One or more topic filters to forget."""

    packet_id: int
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unsuback:
    """They are forgotten."""

    packet_id: int


@dataclass(frozen=True, slots=True)
class Pingreq:
    """A client is still there."""


@dataclass(frozen=True, slots=True)
class Pingresp:
    """So is the broker."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """A client leaves in order: its will is not published."""


Packet = (
    Connect | Connack | Publish | Puback | Subscribe | Suback | Unsubscribe | Unsuback | Pingreq | Pingresp | Disconnect
)
