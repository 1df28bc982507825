"""MQTT's control packets as values, of 3.1.1 and 5, and the one error that bytes from a client can raise.

QoS 2, AUTH and subscription identifiers are left out, as AWS IoT leaves them out. Source: MQTT 3.1.1 and MQTT 5,
section 3; AWS IoT Developer Guide, MQTT.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from warden.embedded.broker.properties import NO_PROPERTIES, Properties

MQTT_3_1_1 = 4
MQTT_5 = 5


class Code(IntEnum):
    """MQTT 5's reason codes, as far as this broker gives them; MQTT 3.1.1 knows few and mostly only closes."""

    SUCCESS = 0x00
    DISCONNECT_WITH_WILL = 0x04
    UNSPECIFIED_ERROR = 0x80
    MALFORMED_PACKET = 0x81
    PROTOCOL_ERROR = 0x82
    UNSUPPORTED_PROTOCOL_VERSION = 0x84
    CLIENT_IDENTIFIER_NOT_VALID = 0x85
    NOT_AUTHORIZED = 0x87
    SERVER_SHUTTING_DOWN = 0x8B
    BAD_AUTHENTICATION_METHOD = 0x8C
    KEEP_ALIVE_TIMEOUT = 0x8D
    SESSION_TAKEN_OVER = 0x8E
    TOPIC_FILTER_INVALID = 0x8F
    TOPIC_NAME_INVALID = 0x90
    RECEIVE_MAXIMUM_EXCEEDED = 0x93
    TOPIC_ALIAS_INVALID = 0x94
    PACKET_TOO_LARGE = 0x95
    QUOTA_EXCEEDED = 0x97
    ADMINISTRATIVE_ACTION = 0x98
    QOS_NOT_SUPPORTED = 0x9B
    SHARED_SUBSCRIPTIONS_NOT_SUPPORTED = 0x9E
    SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED = 0xA1


class Malformed(Exception):
    """What a client sent is not MQTT as we speak it; the connection has to be closed.

    Args:
        code: The reason code.
        why: What was found, for the log.
        answer: The bytes that the standard has us send before closing, where no version was agreed on; mostly none.
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
    properties: Properties = NO_PROPERTIES


@dataclass(frozen=True, slots=True)
class Connect:
    """The first packet of a connection.

    Attributes:
        clean: Whether an older session of the client is to be forgotten (MQTT 5: Clean Start).
        keep_alive: Seconds, 0 to 65,535, 0 for none.
        level: The protocol level, `MQTT_3_1_1` or `MQTT_5`.
    """

    client_id: str
    clean: bool = True
    keep_alive: int = 0
    will: Will | None = None
    username: str | None = None
    password: bytes | None = None
    level: int = MQTT_3_1_1
    properties: Properties = NO_PROPERTIES


class ConnackCode(IntEnum):
    """A CONNACK's return codes (MQTT 3.1.1, table 3.1) as far as this broker gives them."""

    ACCEPTED = 0x00
    UNACCEPTABLE_PROTOCOL_VERSION = 0x01
    IDENTIFIER_REJECTED = 0x02


@dataclass(frozen=True, slots=True)
class Connack:
    """The broker's answer to CONNECT; `code` is a `ConnackCode`, or in MQTT 5 a `Code`."""

    session_present: bool = False
    code: int = ConnackCode.ACCEPTED
    properties: Properties = NO_PROPERTIES


class Publish(NamedTuple):  # made and read in less time than a dataclass, and of this kind most packets are
    """A message; `packet_id` is 1 to 65,535 where `qos` is 1, and 0 where that is 0.

    In MQTT 5 `topic` is empty where the properties' topic alias stands for it.
    """

    topic: str
    payload: bytes
    qos: int = 0
    packet_id: int = 0
    retain: bool = False
    dup: bool = False
    properties: Properties = NO_PROPERTIES


@dataclass(frozen=True, slots=True)
class Puback:
    """The receiver of a QoS 1 message has it; or in MQTT 5, where `code` is 0x80 or more, does not want it."""

    packet_id: int
    code: int = Code.SUCCESS


QOS = 0b11
NO_LOCAL = 0b100
RETAIN_AS_PUBLISHED = 0b1000
RETAIN_HANDLING = 0b110000
SEND_RETAINED_IF_NEW = 0b010000
SEND_NO_RETAINED = 0b100000
"""Bits and fields of a subscription's options; the field of retain handling is 0 where retained messages are sent."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """One or more topic filters, each with its options: in MQTT 3.1.1 the QoS asked for, 0 or 1."""

    packet_id: int
    filters: tuple[tuple[str, int], ...]


REFUSED = 0x80  # a SUBACK's code for a filter that was not taken


@dataclass(frozen=True, slots=True)
class Suback:
    """For each filter of a SUBSCRIBE the QoS granted, 0 or 1, or `REFUSED`, or in MQTT 5 any `Code` from 0x80 on."""

    packet_id: int
    codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """One or more topic filters to forget."""

    packet_id: int
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unsuback:
    """They are forgotten; MQTT 5 has a code for each filter, MQTT 3.1.1 none."""

    packet_id: int
    codes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Pingreq:
    """A client is still there."""


@dataclass(frozen=True, slots=True)
class Pingresp:
    """So is the broker."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """A client leaves in order: its will is not published, but for `DISCONNECT_WITH_WILL`.

    In MQTT 5 the broker sends it too, to say why it closes the connection.
    """

    code: int = Code.SUCCESS
    properties: Properties = NO_PROPERTIES


Packet = (
    Connect | Connack | Publish | Puback | Subscribe | Suback | Unsubscribe | Unsuback | Pingreq | Pingresp | Disconnect
)
