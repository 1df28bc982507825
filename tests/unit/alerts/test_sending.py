"""Attempts, receipts and errors in any order: an alert waits until the latest attempt has a receipt and no error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warden.domain.alerts.sending import AGAIN_MS, GIVE_UP_MS, Sending

FIRST = Sending().counted(1000)


def test_an_attempt_is_due_again_ten_minutes_after_it_was_counted() -> None:
    assert Sending().is_due(0)
    assert not FIRST.is_due(1000 + AGAIN_MS - 1)
    assert FIRST.is_due(1000 + AGAIN_MS)


def test_a_receipt_ends_it() -> None:
    assert not FIRST.receipt(1).waits


def test_a_receipt_of_an_attempt_before_does_not_end_the_latest() -> None:
    second = FIRST.counted(2000)
    assert second.receipt(1) == second


def test_an_error_behind_the_receipt_opens_it_again() -> None:
    opened = FIRST.receipt(1).failure(1, "no such topic", now=5000)
    assert (opened.waits, opened.error, opened.due) == (True, "no such topic", 5000 + AGAIN_MS)


def test_a_receipt_behind_the_error_does_not_end_it() -> None:
    assert FIRST.failure(1, "no such topic", now=5000).receipt(1).waits


def test_an_error_of_an_attempt_before_says_nothing_of_the_latest() -> None:
    ended = FIRST.counted(2000).receipt(2)
    assert ended.failure(1, "late", now=5000) == ended


def test_a_repeated_error_does_not_put_it_off() -> None:
    once = FIRST.failure(1, "no", now=5000)
    assert once.failure(1, "no", now=9000) == once


def test_the_next_attempt_begins_with_nothing_known() -> None:
    second = FIRST.failure(1, "no", now=5000).counted(6000)
    assert (second.attempt, second.error, second.received, second.since) == (2, "", False, 1000)
    assert not second.receipt(2).waits


@pytest.mark.parametrize(("later", "hopeless"), [(GIVE_UP_MS - 1, False), (GIVE_UP_MS, True)])
def test_a_day_after_the_first_attempt_there_is_no_hope(later: int, hopeless: bool) -> None:
    assert FIRST.counted(2000).is_hopeless(1000 + later) is hopeless
    assert not Sending().is_hopeless(10**15)


def test_an_only_attempt_is_made_again_however_long_ago_it_was_counted() -> None:
    """It may have died between being counted and being made, and nobody looked for a day."""
    assert not FIRST.is_hopeless(1000 + GIVE_UP_MS)
    assert not FIRST.counted(2000).redriven().counted(3000).is_hopeless(3000 + GIVE_UP_MS)


def test_what_was_given_up_waits_again_once_it_is_redriven_and_old_receipts_stay_old() -> None:
    given_up = FIRST.counted(2000).abandoned()
    assert not given_up.waits
    again = given_up.redriven()
    assert again.is_due(0)
    assert not again.is_hopeless(10**15)
    third = again.counted(10**9)
    assert (third.attempt, third.since) == (3, 10**9)
    assert third.receipt(2).waits


STEPS = st.lists(
    st.one_of(
        st.just(("count", 0)),
        st.tuples(st.just("receipt"), st.integers(1, 5)),
        st.tuples(st.just("error"), st.integers(1, 5)),
    ),
    max_size=30,
)


@given(STEPS)
def test_in_whatever_order_they_come_the_latest_attempt_alone_decides(steps: list[tuple[str, int]]) -> None:
    sending, latest = Sending(), 0
    receipts, errors = set[int](), set[int]()
    for now, (what, attempt) in enumerate(steps):
        if what == "count":
            latest += 1
            sending = sending.counted(now)
        elif attempt <= latest:  # nothing comes back of what was not published
            (receipts if what == "receipt" else errors).add(attempt)
            came = sending.receipt(attempt) if what == "receipt" else sending.failure(attempt, "no", now=now)
            assert came == sending or attempt == latest
            sending = came
        assert sending.attempt == latest
        assert sending.waits is not (latest in receipts - errors)
