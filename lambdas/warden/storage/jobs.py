"""Work that is due at some time: retirements of violations, entries that dispatch could not deal with, and the index
that finds everything that is due."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from heapq import merge
from itertools import islice

import msgspec

from warden.domain.alarms.entry import Reason
from warden.domain.errors import Raced
from warden.ports import AtVersion, IndexKey, Item, Key, Put, Table, Write
from warden.storage import keys
from warden.storage.records import Records, Stored, unchanged


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """The retirement of a profile's violations that nothing stands for any more.

    Attributes:
        profile: Name of the profile.
        incarnation: The profile's, where its deletion is what has to be finished; else 0.
        reason: Why violations end of behaviors that `reasons` does not name.
        reasons: Why, by uid.
        walks: How often the active violations have to be walked through still.
        behind: Where the walk under way is, in the list of active violations; None at its beginning.
        missed: Whether that walk could not deal with some, and has to be done again.
    """

    schema: int = 1
    profile: str
    incarnation: int = 0
    reason: Reason
    reasons: dict[str, Reason] = {}
    walks: int = 2
    behind: str | None = None
    missed: bool = False


class Stuck(msgspec.Struct, frozen=True, kw_only=True):
    """A log entry that dispatch failed at again and again.

    Attributes:
        thing: The thing's name.
        seq: Of the entry.
        error: What happened the last time.
    """

    schema: int = 1
    thing: str
    seq: int
    error: str


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """How far a stream has been read."""

    schema: int = 1
    position: int


_jobs, _stuck, _cursors = Records(Job), Records(Stuck), Records(Cursor)

JOB, STUCK = "JOB", "STUCK"


class Jobs:
    """What is due.

    Args:
        table: Table `control`.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def due(self, now: int, *, limit: int) -> list[Key]:
        """Items that somebody has to look at again by epoch ms `now`, the most overdue first."""
        shards = (self._due_of(n, now, limit) for n in range(keys.DUE_SHARDS))
        return [row.key for row in islice(merge(*shards), limit)]

    def _due_of(self, n: int, now: int, limit: int) -> Iterator[IndexKey]:
        last = keys.moment(now + 1)
        return iter(self._table.query_index(keys.DUE, keys.join("DUE", n), last=last, limit=limit).rows)

    def postpone(self, key: Key, *, due: int) -> None:
        """Let what is due, whatever it is and whether or not it can be read, be looked at again later, never sooner;
        unless it was written meanwhile."""
        item = self._table.get(key, consistent=True)
        if item is None or keys.DUE not in item.indexes:
            return
        partition, now_due = item.indexes[keys.DUE]
        _, sort = keys.due(key.pk, due, key)
        if now_due >= sort:
            return
        later = {**item.indexes, keys.DUE: (partition, sort)}
        with suppress(Raced):
            self._table.put(replace(item, version=item.version + 1, indexes=later), AtVersion(item.version))

    def queue(self, epoch: int, job: Job, *, now: int) -> Write:
        """Write of a job that is due at once; `epoch` is that of the change that calls for it."""
        return Put(self._item(Key(keys.join(JOB, epoch), JOB), job, None, now))

    def job(self, key: Key) -> Stored[Job] | None:
        """A job, read consistently."""
        return _jobs.get(self._table, key)

    def again(self, stored: Stored[Job], job: Job, *, due: int) -> None:
        """Store when a job's next walk is due."""
        self._table.put(self._item(stored.key, job, stored, due), stored.unchanged)

    def finish(self, stored: Stored[Job]) -> None:
        """Remove a job that is done."""
        self._table.delete(stored.key, stored.unchanged)

    def _item(self, key: Key, job: Job, replaces: Stored[Job] | None, due: int) -> Item:
        return _jobs.item(key, job, replaces, indexes={keys.DUE: keys.due(job.profile, due, key)})

    def cursor(self, name: str) -> Stored[Cursor] | None:
        """How far stream `name` has been read; None before the first time."""
        return _cursors.get(self._table, Key(keys.join("CURSOR", name), "CURSOR"))

    def advance(
        self, name: str, replaces: Stored[Cursor] | None, position: int, stuck: Stuck | None, *, due: int
    ) -> None:
        """Move a stream's cursor; what could not be dealt with is kept in the same transaction, due again later."""
        key = Key(keys.join("CURSOR", name), "CURSOR")
        writes: list[Write] = [Put(_cursors.item(key, Cursor(position=position), replaces), unchanged(replaces))]
        if stuck:
            at = Key(keys.join(STUCK, stuck.thing, stuck.seq), STUCK)
            indexes = {keys.BY_ALL: (STUCK, at.pk), keys.DUE: keys.due(stuck.thing, due, at)}
            writes.append(Put(_stuck.item(at, stuck, indexes=indexes)))
        self._table.transact(writes)

    def stuck(self, key: Key) -> Stored[Stuck] | None:
        """A stuck entry, read consistently."""
        return _stuck.get(self._table, key)

    def stuck_entries(self, *, limit: int) -> list[tuple[str, int]]:
        """Thing and sequence of the entries that are stuck, at most `limit`."""
        rows = self._table.query_index(keys.BY_ALL, STUCK, limit=limit).rows
        return [(thing, int(seq)) for _, thing, seq in (keys.split(row.key.pk) for row in rows)]

    def still_stuck(self, stored: Stored[Stuck], error: str, *, due: int) -> None:
        """Store that an entry failed again."""
        record = msgspec.structs.replace(stored.record, error=error)
        indexes = {keys.BY_ALL: (STUCK, stored.key.pk), keys.DUE: keys.due(record.thing, due, stored.key)}
        self._table.put(_stuck.item(stored.key, record, stored, indexes=indexes), stored.unchanged)

    def unstick(self, stored: Stored[Stuck]) -> None:
        """Remove an entry that was dealt with at last."""
        self._table.delete(stored.key, stored.unchanged)
