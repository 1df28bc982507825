"""`warden serve` with a data plane that dies when it is told to, exactly before or after a COMMIT.

python killing_plane.py serve --data DIR --port N --mqtt-port N --mqtts-port N

The plane dies by SIGKILL, once, at the next transaction that appends to the log of thing `doomed`, where a file `die`
in the data directory says `before` or `after`.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warden.adapters.sqlite import SqliteTable
from warden.embedded.data_plane import DataPlane, run
from warden.embedded.options import LOG_FILE, ServeOptions
from warden.embedded.plane import PlaneSettings, begin
from warden.embedded.supervisor import COMMANDS, DATA, Supervisor
from warden.ports import Condition, Item
from warden.storage import keys

DOOMED = "doomed"


class MortalTable(SqliteTable):
    """Table `log` of a process that dies at its COMMIT."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory / LOG_FILE, keys.LOG, stream=keys.OUTBOX)
        self._order = directory / "die"
        self._marked = False

    def put(self, item: Item, condition: Condition | None = None) -> None:
        super().put(item, condition)
        self._marked |= item.key.pk == keys.thing(DOOMED) and item.key.sk != keys.THING

    @contextmanager
    def batch(self) -> Iterator[None]:
        self._marked = False
        with super().batch():
            yield
            self._die("before")
        self._die("after")

    def _die(self, moment: str) -> None:
        if self._marked and self._order.exists() and self._order.read_text() == moment:
            self._order.unlink()
            os.kill(os.getpid(), signal.SIGKILL)


def serve(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    for option, kind in (("--data", str), ("--port", int), ("--mqtt-port", int), ("--mqtts-port", int)):
        parser.add_argument(option, type=kind)
    told = parser.parse_args(arguments)
    options = ServeOptions(data=told.data, http_port=told.port, mqtt_port=told.mqtt_port, mqtts_port=told.mqtts_port)
    Supervisor(options, commands={**COMMANDS, DATA: (sys.executable, __file__)}).run(lambda _: None)


def plane() -> None:
    settings = begin("data-plane")
    table = MortalTable(settings.options.directory)

    def make(told: PlaneSettings) -> DataPlane:
        return DataPlane(told, table)

    asyncio.run(run(settings, make))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2:])
    else:
        plane()
