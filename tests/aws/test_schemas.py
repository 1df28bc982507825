"""A release reads what the one before wrote, and refuses what it cannot know: items of both tables.

`schema_1.json` holds both tables as the first release with schema 1 left them; `python -m tests.aws.test_schemas`
writes such a file for the schema of today.
"""

import json
import pkgutil
from base64 import b64decode, b64encode
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest
from moto import mock_aws

import warden.storage
from tests.aws.conftest import BEGINNING, MINUTE, SECOND, Clock, new_clients
from tests.aws.core import Fleet
from tests.aws.tables import make_tables
from tests.core.profiles import few_connections, little_traffic, profile
from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.entry import AT_REST, Entry, EntryKind
from warden.domain.behaviors.target import ThingFacts
from warden.domain.errors import NewerSchema
from warden.handlers.parts import Clients, Parts
from warden.handlers.sweep import Sweep
from warden.ports import Item, Key
from warden.settings import Settings
from warden.storage import keys
from warden.storage.records import SCHEMA, Records
from warden.storage.thing_log import decode
from warden.use_cases.update_security_profile import update_security_profile

IN_ALARM, CLEARED, INVALIDATED = EventType.IN_ALARM, EventType.CLEARED, EventType.INVALIDATED
STORED = Path(__file__).parent / "schema_1.json"

CHANGED = profile("pump", few_connections(), little_traffic(name="renamed"))


def prepare(fleet: Fleet) -> None:
    """Something of every kind: a violation that goes on, one that is not dispatched, a retirement that is due."""
    fleet.watch("pump", as_=profile("pump", few_connections(), little_traffic()))
    fleet.watch("press")
    fleet.violate("pump")
    Sweep(fleet.parts, fleet.deliver)(lambda: 60_000)
    fleet.parts.clock.now += 11 * MINUTE  # type: ignore[attr-defined]
    Sweep(fleet.parts, fleet.deliver)(lambda: 60_000)
    update_security_profile(
        fleet.parts.catalogue,
        fleet.parts.jobs,
        "pump",
        lambda _: CHANGED,
        expected_version=None,
        now=fleet.parts.clock(),
    )
    fleet.violate("press")


def names(parts: Parts) -> dict[str, str]:
    return {"log": parts.settings.log_table, "control": parts.settings.control_table}


def dump(parts: Parts) -> dict[str, Any]:
    """Both tables' items, their binary values as base64."""
    scan = parts.client("dynamodb").scan
    return {table: scan(TableName=name)["Items"] for table, name in names(parts).items()}


def load(parts: Parts, tables: dict[str, Any]) -> None:
    for table, name in names(parts).items():
        for item in tables[table]:
            image = {**item, "data": {"B": b64decode(item["data"]["B"])}}
            parts.client("dynamodb").put_item(TableName=name, Item=image)


@pytest.fixture(params=["today", "schema 1"])
def tables(request: pytest.FixtureRequest, parts: Parts, aws: Clients, clock: Clock) -> Fleet:
    """Both tables as the release of today leaves them, or as an earlier one did."""
    fleet = Fleet(parts, aws)
    if request.param == "today":
        prepare(fleet)
        return Fleet(parts, aws)
    load(parts, json.loads(STORED.read_text()))
    clock.now = BEGINNING + 11 * MINUTE + 2 * SECOND
    return fleet


def test_this_release_goes_on_with_what_it_finds(tables: Fleet, clock: Clock) -> None:
    """No thing is asked about: its facts are known. The registry of this test has none."""
    sweep = Sweep(tables.parts, tables.deliver)
    assert tables.active() == ["pump"]
    assert tables.marked() == [("press", 1)]

    tables.conform("pump")
    tables.conform("press")
    clock.now += 11 * MINUTE
    sweep(lambda: 60_000)

    assert tables.events() == [("pump", IN_ALARM), ("press", IN_ALARM), ("pump", CLEARED), ("press", CLEARED)]
    assert tables.alerts() == [IN_ALARM, CLEARED, CLEARED]
    assert (tables.active(), tables.marked()) == ([], [])
    clock.now += 16 * MINUTE
    sweep(lambda: 60_000)
    assert tables.parts.jobs.due(clock.now + 60 * MINUTE, limit=1) == []


def record_types() -> dict[str, Records[Any]]:
    """What encodes the records of table `control`, by name."""
    found = {}
    for module in pkgutil.iter_modules(warden.storage.__path__):
        members = vars(import_module(f"warden.storage.{module.name}"))
        found |= {f"{module.name}.{name}": each for name, each in members.items() if isinstance(each, Records)}
    return found


