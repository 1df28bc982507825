"""This machine as AWS's own agent sees it, and the port that the demo opens on it."""

import io
import json
import socket
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import psutil
from AWSIoTDeviceDefenderAgentSDK.collector import Collector

from stage import StepFailed

AGENT = "AWSIoTDeviceDefenderAgentSDK"
LIST_LIMIT = 50
"""Entries of a list that the agent reports; of a longer one it draws this many at random."""


@dataclass(frozen=True, slots=True)
class Report:
    """A metrics report.

    Attributes:
        payload: The JSON text.
        document: What it says.
    """

    payload: str
    document: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, payload: str) -> "Report":
        """From its text."""
        return cls(payload, json.loads(payload))

    @property
    def report_id(self) -> int:
        """The agent's: epoch seconds."""
        found: int = self.document["header"]["report_id"]
        return found

    @property
    def ports(self) -> list[int]:
        """TCP ports in its list of listeners, sorted."""
        return sorted({listener["port"] for listener in self._listeners.get("ports", [])})

    @property
    def listeners(self) -> int:
        """How many TCP listeners there are, also those that are not in the list; a port may have several."""
        found: int = self._listeners.get("total", 0)
        return found

    @property
    def bytes_out(self) -> int:
        """Bytes that this machine sent since the report before."""
        found: int = self.document["metrics"]["network_stats"]["bytes_out"]
        return found

    @property
    def destinations(self) -> list[str]:
        """Addresses that this machine is connected to, sorted."""
        established = self.document["metrics"].get("tcp_connections", {}).get("established_connections", {})
        return sorted({each["remote_addr"].rpartition(":")[0] for each in established.get("connections", [])})

    @property
    def _listeners(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document["metrics"].get("listening_tcp_ports", {})
        return found


class Machine:
    """This machine. Raises StepFailed where the agent may not look at it.

    Attributes:
        agent: What makes its reports.
        before: What the agent saw at first. It reports counters as differences, so it never sends its first report.
    """

    def __init__(self) -> None:
        self.agent = f"{AGENT} {version(AGENT)}"
        self._collector = Collector(short_metrics_names=False, use_custom_metrics=False)
        self._last_id = 0
        self.before = self.report()

    def report(self) -> Report:
        """What the agent says now. Its ids are epoch seconds, so this waits for the next second where it has to."""
        while int(time.time()) <= self._last_id:
            time.sleep(0.02)
        try:
            with redirect_stdout(io.StringIO()):  # it prints what it cannot read
                made = Report.of(self._collector.collect_metrics().to_json_string())
        except psutil.AccessDenied:
            raise StepFailed(
                "a list of this machine's connections",
                "the operating system refused it (psutil.AccessDenied). On macOS only root gets it: "
                "sudo .venv/bin/python -B demo",
            ) from None
        self._last_id = made.report_id
        return made


@contextmanager
def listening(known: Collection[int]) -> Iterator[int]:
    """Listen on a TCP port of 127.0.0.1 that is not a known one, for the length of the block."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        if port not in known:
            listener.listen()
            yield port
            return
        with listening(known) as another:  # while this one is still taken
            yield another
