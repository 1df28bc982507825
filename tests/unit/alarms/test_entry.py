"""What a thing's log holds, encoded for ever."""

import re
from typing import Any

import msgspec
import pytest

from warden.domain.alarms.alarm import Alarm, EventType
from warden.domain.alarms.entry import Entry, EntryKind, Reason, State, Transition, digest, violation_id

MOST = 2**64 - 1
FULL = Entry(
    kind=EntryKind.REPORT,
    at=20,
    pos=30,
    thing_id="id-1",
    state=State(
        epoch=MOST,
        report_at=20,
        alarms=(Alarm("u", "p", 2, ringing=True, violation_id="f" * 32, began=4, violated=5, count=MOST, seen_at=20),),
        windows={"bi300": (10, MOST)},
        recent=((MOST, b"\x00\xff"), (1, b"abcd")),
    ),
    transitions=(Transition(EventType.CLEARED, "f" * 32, "u", "p", 3, Reason.LATE, 20, 4, MOST),),
    report_id=MOST,
    digest=b"\x00\xff",
    late=True,
    points={"bi": MOST, "tp": set(), "ip": {bytes(4), bytes(16)}},
)


def decoded(encoded: bytes) -> Entry:
    return msgspec.msgpack.decode(encoded, type=Entry)


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(FULL, id="with everything at its largest"),
        pytest.param(Entry(kind=EntryKind.SILENCE, at=1, pos=1, thing_id="", state=State()), id="with almost nothing"),
    ],
)
def test_an_entry_comes_back_as_it_was(entry: Entry) -> None:
    assert decoded(msgspec.msgpack.encode(entry)) == entry


def test_the_next_release_may_add_members_at_the_end() -> None:
    fields: list[Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(FULL))
    assert decoded(msgspec.msgpack.encode([*fields, "of the next release"])) == FULL


def test_the_first_member_is_the_schema() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(FULL))[0] == 1


def test_kinds_and_reasons_are_written_in_words_that_stay() -> None:
    assert {kind.value for kind in EntryKind} == {"report", "silence", "left", "retire"}
    assert {reason.value for reason in Reason} == {
        "datapoint",
        "late",
        "behavior-deleted",
        "behavior-changed",
        "profile-detached",
        "profile-deleted",
        "thing-left",
        "thing-deleted",
        "thing-registered",
        "silent",
        "retired",
    }


def test_a_violations_id_is_32_hexadecimal_digits_and_the_same_whenever_it_is_asked_for() -> None:
    named = violation_id(account="123456789012", identity="id-1", uid="u", seq=3, at=9)
    assert re.fullmatch("[0-9a-f]{32}", named)
    assert named == "a25b9f86ed4980403bf1b3a6e2bcb49d"


@pytest.mark.parametrize("change", [{"account": "9"}, {"identity": "id-2"}, {"uid": "v"}, {"seq": 4}, {"at": 10}])
def test_everything_that_tells_violations_apart_is_in_the_id(change: dict[str, Any]) -> None:
    base: dict[str, Any] = {"account": "123456789012", "identity": "id-1", "uid": "u", "seq": 3, "at": 9}
    assert violation_id(**base) != violation_id(**{**base, **change})


def test_texts_that_run_together_alike_are_told_apart() -> None:
    assert violation_id(account="1", identity="ab", uid="c", seq=1, at=1) != violation_id(
        account="1", identity="a", uid="bc", seq=1, at=1
    )


def test_a_digest_is_short_and_tells_payloads_apart() -> None:
    assert digest(b'{"a":1}') == digest(b'{"a":1}') != digest(b'{"a":2}')
    assert len(digest(b"x" * 131_072)) <= 8
