"""MQTT 5 as another implementation writes and reads it: PyPI `mqtt5`, for well-formed packets."""

from typing import Any

import mqtt5
from hypothesis import assume, given, settings

from tests.unit.broker.mqtt_packets import connects, packets
from warden.embedded.broker.decode import Decoder
from warden.embedded.broker.encode import encode
from warden.embedded.broker.packets import (
    MQTT_5,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Puback,
    Publish,
    Suback,
    Unsuback,
)
from warden.embedded.broker.properties import Properties

CODES: dict[type, Any] = {
    Connack: mqtt5.ConnAckReasonCode,
    Puback: mqtt5.PubAckReasonCode,
    Suback: mqtt5.SubAckReasonCode,
    Unsuback: mqtt5.UnsubAckReasonCode,
    Disconnect: mqtt5.DisconnectReasonCode,
}


def is_known(packet: Packet) -> bool:
    """Whether a packet's reason codes are the standard's: the other implementation takes no others."""
    known = CODES.get(type(packet))
    if known is None:
        return True
    codes = getattr(packet, "codes", None) or (packet.code,)  # type: ignore[union-attr]
    values = {int(getattr(known, name)) for name in dir(known) if name.isupper()}
    return values.issuperset(codes)


def read_and_written(data: bytes) -> bytes:
    """Bytes of one packet, once through the other implementation."""
    packet, size = mqtt5.read(data)
    assert size == len(data)
    return bytes(packet.write())


DEFAULTS = {
    "payload_format": 0, "request_problem_information": 1, "request_response_information": 0, "session_expiry": 0,
    "will_delay": 0, "topic_alias_maximum": 0, "receive_maximum": 65_535, "retain_available": 1,
    "wildcards_available": 1, "subscription_ids_available": 1, "shared_available": 1,
}  # fmt: skip


def plain(value: Any) -> Any:
    """A packet without properties that say no more than their absence does."""
    if isinstance(value, Properties):
        values = {name: getattr(value, name) for name in Properties.__slots__}
        return {name: each for name, each in values.items() if each not in (None, (), DEFAULTS.get(name))}
    if isinstance(value, Publish):
        return [plain(each) for each in value]
    if hasattr(value, "__slots__"):
        return [type(value), *(plain(getattr(value, name)) for name in value.__slots__)]
    return value


@settings(max_examples=500, deadline=None)
@given(connects(MQTT_5) | packets(MQTT_5))
def test_another_implementation_reads_what_we_write_and_we_read_what_it_writes(packet: Packet) -> None:
    assume(is_known(packet))
    written = read_and_written(encode(packet, MQTT_5))
    (read,) = Decoder(None if isinstance(packet, Connect) else MQTT_5).feed(written)
    assert plain(read) == plain(packet)
