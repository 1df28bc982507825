"""The thing's log on a Table: what the registry says of a thing, and its entries, in one partition.

An entry with transitions is marked: it is in index `outbox` until dispatch has dealt with all of them.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from heapq import merge
from itertools import islice

import msgspec

from warden.domain.alarms.entry import Entry, Logged
from warden.domain.behaviors.target import ThingFacts
from warden.domain.errors import Raced
from warden.ports import Absent, AtVersion, IndexKey, Item, Key, Known, Table
from warden.storage import keys
from warden.storage.records import decoded

DAY_MS = 86_400_000
OUTBOX_SHARDS = 8
FORGET_AT_ONCE = 100
READ_AT_ONCE = 50
"""Entries of a range that one query reads: whoever looks for a few of them pays for no more than that many in vain."""
SET_ASIDE = "OUTBOX_SET_ASIDE"
"""Partition of index `outbox` with the entries that dispatch failed at, by when they are tried again."""


class _EntryStamp(msgspec.Struct, array_like=True):
    """An entry, as far as its schema."""

    schema: int


_encode = msgspec.msgpack.Encoder().encode
_decode_entry = msgspec.msgpack.Decoder(Entry).decode
_decode_entry_stamp = msgspec.msgpack.Decoder(_EntryStamp).decode
_decode_facts = msgspec.msgpack.Decoder(ThingFacts).decode


class TableThingLog:
    """Ports ThingLog and Registrations.

    Args:
        table: Table `log`.
        keep_days: How long an entry counts and is kept, 4 or more.
    """

    def __init__(self, table: Table, *, keep_days: int = 14) -> None:
        self._table = table
        self._keep_days = keep_days

    @property
    def keep(self) -> int:
        """How long an entry counts, in ms."""
        return self._keep_days * DAY_MS

    def load(self, thing: str, *, consistent: bool = False) -> Known:
        """See ThingLog. One query of two items: THING sorts right behind the entries."""
        facts: ThingFacts | None = None
        newest: Logged | None = None
        after: str | None = None
        while True:
            page = self._table.query(
                keys.thing(thing),
                first=keys.ENTRY_PREFIX,
                last=keys.THING,
                descending=True,
                limit=2,
                after=after,
                consistent=consistent,
            )
            for item in page.items:
                if item.key.sk == keys.THING:
                    facts = _facts(item)
                elif newest is None:
                    newest = decode(item)
            after = page.last
            if newest or after is None:
                return Known(facts, newest)

    def append(self, thing: str, entry: Entry, *, after: int) -> None:
        """See ThingLog. One conditional put, whatever the entry raised: 50 alarms at once must not be refused."""
        self._table.put(self.item(thing, entry, after + 1), Absent())

    def item(self, thing: str, entry: Entry, seq: int) -> Item:
        """How an entry is kept; marked for dispatch where it holds transitions, fed to the export where it has any."""
        outbox = (keys.join("OUTBOX", keys.shard(thing, OUTBOX_SHARDS)), keys.moment(entry.pos))
        return Item(
            Key(keys.thing(thing), keys.entry(seq)),
            _encode(entry),
            indexes={keys.OUTBOX: outbox} if entry.transitions else {},
            expires_at=(entry.pos + self.keep) // 1000,
            feeds=(keys.EXPORT,) if entry.exports else (),
        )

    def read(self, thing: str, seq: int) -> Logged | None:
        """See ThingLog."""
        item = self._table.get(Key(keys.thing(thing), keys.entry(seq)), consistent=True)
        return decode(item) if item else None

    def recent(self, thing: str, limit: int) -> Iterator[Logged]:
        """See ThingLog."""
        pk, first, last = keys.thing(thing), keys.ENTRY_PREFIX, keys.last(keys.ENTRY_PREFIX)
        after: str | None = None
        left = limit
        while left:
            page = self._table.query(
                pk, first=first, last=last, descending=True, limit=left, after=after, consistent=True
            )
            yield from map(decode, page.items)
            left -= len(page.items)
            after = page.last
            if after is None:
                return

    def since(self, thing: str, at: int) -> Iterator[Logged]:
        """See ThingLog."""
        first, after = keys.entry(max(1, self._first_from(thing, at) - 1)), None
        while True:
            page = self._table.query(
                keys.thing(thing), first=first, last=keys.last(keys.ENTRY_PREFIX), after=after, consistent=True
            )
            yield from map(decode, page.items)
            after = page.last
            if after is None:
                return

    def between(self, thing: str, start: int, end: int, *, behind: int = 0, limit: int) -> Iterator[Logged]:
        """See ThingLog."""
        first, last = max(behind + 1, self._first_from(thing, start)), self._first_from(thing, end + 1) - 1
        while first <= last and limit > 0:
            page = self._table.query(
                keys.thing(thing),
                first=keys.entry(first),
                last=keys.entry(last),
                limit=min(limit, READ_AT_ONCE),
                consistent=True,
            )
            for item in page.items:
                logged = decode(item)
                yield logged
                first, limit = logged.seq + 1, limit - 1
            if page.last is None:
                return

    def forget(self, thing: str) -> int:
        """See ThingLog. The newest entry goes last: until then nobody writes at the beginning of the log again."""
        erased = 0
        while items := self._table.query(keys.thing(thing), limit=FORGET_AT_ONCE, consistent=True).items:
            for item in items:
                self._table.delete(item.key)
            erased += len(items)
        return erased

    def _first_from(self, thing: str, at: int) -> int:
        """The smallest sequence whose entry is not before `at`, one past the newest where all are; positions never go
        back, so halving finds it."""
        low = self._edge(thing, descending=False)
        high = self._edge(thing, descending=True) + 1
        while low < high:
            middle = (low + high) // 2
            logged = self.read(thing, middle)
            if logged is None or logged.entry.pos < at:
                low = middle + 1
            else:
                high = middle
        return low

    def _edge(self, thing: str, *, descending: bool) -> int:
        page = self._table.query(
            keys.thing(thing),
            first=keys.ENTRY_PREFIX,
            last=keys.last(keys.ENTRY_PREFIX),
            descending=descending,
            limit=1,
            consistent=True,
        )
        return decode(page.items[0]).seq if page.items else 0

    def record_facts(self, thing: str, answer: ThingFacts) -> ThingFacts:
        """See Registrations."""
        key = Key(keys.thing(thing), keys.THING)
        while True:
            item = self._table.get(key, consistent=True)
            known = _facts(item) if item else None
            facts = known.superseded_by(answer) if known else answer
            if facts is known:
                return facts
            version = item.version if item else 0
            try:
                replaces = replace(item or Item(key, version=0), data=_encode(facts), version=version + 1)
                self._table.put(self._listed(thing, facts, replaces), AtVersion(version) if item else Absent())
            except Raced:
                continue
            return facts

    def _listed(self, thing: str, facts: ThingFacts, item: Item) -> Item:
        """What is registered is listed. What is not any more stays so for as long as its log is kept: who stored that
        may have been interrupted before its alarms were put to rest."""
        if facts.registered:
            return replace(item, indexes={keys.THINGS: keys.listed_thing(thing)}, expires_at=None)
        return replace(item, expires_at=(facts.answered_at + self.keep) // 1000)


@dataclass(frozen=True, slots=True)
class Marked:
    """An entry that dispatch has to deal with, as it was read."""

    item: Item

    @property
    def thing(self) -> str:
        """Name of its thing."""
        return _place(self.item.key)[0]

    @property
    def seq(self) -> int:
        """Its place in the thing's log."""
        return _place(self.item.key)[1]

    @property
    def set_aside_times(self) -> int:
        """How often dispatch has failed at it: nothing else rewrites an entry."""
        return self.item.version - 1

    def logged(self) -> Logged:
        """The entry. Raises NewerSchema."""
        return decode(self.item)


