"""Domain values as items, each write on the condition that nobody wrote since."""

import msgspec
import pytest

from warden.adapters.sqlite import SqliteTable
from warden.domain.errors import NewerSchema, Raced
from warden.ports import Absent, AtVersion, Key
from warden.storage import keys
from warden.storage.records import Records, unchanged


class Note(msgspec.Struct, frozen=True):
    text: str
    number: int = 0
    schema: int = 1


class NextNote(msgspec.Struct, frozen=True):
    """The same record as a later release has it."""

    text: str
    number: int = 0
    color: str = "green"
    schema: int = 1


KEY = Key("NOTE#1", "NOTE")
notes, next_notes = Records(Note), Records(NextNote)


@pytest.fixture
def table() -> SqliteTable:
    return SqliteTable(":memory:", keys.CONTROL)


def test_a_record_comes_back_as_it_was(table: SqliteTable) -> None:
    table.put(notes.item(KEY, Note("a", 5)))
    stored = notes.get(table, KEY)
    assert stored
    assert (stored.key, stored.record, stored.version) == (KEY, Note("a", 5), 1)
    table.close()


def test_what_is_absent_is_none(table: SqliteTable) -> None:
    assert notes.get(table, KEY) is None
    assert unchanged(None) == Absent()
    table.close()


def test_a_record_that_replaces_another_is_one_version_above_it(table: SqliteTable) -> None:
    table.put(notes.item(KEY, Note("a")))
    stored = notes.get(table, KEY)
    assert stored
    assert unchanged(stored) == AtVersion(1)
    item = notes.item(KEY, Note("b"), stored)
    table.put(item, stored.unchanged)
    with pytest.raises(Raced):
        table.put(notes.item(KEY, Note("c"), stored), stored.unchanged)
    table.close()
    assert item.version == 2


def test_an_item_has_the_indexes_and_the_end_that_it_was_given() -> None:
    item = notes.item(KEY, Note("a"), indexes={keys.DUE: ("DUE#1", "9")}, expires_at=77)
    assert (item.indexes, item.expires_at) == ({keys.DUE: ("DUE#1", "9")}, 77)
    bare = notes.item(KEY, Note("a"))
    assert (bare.indexes, bare.expires_at) == ({}, None)


def test_a_record_of_a_newer_schema_is_not_guessed_at() -> None:
    with pytest.raises(NewerSchema, match="NOTE#1/NOTE has schema 2, this release knows 1"):
        notes.read(notes.item(KEY, Note("a", schema=2)))


def test_two_releases_read_what_the_other_wrote() -> None:
    assert notes.read(next_notes.item(KEY, NextNote("a", 1, "red"))).record == Note("a", 1)
    assert next_notes.read(notes.item(KEY, Note("a", 1))).record == NextNote("a", 1, "green")
