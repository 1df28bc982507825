"""What SqliteTable has beside the port: batches, its stream, expiry, readers in other processes, and its files."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.adapters.conftest import DESIGN
from warden.adapters.sqlite import SqliteTable, WrongSchema
from warden.domain.errors import Raced, Unavailable
from warden.ports import Absent, AtVersion, Item, Key, Present, Put
from warden.storage.keys import TableDesign

A, B, C = Key("P", "a"), Key("P", "b"), Key("P", "c")
FED = TableDesign("fed", DESIGN.indexes, ("export",))
IN_OUTBOX = {"outbox": ("OUTBOX", "1")}

Open = Callable[..., SqliteTable]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a folder?#%" / "table.db"


@pytest.fixture
def open_table(path: Path) -> Iterator[Open]:
    """Opens the one file of the test; all that was opened is closed afterwards."""
    path.parent.mkdir()
    with ExitStack() as opened:

        def open_it(**how: Any) -> SqliteTable:
            table = SqliteTable(path, DESIGN, **how)
            opened.callback(table.close)
            return table

        yield open_it


@contextmanager
def _raw(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


class Oops(Exception):
    pass


def _fail_after(table: SqliteTable, *calls: Callable[[], object]) -> None:
    with table.batch():
        for call in calls:
            call()
        raise Oops


# Batches


def test_a_batch_is_one_transaction_that_others_see_when_it_is_over(open_table: Open) -> None:
    table = open_table()
    reader = open_table(read_only=True)
    with table.batch():
        table.put(Item(A))
        table.put(Item(B))
        assert table.get(A) == Item(A)
        assert reader.get(A) is None
    assert set(reader.get_many([A, B])) == {A, B}


def test_an_exception_that_leaves_a_batch_undoes_all_of_it(open_table: Open) -> None:
    table = open_table(stream="outbox")
    table.put(Item(A, b"before"))
    with pytest.raises(Oops):
        _fail_after(
            table,
            lambda: table.put(Item(A, b"after")),
            lambda: table.transact([Put(Item(B, indexes=IN_OUTBOX))]),
            lambda: table.delete(C),
        )
    assert table.get_many([A, B]) == {A: Item(A, b"before")}
    assert table.read_stream(0, 9) == []


def test_a_raced_put_handled_inside_a_batch_costs_only_itself(open_table: Open) -> None:
    table = open_table()
    with table.batch():
        table.put(Item(A, b"first"))
        with pytest.raises(Raced):
            table.put(Item(A, b"second"), Absent())
        with pytest.raises(Raced):
            table.transact([Put(Item(B)), Put(Item(A, b"third"), AtVersion(9))])
        table.put(Item(C))
    assert table.get_many([A, B, C]) == {A: Item(A, b"first"), C: Item(C)}


def test_an_inner_batch_can_fail_alone(open_table: Open) -> None:
    table = open_table()
    with table.batch():
        table.put(Item(A))
        with pytest.raises(Oops):
            _fail_after(table, lambda: table.put(Item(B)))
        table.put(Item(C))
    assert set(table.get_many([A, B, C])) == {A, C}


def test_other_threads_wait_for_a_batch_to_end(open_table: Open) -> None:
    table = open_table()
    other = Thread(target=lambda: table.put(Item(B)))
    with pytest.raises(Oops):
        _fail_after(table, other.start, lambda: table.put(Item(A)))
    other.join()
    assert set(table.get_many([A, B])) == {B}


def test_threads_share_a_table(open_table: Open) -> None:
    table = open_table()
    lost: list[int] = []

    def count_up() -> None:
        for _ in range(50):
            item = table.get(A)
            try:
                table.put(Item(A, b"", item.version + 1), AtVersion(item.version))
            except Raced:
                lost.append(1)

    table.put(Item(A, b"", 0))
    threads = [Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert table.get(A).version == 200 - len(lost)


# The stream


def test_puts_into_the_streams_index_are_in_the_stream_in_their_order(open_table: Open) -> None:
    table = open_table(stream="outbox")
    table.put(Item(A, indexes=IN_OUTBOX))
    table.put(Item(B))
    table.put(Item(B, indexes={"due": ("D", "1")}))
    table.put(Item(C, indexes=IN_OUTBOX), Absent())
    table.put(Item(B, indexes=IN_OUTBOX), Present())
    table.put(Item(A, indexes=IN_OUTBOX))
    table.put(Item(A), AtVersion(1))
    table.delete(C)
    assert [key for _, key in table.read_stream(0, 9)] == [A, C, B, A]


def test_a_put_that_is_raced_is_not_in_the_stream(open_table: Open) -> None:
    table = open_table(stream="outbox")
    table.put(Item(A))
    with pytest.raises(Raced):
        table.put(Item(A, indexes=IN_OUTBOX), Absent())
    with pytest.raises(Raced):
        table.transact([Put(Item(B, indexes=IN_OUTBOX)), Put(Item(A), Absent())])
    assert table.read_stream(0, 9) == []


def test_a_table_without_a_stream_appends_nothing(open_table: Open) -> None:
    table = open_table()
    table.put(Item(A, indexes=IN_OUTBOX))
    assert table.read_stream(0, 9) == []
    assert table.stream_head() == 0


def test_a_put_is_told_to_the_feeds_that_it_names_and_to_no_other(path: Path) -> None:
    path.parent.mkdir()
    table = SqliteTable(path, FED, stream="outbox")
    table.put(Item(A, feeds=("export",)), Absent())
    table.put(Item(B, indexes=IN_OUTBOX))
    with table.batch():
        table.put(Item(C, indexes=IN_OUTBOX, feeds=("export",)))
        with pytest.raises(Raced):
            table.put(Item(A, feeds=("export",)), Absent())
    with pytest.raises(Oops):
        _fail_after(table, lambda: table.put(Item(B, feeds=("export",))))
    table.close()

    table = SqliteTable(path, FED)
    (first, _), (second, _) = fed = table.read_stream(0, 9, feed="export")
    assert [key for _, key in fed] == [A, C]
    assert [key for _, key in table.read_stream(0, 9)] == [B, C]
    assert table.get(A) == Item(A)
    table.prune_stream(first, feed="export")
    assert table.read_stream(0, 9, feed="export") == [(second, C)]
    table.close()


def test_a_put_whose_feed_cannot_be_told_is_not_made(path: Path) -> None:
    path.parent.mkdir()
    table = SqliteTable(path, FED)
    with _raw(path) as connection:
        connection.execute("DROP TABLE feed_export")
    with pytest.raises(sqlite3.OperationalError):
        table.put(Item(A, feeds=("export",)))
    assert table.get(A) is None
    table.close()


def test_the_stream_is_read_from_a_position_on(open_table: Open) -> None:
    table = open_table(stream="outbox")
    for key in (A, B, C):
        table.put(Item(key, indexes=IN_OUTBOX))
    (first, _), (second, _) = table.read_stream(0, 2)
    assert [key for _, key in table.read_stream(first, 9)] == [B, C]
    assert [key for _, key in table.read_stream(second, 1)] == [C]
    assert table.read_stream(table.stream_head(), 9) == []


def test_no_position_comes_twice_after_pruning_and_a_restart(open_table: Open) -> None:
    table = open_table(stream="outbox")
    for key in (A, B):
        table.put(Item(key, indexes=IN_OUTBOX))
    head = table.stream_head()
    table.prune_stream(head)
    assert table.read_stream(0, 9) == []
    table.close()
    table = open_table(stream="outbox")
    assert table.stream_head() == head
    table.put(Item(C, indexes=IN_OUTBOX))
    [(position, key)] = table.read_stream(head, 9)
    assert (key, table.stream_head()) == (C, position)
    assert position > head


def test_pruning_keeps_what_is_behind_the_position(open_table: Open) -> None:
    table = open_table(stream="outbox")
    for key in (A, B, C):
        table.put(Item(key, indexes=IN_OUTBOX))
    table.prune_stream(table.read_stream(0, 1)[0][0])
    assert [key for _, key in table.read_stream(0, 9)] == [B, C]


# Expiry


def test_only_what_expired_goes_and_no_more_than_asked(open_table: Open) -> None:
    table = open_table()
    table.put(Item(A, expires_at=99, indexes={"due": ("D", "1")}))
    table.put(Item(B, expires_at=100))
    table.put(Item(C, expires_at=101))
    table.put(Item(Key("P", "d")))
    assert table.get(A) is not None
    assert table.expire(100, 1) == 1
    assert table.expire(100, 9) == 1
    assert table.expire(100, 9) == 0
    assert [item.key.sk for item in table.query("P").items] == ["c", "d"]
    assert list(table.query_index("due", "D").rows) == []


# Partitions


def test_the_partitions_that_have_a_sort_key_are_listed_in_order_page_by_page(open_table: Open) -> None:
    table = open_table()
    for pk in ("é", "b", "a", "c"):
        table.put(Item(Key(pk, "THING")))
    table.put(Item(Key("aa", "LOG#1")))
    assert table.partitions("THING", after="", limit=2) == ["a", "b"]
    assert table.partitions("THING", after="b", limit=2) == ["c", "é"]
    assert table.partitions("THING", after="é", limit=2) == []


# Files


def test_a_closed_table_is_found_again(open_table: Open) -> None:
    table = open_table()
    table.put(Item(A, b"data", 3, {"due": ("D", "1")}, 7))
    table.close()
    assert open_table().get(A) == Item(A, b"data", 3, {"due": ("D", "1")}, 7)


READER = """
import sys
from warden.adapters.sqlite import SqliteTable
from warden.ports import Item, Key
from warden.storage.keys import TableDesign
table = SqliteTable(sys.argv[1], TableDesign("tested", ("outbox", "due")), read_only=True)
for line in sys.stdin:
    print([(item.key.sk, item.data) for item in table.query("P").items], table.read_stream(0, 9), flush=True)
