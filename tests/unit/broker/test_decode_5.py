"""What the decoder refuses of MQTT 5 beyond what it refuses of 3.1.1, and with which reason code."""

import pytest

from tests.unit.broker.test_decode import LATER_PACKETS, connect
from warden.embedded.broker.body import MAX_PROPERTIES
from warden.embedded.broker.decode import MAX_PAYLOAD, Decoder
from warden.embedded.broker.encode import encode, frame
from warden.embedded.broker.packets import (
    MQTT_5,
    Code,
    Connect,
    Disconnect,
    Malformed,
    Packet,
    Puback,
    Publish,
    Subscribe,
    Unsuback,
    Unsubscribe,
)
from warden.embedded.broker.properties import Properties

CONNECT = encode(Connect("lamp", level=MQTT_5))


def connect_5(properties: bytes, flags: int = 0x02, rest: bytes = b"\0\x04lamp") -> bytes:
    return connect(flags, bytes((len(properties),)) + properties + rest, level=5)


def publish(properties: bytes, topic: bytes = b"\0\x01a", payload: bytes = b"") -> bytes:
    return frame(3, topic, bytes((len(properties),)), properties, payload)


WILL = b"\0\x04lamp\0"

FIRST_PACKETS = {
    "no properties at all": (connect(0x02, b"", level=5), Code.MALFORMED_PACKET),
    "properties beyond the packet": (connect(0x02, b"\x7f\0\x04lamp", level=5), Code.MALFORMED_PACKET),
    "a length of properties of five bytes": (
        connect(0x02, b"\x80\x80\x80\x80\x01\0\x04lamp", level=5), Code.MALFORMED_PACKET,
    ),
    "a length of properties that ends early": (connect(0x02, b"\xff", level=5), Code.MALFORMED_PACKET),
    "a property beyond the properties": (connect_5(b"\x11\0\0\0"), Code.MALFORMED_PACKET),
    "an unknown property": (connect_5(b"\x7f\0"), Code.MALFORMED_PACKET),
    "a property of other packets": (connect_5(b"\x23\0\x01"), Code.MALFORMED_PACKET),
    "a property of the will": (connect_5(b"\x18\0\0\0\x01"), Code.MALFORMED_PACKET),
    "a property twice": (connect_5(b"\x21\0\x05\x21\0\x05"), Code.PROTOCOL_ERROR),
    "a receive maximum of 0": (connect_5(b"\x21\0\0"), Code.PROTOCOL_ERROR),
    "a maximum packet size of 0": (connect_5(b"\x27\0\0\0\0"), Code.PROTOCOL_ERROR),
    "a flag that is 2": (connect_5(b"\x17\x02"), Code.PROTOCOL_ERROR),
    "a user property that is not UTF-8": (connect_5(b"\x26\0\x01\xff\0\x01v"), Code.MALFORMED_PACKET),
    "extended authentication": (connect_5(b"\x15\0\x01m"), Code.BAD_AUTHENTICATION_METHOD),
    "authentication data alone": (connect_5(b"\x16\0\x01m"), Code.PROTOCOL_ERROR),
    "CONNECT's reserved flag": (connect_5(b"", 0x03), Code.MALFORMED_PACKET),
    "a will of QoS 2": (connect_5(b"", 0x16, WILL + b"\0\x01w\0\0"), Code.QOS_NOT_SUPPORTED),
    "a wildcard in a will's topic": (connect_5(b"", 0x06, WILL + b"\0\x01#\0\0"), Code.TOPIC_NAME_INVALID),
    "a wildcard in a will's response topic": (
        connect_5(b"", 0x06, b"\0\x04lamp\x04\x08\0\x01#\0\x01w\0\0"), Code.PROTOCOL_ERROR,
    ),
    "bytes after CONNECT's fields": (connect_5(b"", rest=b"\0\x04lampshade"), Code.MALFORMED_PACKET),
}  # fmt: skip

