"""The list of things that are registered, and what is known of them."""

from collections.abc import Iterator

import msgspec
import pytest

from warden.adapters.sqlite import SqliteTable
from warden.domain.behaviors.target import ThingFacts
from warden.domain.errors import NewerSchema
from warden.ports import Item, Key
from warden.storage import keys
from warden.storage.records import SCHEMA
from warden.storage.registered_things import AT_ONCE, RegisteredThings
from warden.storage.thing_log import DAY_MS, TableThingLog

AT = 1_800_000_000_000


@pytest.fixture
def table() -> Iterator[SqliteTable]:
    table = SqliteTable(":memory:", keys.LOG)
    yield table
    table.close()


@pytest.fixture
def log(table: SqliteTable) -> TableThingLog:
    return TableThingLog(table)


@pytest.fixture
def known(table: SqliteTable) -> RegisteredThings:
    return RegisteredThings(table)


def listed(known: RegisteredThings) -> list[str]:
    return sorted(thing for things in known.everything() for thing in things)


def test_what_the_registry_has_is_listed_and_what_it_never_had_is_not(
    log: TableThingLog, known: RegisteredThings
) -> None:
    log.record_facts("pump:7", ThingFacts("id", ("A",), answered_at=AT))
    log.record_facts("stranger", ThingFacts("", answered_at=AT))

    assert listed(known) == ["pump:7"]
    assert known.facts(["pump:7", "nobody"]) == {"pump:7": ThingFacts("id", ("A",), answered_at=AT)}


def test_what_a_newer_release_wrote_is_not_read_as_if_it_were_understood(
    known: RegisteredThings, table: SqliteTable
) -> None:
    facts = ["id", ["A"], 0, AT, SCHEMA + 1]
    table.put(Item(Key(keys.thing("pump-7"), keys.THING), msgspec.msgpack.encode(facts)))

    with pytest.raises(NewerSchema):
        known.facts(["pump-7"])


def test_a_deleted_thing_stays_listed_for_as_long_as_its_log_is_kept(
    log: TableThingLog, known: RegisteredThings, table: SqliteTable
) -> None:
    log.record_facts("pump-7", ThingFacts("id", answered_at=AT))

    log.record_facts("pump-7", ThingFacts("", answered_at=AT + DAY_MS))

    assert listed(known) == ["pump-7"]
    table.expire((AT + 15 * DAY_MS) // 1000 - 1, 10)
    assert listed(known) == ["pump-7"]
    table.expire((AT + 15 * DAY_MS) // 1000, 10)
    assert listed(known) == []


def test_a_thing_that_comes_back_does_not_expire(
    log: TableThingLog, known: RegisteredThings, table: SqliteTable
) -> None:
    log.record_facts("pump-7", ThingFacts("", answered_at=AT))

    log.record_facts("pump-7", ThingFacts("id", answered_at=AT + DAY_MS))

    table.expire((AT + 100 * DAY_MS) // 1000, 10)
    assert listed(known) == ["pump-7"]


def test_every_thing_is_in_its_bucket_and_on_one_page_of_its_shard(log: TableThingLog, known: RegisteredThings) -> None:
    names = sorted(f"t{n}" for n in range(10 * AT_ONCE))
    for name in names:
        log.record_facts(name, ThingFacts("id", answered_at=AT))

    assert listed(known) == names
    assert len(list(known.everything())) > keys.THING_SHARDS, "shards of several pages"
    for name in names[::100]:
        (things,) = known.bucket(keys.thing_bucket(name))
        assert set(things) == {other for other in names if keys.thing_bucket(other) == keys.thing_bucket(name)}
