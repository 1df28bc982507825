"""What the processes of `warden serve` have in common: how they are told what to do, and when to stop.

A plane gets its settings as its argument. It says on its standard output that it is ready, and on which port, or why
it is not. Its standard input is the supervisor's: where that ends, the supervisor has died, and so does the plane.
"""

import errno
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from warden.embedded.calm import Calm
from warden.embedded.options import ServeOptions

ORPHANED = 70


class Logs(msgspec.Struct, frozen=True, kw_only=True):
    """How a process logs, to standard error.

    Attributes:
        level: Name of a level of `logging`.
        format: `text`, a line for people; `json`, an object a line.
    """

    level: str = "INFO"
    format: str = "text"


class PlaneSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a plane needs.

    Attributes:
        options: Of `warden serve`; ports are the real ones where they are known already.
        channel: Socket of the local channel.
        logs: What is logged, and how.
    """

    options: ServeOptions
    channel: str
    logs: Logs = Logs()

    @property
    def channel_path(self) -> Path:
        """Socket of the local channel."""
        return Path(self.channel)


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """What a plane says once it serves: the ports that it listens on."""

    ports: tuple[int, ...]


class Hindered(msgspec.Struct, frozen=True, tag="hindered"):
    """What a plane says instead where it cannot serve: why, and what to do."""

    why: str


class CannotListen(Exception):
    """A port is not to be had.

    Args:
        error: What the machine says.
        port: Which.
        option: Of `warden serve`, to choose another one.
        host: Where it is.
    """

    def __init__(self, error: OSError, port: int, option: str, host: str = "127.0.0.1") -> None:
        another = f"choose another one with {option}"
        if isinstance(error, socket.gaierror):
            why = f"--host {host} cannot be resolved; give a name or an address of this machine"
        elif _is(error, errno.EADDRNOTAVAIL):
            why = f"--host {host} is no address of this machine; give one that is, or its host name"
        elif _is(error, errno.EADDRINUSE):
            why = f"port {port} of {host} is in use; {another}"
        elif _is(error, errno.EACCES):
            why = f"port {port} of {host} is not for this user to listen on; {another}"
        else:
            why = f"port {port} of {host} cannot be listened on ({error}); {another}"
        super().__init__(why)


def _is(error: OSError, number: int) -> bool:
    """Whether an error is of a number; the HTTP server has it in its text only."""
    return error.errno == number or (error.errno is None and os.strerror(number) in str(error))


def log_as(name: str, logs: Logs) -> None:
    """Log to standard error, in lines that say which process wrote them."""
    logging.Formatter.default_msec_format = "%s.%03d"
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter(f"%(asctime)s {name} %(levelname)s %(message)s")
    handler.addFilter(Calm())
    handler.setFormatter(_JsonLines(name) if logs.format == "json" else text)
    logging.basicConfig(level=logs.level, handlers=[handler], force=True)


class _JsonLines(logging.Formatter):
    """One JSON object a line: `at` in UTC, `process`, `level`, `logger`, `message`, and `trace` of an exception."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        said = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "process": self._process,
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["trace"] = self.formatException(record.exc_info)
        return msgspec.json.encode(said).decode()


def begin(name: str) -> PlaneSettings:
    """Read the settings of this process, log to standard error, and end with the supervisor."""
    settings = msgspec.json.decode(sys.argv[1], type=PlaneSettings)
    log_as(name, settings.logs)
    threading.Thread(target=_end_with_supervisor, name="lifeline", daemon=True).start()
    return settings


@contextmanager
def starting(*hindrances: type[Exception]) -> Iterator[None]:
    """What a plane does before it serves. What hinders it is the user's to mend: told in a sentence, no traceback."""
    expected: tuple[type[Exception], ...] = (CannotListen, *hindrances)
    try:
        yield
    except expected as error:
        _say(Hindered(str(error)))
        raise SystemExit(1) from None


def say_ready(*ports: int) -> None:
    """Tell the supervisor."""
    _say(Ready(ports))


def now() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000


def _say(message: Ready | Hindered) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


def _end_with_supervisor() -> None:
    """Not through `sys.stdin`, whose lock a thread that waits for ever would hold at the interpreter's end."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(ORPHANED)
