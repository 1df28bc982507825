"""The things' logs as the control plane has them: read from the file, appended to by the data plane."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from warden.domain.alarms.entry import Entry, Logged
from warden.embedded.channel import Line, ask
from warden.ports import Known, ThingLog

APPEND, FORGET = "append", "forget"


class RemoteThingLog:
    """Port ThingLog.

    Args:
        file: The same logs, opened for reading.
        channel: The way to the data plane.
    """

    def __init__(self, file: ThingLog, channel: Path | Line) -> None:
        self._file = file
        self._channel = channel

    def load(self, thing: str, *, consistent: bool = False) -> Known:
        """See ThingLog."""
        return self._file.load(thing, consistent=consistent)

    def append(self, thing: str, entry: Entry, *, after: int) -> None:
        """See ThingLog."""
        ask(self._channel, APPEND, {"thing": thing, "entry": msgspec.msgpack.encode(entry), "after": after})

    def read(self, thing: str, seq: int) -> Logged | None:
        """See ThingLog."""
        return self._file.read(thing, seq)

    def recent(self, thing: str, limit: int) -> Iterable[Logged]:
        """See ThingLog."""
        return self._file.recent(thing, limit)

    def since(self, thing: str, at: int) -> Iterable[Logged]:
        """See ThingLog."""
        return self._file.since(thing, at)

    def forget(self, thing: str) -> int:
        """See ThingLog."""
        return int(ask(self._channel, FORGET, {"thing": thing}))

    def between(self, thing: str, start: int, end: int, *, behind: int = 0, limit: int) -> Iterable[Logged]:
        """See ThingLog."""
        return self._file.between(thing, start, end, behind=behind, limit=limit)
