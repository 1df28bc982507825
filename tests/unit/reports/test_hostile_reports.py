import pytest

from tests.hostile_reports import CORPUS, Hostile
from warden.domain.errors import ReportRejected
from warden.domain.reports import DECODERS


@pytest.mark.parametrize("hostile", CORPUS, ids=lambda hostile: f"{hostile.format}: {hostile.name}")
def test_a_hostile_report_is_refused_in_few_words_that_can_be_sent(hostile: Hostile) -> None:
    with pytest.raises(ReportRejected) as refusal:
        DECODERS[hostile.format](hostile.build())
    assert refusal.value.code == "InvalidPayload"
    assert refusal.value.message.isascii()
    assert len(refusal.value.message) < 400


def test_hostile_reports_have_names_of_their_own() -> None:
    names = [(hostile.format, hostile.name) for hostile in CORPUS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("tag", [*range(300), 1004, 43000, 55799, 2**16, 2**32, 2**64 - 1])
def test_no_cbor_tag_is_taken(tag: int) -> None:
    head = b"\xdb" + tag.to_bytes(8, "big")
    # Before what each kind of tag would be content with: text, a number, bytes, an array, a map.
    for content in (b"\x60", b"\x00", b"\x40", b"\x82\x00\x00", b"\xa0"):
        payload = b"\xa2\x63hed\xa2\x63rid\x07\x61v\x631.0\x63met" + head + content
        with pytest.raises(ReportRejected, match=f"got tag {tag}, although no tag is allowed"):
            DECODERS["cbor"](payload)


@pytest.mark.parametrize("depth", [13, 14, 50, 200, *range(400, 1200, 50), 10_000])
@pytest.mark.parametrize(
    "start", [b'{"hed":{"rid":7,"v":"1.0"},"cmet"', b'{"header":{"report_id":7,"version":"1.0"},"cmet"']
)
def test_no_depth_between_what_is_taken_and_what_no_decoder_takes_gets_through(start: bytes, depth: int) -> None:
    payload = start + b':{"m":[{"number":' + b"[" * depth + b"]" * depth + b"}]}}"
    with pytest.raises(ReportRejected, match="expected at most 16 levels of objects and arrays, got more"):
        DECODERS["json"](payload)
