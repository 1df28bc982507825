"""The HTTP server: cheroot, with bounds."""

import logging
import threading
from typing import TYPE_CHECKING

from cheroot.wsgi import Server

from warden.embedded.surroundings.front import MAX_BODY

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = logging.getLogger(__name__)

THREADS = 32  # more than `LONG_POLLS`, which sleep
MAX_HEADERS = 64_000


class _Server(Server):
    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        log.log(level, "%s", msg, exc_info=traceback)


class RunningServer:
    """A server that takes requests until it is stopped.

    Attributes:
        port: Where it listens, also where it was asked to choose.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        server.prepare()
        self.port: int = server.bind_addr[1]
        self._thread = threading.Thread(target=server.serve, name="http", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no more, and give what is under way 2 s."""
        self._server.stop()
        self._thread.join()


def serve(app: "WSGIApplication", host: str, port: int) -> RunningServer:
    """Serve an application. Raises: OSError, where the address cannot be bound."""
    server = _Server((host, port), app, numthreads=THREADS, request_queue_size=128, timeout=10, shutdown_timeout=2)
    server.expiration_interval = 0.1  # also how long a stop takes at most to be noticed
    server.max_request_body_size = MAX_BODY
    server.max_request_header_size = MAX_HEADERS
    return RunningServer(server)
