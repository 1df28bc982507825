"""A thing's log as items: what they hold, how large they are, which are read."""

from collections.abc import Iterator

import pytest

from tests.unit.alarms.given import ACCOUNT, AT, BAD, DAY, GOOD, KEEP, MINUTE, PUMP, Log, arrival, catalogue, telnet
from tests.unit.behaviors.given import behavior, hosts, live
from warden.adapters.limits import check_item
from warden.adapters.sqlite import SqliteTable
from warden.domain.alarms.advance import report
from warden.domain.alarms.entry import Entry, EntryKind, Logged, State
from warden.domain.behaviors.metrics import DEVICE_METRICS, Kind
from warden.domain.behaviors.plan import LiveBehavior
from warden.domain.behaviors.target import ThingFacts
from warden.domain.errors import Raced
from warden.ports import Known
from warden.storage import keys
from warden.storage.thing_log import TableThingLog, decode

UUID = "4f6e2b1a-0f4d-4c41-9c8e-9f3f2b1d7a11"


@pytest.fixture
def log() -> Iterator[TableThingLog]:
    table = SqliteTable(":memory:", keys.LOG)
    yield TableThingLog(table)
    table.close()


def entry(at: int = AT) -> Entry:
    return Entry(kind=EntryKind.REPORT, at=at, pos=at, thing_id="id-1", state=State(report_at=at))


def every_metric(seconds: int) -> list[LiveBehavior]:
    values = {Kind.COUNT: 2**63, Kind.PORTS: [], Kind.ADDRESSES: []}
    return [
        live(
            behavior(
                metric.name,
                metric.kind.operators[0 if metric.kind is Kind.COUNT else 1],
                values[metric.kind],
                name=metric.code,
                duration_seconds=seconds if metric.kind is Kind.COUNT else None,
            )
        )
        for metric in DEVICE_METRICS.values()
    ]


def size(addresses: set[bytes], *, seconds: int = 300) -> int:
    """Bytes, as DynamoDB counts them, of the item of a thing that has long reported all ten metrics every five
    minutes: lists of as many ports as addresses, 16 reports remembered, no alarm, names of ordinary length."""
    things_log = Log(catalogue(*every_metric(seconds), epoch=AT), ThingFacts(UUID, ("Pumps",)))
    ports = set(range(40_000, 40_000 + len(addresses)))
    counts = {"bi": 4_000_000, "bo": 3_000_000, "pi": 90_000, "po": 80_000, "nt": 20, "nu": 20, "nc": 20}
    for number in range(20):
        came = arrival(
            {**counts, "tp": ports, "up": ports, "ip": addresses},
            AT + number * 5 * MINUTE,
            report_id=AT // 1000 + 300 * number,
        )
        things_log.append(
            report(came, things_log.newest, things_log.facts, things_log.profiles, account=ACCOUNT, keep=KEEP)
        )
    newest = things_log.entries[-1]
    assert (newest.state.alarms, newest.transitions, len(newest.points)) == ((), (), 10)
    assert len(newest.state.recent) == 16
    return check_item(
        TableThingLog(SqliteTable(":memory:", keys.LOG)).item("pump-0123456789", newest, 123_456), keys.LOG
    )


TWENTY_V4 = hosts(*(f"203.0.113.{100 + n}" for n in range(20)))
TWENTY_V6 = hosts(*(f"2001:db8:1234:5678:9abc:def0:1234:56{n:02x}" for n in range(20)))


@pytest.mark.parametrize(
    ("addresses", "seconds"),
    [
        pytest.param(TWENTY_V4, 300, id="IPv4, sums over 5 minutes"),
        pytest.param(TWENTY_V6, 300, id="IPv6, sums over 5 minutes"),
        pytest.param(TWENTY_V4, 900, id="IPv4, sums over 15 minutes"),
    ],
)
def test_an_entry_of_ten_metrics_and_lists_of_twenty_is_one_write_unit(addresses: set[bytes], seconds: int) -> None:
    assert size(addresses, seconds=seconds) <= 1024


def test_four_sums_over_an_hour_cost_one_write_unit_more() -> None:
    assert 1024 < size(TWENTY_V6, seconds=3600) <= 2048


def test_an_entry_is_kept_under_its_sequence_until_it_no_longer_counts(log: TableThingLog) -> None:
    item = log.item("Hall#4", entry(), 12)
    assert item.key == ("T#Hall%234", "LOG#000000000012")
    assert item.expires_at == (AT + 14 * DAY) // 1000
    assert log.keep == 14 * DAY
    assert decode(item) == Logged(12, entry())


def test_only_an_entry_with_transitions_is_marked_for_dispatch(log: TableThingLog) -> None:
    history = Log(catalogue(telnet()))
    history.report(GOOD)
    history.report(BAD)
    calm, alarming = (log.item("pump-7", each, seq) for seq, each in enumerate(history.entries, 1))
    assert calm.indexes == {}
    assert alarming.indexes == {keys.OUTBOX: ("OUTBOX#3", keys.moment(AT + 5 * MINUTE))}


def test_a_thing_that_nobody_has_heard_of_is_unknown(log: TableThingLog) -> None:
    assert log.load("pump-7") == Known(None, None)


def test_facts_and_newest_entry_are_loaded_together_and_either_alone(log: TableThingLog) -> None:
    log.record_facts("facts-only", PUMP)
    assert log.load("facts-only") == Known(PUMP, None)
    for seq in range(3):
        log.append("log-only", entry(AT + seq), after=seq)
    assert log.load("log-only") == Known(None, Logged(3, entry(AT + 2)))
    log.record_facts("log-only", PUMP)
    assert log.load("log-only") == Known(PUMP, Logged(3, entry(AT + 2)))


def test_things_whose_names_resemble_keys_do_not_mix(log: TableThingLog) -> None:
    log.append("a", entry(), after=0)
    for name in ("a#LOG", "a%23", "A", "a ", "T#a"):
        assert log.load(name) == Known(None, None)


def test_the_second_writer_of_one_sequence_loses(log: TableThingLog) -> None:
    log.append("pump-7", entry(), after=0)
    with pytest.raises(Raced):
        log.append("pump-7", entry(AT + 1), after=0)
    assert log.read("pump-7", 1) == Logged(1, entry())
    assert log.read("pump-7", 2) is None


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(AT - 1, [1, 2, 3, 4, 5], id="before all: all"),
        pytest.param(AT, [1, 2, 3, 4, 5], id="the first's moment: all"),
        pytest.param(AT + 15, [2, 3, 4, 5], id="between two: from the earlier one on"),
        pytest.param(AT + 20, [2, 3, 4, 5], id="the moment of one: from the one before on"),
        pytest.param(AT + 40, [4, 5], id="the newest's moment: the one before and the newest"),
        pytest.param(AT + 99, [5], id="behind all: the newest"),
    ],
)
def test_entries_since_a_moment_begin_with_the_one_before_it(log: TableThingLog, at: int, expected: list[int]) -> None:
    for seq in range(5):
        log.append("pump-7", entry(AT + 10 * seq), after=seq)
    assert [logged.seq for logged in log.since("pump-7", at)] == expected


def test_an_older_answer_of_the_registry_overrides_nothing(log: TableThingLog) -> None:
    later = ThingFacts("id-1", ("New",), answered_at=20)
    assert log.record_facts("pump-7", later) == later
    assert log.record_facts("pump-7", ThingFacts("id-1", ("Old",), answered_at=10)) == later
    assert log.load("pump-7").facts == later
