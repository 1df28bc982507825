"""What the decoder refuses, what it takes, and that it judges a packet's size before it keeps any of it."""

import pytest

from warden.embedded.broker.decode import MAX_CONNECT, MAX_PACKET, MAX_PAYLOAD, Decoder
from warden.embedded.broker.encode import MQTT_3_1_1, encode
from warden.embedded.broker.packets import Code, Connect, Malformed, Pingreq, Publish

CONNECT = encode(Connect("lamp"))


def connect(flags: int, payload: bytes = b"\0\x04lamp", *, protocol: bytes = b"\0\x04MQTT", level: int = 4) -> bytes:
    body = protocol + bytes((level, flags)) + b"\0\x3c" + payload
    return bytes((0x10, len(body))) + body


FIRST_PACKETS = {
    "another packet before CONNECT": (b"\xc0\x00", Code.PROTOCOL_ERROR),
    "a PUBLISH before CONNECT": (b"\x30\x03\0\x01a", Code.PROTOCOL_ERROR),
    "flags of CONNECT's first byte": (b"\x11" + CONNECT[1:], Code.PROTOCOL_ERROR),
    "an HTTP request": (b"GET / HTTP/1.1\r\n\r\n", Code.PROTOCOL_ERROR),
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01", Code.PROTOCOL_ERROR),
    "a CONNECT of more than 16 KB": (b"\x10\x81\x80\x01", Code.PACKET_TOO_LARGE),
    "CONNECT's reserved flag": (connect(0x03), Code.MALFORMED_PACKET),
    "a will's QoS without a will": (connect(0x0A), Code.MALFORMED_PACKET),
    "a will's RETAIN without a will": (connect(0x22), Code.MALFORMED_PACKET),
    "a will of QoS 2": (connect(0x16, b"\0\x04lamp\0\x01w\0\0"), Code.QOS_NOT_SUPPORTED),
    "a will of QoS 3": (connect(0x1E, b"\0\x04lamp\0\x01w\0\0"), Code.MALFORMED_PACKET),
    "a wildcard in a will's topic": (connect(0x06, b"\0\x04lamp\0\x01#\0\0"), Code.TOPIC_NAME_INVALID),
    "a will that is missing": (connect(0x06), Code.MALFORMED_PACKET),
    "a password without a user name": (connect(0x42, b"\0\x04lamp\0\x01p"), Code.MALFORMED_PACKET),
    "a user name that is missing": (connect(0x82), Code.MALFORMED_PACKET),
    "a client id beyond the packet": (connect(0x02, b"\0\x05lamp"), Code.MALFORMED_PACKET),
    "bytes after CONNECT's fields": (connect(0x02, b"\0\x04lampshade"), Code.MALFORMED_PACKET),
    "another protocol's name": (connect(0x02, protocol=b"\0\x04mqtt"), Code.UNSUPPORTED_PROTOCOL_VERSION),
}

LATER_PACKETS = {
    "a second CONNECT": (CONNECT, Code.PROTOCOL_ERROR),
    "packet type 0": (b"\0\0", Code.MALFORMED_PACKET),
    "packet type 15": (b"\xf0\0", Code.MALFORMED_PACKET),
    "reserved flags of PINGREQ": (b"\xc1\0", Code.MALFORMED_PACKET),
    "reserved flags of DISCONNECT": (b"\xe2\0", Code.MALFORMED_PACKET),
    "reserved flags of SUBSCRIBE": (b"\x80\x06\0\x01\0\x01a\0", Code.MALFORMED_PACKET),
    "a remaining length of five bytes": (b"\x30\xff\xff\xff\xff\x01", Code.MALFORMED_PACKET),
    "a PINGREQ with a body": (b"\xc0\x01\0", Code.PACKET_TOO_LARGE),
    "a PUBACK with a byte too many": (b"\x40\x03\0\x01\0", Code.PACKET_TOO_LARGE),
    "a PUBACK that ends early": (b"\x40\x01\0", Code.MALFORMED_PACKET),
    "a PUBACK of packet id 0": (b"\x40\x02\0\0", Code.MALFORMED_PACKET),
    "a PUBLISH of QoS 2": (b"\x34\x05\0\x01a\0\x01", Code.QOS_NOT_SUPPORTED),
    "a PUBLISH of QoS 3": (b"\x36\x05\0\x01a\0\x01", Code.MALFORMED_PACKET),
    "a duplicate PUBLISH of QoS 0": (b"\x38\x03\0\x01a", Code.MALFORMED_PACKET),
    "a PUBREL": (b"\x62\x02\0\x01", Code.QOS_NOT_SUPPORTED),
    "a PUBLISH of packet id 0": (b"\x32\x05\0\x01a\0\0", Code.MALFORMED_PACKET),
    "a PUBLISH without its packet id": (b"\x32\x04\0\x01a\0", Code.MALFORMED_PACKET),
    "a PUBLISH without anything": (b"\x30\x00", Code.MALFORMED_PACKET),
    "a topic beyond its packet": (b"\x30\x03\0\x02a", Code.MALFORMED_PACKET),
    "an empty topic": (b"\x30\x02\0\0", Code.TOPIC_NAME_INVALID),
    "a + in a topic": (b"\x30\x05\0\x03a/+", Code.TOPIC_NAME_INVALID),
    "a # in a topic": (b"\x30\x05\0\x03a/#", Code.TOPIC_NAME_INVALID),
    "a topic that is not UTF-8": (b"\x30\x04\0\x02\xc3\x28", Code.MALFORMED_PACKET),
    "an overlong encoding": (b"\x30\x04\0\x02\xc0\xaf", Code.MALFORMED_PACKET),
    "a surrogate in a topic": (b"\x30\x05\0\x03\xed\xa0\x80", Code.MALFORMED_PACKET),
    "U+0000 in a topic": (b"\x30\x05\0\x03a\0b", Code.MALFORMED_PACKET),
    "a payload of more than 128 KB": (
        b"\x30\x84\x80\x08\0\x01a" + bytes(MAX_PAYLOAD + 1),
        Code.PACKET_TOO_LARGE,
    ),
    "a SUBSCRIBE without filters": (b"\x82\x02\0\x01", Code.MALFORMED_PACKET),
    "a SUBSCRIBE of packet id 0": (b"\x82\x06\0\0\0\x01a\0", Code.MALFORMED_PACKET),
    "a SUBSCRIBE without its QoS": (b"\x82\x05\0\x01\0\x01a", Code.MALFORMED_PACKET),
    "a SUBSCRIBE of QoS 2": (b"\x82\x06\0\x01\0\x01a\x02", Code.QOS_NOT_SUPPORTED),
    "reserved bits beside the QoS": (b"\x82\x06\0\x01\0\x01a\x04", Code.MALFORMED_PACKET),
    "an empty filter": (b"\x82\x05\0\x01\0\0\0", Code.TOPIC_FILTER_INVALID),
    "a filter with # in its middle": (b"\x82\x08\0\x01\0\x03#/a\0", Code.TOPIC_FILTER_INVALID),
    "a filter with + beside other text": (b"\x82\x07\0\x01\0\x02a+\0", Code.TOPIC_FILTER_INVALID),
    "an UNSUBSCRIBE without filters": (b"\xa2\x02\0\x01", Code.MALFORMED_PACKET),
    "a rest of an UNSUBSCRIBE": (b"\xa2\x06\0\x01\0\x01a\0", Code.MALFORMED_PACKET),
    "a DISCONNECT with a body": (b"\xe0\x01\0", Code.PACKET_TOO_LARGE),
}


