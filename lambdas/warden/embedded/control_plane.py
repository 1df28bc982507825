"""The control plane of `warden serve`: HTTP, the AWS surroundings, dispatch; the only writer of `control.db`."""

import logging
import secrets
import signal
import threading
from collections.abc import Callable, Iterable
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import unquote

import msgspec

from warden.adapters.aws_iot import IotThings
from warden.adapters.sns import SnsAlerts
from warden.adapters.sqlite import SqliteTable, WrongSchema
from warden.control_api.api import operations
from warden.control_api.context import Context
from warden.control_api.http import HttpRequest, HttpResponse
from warden.control_api.operations import TAGS
from warden.control_api.paging import Pager
from warden.control_api.router import Router
from warden.control_api.tags import is_device_defenders
from warden.domain.alarms.violation import Event
from warden.domain.errors import Unavailable
from warden.embedded import channel
from warden.embedded.dispatcher import STREAM, SWEEP_SECONDS, StreamReader, Worker, sweeper
from warden.embedded.metrics import CONTENT_TYPE, HomeMetrics
from warden.embedded.news import DataPlaneNews
from warden.embedded.options import CONTROL_FILE, LOG_FILE
from warden.embedded.plane import CannotListen, PlaneSettings, begin, now, say_ready, starting
from warden.embedded.remote_broker import RemoteBroker
from warden.embedded.remote_log import RemoteThingLog
from warden.embedded.surroundings.checkpoint import CheckpointUnreadable
from warden.embedded.surroundings.server import RunningServer, serve
from warden.embedded.surroundings.surroundings import RegistryChange, Surroundings
from warden.storage import keys
from warden.storage.access import AccessRecords, Subject
from warden.storage.catalogue import CatalogueStore
from warden.storage.jobs import Jobs
from warden.storage.thing_log import TableThingLog
from warden.storage.token_key import token_key
from warden.storage.violations import Violations
from warden.use_cases.deliver_alerts import DeliverAlerts
from warden.use_cases.dispatch_transitions import DispatchTransitions
from warden.use_cases.forget_thing import Forgotten, forget_thing
from warden.use_cases.invalidate_silent import InvalidateSilent
from warden.use_cases.retire_violations import RetireViolations
from warden.use_cases.sweep import Sweep

log = logging.getLogger(__name__)

DATA_OF_THINGS = "/thingwarden/things/"
"""`DELETE` of it and a thing's name, percent-encoded, erases the thing's data; no path of AWS's."""

EXPIRE_EVERY_SECONDS = 60.0
EXPIRE_AT_ONCE = 500
"""Items; requests wait meanwhile."""

HEALTH_SECONDS = 1.0
STUCK_NAMED, STUCK_COUNTED = 5, 1_000

P = ParamSpec("P")
T = TypeVar("T")


class Api:
    """The control API as the HTTP port sees it: a change is in force, for reports too, when its call returns.

    Args:
        router: Answers.
        elsewhere: Answers requests for tags of what is not Device Defender's.
        exclusive: Held while anything is changed: what dispatch records and sends, it does before or after.
        changed: Told after a change.
        forget: Erases a thing's data.
    """

    def __init__(
        self,
        router: Router,
        elsewhere: Callable[[HttpRequest], HttpResponse],
        exclusive: threading.RLock,
        changed: Callable[[], None],
        forget: Callable[[str], Forgotten],
    ) -> None:
        self._forget = forget
        self._router = router
        self._elsewhere = elsewhere
        self._exclusive = exclusive
        self._changed = changed

    def matches(self, method: str, path: str) -> bool:
        """Whether an operation of Device Defender is at this method and raw path, or one of our own."""
        return _forgets(method, path) or self._router.matches(method, path)

    def handle(self, request: HttpRequest) -> HttpResponse:
        """The answer to a request."""
        if _forgets(request.method, request.path):
            with self._exclusive:
                erased = self._forget(unquote(request.path.removeprefix(DATA_OF_THINGS)))
            return HttpResponse(200, {"Content-Type": "application/json"}, msgspec.json.encode(erased))
        if self._is_elsewheres(request):
            return self._elsewhere(request)
        if request.method == "GET":
            return self._router.handle(request)
        with self._exclusive:
            response = self._router.handle(request)
        if response.status < 300:
            self._changed()
        return response

    def _is_elsewheres(self, request: HttpRequest) -> bool:
        if self._router.operation(request.method, request.path) not in TAGS:
            return False
        return not is_device_defenders(self._router.members(request).get("resourceArn"))


