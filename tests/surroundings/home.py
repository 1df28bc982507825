"""A real home's surroundings on a free loopback port, and a real subscriber of its topics."""

import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from types import TracebackType
from typing import Any, Self
from urllib.request import urlopen

from botocore.config import Config

from tests.sessions import STOCK
from warden.control_api.http import HttpRequest, HttpResponse
from warden.embedded.remote_broker import RemoteBroker
from warden.embedded.surroundings.server import serve
from warden.embedded.surroundings.surroundings import RegistryChange, Surroundings

ACCOUNT, REGION = "111122223333", "us-east-1"
PATIENCE_SECONDS = 10  # how long a test waits for what must come; nothing is asserted about time


class OurApi:
    """Stands where the control API does: it answers one path, with what it was asked."""

    def matches(self, method: str, path: str) -> bool:
        return method == "GET" and path.startswith("/security-profiles")

    def handle(self, request: HttpRequest) -> HttpResponse:
        body = json.dumps({"securityProfileIdentifiers": [{"name": request.path, "arn": request.query}]})
        return HttpResponse(200, {"Content-Type": "application/json"}, body.encode())


def real_time() -> int:
    return time.time_ns() // 1_000_000


def until(condition: Callable[[], bool]) -> None:
    """Return when it holds; fail where it never does."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it never came"
        threading.Event().wait(0.005)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Home:
    """Surroundings behind their HTTP server, until the end of the `with` block."""

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        clock: Callable[[], int] = real_time,
        region: str = REGION,
        listener: Callable[[RegistryChange], None] | None = None,
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.changes: list[frozenset[str]] = []
        self.surroundings = Surroundings(
            data_dir,
            account=ACCOUNT,
            region=region,
            base_url=self.url,
            devices_host="home.example",
            on_registry_change=listener or (lambda change: change.things and self.changes.append(change.things)),
            broker=RemoteBroker(data_dir / "nobody.sock"),
            clock=clock,
        )
        app = self.surroundings.wsgi_app(OurApi(), lambda: (503, "no broker"), lambda: ("text/plain", b"nothing"))
        self.server = serve(app, "127.0.0.1", self.port)
        self._clients: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for client in self._clients:
            client.close()
        try:
            self.surroundings.end_long_polls()
            self.server.stop()
        finally:
            self.surroundings.close()

    def client(self, service: str, region: str = REGION, **config: Any) -> Any:
        client = stock_client(service, self.url, region, **config)
        self._clients.append(client)
        return client

    def get(self, url: str) -> bytes:
        with urlopen(url, timeout=PATIENCE_SECONDS) as response:  # noqa: S310 (a URL of this home)
            body: bytes = response.read()
            return body


SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/{}/{}/aws4_request, SignedHeaders=host, Signature=00"


def stock_client(service: str, url: str, region: str = REGION, **config: Any) -> Any:
    return STOCK.client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1, "mode": "standard"}, **config),
    )


@dataclass
class Received:
    """One POST."""

    headers: dict[str, str]
    body: str

    @property
    def json(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.body)
        return value


@dataclass
class Subscriber:
    """An HTTP endpoint that keeps what it is sent; it answers with `statuses` in turn, then 200."""

    statuses: list[int] = field(default_factory=list)
    received: "Queue[Received]" = field(default_factory=Queue)

    def __enter__(self) -> Self:
        subscriber = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.send_response(subscriber.statuses.pop(0) if subscriber.statuses else 200)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.send_header("Content-Length", "0")
                self.end_headers()
                subscriber.received.put(Received({k.lower(): v for k, v in self.headers.items()}, body))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/alerts?from=warden"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def next(self) -> Received:
        return self.received.get(timeout=PATIENCE_SECONDS)


def ask(
    home: Home, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection("127.0.0.1", home.port, timeout=PATIENCE_SECONDS)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()