PACKETS = {
    "an AUTH": (b"\xf0\x00", Code.PROTOCOL_ERROR),
    "a PUBREC": (b"\x50\x02\0\x01", Code.QOS_NOT_SUPPORTED),
    "a PUBLISH without properties": (b"\x30\x03\0\x01a", Code.MALFORMED_PACKET),
    "a PUBLISH of QoS 2": (b"\x34\x06\0\x01a\0\x01\0", Code.QOS_NOT_SUPPORTED),
    "neither a topic nor an alias": (publish(b"", b"\0\0"), Code.PROTOCOL_ERROR),
    "topic alias 0": (publish(b"\x23\0\0"), Code.TOPIC_ALIAS_INVALID),
    "two topic aliases": (publish(b"\x23\0\x01\x23\0\x01"), Code.PROTOCOL_ERROR),
    "a subscription identifier in a PUBLISH": (publish(b"\x0b\x01"), Code.PROTOCOL_ERROR),
    "a wildcard in a response topic": (publish(b"\x08\0\x01+"), Code.PROTOCOL_ERROR),
    "an empty response topic": (publish(b"\x08\0\0"), Code.PROTOCOL_ERROR),
    "a payload format of 2": (publish(b"\x01\x02"), Code.PROTOCOL_ERROR),
    "a property of CONNECT": (publish(b"\x11\0\0\0\x01"), Code.MALFORMED_PACKET),
    "a payload of more than 128 KB": (publish(b"", payload=bytes(MAX_PAYLOAD + 1)), Code.PACKET_TOO_LARGE),
    "more than 8 KB of properties": (
        frame(3, b"\0\x01a", b"\x81\x40", bytes(MAX_PROPERTIES + 1)), Code.PACKET_TOO_LARGE,
    ),
    "a SUBSCRIBE of QoS 2": (b"\x82\x07\0\x01\0\0\x01a\x02", Code.QOS_NOT_SUPPORTED),
    "a SUBSCRIBE of QoS 3": (b"\x82\x07\0\x01\0\0\x01a\x03", Code.MALFORMED_PACKET),
    "reserved bits of a subscription": (b"\x82\x07\0\x01\0\0\x01a\x40", Code.MALFORMED_PACKET),
    "retain handling 3": (b"\x82\x07\0\x01\0\0\x01a\x30", Code.MALFORMED_PACKET),
    "a SUBSCRIBE with an identifier": (
        b"\x82\x09\0\x01\x02\x0b\x01\0\x01a\0", Code.SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED,
    ),
    "a SUBSCRIBE without filters": (b"\x82\x03\0\x01\0", Code.MALFORMED_PACKET),
    "an UNSUBSCRIBE without filters": (b"\xa2\x03\0\x01\0", Code.MALFORMED_PACKET),
    "bytes after a PUBACK": (b"\x40\x05\0\x01\0\0\0", Code.MALFORMED_PACKET),
    "bytes after a DISCONNECT": (b"\xe0\x03\0\0\0", Code.MALFORMED_PACKET),
    "a PUBACK of more than its properties may be": (b"\x40\xff\x7f", Code.PACKET_TOO_LARGE),
    "a DISCONNECT of more than its properties may be": (b"\xe0\xff\x7f", Code.PACKET_TOO_LARGE),
}  # fmt: skip
LATER_PACKETS_5 = PACKETS | {
    name: LATER_PACKETS[name]
    for name in (
        "packet type 0", "reserved flags of PINGREQ", "reserved flags of DISCONNECT", "reserved flags of SUBSCRIBE",
        "a remaining length of five bytes", "a PINGREQ with a body", "a PUBLISH of QoS 3", "a PUBREL",
        "a duplicate PUBLISH of QoS 0", "a topic beyond its packet", "a second CONNECT",
    )
}  # fmt: skip


@pytest.mark.parametrize(("data", "code"), FIRST_PACKETS.values(), ids=FIRST_PACKETS)
def test_a_connection_does_not_begin_with_and_is_told_why(data: bytes, code: Code) -> None:
    with pytest.raises(Malformed) as refused:
        list(Decoder().feed(data))
    assert (refused.value.code, refused.value.answer) == (code, bytes((0x20, 3, 0, code, 0)))


