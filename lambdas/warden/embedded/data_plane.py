"""The data plane of `warden serve`: the broker, the evaluation of reports, the only writer of `log.db`."""

import asyncio
import gc
import logging
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

import boto3
import msgspec
from botocore.config import Config

from warden.adapters.aws_iot import IotThings
from warden.adapters.sqlite import SqliteTable, WrongSchema
from warden.domain.alarms.entry import Entry
from warden.domain.alerts.target import Home
from warden.domain.behaviors.target import ThingFacts
from warden.domain.errors import Unavailable
from warden.domain.reports.topics import RESERVED_PREFIX
from warden.embedded import channel
from warden.embedded.access import Access, ClientRights
from warden.embedded.broker import Broker, Publication
from warden.embedded.broker.door import listen, make_room, port_of
from warden.embedded.broker.limits import AWS_LIMITS, NO_LIMITS
from warden.embedded.broker.rights import Peer, Rights, peer_of_socket
from warden.embedded.broker_answers import BrokerAnswers
from warden.embedded.exporter import Exporter
from warden.embedded.intake import AskedThings, Intake
from warden.embedded.options import CA_FILE, CONTROL_FILE, LOG_FILE, SERVER_CERTIFICATE_FILE, SERVER_KEY_FILE
from warden.embedded.plane import CannotListen, PlaneSettings, begin, now, say_ready, starting
from warden.embedded.tls import Handshakes, TlsFront, server_context, trust
from warden.storage import keys
from warden.storage.access import AccessRecords, Anchor, Kind, Subject
from warden.storage.catalogue import CatalogueCache, CatalogueStore
from warden.storage.thing_log import TableThingLog
from warden.use_cases.ingest_report import IngestReport, Options
from warden.use_cases.record_registry_answer import RecordRegistryAnswer

log = logging.getLogger(__name__)

EXPIRE_EVERY_SECONDS = 60.0
EXPIRE_AT_ONCE = 2_000
STREAM_WAIT_SECONDS = 5.0


