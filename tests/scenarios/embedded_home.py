"""The embedded home without its ports and processes: the same objects on SQLite, AWS's surroundings played by moto."""

import json
from typing import Any

from tests.scenarios.player import ACCOUNT, MIN_INTERVAL_SECONDS, REGION, Player, Report
from warden.adapters.aws_iot import IotThings
from warden.adapters.sqlite import SqliteTable
from warden.control_api.api import operations
from warden.control_api.context import Context
from warden.control_api.http import HttpRequest, HttpResponse
from warden.control_api.paging import Pager
from warden.control_api.router import Router
from warden.domain.behaviors.profile import AlertTarget
from warden.domain.errors import ReportRejected
from warden.domain.reports.replies import accepted, encode, rejected
from warden.embedded import channel
from warden.embedded.dispatcher import STREAM, StreamReader
from warden.embedded.exporter import Exporter
from warden.storage import keys
from warden.storage.catalogue import CatalogueCache, CatalogueStore
from warden.storage.jobs import Jobs
from warden.storage.thing_log import TableThingLog
from warden.storage.token_key import token_key
from warden.storage.violations import Violations
from warden.use_cases.deliver_alerts import DeliverAlerts
from warden.use_cases.dispatch_transitions import DispatchTransitions
from warden.use_cases.ingest_report import IngestReport, Options
from warden.use_cases.invalidate_silent import InvalidateSilent
from warden.use_cases.record_registry_answer import RecordRegistryAnswer
from warden.use_cases.retire_violations import RetireViolations
from warden.use_cases.sweep import Sweep


class Topics:
    """Port Alerts: keeps what was published."""

    def __init__(self, alerts: list[tuple[str, str]]) -> None:
        self._alerts = alerts

    def publish(self, target: AlertTarget, message: str) -> None:
        self._alerts.append((target.alert_target_arn, json.loads(message)["default"]))

    def settle(self) -> None:
        """Nothing here can be lost."""


class EmbeddedHome(Player):
    """Both planes in one. Reports keep the time that they say, as AWS's do, so that late ones can be told.

    Args:
        iot: A client of moto's `iot`.
        allow_unregistered_devices: `warden serve`'s option.
    """

    def __init__(self, iot: Any, *, allow_unregistered_devices: bool = False) -> None:
        super().__init__(iot)
        self.log_table = SqliteTable(":memory:", keys.LOG, stream=keys.OUTBOX)
        self._control = SqliteTable(":memory:", keys.CONTROL)
        self._log = TableThingLog(self.log_table)
        self._catalogue = CatalogueStore(self._control)
        self.violations = Violations(self._control, shards=1)
        self._jobs = Jobs(self._control)
        self._registry_port = IotThings(lambda: iot, hierarchy_trusted_ms=0)
        keep = self._log.keep
        self._catalogues = CatalogueCache(self._catalogue, poll_ms=None)
        options = Options(
            account=ACCOUNT,
            keep=keep,
            min_interval=MIN_INTERVAL_SECONDS * 1000,
            allow_unregistered=allow_unregistered_devices,
        )
        self._ingest = IngestReport(self._log, self._log, self._registry_port, self._catalogues, options)
        self._answered = RecordRegistryAnswer(self._log, self._log, self._catalogues, keep=keep)
        self._exporter = Exporter(self.log_table, self._catalogues, self._published, lambda: self.now)
        dispatch = DispatchTransitions(self._catalogue, self._log, self.violations, keep=keep)
        deliver = DeliverAlerts(self._catalogue, self._log, self.violations, Topics(self.alerts))
        self._reader = StreamReader(
            self.log_table,
            self._log,
            self._jobs,
            dispatch=dispatch,
            deliver=deliver,
            channel=self._channel,
            clock=lambda: self.now,
        )
        silent = InvalidateSilent(self._catalogue, self._log, self.violations, keep)
        retire = RetireViolations(self._catalogue, self._log, self.violations, self._jobs, keep)
        self._sweep = Sweep(self._jobs, self._log, dispatch, deliver, silent, retire)
        self._router = self._new_router(iot)

    def close(self) -> None:
        self.log_table.close()
        self._control.close()

    def handle(self, request: HttpRequest) -> HttpResponse:
        response = self._router.handle(request)
        self._catalogues.reload()
        return response

    def take(self, report: Report) -> None:
        try:
            ingested = self._ingest(report.thing, report.format, report.payload, at=report.at)
        except ReportRejected as error:
            verdict, reply = "rejected", rejected(report.thing, error, report.at)
        else:
            verdict, reply = "accepted", accepted(report.thing, ingested.report_id, report.at, ingested.dropped)
        self.replies.append((f"{report.topic}/{verdict}", encode(reply, report.format)))

    def tell(self, thing: str, what: str) -> None:  # noqa: ARG002 (its registry hands over the thing)
        self._answered(thing, self._registry_port.ask(thing, now=self.now), now=self.now)

    def delete_group(self, group: str) -> None:
        """Its registry knows whom that concerns."""
        members = self._iot.list_things_in_thing_group(thingGroupName=group)["things"]
        self._iot.delete_thing_group(thingGroupName=group)
        for thing in members:
            self.tell(thing, "")

    def settle(self) -> None:
        while True:
            while self._left():
                self._reader.read()
            while self._sweep(now=self.now):
                pass
            if not self._left():
                return

    def export(self) -> None:
        while self._exporter.export_some():
            pass

    def _published(self, topic: str, payload: bytes, qos: int) -> None:
        assert qos == 1
        self.exports.append((topic, json.loads(payload)))

    def _left(self) -> list[Any]:
        cursor = self._jobs.cursor(STREAM)
        return self.log_table.read_stream(cursor.record.position if cursor else 0, 1)

    def _channel(self, question: bytes, _seconds: float) -> bytes:
        async def prune(asked: dict[str, Any]) -> None:
            self.log_table.prune_stream(asked["upto"])

        answering = channel.reply({"prune": prune}, question)
        try:
            answering.send(None)
        except StopIteration as done:
            return bytes(done.value)
        raise AssertionError("the answer waits")

    def _new_router(self, iot: Any) -> Router:
        context = Context(
            account=ACCOUNT,
            region=REGION,
            partition="aws",
            catalogue=self._catalogue,
            jobs=self._jobs,
            violations=self.violations,
            log=self._log,
            keep=self._log.keep,
            has_group=self._registry_port.has_group,
            child_groups=self._registry_port.below,
            event_days=30,
            datapoint_days=14,
            pager=Pager(token_key(self._control, bytes(32))),
            clock=lambda: self.now,
        )
        return Router(iot.meta.service_model, operations(context))
