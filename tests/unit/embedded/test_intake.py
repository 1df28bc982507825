"""Reports between the broker and the log: what is acknowledged when, on a loop that is driven by hand."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.hand_driven_loop import HandDrivenLoop
from tests.home import listening
from warden.adapters.sqlite import SqliteTable
from warden.domain.behaviors.target import ThingFacts
from warden.domain.errors import Unavailable
from warden.embedded.broker.publication import Publication
from warden.embedded.intake import BATCH, PAUSE_ABOVE, RESUME_BELOW, RETRY_SECONDS, AskedThings, Intake
from warden.storage import keys
from warden.storage.catalogue import CatalogueCache, CatalogueStore
from warden.storage.thing_log import TableThingLog
from warden.use_cases.ingest_report import Ingested, IngestReport, Options

NOW = 1_790_000_000_000
BUG = b"a report that runs into a mistake of ours"


class Registry:
    """Answers each question when the test says so."""

    def __init__(self, loop: HandDrivenLoop) -> None:
        self._loop = loop
        self.asked: list[str] = []
        self._waiting: dict[str, asyncio.Future[ThingFacts]] = {}

    async def fetch(self, thing: str) -> ThingFacts:
        self.asked.append(thing)
        self._waiting[thing] = self._loop.create_future()
        return await self._waiting[thing]

    def answer(self, thing: str, *, thing_id: str = "id") -> None:
        self._waiting.pop(thing).set_result(ThingFacts(thing_id, answered_at=NOW))

    def fail(self, thing: str) -> None:
        self._waiting.pop(thing).set_exception(Unavailable("no registry"))


class Desk:
    """An intake over a real table, and a record of what left it, in order."""

    def __init__(self, directory: Path, loop: HandDrivenLoop) -> None:
        self.loop = loop
        self.table = SqliteTable(directory / "log.db", keys.LOG, stream=keys.OUTBOX)
        self.control = SqliteTable(directory / "control.db", keys.CONTROL)
        self.log = TableThingLog(self.table)
        self.registry = Registry(loop)
        self.left: list[str] = []
        self.failures: list[Exception] = []
        things = AskedThings()
        catalogues = CatalogueCache(CatalogueStore(self.control), poll_ms=None)
        options = Options(account="000000000000", keep=self.log.keep, one_clock=True)
        ingest = IngestReport(self.log, self.log, things, catalogues, options)
        self.intake = Intake(
            _with_a_bug(ingest),
            things,
            fetch=self.registry.fetch,
            transaction=self._transaction,
            send=self._sent,
            pause=lambda stop: self.left.append("pause" if stop else "resume"),
            prefixes=("$aws", "own"),
            clock=lambda: NOW,
            committed=lambda: self.left.append("commit"),
        )

    def close(self) -> None:
        self.table.close()
        self.control.close()

    def know(self, *things: str) -> None:
        """Have things that the registry was asked about already."""
        for thing in things:
            self.log.record_facts(thing, ThingFacts("id", answered_at=1))

    def take(self, thing: str, report: dict[str, Any] | bytes, *, prefix: str = "$aws") -> bool:
        payload = report if isinstance(report, bytes) else json.dumps(report).encode()
        topic = f"{prefix}/things/{thing}/defender/metrics/json"
        name = f"{thing}:{'?' if isinstance(report, bytes) else report['header']['report_id']}"
        publication = Publication(topic, payload, 1, "client", lambda: self.left.append(f"puback {name}"))
        with self.loop.running():
            return self.intake.take(publication)

    def logged(self, thing: str) -> list[int]:
        """Ids of the reports in a thing's log."""
        return [each.entry.report_id for each in self.log.since(thing, 0)]

    def is_drained(self) -> bool:
        drain = self.loop.create_task(self.intake.drain())
        self.loop.settle()
        drained = drain.done()
        drain.cancel()
        return drained

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        if self.failures:
            raise self.failures.pop(0)
        with self.table.batch():
            yield

    def _sent(self, topic: str, payload: bytes) -> None:
        reply = json.loads(payload)
        self.left.append(f"{topic.rsplit('/', 1)[1]} {reply['thingName']}:{reply.get('reportId', '?')}")