def _forgets(method: str, path: str) -> bool:
    name = path.removeprefix(DATA_OF_THINGS)
    return method == "DELETE" and name != path and bool(name) and "/" not in name


class ControlPlane:
    """The control plane, as one object.

    Args:
        settings: What `warden serve` was told; the HTTP port is a real one.
    """

    def __init__(self, settings: PlaneSettings) -> None:
        options = settings.options
        self._settings = settings
        self._table = SqliteTable(options.directory / CONTROL_FILE, keys.CONTROL)
        self._log_file = SqliteTable(options.directory / LOG_FILE, keys.LOG, read_only=True)
        self._broker = RemoteBroker(settings.channel_path)
        self._surroundings = Surroundings(
            options.directory,
            account=options.account,
            region=options.region,
            base_url=f"http://127.0.0.1:{options.http_port}",
            devices_host=options.host,
            on_registry_change=self._registry_changed,
            broker=self._broker,
            clock=now,
        )
        self._registry = IotThings(lambda: self._surroundings.client("iot"), hierarchy_trusted_ms=0)
        self._news = DataPlaneNews(settings.channel_path, self._registry)
        self._exclusive = threading.RLock()
        self._jobs = Jobs(self._table)
        self._metrics = HomeMetrics(self._data_plane_status, self._dispatched, self._stuck)
        self._access = AccessRecords(self._table)
        self._access_order = threading.Lock()  # whoever looks last writes last
        self._access_unkept: set[Subject] = set()
        self._catalogue = CatalogueStore(self._table)
        self._violations = Violations(self._table, shards=1, event_days=options.event_days)
        stored = TableThingLog(self._log_file, keep_days=options.keep_days)
        self._keep = stored.keep
        self._log = RemoteThingLog(stored, settings.channel_path)
        self._workers = self._make_workers()
        self._server: RunningServer | None = None

    def _make_workers(self) -> dict[str, Worker]:
        catalogue, things, violations, keep = self._catalogue, self._log, self._violations, self._keep
        alerts = SnsAlerts(self._surroundings.client("sns"), self._settle)
        dispatch = _excluding(self._exclusive, DispatchTransitions(catalogue, things, violations, keep=keep))
        deliver = _excluding(self._exclusive, DeliverAlerts(catalogue, things, violations, alerts, self._alerted))
        sweep = Sweep(
            jobs=self._jobs,
            log=things,
            dispatch=dispatch,
            deliver=deliver,
            invalidate_silent=InvalidateSilent(catalogue, things, violations, keep),
            retire=RetireViolations(catalogue, things, violations, self._jobs, keep),
        )
        path = self._settings.channel_path
        reader = StreamReader(self._log_file, things, self._jobs, dispatch=dispatch, deliver=deliver, channel=path)
        return {
            "dispatch": Worker("dispatch", reader.read),
            "sweep": Worker("sweep", sweeper(sweep), pause_seconds=SWEEP_SECONDS),
            "news": Worker("news", self._tell_news, pause_seconds=SWEEP_SECONDS),
            "expire": Worker("expire", self._expire, pause_seconds=EXPIRE_EVERY_SECONDS),
            "reconcile": Worker("reconcile", self._news.tell_everything, once=True),
        }

    def _expire(self) -> None:
        """Forget the episodes and events whose time is over."""
        while self._table.expire(now() // 1000, EXPIRE_AT_ONCE) == EXPIRE_AT_ONCE:
            pass

    def start(self) -> int:
        """Serve. Returns the HTTP port. Raises CannotListen."""
        app = self._surroundings.wsgi_app(self._api(), self._health, lambda: (CONTENT_TYPE, self._metrics.text()))
        port = self._settings.options.http_port
        try:
            self._server = serve(app, "127.0.0.1", port)
        except OSError as error:
            raise CannotListen(error, port, "--port") from error
        for worker in self._workers.values():
            worker.start()
        self._compare_access()
        return self._server.port

    def stop(self) -> None:
        """End what is under way, and keep what is not kept yet."""
        for worker in self._workers.values():
            worker.end()
        self._surroundings.end_long_polls()
        if self._server:
            self._server.stop()
        self._surroundings.flush()  # before anything that may take its time
        for worker in self._workers.values():
            worker.join(0.5)
        self._surroundings.close()
        self._table.close()
        self._log_file.close()

    def _api(self) -> Api:
        options = self._settings.options
        context = Context(
            account=options.account,
            region=options.region,
            partition="aws",
            catalogue=self._catalogue,
            jobs=self._jobs,
            violations=self._violations,
            log=self._log,
            keep=self._keep,
            has_group=self._registry.has_group,
            child_groups=self._registry.below,
            event_days=options.event_days,
            datapoint_days=options.datapoint_days,
            pager=Pager(token_key(self._table, secrets.token_bytes(32))),
            clock=now,
            limits=options.limits,
        )
        model = self._surroundings.client("iot").meta.service_model
        router = Router(model, operations(context))
        elsewhere = partial(self._surroundings.call_and_keep, "iot")
        forget = partial(forget_thing, self._log, self._violations)
        return Api(router, elsewhere, self._exclusive, self._profiles_changed, forget)

    def _profiles_changed(self) -> None:
        self._news.profiles_changed()
        self._workers["sweep"].wake()

    def _registry_changed(self, change: RegistryChange) -> None:
        if change.things:
            self._news.registry_changed(change.things)
        if change.events:
            self._announce(change.events)
        if change.access:
            with self._access_order:
                self._access_unkept |= change.access
            self._keep_access()

    def _announce(self, events: Iterable[tuple[str, bytes]]) -> None:
        try:
            self._broker.announce(events)
        except Unavailable as error:  # with the broker, all sessions that could have heard of them are gone
            log.info("registry events were told to nobody: %s", error)

    def _keep_access(self) -> None:
        """Have the broker know what changed of who may do what. Raises Unavailable: then it is done again later."""
        with self._access_order:
            if not self._access_unkept:
                return
            changes = self._surroundings.access_of(self._access_unkept)
            with self._table.batch():
                self._access.apply(changes)
            self._access_unkept.clear()
        self._news.access_changed(changes)

    def _tell_news(self) -> None:
        self._keep_access()
        self._news.tell()

    def _compare_access(self) -> None:
        """The registry may have lost the last second of what it said."""
        with self._access_order:
            whole = self._surroundings.all_access()
            with self._table.batch():
                changed = self._access.replace(whole)
        if changed:
            self._news.access_changed(changed)

    def _settle(self) -> None:
        try:
            self._surroundings.checkpoint_now()
        except OSError as error:
            raise Unavailable(f"the surroundings cannot be kept: {error}") from error

    def _alerted(self, event: Event) -> None:
        self._metrics.alerted((now() - event.at) / 1000)

    def _data_plane_status(self) -> dict[str, Any] | None:
        try:
            status: dict[str, Any] = channel.ask(self._settings.channel_path, "status", {}, timeout=HEALTH_SECONDS)
        except Unavailable:
            return None
        return status

    def _dispatched(self) -> int:
        cursor = self._jobs.cursor(STREAM)
        return cursor.record.position if cursor else 0

    def _stuck(self) -> int:
        return len(self._jobs.stuck_entries(limit=STUCK_COUNTED))

    def _health(self) -> tuple[int, str]:
        try:
            status = channel.ask(self._settings.channel_path, "status", {}, timeout=HEALTH_SECONDS)
        except Unavailable as error:
            return 503, f"{error}\n"
        if hindrance := status["hindrance"]:
            return 503, f"reports are waiting: {hindrance}\n"
        if hindrance := self._surroundings.hindrance:
            return 503, f"the registry, topics and queues cannot be kept: {hindrance}\n"
        stuck = [f"{seq} of {thing}" for thing, seq in self._jobs.stuck_entries(limit=STUCK_NAMED)]
        return 200, f"ok, but log entries could not be dispatched: {', '.join(stuck)}\n" if stuck else "ok\n"


def _excluding(lock: threading.RLock, call: Callable[P, T]) -> Callable[P, T]:
    @wraps(call, assigned=(), updated=())
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        with lock:
            return call(*args, **kwargs)

    return called


def main() -> None:
    """The process."""
    settings = begin("control-plane")
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor's to deal with
    with starting(WrongSchema, Unavailable, CheckpointUnreadable):
        plane = ControlPlane(settings)
        port = plane.start()
    say_ready(port)
    stopped.wait()
    plane.stop()


if __name__ == "__main__":
    main()
