"""The thing's log on a Table: what the registry says of a thing, and its entries, in one partition."""

from collections.abc import Iterator

import msgspec

from warden.domain.alarms.entry import Entry, Logged
from warden.domain.behaviors.target import ThingFacts
from warden.domain.errors import Raced
from warden.ports import Absent, AtVersion, Item, Key, Known, Table
from warden.storage import keys
from warden.storage.records import check_schema

DAY_MS = 86_400_000
OUTBOX_SHARDS = 8

_encode = msgspec.msgpack.Encoder().encode
_decode_entry = msgspec.msgpack.Decoder(Entry).decode
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
                    facts = _decode_facts(item.data)
                elif newest is None:
                    newest = decode(item)
            after = page.last
            if newest or after is None:
                return Known(facts, newest)

    def append(self, thing: str, entry: Entry, *, after: int) -> None:
        """See ThingLog. One conditional put, whatever the entry raised: 50 alarms at once must not be refused."""
        self._table.put(self.item(thing, entry, after + 1), Absent())

    def item(self, thing: str, entry: Entry, seq: int) -> Item:
        """How an entry is kept; marked for dispatch where it holds transitions."""
        outbox = (keys.join("OUTBOX", keys.shard(thing, OUTBOX_SHARDS)), keys.moment(entry.pos))
        return Item(
            Key(keys.thing(thing), keys.entry(seq)),
            _encode(entry),
            indexes={keys.OUTBOX: outbox} if entry.transitions else {},
            expires_at=(entry.pos + self.keep) // 1000,
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
            known = _decode_facts(item.data) if item else None
            facts = known.superseded_by(answer) if known else answer
            if facts is known:
                return facts
            version = item.version if item else 0
            try:
                self._table.put(Item(key, _encode(facts), version + 1), AtVersion(version) if item else Absent())
            except Raced:
                continue
            return facts


def decode(item: Item) -> Logged:
    """An entry from its item. Raises NewerSchema."""
    entry = _decode_entry(item.data)
    check_schema(item, entry)
    return Logged(int(item.key.sk.removeprefix(keys.ENTRY_PREFIX)), entry)