def _with_a_bug(ingest: IngestReport) -> Callable[..., Ingested]:
    def call(thing: str, fmt: str, payload: bytes, *, at: int, again: bool) -> Ingested:
        if payload == BUG:
            raise RuntimeError("a mistake of ours")
        return ingest(thing, fmt, payload, at=at, again=again)

    return call


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    loop = HandDrivenLoop()
    desk = Desk(tmp_path, loop)
    try:
        yield desk
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.settle()
        loop.close()
        desk.close()


def test_reply_and_acknowledgement_leave_after_the_commit(desk: Desk) -> None:
    desk.know("pump")

    assert desk.take("pump", listening(22, report_id=7))
    assert desk.left == []
    desk.loop.turn()

    assert desk.left == ["commit", "accepted pump:7", "puback pump:7"]
    assert desk.logged("pump") == [7]


def test_what_is_no_metrics_topic_is_left_to_the_broker(desk: Desk) -> None:
    for topic in ("a", "$aws/things/pump/shadow/update", "other/things/pump/defender/metrics/json"):
        assert not desk.intake.take(Publication(topic, b"", 1, "client", lambda: None))
    desk.know("pump")
    assert desk.take("pump", listening(22), prefix="own")


def test_reports_that_came_together_share_a_commit_and_keep_their_order(desk: Desk) -> None:
    desk.know("pump", "valve")
    for number in range(1, BATCH + 2):
        desk.take("pump" if number % 2 else "valve", listening(22, report_id=number))

    desk.loop.turn()
    assert desk.left.count("commit") == 1
    desk.loop.turn()

    assert desk.left.count("commit") == 2
    assert desk.logged("pump") == list(range(1, BATCH + 2, 2))
    assert desk.logged("valve") == list(range(2, BATCH + 2, 2))
    pubacks = [word for word in desk.left if word.startswith("puback")]
    assert pubacks == [f"puback {'pump' if n % 2 else 'valve'}:{n}" for n in range(1, BATCH + 2)]


def test_a_rejected_report_is_acknowledged_too_and_leaves_nothing_in_the_log(desk: Desk) -> None:
    desk.know("pump")
    desk.take("pump", listening(22, report_id=1))
    desk.take("pump", b"{")
    desk.loop.settle()

    assert desk.left == ["commit", "accepted pump:1", "puback pump:1", "rejected pump:?", "puback pump:?"]
    assert desk.logged("pump") == [1]


