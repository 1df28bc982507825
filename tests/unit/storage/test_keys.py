"""Keys sort as they are read, and no two things have the same."""

import pytest

from warden.storage import keys


@pytest.mark.parametrize(
    ("parts", "key"),
    [
        pytest.param(("pump-7",), "T#pump-7", id="a plain name is readable"),
        pytest.param(("Hall 4/pump:7_a.b",), "T#Hall 4/pump:7_a.b", id="and so are the signs that ARNs and names have"),
        pytest.param(("a#b",), "T#a%23b", id="the separator is escaped"),
        pytest.param(("a", "b"), "T#a#b", id="two parts"),
        pytest.param(("50%",), "T#50%25", id="the escape sign is escaped"),
        pytest.param(("Zähler",), "T#Z%C3%A4hler", id="what is not ASCII is escaped"),
        pytest.param(("", ""), "T##", id="empty parts"),
        pytest.param((), "T", id="no parts"),
    ],
)
def test_a_key_is_its_kind_and_its_escaped_parts(parts: tuple[str, ...], key: str) -> None:
    assert keys.join("T", *parts) == key
    assert keys.split(key) == ("T", *parts)


def test_entries_sort_by_sequence_and_right_before_the_thing() -> None:
    sequence = [keys.entry(seq) for seq in (1, 2, 9, 10, 999_999, 10**6, 10**12 - 1)]
    assert sorted([keys.THING, *reversed(sequence)]) == [*sequence, keys.THING]


def test_moments_sort_by_time_for_thirty_thousand_years() -> None:
    times = [0, 9, 10, 999_999_999_999, 1_790_000_000_000, 10**15 - 1]
    assert [keys.moment(at) for at in times] == sorted(keys.moment(at) for at in times)


def test_what_is_due_first_sorts_first_whatever_it_is() -> None:
    places = [keys.due("pump-7", at, key) for at, key in ((9, ("Z", "Z")), (10, ("A", "A")), (100, ("B", "B")))]
    assert len({partition for partition, _ in places}) == 1
    assert [place for _, place in places] == sorted(place for _, place in places)


def test_a_prefixs_last_key_is_behind_all_that_begin_with_it() -> None:
    assert keys.entry(10**12 - 1) < keys.last(keys.ENTRY_PREFIX) < keys.THING


@pytest.mark.parametrize(("name", "expected"), [("pump-7", 3), ("pump-8", 2), ("Zähler", 1)])
def test_a_thing_stays_in_its_shard_for_ever(name: str, expected: int) -> None:
    assert keys.shard(name, 8) == expected
    assert keys.shard(name, 1) == 0


def test_shards_are_used_evenly_enough() -> None:
    counts = [0] * 8
    for number in range(8000):
        counts[keys.shard(f"pump-{number}", 8)] += 1
    assert min(counts) > 800
    assert max(counts) < 1200
