"""What the processes of `warden serve` have in common: how they are told what to do, and when to stop.

A plane gets its settings as its argument. It says on its standard output that it is ready, and on which port. Its
standard input is the supervisor's: where that ends, the supervisor has died, and so does the plane.
"""

import logging
import os
import sys
import threading
import time
from pathlib import Path

import msgspec

from warden.embedded.options import ServeOptions

ORPHANED = 70


class PlaneSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a plane needs.

    Attributes:
        options: Of `warden serve`; ports are the real ones where they are known already.
        channel: Socket of the local channel.
        log_level: Name of a level of `logging`.
    """

    options: ServeOptions
    channel: str
    log_level: str = "INFO"

    @property
    def channel_path(self) -> Path:
        """Socket of the local channel."""
        return Path(self.channel)


class Ready(msgspec.Struct, frozen=True):
    """What a plane says once it serves: the port that it listens on."""

    port: int


def begin(name: str) -> PlaneSettings:
    """Read the settings of this process, log to standard error, and end with the supervisor."""
    settings = msgspec.json.decode(sys.argv[1], type=PlaneSettings)
    logging.basicConfig(
        level=settings.log_level, format=f"%(asctime)s {name} %(levelname)s %(message)s", stream=sys.stderr
    )
    logging.Formatter.default_msec_format = "%s.%03d"
    threading.Thread(target=_end_with_supervisor, name="lifeline", daemon=True).start()
    return settings


def say_ready(port: int) -> None:
    """Tell the supervisor."""
    sys.stdout.buffer.write(msgspec.json.encode(Ready(port)) + b"\n")
    sys.stdout.buffer.flush()


def now() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000


def _end_with_supervisor() -> None:
    sys.stdin.buffer.read()
    os._exit(ORPHANED)