def test_who_sent_a_rejected_report_and_why_it_is_rejected_is_logged(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        desk.take("pump", b"not json")
        desk.loop.settle()
    (line,) = [record.getMessage() for record in caplog.records if "rejected" in record.getMessage()]
    assert line.startswith("a report of 'pump' by client 'client' is rejected: ")
    assert len(line) < 400


def test_a_report_that_runs_into_a_bug_is_not_acknowledged_and_holds_up_nobody(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.know("pump", "valve")
    desk.take("pump", listening(22, report_id=1))
    desk.take("pump", BUG)
    desk.take("valve", listening(22, report_id=2))
    desk.loop.settle()

    assert [word for word in desk.left if word.startswith("puback")] == ["puback pump:1", "puback valve:2"]
    assert desk.logged("pump") == [1]
    assert "a mistake of ours" in caplog.text
    assert desk.is_drained()


def test_why_reports_wait_is_known_for_as_long_as_they_do_and_logged_once(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")
    desk.know("pump")
    desk.failures += [Unavailable("disk full")] * 2
    for _ in range(2):
        desk.take("pump", listening(22))
        desk.loop.settle()
    assert (desk.intake.hindrance, desk.intake.waiting) == ("disk full", 2)
    desk.loop.later(RETRY_SECONDS)
    assert (desk.intake.hindrance, desk.intake.waiting) == ("", 0)
    assert caplog.messages == ["reports are waiting, disk full", "reports are stored again"]


def test_what_becomes_of_reports_is_counted_once_they_are_stored(desk: Desk) -> None:
    desk.know("pump")
    desk.failures += [Unavailable("disk full")] * 2
    for payload in (listening(22, report_id=1), listening(22, report_id=1), b"{"):
        desk.take("pump", payload)
    desk.loop.settle()
    desk.loop.later(RETRY_SECONDS)
    assert desk.intake.counts == {"accepted/newest": 1, "accepted/duplicate": 1, "rejected/invalid": 1}


def test_while_the_file_cannot_be_written_nothing_is_acknowledged_and_then_all_of_it_in_order(desk: Desk) -> None:
    desk.know("pump")
    desk.failures += [Unavailable("disk full")] * 3
    desk.take("pump", listening(22, report_id=1))
    desk.take("pump", listening(22, report_id=2))
    desk.loop.settle()
    desk.take("pump", listening(22, report_id=3))
    desk.loop.settle()
    assert desk.left == []
    assert not desk.is_drained()

    desk.loop.later(RETRY_SECONDS)
    assert [word for word in desk.left if word.startswith("puback")] == [f"puback pump:{n}" for n in (1, 2, 3)]
    assert desk.logged("pump") == [1, 2, 3]
    assert desk.is_drained()


def test_a_failed_commit_of_a_batch_leaves_nothing_of_it_and_each_report_is_tried_alone(desk: Desk) -> None:
    desk.know("pump")
    desk.failures.append(RuntimeError("the batch broke"))
    for number in (1, 2, 3):
        desk.take("pump", listening(22, report_id=number))

    desk.loop.turn()

    assert desk.left.count("commit") == 3
    assert desk.logged("pump") == [1, 2, 3]


def test_the_registry_is_asked_once_about_a_thing_while_the_reports_of_others_pass(desk: Desk) -> None:
    desk.know("pump")
    for number in (1, 2):
        desk.take("new", listening(22, report_id=number))
        desk.take("pump", listening(22, report_id=number))
    desk.loop.settle()
    desk.take("new", listening(22, report_id=3))
    desk.loop.settle()

    assert desk.registry.asked == ["new"]
    assert desk.logged("pump") == [1, 2]
    assert desk.logged("new") == []
    assert not desk.is_drained()

    desk.registry.answer("new")
    desk.loop.settle()
    assert desk.logged("new") == [1, 2, 3]
    assert desk.registry.asked == ["new"]
    assert desk.is_drained()


def test_a_name_that_the_registry_does_not_have_is_rejected_on_its_own_answer_each_time(desk: Desk) -> None:
    for number in (1, 2):
        desk.take("stranger", listening(22, report_id=number))
        desk.loop.settle()
        desk.registry.answer("stranger", thing_id="")
        desk.loop.settle()

    assert desk.registry.asked == ["stranger", "stranger"]
    assert [word for word in desk.left if word != "commit"] == [
        "rejected stranger:1",
        "puback stranger:1",
        "rejected stranger:2",
        "puback stranger:2",
    ]
    assert desk.log.load("stranger").newest is None


def test_a_registry_that_does_not_answer_is_asked_again_and_complained_of_once(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    names = ("new", "newer", "newest")
    with caplog.at_level(logging.WARNING):
        for name in names:
            desk.take(name, listening(22))
        desk.loop.settle()
        for _ in range(3):
            for name in names:
                desk.registry.fail(name)
            desk.loop.settle()
            desk.loop.later(RETRY_SECONDS)
    assert len(caplog.records) == 1
    assert not any(word.startswith("puback") for word in desk.left)

    for name in names:
        desk.registry.answer(name)
    desk.loop.settle()
    assert [desk.logged(name) for name in names] == [[1]] * 3
    assert desk.is_drained()


def test_clients_are_not_read_while_too_many_reports_wait(desk: Desk) -> None:
    for _ in range(PAUSE_ABOVE):
        desk.take("pump", b"{")
    assert desk.left == []
    desk.take("pump", b"{")
    assert desk.left == ["pause"]

    while "resume" not in desk.left:
        desk.loop.turn()

    assert desk.left.count("pause") == desk.left.count("resume") == 1
    waiting = PAUSE_ABOVE + 1 - sum(word.startswith("puback") for word in desk.left)
    assert RESUME_BELOW - BATCH < waiting <= RESUME_BELOW
    desk.loop.settle()
    assert desk.is_drained()
    assert desk.left.count("pause") == desk.left.count("resume") == 1
