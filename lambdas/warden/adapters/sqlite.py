"""Port `Table` on a SQLite file: the embedded home's store, with DynamoDB's limits and page sizes.

Beside the port it has `batch` (many calls, one transaction), `stream` (DynamoDB Streams' stand-in), `expire` (its
time to live) and `close`. One process writes a file; any number may read it meanwhile.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from warden.adapters import limits
from warden.adapters.sqlite_schema import SCHEMA_VERSION, Statements, create, stream_triggers, upgrade
from warden.domain.errors import Raced, Unavailable
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
from warden.storage.keys import TableDesign

_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "cache_size = -65536",  # KiB: things report in no order, so what one batch needs is all over the file
    "wal_autocheckpoint = 8000",  # pages
)

# Reasons of the surroundings, not of the request: the same call may succeed later.
_PASSING = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
)
_UNBOUNDED = b"\xff"  # SQLite sorts any blob behind all text


class WrongSchema(Exception):
    """The file is not one that this release can use; the message names its schema's version and ours."""


class SqliteTable:
    """A `Table` in a SQLite file. Its reads are consistent whether or not they are asked to be.

    One connection behind one lock: threads take turns, and one inside `batch` keeps the others waiting.

    Args:
        path: The file, made where it is missing (not its folder); ":memory:" for none.
        design: The table it holds.
        read_only: Only read it, also while another process writes. It must exist.
        stream: Name of an index: every put of an item that is in this index is also appended to the stream.
        busy_seconds: How long to wait for another process's lock.

    Raises:
        WrongSchema: The file was made by a newer release, or is no table.
        Unavailable: The file cannot be opened, or is not yet ready to be read.
    """

    def __init__(
        self,
        path: str | Path,
        design: TableDesign,
        *,
        read_only: bool = False,
        stream: str | None = None,
        busy_seconds: float = 5.0,
    ) -> None:
        self._design = design
        self._sql = Statements(design)
        self._lock = RLock()
        self._depth = 0
        self._lost = False
        uri = f"{Path(path).absolute().as_uri()}?mode=ro" if read_only else str(path)
        with _reasons():
            self._connection = sqlite3.connect(
                uri, uri=read_only, timeout=busy_seconds, isolation_level=None, check_same_thread=False
            )
        try:
            self._open(read_only=read_only, stream=stream)
        except BaseException:
            self._connection.close()
            raise

    def _open(self, *, read_only: bool, stream: str | None) -> None:
        with _reasons():
            version = self._version(read_only=read_only)
        if read_only:
            return
        for pragma in _PRAGMAS:
            self._run(f"PRAGMA {pragma}").close()
        if version < SCHEMA_VERSION:
            with self._transaction():
                for statement in self._missing(version):
                    self._run(statement)
        for statement in stream_triggers(stream) if stream else ():
            self._run(statement)

    def _version(self, *, read_only: bool) -> int:
        """The schema's version, 0 of an empty file."""
        version: int = self._scalar("PRAGMA user_version")
        if version == 0 and self._scalar("SELECT count(*) FROM sqlite_schema"):
            raise WrongSchema("the file is another program's database")
        if version > SCHEMA_VERSION:
            raise WrongSchema(f"the file has schema version {version}, this release knows {SCHEMA_VERSION}")
        if read_only and version < SCHEMA_VERSION:
            raise Unavailable("the file holds no table yet, or an earlier release's")
        return version

    def _missing(self, version: int) -> Iterator[str]:
        """What makes the file a table of this release."""
        if version == 0:
            return create(self._design)
        columns = [name for _, name, *_ in self._run("PRAGMA table_info(item)").fetchall()]
        return upgrade(self._design, columns)

    def close(self) -> None:
        """Give the file back; no call may follow."""
        with self._lock:
            self._connection.close()

    # Reads

    def get(self, key: Key, *, consistent: bool = False) -> Item | None:  # noqa: ARG002
        """See `Table.get`."""
        limits.check_key(key)
        with self._lock:
            row = self._run(self._sql.get, key).fetchone()
        return None if row is None else self._item(key, row, 0)

    def get_many(self, keys: Iterable[Key], *, consistent: bool = False) -> dict[Key, Item]:
        """See `Table.get_many`."""
        with self._lock:
            found = ((key, self.get(key, consistent=consistent)) for key in dict.fromkeys(keys))
            return {key: item for key, item in found if item is not None}

    def query(
        self,
        pk: str,
        *,
        first: str | None = None,
        last: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        after: str | None = None,
        consistent: bool = False,  # noqa: ARG002
    ) -> Page:
        """See `Table.query`. A page that is full has a `last`, also where nothing follows, as DynamoDB's has."""
        limits.check_query(pk, first=first, last=last, limit=limit, after=after)
        low = first or ""
        high: str | bytes = last or _UNBOUNDED
        if after is not None:
            low, high = (low, after) if descending else (after, high)
        statement = self._sql.query[descending, after is not None]
        items: list[Item] = []
        room = limits.MAX_PAGE
        with self._lock, closing(self._run(statement, (pk, low, high, limit or -1))) as rows:
            for row in rows:
                item = self._item(Key(pk, row[0]), row, 1)
                if limit is None or limit * limits.MAX_ITEM > limits.MAX_PAGE:  # else it cannot run full
                    room -= limits.check_item(item, self._design)
                    if room < 0:
                        return Page(items, items[-1].key.sk)
                items.append(item)
        return Page(items, items[-1].key.sk if len(items) == limit else None)

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
        """See `Table.query_index`; its rows are up to date, those of one sort text in the order of their keys."""
        limits.check_index_query(self._design, index, partition, first=first, last=last, limit=limit, after=after)
        low = first or ""
        high: str | bytes = last or _UNBOUNDED
        arguments: tuple[str | bytes, ...] = (low, high)
        if after is not None:
            arguments = (after.sort, *after.key, low if descending else high)
        statement = self._sql.query_index[index, descending, after is not None]
        rows: list[IndexKey] = []
        room = limits.MAX_PAGE
        with self._lock, closing(self._run(statement, (partition, *arguments, limit or -1))) as found:
            for sort, pk, sk in found:
                room -= len(f"{partition}{sort}{pk}{sk}{index}{index}_sortpksk".encode())
                if room < 0:
                    return IndexPage(rows, rows[-1])
                rows.append(IndexKey(sort, Key(pk, sk)))
        return IndexPage(rows, rows[-1] if len(rows) == limit else None)

    # Writes

    def put(self, item: Item, condition: Condition | None = None) -> None:
        """See `Table.put`."""
        limits.check_item(item, self._design)
        limits.check_condition(condition)
        with self._transaction() if item.feeds else self._lock:
            self._put(item, condition)

    def delete(self, key: Key, condition: Condition | None = None) -> None:
        """See `Table.delete`."""
        limits.check_key(key)
        limits.check_condition(condition)
        with self._lock:
            self._delete(key, condition)

    def transact(self, writes: Sequence[Write]) -> None:
        """See `Table.transact`."""
        limits.check_transaction(writes, self._design)
        with self._transaction():
            for write in writes:
                match write:
                    case Put(item, condition):
                        self._put(item, condition)
                    case Delete(key, condition):
                        self._delete(key, condition)
                    case Check(key, condition):
                        self._require(key, condition)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Make all calls of the block one transaction of the file, durable when the block is left.

        An exception that leaves the block undoes all of it; one that the block handles, such as the Raced of one
        put, undoes only that call. Batches nest. Where the file itself gave the transaction up (the disk is full),
        that call and the end of the block raise Unavailable, and nothing of the block is kept.
        """
        with self._transaction():
            yield

    def expire(self, now_seconds: int, limit: int) -> int:
        """Delete at most `limit` items whose `expires_at` is not after `now_seconds`; how many there were."""
        with self._lock:
            return self._run(self._sql.expire, (now_seconds, limit)).rowcount

    def partitions(self, sk: str, *, after: str, limit: int) -> list[str]:
        """At most `limit` partitions, in order, that have an item of sort key `sk` and sort behind `after`. It reads
        the whole table."""
        with self._lock:
            return [pk for (pk,) in self._run(self._sql.partitions, (sk, after, limit))]

    # Stream

    def read_stream(self, after: int, limit: int, *, feed: str = "") -> list[tuple[int, Key]]:
        """At most `limit` puts behind a position, oldest first, each with its own; positions only grow. Those of a
        feed where one is named."""
        with self._lock:
            rows = self._run(self._sql.read_stream[feed], (after, limit)).fetchall()
        return [(position, Key(pk, sk)) for position, pk, sk in rows]

    def prune_stream(self, upto: int, *, feed: str = "") -> None:
        """Forget the puts up to a position, itself included; those of a feed where one is named."""
        with self._lock:
            self._run(self._sql.prune_stream[feed], (upto,))

    def stream_head(self) -> int:
        """The newest position ever given, 0 where there was none; pruning and restarts do not take it back."""
        with self._lock:
            return self._scalar(self._sql.stream_head)

    # How

    def _item(self, key: Key, row: Sequence[Any], at: int) -> Item:
        """An item of a row whose columns, from `at` on, are version, expires_at, data and two for each index."""
        indexes = {}
        column = at + 3
        for name in self._design.indexes:
            if row[column] is not None:
                indexes[name] = (row[column], row[column + 1])
            column += 2
        return Item(key, row[at + 2], row[at], indexes, row[at + 1])

    def _put(self, item: Item, condition: Condition | None) -> None:
        row: list[Any] = [item.version, item.expires_at, item.data]
        for name in self._design.indexes:
            row += item.indexes.get(name, (None, None))
        row += item.key
        match condition:
            case None:
                statement = self._sql.put
            case Absent():
                statement = self._sql.put_absent
            case Present():
                statement = self._sql.put_present
            case AtVersion(version):
                statement = self._sql.put_at_version
                row.append(version)
        if self._run(statement, row).rowcount == 0:
            raise Raced(f"{item.key} is not {condition}")
        for feed in item.feeds:
            self._run(self._sql.feed[feed], item.key)

    def _delete(self, key: Key, condition: Condition | None) -> None:
        match condition:
            case None:
                self._run(self._sql.delete, key)
            case Absent():
                self._require(key, condition)
            case Present():
                if self._run(self._sql.delete, key).rowcount == 0:
                    raise Raced(f"{key} is not {condition}")
            case AtVersion(version):
                if self._run(self._sql.delete_at_version, (*key, version)).rowcount == 0:
                    raise Raced(f"{key} is not {condition}")

    def _require(self, key: Key, condition: Condition) -> None:
        row = self._run(self._sql.version, key).fetchone()
        holds = (row is None) if isinstance(condition, Absent) else row is not None
        if isinstance(condition, AtVersion):
            holds = row == (condition.version,)
        if not holds:
            raise Raced(f"{key} is not {condition}")

    def _run(self, statement: str, arguments: Sequence[Any] = ()) -> sqlite3.Cursor:
        if self._lost:
            raise Unavailable("the batch was given up")
        try:
            return self._connection.execute(statement, arguments)
        except sqlite3.OperationalError as error:
            if self._depth and not self._connection.in_transaction:
                self._lost = True  # what follows in this batch must not be kept without what went before
            raise _reason(error) from error

    def _scalar(self, statement: str) -> int:
        row = self._run(statement).fetchone()
        return int(row[0]) if row else 0

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            begin, commit, *rollback = self._sql.inner if self._depth else self._sql.outer
            self._run(begin)
            self._depth += 1
            try:
                yield
                self._run(commit)
            except BaseException:
                if self._connection.in_transaction:
                    for statement in rollback:
                        self._connection.execute(statement)
                raise
            finally:
                self._depth -= 1
                self._lost = self._lost and self._depth > 0


def _reason(error: sqlite3.OperationalError) -> Exception:
    """What a caller is told: Unavailable for what may pass, else the error itself."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return Unavailable(f"SQLite: {error}") if code in _PASSING else error


@contextmanager
def _reasons() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _reason(error) from error
    except sqlite3.DatabaseError as error:
        raise WrongSchema(f"the file is no SQLite database: {error}") from error