@pytest.mark.parametrize(("data", "code"), LATER_PACKETS_5.values(), ids=LATER_PACKETS_5)
def test_a_connection_does_not_go_on_with(data: bytes, code: Code) -> None:
    decoder = Decoder()
    assert list(decoder.feed(CONNECT)) == [Connect("lamp", level=MQTT_5)]
    with pytest.raises(Malformed) as refused:
        list(decoder.feed(data))
    assert refused.value.code == code


def test_the_largest_message_is_taken_with_the_most_properties() -> None:
    topic = "t" * 256
    user = (("k" * 4_000, "v" * (MAX_PROPERTIES - 4_005)),)
    message = Publish(topic, bytes(MAX_PAYLOAD - 300), properties=Properties(user=user))
    assert list(Decoder(MQTT_5).feed(encode(message, MQTT_5))) == [message]


@pytest.mark.parametrize(
    ("data", "packet"),
    [
        pytest.param(b"\x40\x02\0\x07", Puback(7), id="a PUBACK without a code"),
        pytest.param(b"\x40\x03\0\x07\x10", Puback(7, 0x10), id="a PUBACK without properties"),
        pytest.param(b"\x40\x08\0\x07\x87\x04\x1f\0\x01x", Puback(7, 0x87), id="a PUBACK with a reason"),
        pytest.param(b"\xe0\x00", Disconnect(), id="a DISCONNECT without a code"),
        pytest.param(b"\xe0\x01\x04", Disconnect(4), id="a DISCONNECT without properties"),
        pytest.param(
            b"\xe0\x07\0\x05\x11\0\0\0\x05", Disconnect(0, Properties(session_expiry=5)), id="a session's expiry"
        ),
        pytest.param(
            b"\x82\x0e\0\x01\x07\x26\0\x01k\0\x01v\0\x01a\x1d", Subscribe(1, (("a", 0x1D),)), id="all of a SUBSCRIBE"
        ),
        pytest.param(b"\xa2\x0d\0\x01\x07\x26\0\x01k\0\x01v\0\x01a", Unsubscribe(1, ("a",)), id="an UNSUBSCRIBE"),
        pytest.param(
            b"\x30\x07\0\0\x03\x23\0\x01x", Publish("", b"x", properties=Properties(topic_alias=1)), id="an alias"
        ),
    ],
)
def test_what_may_be_left_out_or_is_passed_over(data: bytes, packet: object) -> None:
    assert list(Decoder(MQTT_5).feed(data)) == [packet]


def test_a_connect_of_mqtt_5_is_read_whole() -> None:
    data = (
        b"\x10\x3b\0\x04MQTT\x05\x6e\0\x3c"
        b"\x08\x11\0\0\x0e\x10\x21\0\x14"  # session expiry 3,600, receive maximum 20
        b"\0\x04lamp"
        b"\x0c\x18\0\0\0\x05\x26\0\x01k\0\x01v"  # will delay 5, a pair
        b"\0\x05wills\0\x04gone"
        b"\0\x01p"
    )
    data = data[:1] + bytes((len(data) - 2,)) + data[2:]
    (packet,) = Decoder().feed(data)
    assert isinstance(packet, Connect)
    assert packet.properties == Properties(session_expiry=3_600, receive_maximum=20)
    assert packet.will is not None
    assert (packet.will.topic, packet.will.qos, packet.will.retain) == ("wills", 1, True)
    assert packet.will.properties == Properties(will_delay=5, user=(("k", "v"),))
    assert (packet.clean, packet.username, packet.password) == (True, None, b"p")


@pytest.mark.parametrize(
    ("packet", "written"),
    [
        (Puback(7, Code.NOT_AUTHORIZED), b"\x40\x02\0\x07"),
        (Disconnect(Code.NOT_AUTHORIZED), b"\xe0\0"),
        (Unsuback(7, (0, 0)), b"\xb0\x02\0\x07"),
        (Publish("a", b"", properties=Properties(content_type="text/plain")), b"\x30\x03\0\x01a"),
    ],
)
def test_what_3_1_1_has_no_place_for_is_left_out(packet: Packet, written: bytes) -> None:
    assert encode(packet) == written