class Outbox:
    """The marked entries. The embedded home's table keeps a stream instead, and never takes a mark away.

    Args:
        table: Table `log`.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def waiting(self, *, before: int, now: int, limit: int) -> list[Marked]:
        """Entries that were marked by epoch ms `before`, oldest first, then those that were set aside until `now`;
        at most `limit`. Each is read consistently: the index may show marks that are gone."""
        fresh = merge(*(self._rows(keys.join("OUTBOX", n), before, limit) for n in range(OUTBOX_SHARDS)))
        found = [row.key for row in islice(fresh, limit)]
        found += [row.key for row in self._rows(SET_ASIDE, now, limit - len(found))] if len(found) < limit else []
        items = self._table.get_many(found, consistent=True)
        return [Marked(items[key]) for key in found if key in items and keys.OUTBOX in items[key].indexes]

    def set_aside(self, *, limit: int) -> list[tuple[str, int]]:
        """Thing and sequence of entries that dispatch failed at, at most `limit`."""
        return [_place(row.key) for row in self._table.query_index(keys.OUTBOX, SET_ASIDE, limit=limit).rows]

    def unmark(self, marked: Marked) -> None:
        """Take the mark away from an entry that is dealt with; where another did, or it expired, nothing is left."""
        self._rewrite(marked, {})

    def try_again(self, marked: Marked, *, at: int) -> None:
        """Set an entry aside until epoch ms `at`, marked still."""
        self._rewrite(marked, {keys.OUTBOX: (SET_ASIDE, keys.moment(at))})

    def _rewrite(self, marked: Marked, indexes: dict[str, tuple[str, str]]) -> None:
        item = replace(marked.item, version=marked.item.version + 1, indexes=indexes)
        with suppress(Raced):
            self._table.put(item, AtVersion(marked.item.version))

    def _rows(self, partition: str, until: int, limit: int) -> Iterator[IndexKey]:
        last = keys.moment(until)
        return iter(self._table.query_index(keys.OUTBOX, partition, last=last, limit=limit).rows)


def _place(key: Key) -> tuple[str, int]:
    return keys.split(key.pk)[1], int(key.sk.removeprefix(keys.ENTRY_PREFIX))


def decode(item: Item) -> Logged:
    """An entry from its item. Raises NewerSchema."""
    entry = decoded(item, _decode_entry, _decode_entry_stamp)
    return Logged(int(item.key.sk.removeprefix(keys.ENTRY_PREFIX)), entry)


def _facts(item: Item) -> ThingFacts:
    return decoded(item, _decode_facts, _decode_facts)