@pytest.mark.parametrize("records", record_types().values(), ids=record_types())
def test_a_record_of_a_newer_release_is_left_to_that_release(records: Records[Any]) -> None:
    newer = Item(Key("A", "B"), msgspec.msgpack.encode({"schema": SCHEMA + 1, "of": "another shape"}))
    with pytest.raises(NewerSchema, match=f"A/B has schema {SCHEMA + 1}, this release knows {SCHEMA}"):
        records.read(newer)


def test_an_entry_of_a_newer_release_is_left_to_that_release() -> None:
    key = Key(keys.thing("pump"), keys.entry(1))
    entry = Entry(kind=EntryKind.REPORT, at=1, pos=1, thing_id="", state=AT_REST)
    longer = [*msgspec.to_builtins(entry, builtin_types=(bytes,)), "something new"]
    assert decode(Item(key, msgspec.msgpack.encode(longer))).entry == entry
    with pytest.raises(NewerSchema):
        decode(Item(key, msgspec.msgpack.encode([SCHEMA + 1, *longer[1:]])))
    with pytest.raises(NewerSchema):
        decode(Item(key, msgspec.msgpack.encode([SCHEMA + 1, {"of": "another shape"}])))


def test_a_things_facts_of_a_newer_release_are_left_to_that_release(parts: Parts) -> None:
    facts = ThingFacts("pump-1", ("g",), 0, 5, schema=SCHEMA + 1)
    item = Item(Key(keys.thing("pump"), keys.THING), msgspec.msgpack.encode(facts))
    parts.log_table.put(item)
    with pytest.raises(NewerSchema):
        parts.thing_log.load("pump")
    with pytest.raises(NewerSchema):
        parts.thing_log.record_facts("pump", ThingFacts("pump-1", answered_at=9))
    assert parts.log_table.get(item.key) == item


def test_a_things_facts_from_before_they_had_a_schema_are_read(parts: Parts) -> None:
    data = msgspec.msgpack.encode(["pump-1", ["g"], 0, 5])
    parts.log_table.put(Item(Key(keys.thing("pump"), keys.THING), data))
    assert parts.thing_log.load("pump").facts == ThingFacts("pump-1", ("g",), 0, 5)


def test_a_record_that_is_broken_is_not_taken_for_a_newer_one() -> None:
    with pytest.raises(msgspec.ValidationError):
        next(iter(record_types().values())).read(Item(Key("A", "B"), msgspec.msgpack.encode({"schema": SCHEMA})))


def test_an_entry_of_a_newer_release_stays_marked_until_it_can_be_read(parts: Parts, aws: Clients) -> None:
    """A roll-back leaves what the newer release wrote where the next update finds it."""
    fleet = Fleet(parts, aws)
    fleet.watch("pump")
    fleet.violate("pump")
    key = Key(keys.thing("pump"), keys.entry(1))
    item = parts.log_table.get(key)
    assert item
    data = msgspec.msgpack.encode([SCHEMA + 1, *msgspec.msgpack.decode(item.data)[1:]])
    parts.log_table.put(replace(item, data=data))
    clock: Any = parts.clock
    clock.now += 11 * MINUTE
    Sweep(parts, fleet.deliver)(lambda: 60_000)
    assert (fleet.active(), fleet.marked()) == ([], [("pump", 1)])
    (marked,) = fleet.outbox.waiting(before=0, now=10**15 - 1, limit=1)
    parts.log_table.put(replace(marked.item, data=item.data))
    clock.now += 11 * MINUTE
    Sweep(parts, fleet.deliver)(lambda: 60_000)
    assert (fleet.active(), fleet.marked()) == (["pump"], [])


def main() -> None:
    """Write the file of today's schema."""
    with mock_aws():
        settings = Settings(stage="test", account="123456789012", log_table="log", control_table="control")
        clients = new_clients()
        make_tables(clients("dynamodb"), settings)
        parts = Parts(settings, region="us-east-1", clients=clients, clock=Clock())
        prepare(Fleet(parts, clients))
        found = json.dumps(dump(parts), indent=1, sort_keys=True, default=lambda data: b64encode(data).decode())
        STORED.with_name(f"schema_{SCHEMA}.json").write_text(found + "\n")


if __name__ == "__main__":
    main()
