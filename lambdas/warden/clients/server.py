"""An HTTP server on loopback, bounded in all that a request can take of it.

Python's own is enough: one user's tools ask it a few times a second, and whoever only deploys has no other one
installed. A connection carries one request.
"""

import io
import logging
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from warden.clients.answers import answer
from warden.control_api.failures import Failure
from warden.control_api.http import HttpRequest, HttpResponse
from warden.control_api.wire import LONGEST_BODY

log = logging.getLogger(__name__)

THREADS = 16
TIMEOUT_SECONDS = 10
"""For a whole request to come in, and for each part of its answer to be taken."""
MOST_SWALLOWED = 8 * LONGEST_BODY
"""Bytes of a body that is too large, read so that its sender gets to read the answer."""


class LoopbackServer(ThreadingHTTPServer):
    """Serves once `serve_forever` is called.

    Args:
        port: Where; 0 chooses one.
        handle: Answers requests, on several threads; raises nothing. Its second argument is the port.
        clock: Seconds, never going back.

    Attributes:
        port: Where it listens.

    Raises:
        OSError: The port cannot be had.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        port: int,
        handle: Callable[[HttpRequest, int], HttpResponse],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.port: int = self.server_address[1]
        self.handle = handle
        self.clock = clock
        self._free = threading.BoundedSemaphore(THREADS)

    def process_request(self, request: Any, client_address: Any) -> None:
        """As a ThreadingHTTPServer's; what comes while all threads are busy waits."""
        self._free.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """As a ThreadingHTTPServer's."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Say it where logs are wanted: mostly a client that went away."""
        log.debug("a connection ended early", exc_info=True)  # noqa: LOG014 (called while it is handled)


class _Incoming(io.RawIOBase):
    """What a connection sends, for as long as a request may take: a byte now and then does not prolong it."""

    def __init__(self, connection: socket.socket, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock
        self._end = clock() + TIMEOUT_SECONDS

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._end - self._clock()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class _Handler(BaseHTTPRequestHandler):
    server: LoopbackServer
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT_SECONDS

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(_Incoming(self.connection, self.server.clock))

    def _serve(self) -> None:
        self.close_connection = True
        refusal = self._unreadable()
        if refusal:
            self._send(answer(refusal))
            return
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        self._send(self.server.handle(HttpRequest(self.command, path, query, headers, body), self.server.port))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 (the base class's names)

    def _unreadable(self) -> Failure | None:
        """What is wrong with how a request is sent."""
        names = [name.lower() for name in self.headers]
        if len(set(names)) < len(names) or not all(value.isprintable() for value in self.headers.values()):
            return Failure("InvalidRequestException", 400, "send each header once, on one line")
        if "transfer-encoding" in names:
            return Failure("InvalidRequestException", 400, "send the body with a Content-Length, not in chunks")
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            return Failure("InvalidRequestException", 400, "Content-Length is not a number")
        if len(length) > 9 or int(length) > LONGEST_BODY:
            self._swallow(int(length[:9]))
            return Failure("InvalidRequestException", 400, f"the body is over {LONGEST_BODY} bytes")
        return None

    def _swallow(self, left: int) -> None:
        while 0 < left <= MOST_SWALLOWED and (chunk := self.rfile.read(min(left, 65_536))):
            left -= len(chunk)

    def _send(self, response: HttpResponse) -> None:
        self.connection.settimeout(TIMEOUT_SECONDS)
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        for name, value in (
            ("Content-Length", str(len(response.body))),
            ("Connection", "close"),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(response.body)

    def version_string(self) -> str:
        return "warden"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        log.debug(format, *args)
