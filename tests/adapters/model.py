"""The port `Table` said in the plainest way: a dict and a sort. What the real tables are compared to."""

from collections.abc import Iterable, Sequence
from typing import Any

from warden.domain.errors import Raced
from warden.ports import (
    Absent,
    AtVersion,
    Check,
    Condition,
    Delete,
    IndexKey,
    IndexPage,
    Item,
    Key,
    Page,
    Present,
    Put,
    Write,
)

# ruff: noqa: ARG002 (a dict is always consistent)


class ModelTable:
    """A `Table` in memory, for requests that no limit forbids."""

    def __init__(self) -> None:
        self.items: dict[Key, Item] = {}

    def get(self, key: Key, *, consistent: bool = False) -> Item | None:
        return self.items.get(key)

    def get_many(self, keys: Iterable[Key], *, consistent: bool = False) -> dict[Key, Item]:
        return {key: self.items[key] for key in keys if key in self.items}

    def query(
        self,
        pk: str,
        *,
        first: str | None = None,
        last: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        after: str | None = None,
        consistent: bool = False,
    ) -> Page:
        found = [item for item in self.items.values() if item.key.pk == pk and _within(item.key.sk, first, last)]
        found.sort(key=lambda item: item.key.sk.encode(), reverse=descending)
        if after is not None:
            found = [item for item in found if _behind(item.key.sk.encode(), after.encode(), descending)]
        page = found[:limit]
        return Page(page, page[-1].key.sk if len(page) < len(found) else None)

    def query_index(
        self,
        index: str,
        partition: str,
        *,
        first: str | None = None,
        last: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        after: IndexKey | None = None,
    ) -> IndexPage:
        entries = [(item.indexes[index], item.key) for item in self.items.values() if index in item.indexes]
        found = [IndexKey(sort, key) for (pk, sort), key in entries if pk == partition and _within(sort, first, last)]
        found.sort(key=_bytes, reverse=descending)
        if after is not None:
            found = [row for row in found if _behind(_bytes(row), _bytes(after), descending)]
        page = found[:limit]
        return IndexPage(page, page[-1] if len(page) < len(found) else None)

    def put(self, item: Item, condition: Condition | None = None) -> None:
        self.transact([Put(item, condition)])

    def delete(self, key: Key, condition: Condition | None = None) -> None:
        self.transact([Delete(key, condition)])

    def transact(self, writes: Sequence[Write]) -> None:
        if not all(self._holds(write) for write in writes):
            raise Raced
        for write in writes:
            match write:
                case Put(item):
                    self.items[item.key] = item
                case Delete(key):
                    self.items.pop(key, None)
                case Check():
                    pass

    def _holds(self, write: Write) -> bool:
        there = self.items.get(write.item.key if isinstance(write, Put) else write.key)
        match write.condition:
            case None:
                return True
            case Absent():
                return there is None
            case Present():
                return there is not None
            case AtVersion(version):
                return there is not None and there.version == version


def _within(text: str, first: str | None, last: str | None) -> bool:
    low = "" if first is None else first
    return low.encode() <= text.encode() and (last is None or text.encode() <= last.encode())


def _behind(one: Any, other: Any, descending: bool) -> bool:
    return one < other if descending else one > other


def _bytes(row: IndexKey) -> tuple[bytes, bytes, bytes]:
    return row.sort.encode(), row.key.pk.encode(), row.key.sk.encode()
