"""A `warden serve` whose evaluator knows of no behavior, so that nothing raises an alarm: what the demo must notice."""

import argparse
import asyncio
import sys
from pathlib import Path

from warden.domain.behaviors.catalogue import Catalogue
from warden.embedded.data_plane import DataPlane, open_log, run
from warden.embedded.options import ServeOptions
from warden.embedded.plane import PlaneSettings, begin
from warden.embedded.supervisor import COMMANDS, DATA, Supervisor
from warden.use_cases.ingest_report import Catalogues

DATA_PLANE = "data-plane"


class EmptyCatalogues:
    """The catalogues of the real epochs, with nothing in them."""

    def __init__(self, real: Catalogues) -> None:
        self._real = real

    def current(self, at: int) -> Catalogue:
        return Catalogue(self._real.current(at).epoch, ())

    def reload(self) -> Catalogue:
        return Catalogue(self._real.reload().epoch, ())


def data_plane() -> None:
    settings = begin(DATA_PLANE)
    table = open_log(settings)

    def make(told: PlaneSettings) -> DataPlane:
        plane = DataPlane(told, table)
        plane._intake._ingest._catalogues = EmptyCatalogues(plane._catalogues)
        return plane

    asyncio.run(run(settings, make))
    table.close()


def serve() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--port", type=int)
    parser.add_argument("--mqtt-port", type=int)
    parser.add_argument("--mqtts-port", type=int)
    told = parser.parse_args()
    options = ServeOptions(
        data=str(told.data), http_port=told.port, mqtt_port=told.mqtt_port, mqtts_port=told.mqtts_port
    )
    commands = {**COMMANDS, DATA: (sys.executable, __file__, DATA_PLANE)}
    Supervisor(options, commands=commands).run(lambda endpoints: print(endpoints, flush=True))


if __name__ == "__main__":
    if sys.argv[1] == DATA_PLANE:
        del sys.argv[1]  # as the real one is started: with its settings alone
        data_plane()
    else:
        serve()
