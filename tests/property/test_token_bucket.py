"""A token bucket: never more than its burst and its rate allow, never less than who waits is due."""

from hypothesis import given
from hypothesis import strategies as st

from warden.adapters.token_bucket import TokenBucket

rates = st.floats(0.01, 1000)
bursts = st.floats(1, 100)
takes = st.lists(st.tuples(st.floats(0.1, 10), st.integers(0, 10_000)), max_size=60)
START = 1_800_000_000_000


@given(rates, bursts, takes)
def test_in_no_span_of_time_more_is_taken_than_burst_and_rate_allow(
    rate: float, burst: float, steps: list[tuple[float, int]]
) -> None:
    bucket, now = TokenBucket(rate, burst), START
    taken: list[tuple[int, float]] = []
    for n, wait in steps:
        now += wait
        if bucket.take(n, now):
            taken.append((now, n))
    for first, (begin, _) in enumerate(taken):
        total = 0.0
        for end, n in taken[first:]:
            total += n
            assert total <= burst + rate * (end - begin) / 1000 + 1e-6


@given(rates, bursts, st.lists(st.floats(0.1, 10), max_size=30), st.floats(0, 1))
def test_who_waits_for_what_is_missing_gets_it(rate: float, burst: float, before: list[float], share: float) -> None:
    bucket, n = TokenBucket(rate, burst), share * burst
    for each in before:
        bucket.take(each, START)
    assert bucket.take(n, START + int(n / rate * 1000) + 2)


@given(rates, bursts, st.integers(0, 10**9))
def test_a_clock_that_is_set_back_gives_nothing(rate: float, burst: float, back: int) -> None:
    bucket = TokenBucket(rate, burst)
    assert bucket.take(burst, START)
    assert not bucket.take(burst / 2, START - back)
    assert not bucket.take(burst / 2, START)


@given(rates, bursts)
def test_what_cannot_be_taken_takes_nothing(rate: float, burst: float) -> None:
    bucket = TokenBucket(rate, burst)
    assert not bucket.take(burst * 1.01, START)
    assert bucket.take(burst, START)


@given(rates, bursts, st.integers(0, 10**9))
def test_a_clock_that_is_set_back_takes_nothing_away(rate: float, burst: float, back: int) -> None:
    bucket = TokenBucket(rate, burst)
    assert bucket.take(burst / 2, START)
    assert bucket.take(burst / 2, START - back)
