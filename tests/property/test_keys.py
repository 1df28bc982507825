"""Keys give back what went into them, tell different things apart, and sort as they are read."""

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from warden.adapters.limits import check_item
from warden.ports import Item, Key
from warden.storage import keys

some = settings(max_examples=100, deadline=None)

# The signs that keys are made of, and any text beside them.
texts = st.text(st.sampled_from("#%/ab23:Äé\u2028\U0001f600") | st.characters(codec="utf-8"), max_size=8)
parts = st.lists(texts, max_size=4)
moments = st.integers(0, 10**15 - 1)


@given(parts)
@some
def test_a_key_gives_its_parts_back(given_parts: list[str]) -> None:
    assert keys.split(keys.join("KIND", *given_parts)) == ("KIND", *given_parts)


@given(parts, parts)
@example(["a#b"], ["a", "b"])
@example(["a%23b"], ["a#b"])
@example([], [""])
@some
def test_different_parts_make_different_keys(one: list[str], other: list[str]) -> None:
    assume(one != other)
    assert keys.join("KIND", *one) != keys.join("KIND", *other)


@given(parts, texts)
@some
def test_a_key_is_never_within_the_range_of_another_things(names: list[str], name: str) -> None:
    """The entries of one thing are read by partition; a list of a kind by its prefix."""
    assume(name not in names)
    assert keys.thing(name) not in {keys.thing(other) for other in names}


@given(st.integers(1, 10**12 - 1), st.integers(1, 10**12 - 1))
@some
def test_entries_sort_by_sequence_before_the_thing(one: int, other: int) -> None:
    assert (keys.entry(one) < keys.entry(other)) is (one < other)
    assert keys.ENTRY_PREFIX < keys.entry(one) < keys.last(keys.ENTRY_PREFIX) < keys.THING


@given(moments, moments)
@some
def test_moments_sort_by_time(one: int, other: int) -> None:
    assert (keys.moment(one) < keys.moment(other)) is (one < other)


@given(texts, moments, moments, st.tuples(texts, texts), st.tuples(texts, texts))
@some
def test_what_is_due_sorts_by_time_before_all_else(
    name: str, one: int, other: int, first: tuple[str, str], second: tuple[str, str]
) -> None:
    (here, earlier), (there, later) = keys.due(name, one, first), keys.due(name, other, second)
    assert here == there
    if one != other:
        assert (earlier < later) is (one < other)
        assert (earlier < keys.moment(other)) is (one < other), "so that what is due by now can be asked for"


@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda name: len(name.encode()) <= 128))
@example("\U0001f600" * 32)
@some
def test_every_name_that_aws_allows_fits_into_a_key(name: str) -> None:
    key = Key(keys.thing(name), keys.entry(1))
    assert key.pk.isascii()
    check_item(Item(key, b"", indexes={keys.OUTBOX: keys.due(name, 0, key)}), keys.LOG)
    assert 0 <= keys.shard(name, 8) < 8
