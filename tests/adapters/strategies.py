"""What Hypothesis makes of the port `Table`: items, conditions, and calls that often meet the same few keys."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tests.adapters.conftest import DESIGN
from warden.ports import Absent, AtVersion, Check, Delete, Item, Key, Present, Put, Table

# Where byte order, code point order and UTF-16 order part: é, then U+FFFD, then what lies beyond the first plane.
TEXTS = ("a", "a\x00", "a#", "ab", "b", "~", "\x7f", "é", "\ufffd", "\U00010000", "\U0010ffff")

text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
int64 = st.integers(-(2**63), 2**63 - 1)
indexes = st.dictionaries(st.sampled_from(DESIGN.indexes), st.tuples(text, text))
items = st.builds(
    Item, st.builds(Key, text, text), st.binary(max_size=100), int64, indexes, st.none() | st.integers(0, 2**40)
)

few_keys = st.builds(Key, st.sampled_from("PQ"), st.sampled_from(TEXTS))
few_versions = st.integers(1, 3)
few_indexes = st.dictionaries(
    st.sampled_from(DESIGN.indexes), st.tuples(st.sampled_from("IJ"), st.sampled_from(TEXTS[:4]))
)
few_items = st.builds(Item, few_keys, st.binary(max_size=3), few_versions, few_indexes)
conditions = st.one_of(st.just(Absent()), st.just(Present()), st.builds(AtVersion, few_versions))
some_condition = st.none() | conditions

bounds = st.fixed_dictionaries(
    {"first": st.none() | st.sampled_from(TEXTS), "last": st.none() | st.sampled_from(TEXTS)},
    optional={"descending": st.booleans(), "limit": st.integers(1, 4)},
)
writes = st.lists(
    st.builds(Put, few_items, some_condition)
    | st.builds(Delete, few_keys, some_condition)
    | st.builds(Check, few_keys, conditions),
    min_size=1,
    max_size=5,
    unique_by=lambda write: write.item.key if isinstance(write, Put) else write.key,
)

Call = tuple[str, Callable[[Table], Any]]

reads = st.one_of(
    st.builds(lambda key: ("get", lambda table: table.get(key, consistent=True)), few_keys),
    st.builds(
        lambda keys: ("get_many", lambda table: table.get_many(keys, consistent=True)), st.lists(few_keys, max_size=9)
    ),
    st.builds(
        lambda pk, how: ("query", lambda table: list(all_items(table, pk, consistent=True, **how))),
        st.sampled_from("PQ"),
        bounds,
    ),
    st.builds(
        lambda index, pk, how: ("query_index", lambda table: _rows(table, index, pk, **how)),
        st.sampled_from(DESIGN.indexes),
        st.sampled_from("IJ"),
        bounds,
    ),
)
single_writes = st.one_of(
    st.builds(
        lambda item, condition: (f"put {item} {condition}", lambda table: table.put(item, condition)),
        few_items,
        some_condition,
    ),
    st.builds(
        lambda key, condition: (f"delete {key} {condition}", lambda table: table.delete(key, condition)),
        few_keys,
        some_condition,
    ),
)
transactions = st.builds(lambda parts: (f"transact {parts}", lambda table: table.transact(parts)), writes)


def all_items(table: Table, pk: str, **how: Any) -> list[Item]:
    """Every item of a query, page by page."""
    return _all(lambda after: table.query(pk, after=after, **how), "items")


def all_rows(table: Table, index: str, partition: str, **how: Any) -> list[Any]:
    """Every row of an index's query, page by page."""
    return _all(lambda after: table.query_index(index, partition, after=after, **how), "rows")


def _all(page_after: Callable[[Any], Any], what: str) -> list[Any]:
    found: list[Any] = []
    seen: list[Any] = [None]
    while True:
        page = page_after(seen[-1])
        found += getattr(page, what)
        if page.last is None:
            return found
        assert page.last not in seen, "the pages go round in circles"
        seen.append(page.last)


def _rows(table: Table, index: str, partition: str, **how: Any) -> Any:
    """Sort texts in order; rows in none, since those of one sort text have none."""
    rows = all_rows(table, index, partition, **how)
    return [row.sort for row in rows], sorted(rows)
