"""Sums of memberships: equal where two fleets are, and different in the parts that differ."""

from hypothesis import given
from hypothesis import strategies as st

from warden.domain.registry.sums import Sums, number

PARTS = 8

names = st.text("abc:_-", min_size=1, max_size=3)
memberships = st.sets(st.tuples(names, names | st.just("")), max_size=20)


def part(thing: str) -> int:
    return len(thing) % PARTS


def summed(fleet: set[tuple[str, str]]) -> Sums:
    sums = Sums(PARTS)
    for thing, group in fleet:
        sums.add(part(thing), number(thing, group))
    return sums


@given(memberships, memberships)
def test_exactly_the_parts_differ_whose_memberships_do(one: set[tuple[str, str]], other: set[tuple[str, str]]) -> None:
    expected = {part(thing) for thing, _ in one ^ other}

    assert set(summed(one).differing(summed(other))) == expected
    difference = summed(one)
    for thing, group in other:
        difference.subtract(part(thing), number(thing, group))
    assert set(difference.differing()) == expected
    assert set(difference.differing(first=3)) == {n for n in expected if n >= 3}


@given(memberships)
def test_sums_are_kept_in_eight_bytes_a_part(fleet: set[tuple[str, str]]) -> None:
    kept = summed(fleet).to_bytes()

    assert len(kept) == 8 * PARTS
    assert list(Sums.from_bytes(kept).differing(summed(fleet))) == []


def test_a_membership_and_a_registration_are_not_one_number() -> None:
    assert len({number("ab"), number("a", "b"), number("", "ab"), number("ab", "")}) == 3