try:
    table.put(Item(Key("P", "z")))
except Exception as error:
    print(error)
table.close()
"""


def test_another_process_reads_what_is_committed_and_cannot_write(open_table: Open, path: Path) -> None:
    table = open_table(stream="outbox")
    table.put(Item(A, b"1"))
    command = [sys.executable, "-c", READER, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:

        def sees() -> str:
            reader.stdin.write("\n")
            reader.stdin.flush()
            return reader.stdout.readline().strip()

        assert sees() == "[('a', b'1')] []"
        with table.batch():
            table.put(Item(B, b"2", indexes=IN_OUTBOX))
            assert sees() == "[('a', b'1')] []"
        assert sees() == "[('a', b'1'), ('b', b'2')] [(1, Key(pk='P', sk='b'))]"
        reader.stdin.close()
        assert "readonly" in reader.stdout.read()
    assert table.get(Key("P", "z")) is None


def test_a_reader_that_comes_before_the_file_is_told_to_come_again(open_table: Open, path: Path) -> None:
    with pytest.raises(Unavailable, match="unable to open"):
        open_table(read_only=True)
    path.touch()
    with pytest.raises(Unavailable, match="no table yet"):
        open_table(read_only=True)
    open_table()
    assert open_table(read_only=True).get(A) is None


@pytest.mark.parametrize("read_only", [False, True], ids=["a writer", "a reader"])
def test_a_file_of_a_newer_release_is_refused_naming_both_versions(
    open_table: Open, path: Path, read_only: bool
) -> None:
    open_table().close()
    with _raw(path) as connection:
        connection.execute("PRAGMA user_version = 7")
    with pytest.raises(WrongSchema, match="schema version 7, this release knows 3"):
        open_table(read_only=read_only)


def test_a_file_of_an_earlier_release_is_brought_up_to_date(open_table: Open, path: Path) -> None:
    """Schema 1 had no index `due` here; its items stay as they are, and can be put into the new index."""
    table = open_table()
    table.put(Item(A, b"kept", indexes=IN_OUTBOX))
    table.close()
    with _raw(path) as connection:
        connection.execute('DROP INDEX "in_due"')
        connection.execute('ALTER TABLE item DROP COLUMN "due"')
        connection.execute('ALTER TABLE item DROP COLUMN "due_sort"')
        connection.execute("PRAGMA user_version = 1")
    with pytest.raises(Unavailable, match="earlier release"):
        open_table(read_only=True)

    table = open_table()

    assert table.get(A) == Item(A, b"kept", indexes=IN_OUTBOX)
    table.put(Item(B, indexes={"due": ("DUE", "1")}))
    assert [row.key for row in table.query_index("due", "DUE").rows] == [B]
    assert table.query_index("outbox", "OUTBOX").rows[0].key == A
    assert open_table(read_only=True).get(A) == Item(A, b"kept", indexes=IN_OUTBOX)


def test_a_file_from_before_there_were_feeds_gets_them(path: Path) -> None:
    path.parent.mkdir()
    SqliteTable(path, DESIGN).close()
    with _raw(path) as connection:
        connection.execute("PRAGMA user_version = 2")

    table = SqliteTable(path, FED)

    table.put(Item(A, feeds=("export",)))
    assert [key for _, key in table.read_stream(0, 9, feed="export")] == [A]
    table.close()


def test_another_programs_database_is_left_alone(open_table: Open, path: Path) -> None:
    with _raw(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(WrongSchema, match="another program"):
        open_table()
    with _raw(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(open_table: Open, path: Path) -> None:
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(WrongSchema, match="no SQLite database"):
        open_table()
    assert path.read_bytes() == b"not a database" * 1000


def test_commits_are_synced_in_a_write_ahead_log(open_table: Open, path: Path) -> None:
    table = open_table()
    assert table._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    with _raw(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_table_needs_no_file_and_no_index() -> None:
    table = SqliteTable(":memory:", TableDesign("bare", ()))
    table.put(Item(A))
    assert table.get(A) == Item(A)
    table.close()


# When the file gives way


def test_a_file_locked_by_another_process_is_unavailable(open_table: Open, path: Path) -> None:
    table = open_table(busy_seconds=0)
    with _raw(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="database is locked"):
            table.put(Item(A))
        with pytest.raises(Unavailable, match="database is locked"), table.batch():
            pytest.fail("no batch begins")
    table.put(Item(A))
    assert table.get(A) == Item(A)


def test_a_full_disk_is_unavailable_and_goes_by(open_table: Open) -> None:
    table = open_table()
    pages = _full(table)
    with pytest.raises(Unavailable, match="database or disk is full"):
        table.put(Item(B, bytes(100_000)))
    table._connection.execute(f"PRAGMA max_page_count = {pages + 100}")
    table.put(Item(B, bytes(100_000)))
    assert table.get(B) is not None


def test_nothing_of_a_batch_is_kept_when_the_disk_is_full_even_if_that_is_handled(open_table: Open) -> None:
    table = open_table()
    _full(table)

    def go_on_regardless() -> None:
        with table.batch():
            table.put(Item(A))
            with pytest.raises(Unavailable, match="database or disk is full"):
                table.put(Item(B, bytes(100_000)))
            with pytest.raises(Unavailable):
                table.put(Item(C))

    with pytest.raises(Unavailable):
        go_on_regardless()
    assert list(table.query("P").items) == []
    table.put(Item(C))
    assert table.get(C) == Item(C)


def _full(table: SqliteTable) -> int:
    """Let the file grow no further, as on a full disk. Returns its size in pages."""
    [pages] = table._connection.execute("PRAGMA page_count").fetchone()
    table._connection.execute(f"PRAGMA max_page_count = {pages + 5}")
    return int(pages)


@pytest.mark.parametrize("how", ["query", "query_index"])
@pytest.mark.parametrize("descending", [False, True], ids=["ascending", "descending"])
@pytest.mark.parametrize("goes_on", [False, True], ids=["first page", "next page"])
def test_no_query_sorts_or_reads_more_than_its_page(
    open_table: Open, how: str, descending: bool, goes_on: bool
) -> None:
    table = open_table()
    sql = table._sql
    statement = sql.query[descending, goes_on] if how == "query" else sql.query_index["due", descending, goes_on]
    rows = table._connection.execute(f"EXPLAIN QUERY PLAN {statement}", [""] * statement.count("?")).fetchall()
    [plan] = [detail for *_, detail in rows]
    assert plan.startswith("SEARCH item USING")
    assert ("PRIMARY KEY (pk=? AND sk>? AND sk<?)" if how == "query" else "INDEX in_due (due=? AND ") in plan
