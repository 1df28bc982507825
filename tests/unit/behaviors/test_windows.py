"""Sums over the last seconds."""

import pytest

from warden.domain.behaviors.windows import MOST, Ring, add, add_late, slack

MINUTE = 60_000
FIVE = 5 * MINUTE


def sums(times: list[int], duration: int, value: int = 1) -> list[int]:
    ring: Ring = ()
    found = []
    for at in times:
        ring, total = add(ring, at, value, duration)
        found.append(total)
    return found


@pytest.mark.parametrize(
    ("duration", "expected"), [(FIVE, 30_000), (10 * MINUTE, 30_000), (60 * MINUTE, 30_000), (100_000, 10_000)]
)
def test_the_slack_is_a_tenth_of_the_window_and_half_a_minute_at_most(duration: int, expected: int) -> None:
    assert slack(duration) == expected


def test_a_window_of_five_minutes_holds_one_report_of_five_minutes() -> None:
    assert sums([n * FIVE for n in range(20)], FIVE) == [1] * 20


def test_a_clock_that_runs_a_little_fast_changes_no_sum() -> None:
    """Without slack, reports every 299.7 s would be now one, now two in 300 s."""
    assert sums([n * 299_700 for n in range(2000)], FIVE) == [1] * 2000


def test_a_report_that_is_half_a_minute_early_is_still_the_next_windows() -> None:
    assert sums([0, 270_000], FIVE) == [1, 1]
    assert sums([0, 270_000 - 1], FIVE) == [1, 2]


def test_an_hour_holds_twelve_reports_of_five_minutes() -> None:
    assert sums([n * FIVE for n in range(15)], 60 * MINUTE) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 12, 12, 12]


def test_datapoints_just_a_sixteenth_apart_leave_one_by_one() -> None:
    """270 s hold 14.4 times 18.75 s."""
    assert sums([n * 18_750 for n in range(40)], FIVE) == [*range(1, 15), *[15] * 26]


def test_a_window_that_everything_left_holds_the_new_datapoint_alone() -> None:
    assert sums([0, MINUTE, 20 * MINUTE], FIVE, value=7) == [7, 14, 7]


def test_datapoints_of_one_moment_are_summed() -> None:
    assert sums([5, 5, 5], FIVE, value=2) == [2, 4, 6]


def test_a_sum_stops_at_the_largest_count() -> None:
    assert sums([0, 1, MINUTE], FIVE, value=MOST) == [MOST, MOST, MOST]
    ring, _ = add((), 0, MOST, FIVE)
    assert add(ring, 1, 1, FIVE)[0] == (0, MOST), "and so does what is kept: nothing larger can be stored"
    assert add_late(add(ring, MINUTE, 1, FIVE)[0], 1, 5, FIVE) == (0, MOST, MINUTE, 1)


def test_what_left_a_saturated_window_is_gone() -> None:
    assert sums([0, FIVE], FIVE, value=MOST) == [MOST, MOST]
    ring, _ = add((), 0, MOST, FIVE)
    assert add(ring, FIVE, 3, FIVE) == ((FIVE, 3), 3)


def test_a_late_datapoint_counts_while_its_time_is_in_the_window() -> None:
    ring, _ = add((), 0, 1, FIVE)
    ring, _ = add(ring, 4 * MINUTE, 10, FIVE)
    ring = add_late(ring, 2 * MINUTE, 100, FIVE)
    assert add(ring, 4 * MINUTE, 0, FIVE)[1] == 111
    assert add(ring, 6 * MINUTE, 0, FIVE)[1] == 110
    assert add(ring, 7 * MINUTE, 0, FIVE)[1] == 10


def test_a_late_datapoint_older_than_the_window_changes_nothing() -> None:
    ring, _ = add((), FIVE, 1, FIVE)
    assert add_late(ring, 30_000, 5, FIVE) == ring
    assert add_late(ring, 30_001, 5, FIVE) != ring


def test_a_late_datapoint_may_be_newer_than_all_of_its_metric() -> None:
    """Where the newest report left the metric out."""
    ring, _ = add((), 0, 1, FIVE)
    assert add(add_late(ring, 2 * MINUTE, 10, FIVE), 3 * MINUTE, 100, FIVE)[1] == 111


@pytest.mark.parametrize("step", [-1, 1], ids=["newest first", "oldest first"])
def test_late_datapoints_make_no_ring_longer_than_sixteen_slots(step: int) -> None:
    """A queue of failures may be delivered again in any order, and the ring is in every entry of the log."""
    ring, _ = add((), 0, 0, FIVE)
    ring, _ = add(ring, 269_000, 0, FIVE)
    for at in range(1, 269)[::step]:
        ring = add_late(ring, at * 1000, 1, FIVE)
    assert len(ring) // 2 <= 16
    assert sum(ring[1::2]) == 268


def test_late_datapoints_of_a_metric_that_newer_reports_leave_out_do_not_pile_up() -> None:
    ring, _ = add((), 0, 1, FIVE)
    for at in range(MINUTE, 1000 * MINUTE, MINUTE):
        ring = add_late(ring, at, 1, FIVE)
    assert ring[::2] == tuple(n * MINUTE for n in range(995, 1000))