@pytest.mark.parametrize(("data", "code"), FIRST_PACKETS.values(), ids=FIRST_PACKETS)
def test_a_connection_does_not_begin_with(data: bytes, code: Code) -> None:
    with pytest.raises(Malformed) as refused:
        list(Decoder().feed(data))
    assert (refused.value.code, refused.value.answer) == (code, b"")


@pytest.mark.parametrize(("data", "code"), LATER_PACKETS.values(), ids=LATER_PACKETS)
def test_a_connection_does_not_go_on_with(data: bytes, code: Code) -> None:
    decoder = Decoder()
    assert list(decoder.feed(CONNECT)) == [Connect("lamp")]
    with pytest.raises(Malformed) as refused:
        list(decoder.feed(data))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        pytest.param(connect(0x02, level=3, protocol=b"\0\x06MQIsdp"), b"\x20\x02\0\x01", id="MQTT 3.1"),
        pytest.param(connect(0x02, level=0x84), b"\x20\x02\0\x01", id="a bridge's level"),
        pytest.param(connect(0x02, level=6), b"\x20\x02\0\x01", id="a level to come"),
    ],
)
def test_a_version_that_is_not_spoken_is_answered(data: bytes, answer: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        list(Decoder().feed(data))
    assert (refused.value.code, refused.value.answer) == (Code.UNSUPPORTED_PROTOCOL_VERSION, answer)


@pytest.mark.parametrize(
    ("level", "header"),
    [
        pytest.param(None, b"\x10\x81\x80\x01", id="CONNECT"),
        pytest.param(MQTT_3_1_1, b"\x30\x81\xc0\x08", id="PUBLISH"),
        pytest.param(MQTT_3_1_1, b"\x82\xff\xff\xff\x7f", id="SUBSCRIBE of 256 MB"),
    ],
)
def test_a_packet_that_is_too_large_is_refused_by_its_header_alone(level: int | None, header: bytes) -> None:
    decoder = Decoder(level)
    assert list(decoder.feed(header[:-1])) == []
    with pytest.raises(Malformed) as refused:
        list(decoder.feed(header[-1:]))
    assert refused.value.code == Code.PACKET_TOO_LARGE


def test_the_largest_packets_are_taken() -> None:
    connect_of_16_kb = encode(Connect("lamp", username="u", password=bytes(MAX_CONNECT - 21)))
    assert len(connect_of_16_kb) == MAX_CONNECT + 4
    assert len(list(Decoder().feed(connect_of_16_kb))) == 1
    largest = Publish("t" * (MAX_PACKET - MAX_PAYLOAD - 2), bytes(MAX_PAYLOAD))
    assert list(Decoder(MQTT_3_1_1).feed(encode(largest))) == [largest]


def test_packets_before_a_malformed_one_are_given() -> None:
    packets = Decoder(MQTT_3_1_1).feed(encode(Pingreq()) + b"\xf0\0")
    assert next(packets) == Pingreq()
    with pytest.raises(Malformed):
        next(packets)


class CountingDecoder(Decoder):
    """Counts how often it looks at what it has."""

    looks = 0

    def _frame(self, data: bytes, at: int) -> tuple[int, int]:
        self.looks += 1
        return super()._frame(data, at)


def test_a_packet_in_pieces_of_one_byte_is_looked_at_for_its_header_and_when_it_is_whole() -> None:
    decoder = CountingDecoder(MQTT_3_1_1)
    message = Publish("t", bytes(20_000))
    packets = [packet for byte in encode(message) for packet in decoder.feed(bytes((byte,)))]
    assert packets == [message]
    assert decoder.looks == 5  # the first byte, three bytes of length, the whole
