"""An evaluator whose profiles are older than a thing's state reads them again before it believes that a behavior is
gone: else it would drop an alarm that another evaluator has just raised."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.unit.alarms.given import ACCOUNT, AT, MINUTE, PUMP, catalogue, telnet
from warden.adapters.sqlite import SqliteTable
from warden.domain.behaviors.catalogue import Catalogue
from warden.domain.behaviors.target import ThingFacts
from warden.storage import keys
from warden.storage.thing_log import TableThingLog
from warden.use_cases.ingest_report import IngestReport, Options

WITH_TELNET, EARLIER, LATER = catalogue(telnet(), epoch=5), catalogue(epoch=4), catalogue(epoch=6)


class Registry:
    """A registry that has the thing."""

    def ask(self, thing: str, *, now: int) -> ThingFacts:
        assert (thing, now) == ("pump-7", AT), "asked only once"
        return PUMP


@dataclass
class Profiles:
    """What an evaluator remembers, and what it would read."""

    remembered: Catalogue
    stored: Catalogue

    def current(self, at: int) -> Catalogue:
        assert at
        return self.remembered

    def reload(self) -> Catalogue:
        self.remembered = self.stored
        return self.stored


@pytest.fixture
def log() -> Iterator[TableThingLog]:
    table = SqliteTable(":memory:", keys.LOG)
    yield TableThingLog(table)
    table.close()


def ingest(log: TableThingLog, profiles: Profiles, port: int, at: int) -> Any:
    """Report one listening port; the log's newest entry then."""
    metrics = {"listening_tcp_ports": {"ports": [{"port": port}]}}
    payload = json.dumps({"header": {"report_id": at, "version": "1.0"}, "metrics": metrics}).encode()
    options = Options(account=ACCOUNT, keep=log.keep)
    IngestReport(log, log, Registry(), profiles, options)("pump-7", "json", payload, at=at)
    newest = log.load("pump-7", consistent=True).newest
    assert newest
    return newest.entry


def test_an_alarm_is_not_dropped_by_one_who_has_not_heard_of_its_behavior(log: TableThingLog) -> None:
    begun = ingest(log, Profiles(WITH_TELNET, WITH_TELNET), 23, AT).transitions
    entry = ingest(log, Profiles(EARLIER, WITH_TELNET), 22, AT + 5 * MINUTE)
    assert [each.violation_id for each in entry.transitions] == [each.violation_id for each in begun]
    assert entry.state.epoch == 5


def test_an_alarm_is_dropped_by_one_who_knows_that_its_behavior_is_gone(log: TableThingLog) -> None:
    ingest(log, Profiles(WITH_TELNET, WITH_TELNET), 23, AT)
    entry = ingest(log, Profiles(LATER, LATER), 23, AT + 5 * MINUTE)
    assert (entry.transitions, entry.state.alarms, entry.state.epoch) == ((), (), 6)


def test_who_remembers_the_same_epoch_does_not_read_again(log: TableThingLog) -> None:
    ingest(log, Profiles(WITH_TELNET, WITH_TELNET), 22, AT)
    remembering = Profiles(WITH_TELNET, LATER)
    ingest(log, remembering, 23, AT + 5 * MINUTE)
    assert remembering.remembered is WITH_TELNET
