"""Once a deletion was answered nothing is recorded or sent on the deleted profile's behalf: here there is no moment
between the fence and its effect in which it can be answered. The control plane is the real one, in this process."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.core.outside import Registry
from tests.core.profiles import ACCOUNT, BAD, EVERYTHING, profile
from tests.home import PATIENCE, REGION
from warden.adapters.sqlite import SqliteTable
from warden.control_api.http import HttpRequest, HttpResponse
from warden.domain.alarms.alarm import EventType
from warden.domain.behaviors.target import Target
from warden.embedded.control_plane import ControlPlane
from warden.embedded.dispatcher import STREAM
from warden.embedded.options import LOG_FILE, ServeOptions
from warden.embedded.plane import PlaneSettings, now
from warden.ports import Write
from warden.storage import keys
from warden.storage.catalogue import CatalogueCache
from warden.storage.jobs import Stuck
from warden.storage.thing_log import TableThingLog
from warden.use_cases.attach_security_profile import attach_security_profile
from warden.use_cases.create_security_profile import create_security_profile
from warden.use_cases.ingest_report import IngestReport, Options


class WatchedLock:
    """The API's side of the control plane's lock; says when somebody has to wait for it."""

    def __init__(self, lock: Any, contended: threading.Event) -> None:
        self._lock = lock
        self._contended = contended

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            self._contended.set()
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class Scene:
    """A thing in alarm that dispatch has not looked at, and a deletion that comes when it has just passed the fence.

    `happened` is the order of things: "recorded", "published", "answered".
    """

    def __init__(self, directory: Path, *, by: str, before: str) -> None:
        self.happened: list[str] = []
        self._by, self._before = by, before
        self._waits_or_is_answered = threading.Event()
        self._deletion = threading.Thread(target=self._delete)
        self._serves = threading.Event()
        self._log_table = SqliteTable(directory / LOG_FILE, keys.LOG, stream=keys.OUTBOX)
        options = ServeOptions(data=str(directory), http_port=0)
        self.plane = ControlPlane(PlaneSettings(options=options, channel=str(directory / "nobody-answers")))
        self.plane._exclusive = WatchedLock(self.plane._exclusive, self._waits_or_is_answered)
        self._call, self._transact = self.plane._surroundings.call, self.plane._table.transact
        self.plane._surroundings.client("sns").create_topic(Name="alerts")
        self._violate()
        if by == "sweep":
            stuck = Stuck(thing="pump", seq=1, error="")
            self.plane._jobs.advance(STREAM, None, self._log_table.stream_head(), stuck, due=1)
        self.plane._surroundings.call = self._called
        self.plane._table.transact = self._transacted
        self._port = self.plane.start()
        self._serves.set()

    def _violate(self) -> None:
        catalogue, log = self.plane._catalogue, TableThingLog(self._log_table)
        create_security_profile(catalogue, profile("p"), {}, arn="", now=now())
        attach_security_profile(catalogue, "p", Target.parse(EVERYTHING), has_group=lambda _: True, now=now())
        registry, options = Registry(), Options(account=ACCOUNT, keep=log.keep)
        registry.create("pump")
        connections = {"established_connections": {"total": BAD}}
        report = {"header": {"report_id": 1, "version": "1.0"}, "metrics": {"tcp_connections": connections}}
        ingest = IngestReport(log, log, registry, CatalogueCache(catalogue, poll_ms=None), options)
        ingest("pump", "json", json.dumps(report).encode(), at=now())

    def _called(self, service: str, request: HttpRequest) -> HttpResponse:
        publishes = service == "sns" and b"Action=Publish" in request.body
        if publishes:
            self._passed_the_fence("published")
        response = self._call(service, request)
        if publishes:
            self.happened.append("published")
        return response

    def _transacted(self, writes: list[Write]) -> None:
        records = threading.current_thread().name == self._by and "recorded" not in self.happened
        if records:
            self._passed_the_fence("recorded")
        self._transact(writes)
        if records:
            self.happened.append("recorded")

    def _passed_the_fence(self, effect: str) -> None:
        if effect == self._before and self._deletion.ident is None:
            self._deletion.start()
            assert self._waits_or_is_answered.wait(PATIENCE)

    def _delete(self) -> None:
        assert self._serves.wait(PATIENCE)
        client = boto3.client(
            "iot",
            endpoint_url=f"http://127.0.0.1:{self._port}",
            region_name=REGION,
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )
        client.delete_security_profile(securityProfileName="p")
        self.happened.append("answered")
        self._waits_or_is_answered.set()

    def play(self) -> None:
        """To the end: the deletion is answered, and dispatch has done what it was at."""
        assert self._waits_or_is_answered.wait(PATIENCE)
        self._deletion.join(PATIENCE)
        for worker in self.plane._workers.values():
            worker.end()
        for worker in self.plane._workers.values():
            worker.join(PATIENCE)

    def told(self) -> list[EventType]:
        found = self.plane._violations.events(start=0, end=now() + 1, thing="pump", profile=None, behind=None)
        return [stored.record.type for _, stored in found]

    def close(self) -> None:
        self.plane.stop()
        self._log_table.close()


@pytest.fixture
def scene(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    by, before = request.param
    scene = Scene(tmp_path, by=by, before=before)
    try:
        yield scene
    finally:
        scene.close()


@pytest.mark.parametrize(
    "scene",
    [(by, before) for by in ("dispatch", "sweep") for before in ("recorded", "published")],
    indirect=True,
    ids="-".join,
)
def test_a_deletion_is_not_answered_between_the_fence_and_what_was_found_wanted(scene: Scene) -> None:
    scene.play()
    answered = scene.happened.index("answered")
    assert scene.happened[0] == "recorded"
    assert "published" not in scene.happened[answered:]
    assert scene.happened.index(scene._before) < answered
    assert EventType.IN_ALARM in scene.told()
