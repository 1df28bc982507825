"""The SQL of `SqliteTable`: its schema, and the statements that a table's design gives, each written once.

A table `item`, clustered by its key, with two columns for each index `x`: `x` and `x_sort`, both null where the item
is not in it. A table `stream`, and one for each feed, whose AUTOINCREMENT never gives a position twice.
"""

# ruff: noqa: S608 (names come from a TableDesign, which is code; every value is bound)

from collections.abc import Iterable, Iterator
from itertools import product

from warden.storage.keys import TableDesign

SCHEMA_VERSION = 3
"""2 added the index `things` of table `log`, 3 its feed `export`."""


def create(design: TableDesign) -> Iterator[str]:
    """What makes an empty file a table of this design."""
    columns = "".join(f', "{x}" TEXT, "{x}_sort" TEXT' for x in design.indexes)
    yield (
        "CREATE TABLE item (pk TEXT NOT NULL, sk TEXT NOT NULL, version INTEGER NOT NULL, expires_at INTEGER,"
        f" data BLOB NOT NULL{columns}, PRIMARY KEY (pk, sk)) WITHOUT ROWID"
    )
    yield from map(_index, design.indexes)
    yield "CREATE INDEX expiring ON item (expires_at) WHERE expires_at IS NOT NULL"
    yield _stream("stream")
    yield from map(_stream, map(feed_table, design.feeds))
    yield f"PRAGMA user_version = {SCHEMA_VERSION}"


def upgrade(design: TableDesign, columns: Iterable[str]) -> Iterator[str]:
    """What makes a table of an earlier schema, which has these columns, one of this design. Items that are there
    enter a new index when they are next written."""
    have = frozenset(columns)
    for x in design.indexes:
        if x not in have:
            yield f'ALTER TABLE item ADD COLUMN "{x}" TEXT'
            yield f'ALTER TABLE item ADD COLUMN "{x}_sort" TEXT'
            yield _index(x)
    yield from map(_stream, map(feed_table, design.feeds))
    yield f"PRAGMA user_version = {SCHEMA_VERSION}"


def _index(x: str) -> str:
    # The primary key follows the named columns in each index of a table without rowid.
    return f'CREATE INDEX "in_{x}" ON item ("{x}", "{x}_sort") WHERE "{x}" IS NOT NULL'


def feed_table(feed: str) -> str:
    """The table of a feed, or of the stream where there is no name."""
    return f"feed_{feed}" if feed else "stream"


def _stream(table: str) -> str:
    columns = "position INTEGER PRIMARY KEY AUTOINCREMENT, pk TEXT NOT NULL, sk TEXT NOT NULL"
    return f"CREATE TABLE IF NOT EXISTS {table} ({columns})"


def stream_triggers(index: str) -> Iterator[str]:
    """What appends each put of an item in `index` to the stream, for this connection only."""
    for event in ("INSERT", "UPDATE"):
        yield (
            f'CREATE TEMP TRIGGER stream_{event} AFTER {event} ON main.item WHEN NEW."{index}" IS NOT NULL'
            " BEGIN INSERT INTO stream (pk, sk) VALUES (NEW.pk, NEW.sk); END"
        )


class Statements:
    """Every statement of a table, so that SQLite prepares each one once.

    Columns are read as version, expires_at, data and two for each index; they are bound in the same order, followed
    by pk and sk and then the version of a condition.
    """

    outer = ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
    inner = ("SAVEPOINT part", "RELEASE part", "ROLLBACK TO part", "RELEASE part")
    version = "SELECT version FROM item WHERE pk = ? AND sk = ?"
    delete = "DELETE FROM item WHERE pk = ? AND sk = ?"
    delete_at_version = f"{delete} AND version = ?"
    expire = "DELETE FROM item WHERE (pk, sk) IN (SELECT pk, sk FROM item WHERE expires_at <= ? LIMIT ?)"
    partitions = "SELECT pk FROM item WHERE sk = ? AND pk > ? ORDER BY pk LIMIT ?"
    stream_head = "SELECT seq FROM sqlite_sequence WHERE name = 'stream'"

    def __init__(self, design: TableDesign) -> None:
        names = ["version", "expires_at", "data"]
        for x in design.indexes:
            names += f'"{x}"', f'"{x}_sort"'
        columns = ", ".join(names)
        values = ", ".join("?" for _ in (*names, "pk", "sk"))
        into = f"INTO item ({columns}, pk, sk) VALUES ({values})"
        tables = {feed: feed_table(feed) for feed in ("", *design.feeds)}
        self.read_stream = {
            feed: f"SELECT position, pk, sk FROM {table} WHERE position > ? ORDER BY position LIMIT ?"
            for feed, table in tables.items()
        }
        self.prune_stream = {feed: f"DELETE FROM {table} WHERE position <= ?" for feed, table in tables.items()}
        self.feed = {feed: f"INSERT INTO {feed_table(feed)} (pk, sk) VALUES (?, ?)" for feed in design.feeds}
        self.get = f"SELECT {columns} FROM item WHERE pk = ? AND sk = ?"
        self.put = f"INSERT OR REPLACE {into}"
        self.put_absent = f"INSERT {into} ON CONFLICT (pk, sk) DO NOTHING"
        self.put_present = f"UPDATE item SET {', '.join(f'{name} = ?' for name in names)} WHERE pk = ? AND sk = ?"
        self.put_at_version = f"{self.put_present} AND version = ?"
        self.query = {way: _query(columns, *way) for way in product((False, True), repeat=2)}
        self.query_index = {
            (x, *way): _query_index(x, *way) for x in design.indexes for way in product((False, True), repeat=2)
        }


def _query(columns: str, descending: bool, goes_on: bool) -> str:
    """Arguments: pk, lower bound, upper bound, limit; the bound where it goes on is itself left out."""
    low = ">" if goes_on and not descending else ">="
    high = "<" if goes_on and descending else "<="
    order = "DESC" if descending else "ASC"
    return f"SELECT sk, {columns} FROM item WHERE pk = ? AND sk {low} ? AND sk {high} ? ORDER BY sk {order} LIMIT ?"


def _query_index(x: str, descending: bool, goes_on: bool) -> str:
    """Arguments: partition, two bounds or, where it goes on, sort, pk, sk and the bound ahead; limit."""
    sort, order = f'"{x}_sort"', "DESC" if descending else "ASC"
    bounds = f"{sort} >= ? AND {sort} <= ?"
    if goes_on:
        behind, ahead = ("<", ">=") if descending else (">", "<=")
        bounds = f"({sort}, pk, sk) {behind} (?, ?, ?) AND {sort} {ahead} ?"
    order_by = f"{sort} {order}, pk {order}, sk {order}"
    return f'SELECT {sort}, pk, sk FROM item WHERE "{x}" = ? AND {bounds} ORDER BY {order_by} LIMIT ?'
