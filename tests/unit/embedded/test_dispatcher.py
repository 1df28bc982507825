"""An entry that cannot be dispatched holds up nothing, is not forgotten, and is dealt with once it can be."""

import asyncio
import json
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.core.outside import Outside, Registry, Topics
from tests.core.profiles import ACCOUNT, BAD, group, profile
from warden.adapters.sqlite import SqliteTable
from warden.domain.alarms.alarm import EventType
from warden.domain.behaviors.target import Target
from warden.embedded import channel
from warden.embedded.dispatcher import ATTEMPTS, STUCK_AGAIN_MS, StreamReader
from warden.embedded.plane import now
from warden.ports import Item, Key
from warden.storage import keys
from warden.storage.catalogue import CatalogueCache, CatalogueStore
from warden.storage.jobs import Jobs, Stuck
from warden.storage.thing_log import TableThingLog
from warden.storage.violations import Violations
from warden.use_cases.attach_security_profile import attach_security_profile
from warden.use_cases.create_security_profile import create_security_profile
from warden.use_cases.deliver_alerts import DeliverAlerts
from warden.use_cases.dispatch_transitions import DispatchTransitions
from warden.use_cases.ingest_report import IngestReport, Options
from warden.use_cases.invalidate_silent import InvalidateSilent
from warden.use_cases.retire_violations import RetireViolations
from warden.use_cases.sweep import AT_ONCE, Sweep

SPOILT = Key(keys.join("PROFILE", "spoilt"), "V#000000001")


class Home:
    """Both tables, a data plane that only prunes its stream, and what dispatches in the control plane."""

    def __init__(self, directory: Path) -> None:
        self.log_table = SqliteTable(directory / "log.db", keys.LOG, stream=keys.OUTBOX)
        self.table = SqliteTable(directory / "control.db", keys.CONTROL)
        self.log = TableThingLog(self.log_table)
        self.catalogue, self.violations = CatalogueStore(self.table), Violations(self.table, shards=1)
        self.jobs, self.topics, self.registry = Jobs(self.table), Topics(Outside()), Registry()
        keep = self.log.keep
        dispatch = DispatchTransitions(self.catalogue, self.log, self.violations, keep=keep)
        deliver = DeliverAlerts(self.catalogue, self.log, self.violations, self.topics)
        self.reader = StreamReader(
            self.log_table, self.log, self.jobs, dispatch=dispatch, deliver=deliver, channel=directory / "channel"
        )
        silent = InvalidateSilent(self.catalogue, self.log, self.violations, keep)
        retire = RetireViolations(self.catalogue, self.log, self.violations, self.jobs, keep)
        self.sweep = Sweep(self.jobs, self.log, dispatch, deliver, silent, retire)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        answerers = {"prune": self._prune}
        self._server = asyncio.run_coroutine_threadsafe(
            channel.answer(directory / "channel", answerers), self._loop
        ).result(10)

    async def _prune(self, asked: dict[str, Any]) -> None:
        self.log_table.prune_stream(asked["upto"])

    def watched(self, name: str) -> None:
        """A thing in a group of its own, with a profile of the same name."""
        self.registry.create(name, name)
        create_security_profile(self.catalogue, profile(name), {}, arn="", now=now())
        attach_security_profile(self.catalogue, name, Target.parse(group(name)), has_group=lambda _: True, now=now())

    def violate(self, thing: str) -> None:
        """A report that raises an alarm."""
        catalogues = CatalogueCache(self.catalogue, poll_ms=None)
        options = Options(account=ACCOUNT, keep=self.log.keep)
        connections = {"established_connections": {"total": BAD}}
        report = {"header": {"report_id": 1, "version": "1.0"}, "metrics": {"tcp_connections": connections}}
        ingest = IngestReport(self.log, self.log, self.registry, catalogues, options)
        ingest(thing, "json", json.dumps(report).encode(), at=now())

    def spoil(self) -> Item:
        """Make what profile `spoilt` says unreadable. Returns it as it was."""
        item = self.table.get(SPOILT)
        assert item
        self.table.put(replace(item, data=b"\xc1"))
        return item

    def alarming(self) -> set[str]:
        """Things with an active violation on record."""
        active = self.violations.active(thing=None, profile=None, behind=None)
        return {stored.record.thing for _, stored in active}

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self.log_table.close()
        self.table.close()


@pytest.fixture
def home() -> Iterator[Home]:
    with tempfile.TemporaryDirectory() as directory:  # its path is short, as that of a socket has to be
        home = Home(Path(directory))
        try:
            yield home
        finally:
            home.close()


def test_an_entry_that_fails_again_and_again_is_set_aside_and_those_behind_it_are_dealt_with(home: Home) -> None:
    home.watched("spoilt")
    home.watched("sound")
    home.violate("spoilt")
    home.violate("sound")
    home.spoil()

    for _ in range(ATTEMPTS - 1):
        with pytest.raises(Exception, match="MessagePack data is malformed"):
            home.reader.read()
        assert (home.alarming(), home.jobs.stuck_entries(limit=9)) == (set(), [])
    home.reader.read()
    home.reader.read()

    assert home.jobs.stuck_entries(limit=9) == [("spoilt", 1)]
    assert home.alarming() == {"sound"}
    assert home.log_table.read_stream(0, 10) == []


def test_an_entry_that_was_set_aside_is_dealt_with_once_it_can_be(home: Home) -> None:
    home.watched("spoilt")
    home.violate("spoilt")
    sound = home.spoil()
    for _ in range(ATTEMPTS - 1):
        with pytest.raises(Exception, match="MessagePack data is malformed"):
            home.reader.read()
    home.reader.read()

    home.sweep(now=now() + STUCK_AGAIN_MS)
    assert (home.alarming(), home.jobs.stuck_entries(limit=9)) == (set(), [("spoilt", 1)])

    home.table.put(sound)
    home.sweep(now=now() + 3 * STUCK_AGAIN_MS)
    assert (home.alarming(), home.jobs.stuck_entries(limit=9)) == ({"spoilt"}, [])
    assert [alert.type for alert in home.topics.arrived] == [EventType.IN_ALARM]


def test_what_is_due_and_cannot_be_done_does_not_stand_before_the_rest_for_ever(home: Home) -> None:
    home.watched("sound")
    home.violate("sound")
    for number in range(AT_ONCE):
        key = Key(keys.join("JOB", number), "JOB")
        home.table.put(Item(key, b"\xc1", indexes={keys.DUE: keys.due(str(number), 1, key)}))
    home.jobs.advance("log", None, 1, Stuck(thing="sound", seq=1, error=""), due=2)

    home.sweep(now=now())
    assert home.alarming() == set()
    home.sweep(now=now())
    assert home.alarming() == {"sound"}


def test_what_was_dispatched_is_not_dispatched_again(home: Home) -> None:
    home.watched("sound")
    home.violate("sound")
    home.reader.read()
    cursor = home.jobs.cursor("log")

    assert cursor
    assert cursor.record.position == home.log_table.stream_head()
    assert home.log_table.read_stream(cursor.record.position, 10) == []
