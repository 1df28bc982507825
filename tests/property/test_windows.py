"""Rings of slots hold to sums over every datapoint."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from warden.domain.behaviors.criteria import DURATIONS_SECONDS
from warden.domain.behaviors.windows import MOST, SLOTS_PER_WINDOW, Ring, add, add_late

START = 1_790_000_000_000
some = settings(max_examples=120, deadline=None)

durations = st.sampled_from([seconds * 1000 for seconds in DURATIONS_SECONDS])
values = st.integers(0, 100) | st.integers(0, MOST)
shares = st.integers(0, 1200)
"""Thousandths of a window."""

Seen = list[tuple[int, int]]


def naive(seen: Seen, behind: int) -> int:
    """The sum of all datapoints behind a moment, as far as a count goes."""
    return min(sum(value for at, value in seen if at > behind), MOST)


def horizon(at: int, duration: int) -> int:
    """A window is what lies behind it: half a minute, or a tenth of a shorter window, is left to clocks."""
    return at - duration + min(30_000, duration // 10)


@given(durations, st.lists(st.tuples(shares, values), max_size=30))
@some
def test_a_sum_is_exact_where_datapoints_are_a_sixteenth_apart(duration: int, gaps: list[tuple[int, int]]) -> None:
    ring: Ring = ()
    seen: Seen = []
    at = START
    for share, value in gaps:
        at += duration // SLOTS_PER_WINDOW + duration * share // 1000
        seen.append((at, value))
        ring, total = add(ring, at, value, duration)
        assert total == naive(seen, horizon(at, duration))


@given(durations, st.lists(st.tuples(shares.map(lambda share: share // 10), values), max_size=60))
@some
def test_denser_datapoints_leave_a_sixteenth_of_the_window_early_at_most(
    duration: int, gaps: list[tuple[int, int]]
) -> None:
    ring: Ring = ()
    seen: Seen = []
    at = START
    for share, value in gaps:
        at += duration * share // 1000
        seen.append((at, value))
        ring, total = add(ring, at, value, duration)
        edge, slot = horizon(at, duration), duration // SLOTS_PER_WINDOW
        assert naive(seen, edge + slot - 1) <= total <= naive(seen, edge)


@given(
    durations,
    st.lists(st.tuples(st.booleans(), shares, st.integers(0, 999), values), min_size=1, max_size=60),
    st.sampled_from([1, 10, 100]),
)
@some
def test_with_late_datapoints_a_sum_errs_by_a_sixteenth_of_the_window_either_way(
    duration: int, steps: list[tuple[bool, int, int, int]], density: int
) -> None:
    """And the ring stays in order, a sixteenth apart, and so within 16 slots, whatever comes."""
    slot = duration // SLOTS_PER_WINDOW
    ring, _ = add((), START, 1, duration)
    seen: Seen = [(START, 1)]
    now = START
    for late, share, odd, value in steps:
        way = duration * share // (1000 * density) + odd
        at = now - way if late else now + way
        now = max(now, at)
        seen.append((at, value))
        ring = add_late(ring, at, value, duration) if late else add(ring, at, value, duration)[0]
        times = ring[::2]
        assert all(later - earlier >= slot for earlier, later in pairwise(times))
        assert len(times) <= SLOTS_PER_WINDOW
        edge = horizon(now, duration)
        _, total = add(ring, now, 0, duration)
        assert naive(seen, edge + slot - 1) <= total <= naive(seen, edge - slot)
