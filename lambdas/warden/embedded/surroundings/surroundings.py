"""The AWS surroundings of the embedded home: moto, its checkpoints and its deliveries, as one object."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warden.control_api.http import HttpRequest, HttpResponse
from warden.embedded.surroundings import checkpoint
from warden.embedded.surroundings.answers import Refused, refusal
from warden.embedded.surroundings.authority import Authority
from warden.embedded.surroundings.backends import MOTO_VERSION, SERVICES, Backends, is_state
from warden.embedded.surroundings.clients import in_process_client
from warden.embedded.surroundings.deliveries import Deliveries, Sender
from warden.embedded.surroundings.front import ControlApi, Front
from warden.embedded.surroundings.messages import MessageBroker, Messages
from warden.embedded.surroundings.outbox import Outbox
from warden.embedded.surroundings.outbox_api import OutboxApi
from warden.embedded.surroundings.outlet import Outlet
from warden.embedded.surroundings.registry_events import message
from warden.storage.access import Changes, Record, Subject

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

LONG_POLLS = 20  # at a time; more are answered at once, so that waiting never takes all of the server's threads
READING = ("Get", "List", "Describe", "Search", "Test", "Validate", "Simulate", "Check", "Select")


@dataclass(frozen=True, slots=True)
class RegistryChange:
    """What to read again.

    Attributes:
        things: Names of things whose registration or group membership changed.
        access: Those whose access to the broker, or what decides it, is another.
        events: What AWS IoT tells of it, as topic and payload, in order.
    """

    things: frozenset[str]
    access: frozenset[Subject]
    events: tuple[tuple[str, bytes], ...] = ()


class Surroundings:
    """Everything of iot, iot-data, sns, sqs, iam and sts that is not ours, for one account and region.

    A mutation is on disk soon after it was made: at once where the last checkpoint is long enough ago, and within
    the longer of one second and ten times a checkpoint's cost otherwise. That is what a crash can lose.

    Args:
        data_dir: Exists, and is nobody else's; holds `surroundings.checkpoint`, `deliveries.db`, `ca.pem` and `ca.key`.
        account: 12 digits.
        region: The only region there is.
        base_url: Where clients and subscribers find the HTTP port, without a slash at the end.
        devices_host: Where devices connect.
        on_registry_change: Told after the mutation and before its answer, without the lock. What it raises fails
            the request, which took effect.
        broker: Where iot-data publishes, and finds what is retained.
        clock: Epoch milliseconds.
    Raises: CheckpointUnreadable; AuthorityUnusable; OSError; RuntimeError, where this process has another one open.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        account: str,
        region: str,
        base_url: str,
        devices_host: str,
        on_registry_change: Callable[[RegistryChange], None],
        broker: MessageBroker,
        clock: Callable[[], int],
    ) -> None:
        path = data_dir / "surroundings.checkpoint"
        state = checkpoint.load(path)
        if state is not None and not is_state(state):
            raise checkpoint.CheckpointUnreadable(path, "it holds something else than backends")
        authority = Authority.open(data_dir, clock)
        self._account = account
        self._region = region
        self._base_url = base_url
        self._on_registry_change = on_registry_change
        self._lock = threading.Condition()
        self._messages = Messages(broker)
        self._clock = clock
        self._closing = False
        self._waiting = 0
        self._deliveries = Deliveries(data_dir / "deliveries.db")
        self._outbox = Outbox(data_dir / "deliveries.db")
        self._outbox_api = OutboxApi(self._outbox, clock)
        outlet = Outlet(self._deliveries, self._outbox, base_url, clock)
        try:
            self._backends = Backends(
                account=account,
                region=region,
                base_url=base_url,
                authority=authority,
                devices_host=devices_host,
                outlet=outlet,
                pause=self._pause,
            )
        except RuntimeError:
            self._deliveries.close()
            self._outbox.close()
            raise
        self._backends.restore(state or {})
        self._keeper = checkpoint.Keeper(path, self._snapshot, self._lock)
        self._sender = Sender(self._deliveries, clock)
        self._keeper.start()
        self._sender.start()

    def call(self, service: str, request: HttpRequest) -> HttpResponse:
        """One request to one of `SERVICES`, answered when those who must know of a registry change do."""
        response, _ = self._call(service, request)
        return response

    def _call(self, service: str, request: HttpRequest) -> tuple[HttpResponse, bool]:
        """The answer, and whether there is something new to keep."""
        if service == "iot-data" and self._messages.matches(request):
            return self._messages.handle(request), False  # without the lock: the broker may have to ask the registry
        with self._lock:
            operation, response = self._backends.call(service, request)
            change = self._take_change()
            is_new = bool(change.things or change.access) or _mutated(operation, response)
            if is_new:
                self._keeper.changed()
                self._lock.notify_all()
        if change.things or change.access or change.events:
            self._on_registry_change(change)
        return response, is_new

    def _take_change(self) -> RegistryChange:
        registry, now = self._backends.registry, self._clock()
        events = tuple(message(each, account=self._account, at=now) for each in registry.take_changes())
        return RegistryChange(registry.take_touched(), registry.take_access(), events)

    def access_of(self, subjects: Iterable[Subject]) -> Changes:
        """What is said now of some who have access to the broker, and of what decides it."""
        with self._lock:
            return self._backends.registry.access_of(subjects)

    def all_access(self) -> Mapping[Subject, Record]:
        """What is said of all that have access to the broker, and of what decides it."""
        with self._lock:
            return self._backends.registry.all_access()

    def call_and_keep(self, service: str, request: HttpRequest) -> HttpResponse:
        """As `call`; what the client is told is on disk already where that is cheap. Where it cannot be, the client is
        told that: it took effect, and a crash would lose it."""
        response, is_new = self._call(service, request)
        try:
            self._keeper.if_cheap()
        except OSError as error:
            if is_new:
                why = f"it took effect and cannot be kept: {error}; ask again when that is mended"
                return refusal(service, Refused(503, "ServiceUnavailableException", why))
        return response

    def client(self, service: str) -> Any:
        """A boto3 client whose requests never leave this process. Raises: KeyError, where `service` is not here."""
        if service not in SERVICES:
            raise KeyError(service)
        return in_process_client(service, self._region, self._base_url, lambda request: self.call(service, request))

    def wsgi_app(
        self,
        control_api: ControlApi,
        health: Callable[[], tuple[int, str]],
        metrics: Callable[[], tuple[str, bytes]],
    ) -> "WSGIApplication":
        """The one HTTP port: `control_api`, `GET /healthz` (status, text), `GET /metrics` (content type, text), the
        outbox, and all that is here."""
        return Front(self.call_and_keep, SERVICES, control_api, health, metrics, outbox=self._outbox_api.handle)

    def checkpoint_now(self) -> None:
        """Return when all that was answered before this call is on disk. Raises: OSError."""
        self._keeper.now()

    flush = checkpoint_now

    @property
    def hindrance(self) -> str:
        """Why the last checkpoint could not be written; empty where it could."""
        return self._keeper.hindrance

    def end_long_polls(self) -> None:
        """Answer those who wait for messages, now and from now on; before the HTTP server is stopped."""
        with self._lock:
            self._closing = True
            self._lock.notify_all()

    def close(self) -> None:
        """Write the last checkpoint, stop the threads, leave moto as it was before."""
        self.end_long_polls()
        self._sender.stop()
        try:
            self._keeper.stop()
        finally:
            self._deliveries.close()
            self._outbox.close()
            self._backends.close()

    def _snapshot(self) -> bytes:
        return checkpoint.dump(self._backends.state(), MOTO_VERSION)

    def _pause(self, seconds: float) -> bool:
        if self._closing or self._waiting >= LONG_POLLS:
            return False
        self._waiting += 1
        try:
            self._lock.wait(min(seconds, 1.0))  # a message may become visible without anybody doing anything
        finally:
            self._waiting -= 1
        return not self._closing


def _mutated(operation: str, response: HttpResponse) -> bool:
    if response.status >= 300 or operation.startswith(READING):
        return False
    return operation != "ReceiveMessage" or b"ReceiptHandle" in response.body