class DataPlane:
    """The data plane, as one object.

    Args:
        settings: What `warden serve` was told.
        table: Table `log`, with its stream.
    """

    def __init__(self, settings: PlaneSettings, table: SqliteTable) -> None:
        options = settings.options
        self._settings = settings
        self._table = table
        self._log = TableThingLog(table, keep_days=options.keep_days)
        self._catalogue_file = SqliteTable(options.directory / CONTROL_FILE, keys.CONTROL, read_only=True)
        self._catalogues = CatalogueCache(CatalogueStore(self._catalogue_file), poll_ms=None)
        self._access_records = AccessRecords(self._catalogue_file)
        self._access = Access(self._access_records, Home("aws", options.region, options.account))
        self._tls_refused = dict.fromkeys(("certificate_inactive", "handshake_failed"), 0)
        places = make_room()
        self._handshakes = Handshakes(time.monotonic, places.handshakes)
        self._broker = Broker(
            take=self._take,
            log=log,
            authorise=self._access.rights,
            most=places.connections,
            limits=AWS_LIMITS if options.aws_limits else NO_LIMITS,
            first_version=now() // 1000,  # no client connects more often than each second for an hour
        )
        self._answered = RecordRegistryAnswer(self._log, self._log, self._catalogues, keep=self._log.keep)
        asked = AskedThings()
        rules = Options(
            account=options.account,
            keep=self._log.keep,
            min_interval=options.min_report_interval_seconds * 1000,
            allow_unregistered=options.allow_unregistered_devices,
            flag_counter_resets=options.flag_counter_resets,
            one_clock=True,
        )
        self._intake = Intake(
            IngestReport(self._log, self._log, asked, self._catalogues, rules),
            asked,
            fetch=self._fetch,
            transaction=table.batch,
            send=self._broker.publish,
            pause=lambda stop: self._broker.pause() if stop else self._broker.resume(),
            prefixes=(RESERVED_PREFIX, options.metrics_prefix),
            clock=now,
            committed=self._committed,
        )
        self._exporter = Exporter(table, self._catalogues, self._broker.publish, now)
        self._registry = IotThings(self._registry_client, hierarchy_trusted_ms=0)
        self._askers = ThreadPoolExecutor(4, thread_name_prefix="registry")
        self._stream_grew = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._tls_server: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> tuple[int, ...]:
        """Take reports and the control plane's questions. Returns the broker's ports. Raises CannotListen."""
        ports = await self._listen(), await self._listen_with_tls()
        answerers: dict[str, channel.Answerer] = {
            "append": self._append,
            "registry-answer": self._registry_answer,
            "reload": self._reload,
            "access": self._access_changed,
            "stream": self._wait_for_stream,
            "prune": self._prune,
            "things": self._known_things,
            "status": self._status,
            "forget": self._forget,
            **BrokerAnswers(self._broker, self._take).by_verb(),
        }
        self._server = await channel.answer(self._settings.channel_path, answerers)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._expire()), loop.create_task(self._exporter.run())]
        return ports

    async def _listen(self) -> int:
        port = self._settings.options.mqtt_port
        try:
            return await self._broker.listen("127.0.0.1", port)
        except OSError as error:
            raise CannotListen(error, port, "--mqtt-port") from error

    async def _listen_with_tls(self) -> int:
        options = self._settings.options
        directory = options.directory
        files = directory / SERVER_CERTIFICATE_FILE, directory / SERVER_KEY_FILE
        anchors = [(directory / CA_FILE).read_text(), *self._access_records.anchors()]
        self._tls = server_context(*files, anchors)
        try:
            server = await listen(self._tls_front, options.host, options.mqtts_port)
        except OSError as error:
            raise CannotListen(error, options.mqtts_port, "--mqtts-port", options.host) from error
        self._tls_server = server
        return port_of(server)

    def _tls_front(self) -> TlsFront:
        return TlsFront(
            self._tls,
            lambda: self._broker.protocol(_peer_of),
            admit=self._admit,
            failed=self._no_handshake,
            handshakes=self._handshakes,
        )

    def _admit(self, address: str, certificate_id: str) -> bool:
        if self._access.is_active(certificate_id):
            return True
        self._tls_refused["certificate_inactive"] += 1
        log.warning("%s came with certificate %s, which is not active here", address, certificate_id)
        return False

    def _no_handshake(self, address: str, why: str) -> None:
        self._tls_refused["handshake_failed"] += 1
        log.info("no TLS handshake with %s: %s", address, why)

    async def stop(self) -> None:
        """Deal with what was taken over, then end; what was not is not acknowledged."""
        self._broker.pause()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._intake.drain(), 2)
        for task in self._tasks:
            task.cancel()
        with suppress(Exception):  # what does not leave now does after the next start
            while self._exporter.export_some():
                pass
        await asyncio.sleep(0)  # what was published leaves with the loop's next turn
        await self._broker.close()
        for server in (self._server, self._tls_server):
            if server:
                server.close()
        self._askers.shutdown(wait=False, cancel_futures=True)
        self._catalogue_file.close()

    def _take(self, publication: Publication) -> bool:
        return self._intake.take(publication)

    def _registry_client(self) -> Any:
        return boto3.client(
            "iot",
            endpoint_url=f"http://127.0.0.1:{self._settings.options.http_port}",
            region_name=self._settings.options.region,
            aws_access_key_id="embedded",
            aws_secret_access_key="embedded",  # noqa: S106 (nothing is signed for: the other end is this machine)
            config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1}),
        )

    async def _fetch(self, thing: str) -> ThingFacts:
        asked_at = now()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._askers, lambda: self._registry.ask(thing, now=asked_at))

    def _committed(self) -> None:
        self._stream_grew.set()

    # The control plane's questions.

    async def _append(self, asked: dict[str, Any]) -> None:
        entry = msgspec.msgpack.decode(asked["entry"], type=Entry)
        self._log.append(asked["thing"], entry, after=asked["after"])
        self._committed()

    async def _registry_answer(self, asked: dict[str, Any]) -> None:
        with self._table.batch():
            for thing, facts in asked["answers"].items():
                self._answered(thing, msgspec.convert(facts, ThingFacts), now=now())
        self._committed()

    async def _reload(self, _: dict[str, Any]) -> int:
        return self._catalogues.reload().epoch

    async def _access_changed(self, asked: dict[str, Any]) -> None:
        """What is said of some subjects of access is another now."""
        for kind, name in asked["subjects"]:
            if kind == Kind.ANCHOR and (anchor := self._access_records.get(Anchor, name)):
                trust(self._tls, anchor.pem)
        named = {Subject(Kind(kind), name) for kind, name in asked["subjects"]}

        def are_concerned(rights: Rights) -> bool:
            return isinstance(rights, ClientRights) and not named.isdisjoint(rights.subjects)

        await self._broker.reauthorise(are_concerned)

    async def _wait_for_stream(self, asked: dict[str, Any]) -> int:
        """The stream's head, as soon as it is past what the asker has read, or after a while."""
        with suppress(TimeoutError):
            async with asyncio.timeout(STREAM_WAIT_SECONDS):
                while self._table.stream_head() <= asked["after"]:  # most commits raise nothing
                    self._stream_grew.clear()
                    await self._stream_grew.wait()
        return self._table.stream_head()

    async def _prune(self, asked: dict[str, Any]) -> None:
        self._table.prune_stream(asked["upto"])

    async def _known_things(self, asked: dict[str, Any]) -> list[str]:
        """Names of things that the registry was asked about, 1,000 at a time, in order."""
        after = keys.thing(asked["after"]) if asked["after"] else ""
        return [keys.split(pk)[1] for pk in self._table.partitions(keys.THING, after=after, limit=1000)]

    async def _forget(self, asked: dict[str, Any]) -> int:
        with self._table.batch():
            return self._log.forget(asked["thing"])

    async def _status(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "broker": asdict(self._broker.stats),
            "clients": self._broker.clients(),
            "kept_bytes": self._broker.kept_bytes,
            "hindrance": self._intake.hindrance,
            "reports": self._intake.counts,
            "tls_refused": self._tls_refused,
            "stream": self._table.stream_head(),
            "waiting": self._intake.waiting,
        }

    async def _expire(self) -> None:
        while True:
            try:
                while self._table.expire(now() // 1000, EXPIRE_AT_ONCE) == EXPIRE_AT_ONCE:
                    await asyncio.sleep(0)
            except Exception:
                log.exception("expired entries could not be removed now")
            await asyncio.sleep(EXPIRE_EVERY_SECONDS)


def _peer_of(transport: asyncio.Transport) -> Peer:
    """The far end of a TLS connection."""
    return replace(
        peer_of_socket(transport),
        certificate_id=transport.get_extra_info("certificate_id"),
        tls=transport.get_extra_info("certificate"),
    )


async def run(settings: PlaneSettings, make: Callable[[PlaneSettings], DataPlane]) -> None:
    """Serve until SIGTERM."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # the supervisor's to deal with
    with starting(WrongSchema, Unavailable):
        plane = make(settings)
        ports = await plane.start()
    gc.freeze()  # what lives as long as the process is looked at no more, however many objects a hostile report makes
    say_ready(*ports)
    await stopped.wait()
    await plane.stop()


def open_log(settings: PlaneSettings) -> SqliteTable:
    """Table `log`, with its stream."""
    return SqliteTable(settings.options.directory / LOG_FILE, keys.LOG, stream=keys.OUTBOX)


def main() -> None:
    """The process."""
    settings = begin("data-plane")
    with starting(WrongSchema, Unavailable):
        table = open_log(settings)
    try:
        asyncio.run(run(settings, lambda told: DataPlane(told, table)))
    finally:
        table.close()


if __name__ == "__main__":
    main()
