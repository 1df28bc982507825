"""Publications, receipts and errors, lost, late, doubled and out of order: who must hear of something does, and nobody
who must not."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.aws.alert_rules import RuleWorld
from tests.core.profiles import BAD, EVERYTHING, GOOD, few_connections, profile
from tests.core.world import DAY, HOUR, MINUTE
from warden.domain.alarms.alarm import EventType
from warden.domain.alerts.letter import read_letter
from warden.domain.alerts.sending import AGAIN_MS, GIVE_UP_MS
from warden.use_cases.deliver_alerts import RETRY_MS
from warden.use_cases.record_receipt import Outcome
from warden.use_cases.redrive_alert import Redriven, redrive_alert


@pytest.fixture
def alerting() -> Iterator[RuleWorld]:
    with closing(RuleWorld()) as world:
        world.world.create(profile("p"), EVERYTHING)
        yield world


def violate(alerting: RuleWorld) -> None:
    alerting.world.report("a", BAD)
    alerting.world.pump()


def test_an_alert_is_published_until_its_receipt_comes(alerting: RuleWorld) -> None:
    violate(alerting)
    assert alerting.attempts == [1]
    alerting.pass_time(AGAIN_MS)
    assert alerting.attempts == [1, 2]
    assert alerting.heard(alerting.rules.published[1].receipt()) is Outcome.RECEIPT
    alerting.pass_time(DAY)
    assert alerting.attempts == [1, 2]
    assert alerting.events_due == 0


def test_a_publication_made_again_is_of_the_same_violation_and_type(alerting: RuleWorld) -> None:
    violate(alerting)
    alerting.pass_time(AGAIN_MS)
    first, second = (each.message for each in alerting.rules.published)
    assert first == second


def test_within_ten_minutes_nothing_is_published_twice(alerting: RuleWorld) -> None:
    violate(alerting)
    key = next(stored.key for stored in alerting.world.true.violations.waiting())
    alerting.publish([key, key], now=alerting.world.now)
    alerting.pass_time(AGAIN_MS - 1)
    assert alerting.attempts == [1]


def test_an_attempt_is_counted_before_it_is_made(alerting: RuleWorld) -> None:
    alerting.rules.down = True
    violate(alerting)
    assert alerting.attempts == []
    (waiting,) = alerting.world.true.violations.waiting()
    assert waiting.record.sending.attempt == 1
    alerting.rules.down = False
    alerting.pass_time(RETRY_MS)
    assert alerting.attempts == [2]


def test_a_receipt_that_comes_twice_changes_nothing(alerting: RuleWorld) -> None:
    violate(alerting)
    receipt = alerting.rules.published[0].receipt()
    assert [alerting.heard(receipt), alerting.heard(receipt)] == [Outcome.RECEIPT, Outcome.STALE]


def test_a_late_receipt_of_the_first_attempt_does_not_close_the_second(alerting: RuleWorld) -> None:
    """C11."""
    violate(alerting)
    alerting.pass_time(AGAIN_MS)
    assert alerting.heard(alerting.rules.published[0].receipt()) is Outcome.STALE
    alerting.pass_time(AGAIN_MS)
    assert alerting.attempts == [1, 2, 3]


def test_an_error_behind_its_receipt_has_the_alert_published_again(alerting: RuleWorld) -> None:
    """C11."""
    violate(alerting)
    alerting.heard(alerting.rules.published[0].receipt())
    alerting.pass_time(HOUR)
    assert alerting.heard(alerting.rules.published[0].error()) is Outcome.ERROR
    alerting.pass_time(AGAIN_MS)
    assert alerting.attempts == [1, 2]
    alerting.heard(alerting.rules.published[1].receipt())
    assert alerting.events_due == 0


def test_an_error_before_its_receipt_has_the_alert_published_again(alerting: RuleWorld) -> None:
    violate(alerting)
    alerting.heard(alerting.rules.published[0].error())
    alerting.heard(alerting.rules.published[0].receipt())
    alerting.pass_time(AGAIN_MS)
    assert alerting.attempts == [1, 2]


def test_what_was_swallowed_is_not_published_again_once_its_behavior_is_deleted(alerting: RuleWorld) -> None:
    """C10."""
    violate(alerting)
    alerting.world.update(profile("p", few_connections(name="another")))
    alerting.pass_time(AGAIN_MS)
    alerting.pass_time(DAY)
    assert alerting.attempts == [1]
    assert alerting.events_due == 0


def test_what_was_swallowed_is_not_published_again_once_its_profile_is_detached(alerting: RuleWorld) -> None:
    """C10: its violation was ended and nobody told."""
    violate(alerting)
    alerting.world.detach("p", EVERYTHING)
    alerting.pass_time(AGAIN_MS)
    alerting.world.attach("p", EVERYTHING)
    alerting.pass_time(DAY)
    assert alerting.attempts == [1]


def test_an_error_does_not_bring_back_what_the_fence_took(alerting: RuleWorld) -> None:
    violate(alerting)
    alerting.world.delete("p")
    alerting.pass_time(AGAIN_MS)
    assert alerting.heard(alerting.rules.published[0].error()) is Outcome.STALE
    alerting.world.create(profile("p"), EVERYTHING)
    alerting.pass_time(DAY)
    assert alerting.attempts == [1]


def test_suppressed_alerts_are_not_published_again(alerting: RuleWorld) -> None:
    violate(alerting)
    alerting.world.update(profile("p", few_connections(suppress=True)))
    alerting.pass_time(AGAIN_MS)
    assert alerting.attempts == [1]


def test_the_end_of_a_violation_is_an_alert_of_its_own(alerting: RuleWorld) -> None:
    violate(alerting)
    alerting.world.now += MINUTE
    alerting.world.report("a", GOOD)
    alerting.world.pump()
    types = [each.message["violationEventType"] for each in alerting.rules.published]
    assert types == [EventType.IN_ALARM, EventType.CLEARED]
    alerting.heard(alerting.rules.published[1].receipt())
    alerting.pass_time(AGAIN_MS)
    assert [each.message["violationEventType"] for each in alerting.rules.published[2:]] == [EventType.IN_ALARM]


def test_a_missing_receipt_and_a_failure_are_told_of(alerting: RuleWorld) -> None:
    violate(alerting)
    alerting.pass_time(AGAIN_MS)
    alerting.heard(alerting.rules.published[1].error())
    alerting.rules.down = True
    alerting.pass_time(AGAIN_MS)
    assert alerting.observed == {"AlertPublished": 2, "AlertSeconds": 1, "ReceiptOverdue": 1, "AlertFailed": 1}


# Dead letters


def fail_for_a_day(alerting: RuleWorld) -> None:
    violate(alerting)
    for _ in range(GIVE_UP_MS // AGAIN_MS + 1):
        alerting.pass_time(AGAIN_MS)


def test_after_a_day_without_a_receipt_the_event_is_a_dead_letter(alerting: RuleWorld) -> None:
    fail_for_a_day(alerting)
    (letter,) = alerting.rules.letters
    published = alerting.rules.published[0].message
    read = read_letter(letter)
    assert (read.violation_id, read.thing_name, read.attempts) == (published["violationId"], "a", 144)
    assert alerting.attempts == list(range(1, 145))
    alerting.pass_time(DAY)
    assert len(alerting.rules.letters) == 1
    assert alerting.events_due == 0


def test_a_dead_letter_that_is_redriven_is_published_for_another_day(alerting: RuleWorld) -> None:
    fail_for_a_day(alerting)
    violations = alerting.world.true.violations
    assert redrive_alert(violations, alerting.rules.letters[0], now=alerting.world.now) is Redriven.AGAIN
    assert redrive_alert(violations, alerting.rules.letters[0], now=alerting.world.now) is Redriven.UNDER_WAY
    alerting.pass_time(0)
    assert alerting.attempts[-1] == 145
    alerting.heard(alerting.rules.published[143].receipt())
    assert alerting.events_due == 1
    alerting.heard(alerting.rules.published[144].receipt())
    assert alerting.events_due == 0
    assert redrive_alert(violations, alerting.rules.letters[0], now=alerting.world.now) is Redriven.UNDER_WAY


def test_a_redriven_letter_that_fails_again_is_one_again_a_day_later(alerting: RuleWorld) -> None:
    fail_for_a_day(alerting)
    redrive_alert(alerting.world.true.violations, alerting.rules.letters[0], now=alerting.world.now)
    for _ in range(GIVE_UP_MS // AGAIN_MS + 1):
        alerting.pass_time(AGAIN_MS)
    assert len(alerting.rules.letters) == 2


def test_a_receipt_that_comes_when_it_was_given_up_still_counts(alerting: RuleWorld) -> None:
    fail_for_a_day(alerting)
    assert alerting.heard(alerting.rules.published[-1].receipt()) is Outcome.RECEIPT
    now = alerting.world.now
    assert redrive_alert(alerting.world.true.violations, alerting.rules.letters[0], now=now) is Redriven.UNDER_WAY
    assert alerting.events_due == 0


def test_a_letter_whose_event_nobody_wants_any_more_is_not_published(alerting: RuleWorld) -> None:
    fail_for_a_day(alerting)
    alerting.world.delete("p")
    redrive_alert(alerting.world.true.violations, alerting.rules.letters[0], now=alerting.world.now)
    alerting.pass_time(0)
    assert alerting.attempts[-1] == 144
    again = redrive_alert(alerting.world.true.violations, alerting.rules.letters[0], now=alerting.world.now)
    assert again is Redriven.UNWANTED


# Whatever the order

STEPS = st.lists(
    st.one_of(
        st.sampled_from(["wait", "wait", "swallowed", "delete", "look"]),
        st.tuples(st.sampled_from(["receipt", "error"]), st.integers(0, 30)),
    ),
    max_size=25,
)


@settings(max_examples=120, deadline=None)
@given(STEPS)
def test_in_whatever_order_they_come_only_the_latest_attempt_decides(steps: list[str | tuple[str, int]]) -> None:
    with closing(RuleWorld()) as alerting:
        alerting.world.create(profile("p"), EVERYTHING)
        violate(alerting)
        receipts, errors, deleted_at, taken = set[int](), set[int](), None, False
        for step in steps:
            before = len(alerting.attempts)
            match step:
                case "wait":
                    waits = before not in receipts - errors
                    alerting.pass_time(AGAIN_MS)
                    taken = taken or (deleted_at is not None and waits)
                case "swallowed":
                    alerting.rules.made.clear()
                case "delete" if deleted_at is None:
                    alerting.world.update(profile("p", few_connections(name="another")))
                    deleted_at = before
                case (kind, number):
                    published = alerting.rules.published[number % before]
                    alerting.heard(published.receipt() if kind == "receipt" else published.error())
                    if not taken:
                        (receipts if kind == "receipt" else errors).add(published.attempt)
            latest = len(alerting.attempts)
            assert alerting.attempts == list(range(1, latest + 1))
            assert deleted_at is None or latest == deleted_at, "published after its behavior was deleted"
            if step == "wait" and deleted_at is None:
                assert latest == before + (before not in receipts - errors), "published again if and only if it waits"
            waiting = latest not in receipts - errors and not taken
            assert alerting.events_due == waiting
            if latest > 1 and step == "wait" and latest > before:
                assert alerting.rules.published[-1].rule in alerting.rules.made, "published into a rule that is gone"
