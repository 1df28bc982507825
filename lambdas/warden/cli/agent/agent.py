"""The agent's work: a report at each interval, what became of it, and again where the broker was away."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from warden.cli.agent.line import PATIENCE_SECONDS, Line, Refused, Unreachable
from warden.cli.agent.machine import Report
from warden.cli.detect.replies import reply_text

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 120.0


class Verdict(Enum):
    """What became of a report; the values are how it is told."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REFUSED = "refused"
    UNANSWERED = "unanswered"


Tell = Callable[[str, str], None]
"""Told what happened in a word, and what there is to say of it."""


@dataclass
class Agent:
    """Reports for a thing.

    Args:
        connect: Makes a line that is not open yet.
        collect: Makes a report of now.
        interval: Seconds from one report to the next.
        tell: Told of every verdict, and of connections.
        clock: Seconds, never going back.
        rest: Waits for so many seconds.
        patience: How long a reply is waited for, in seconds.
    """

    connect: Callable[[], Line]
    collect: Callable[[], Report]
    interval: float
    tell: Tell
    clock: Callable[[], float] = time.monotonic
    rest: Callable[[float], object] = time.sleep
    patience: float = PATIENCE_SECONDS

    def __post_init__(self) -> None:
        self._due = self.clock()
        self._open: Report | None = None  # sent, maybe, and not known to have arrived
        self._wait = FIRST_WAIT_SECONDS

    def once(self) -> Verdict:
        """Send one report. Raises Unreachable, where there is no connection; Refused, where it may not connect."""
        with self.connect() as line:
            self.tell("connected", "")
            return self._report(line)

    def run(self) -> None:
        """Report for as long as nobody interrupts it. A broker that is away is tried again, ever less often."""
        while True:
            try:
                with self.connect() as line:
                    self.tell("connected", "")
                    self._report_at_each_interval(line)
            except (Unreachable, Refused) as error:
                self.tell("waiting", f"{error}; again within {self._wait:.0f} s")
                self.rest(self._wait * random.uniform(0.5, 1))  # noqa: S311 (so that a fleet does not come back at once)
                self._wait = min(2 * self._wait, LONGEST_WAIT_SECONDS)

    def _report_at_each_interval(self, line: Line) -> None:
        while True:
            left = self._due - self.clock()
            if self._open is None and left > 0:
                line.work(left)
                continue
            if left <= 0:
                self._due = self.clock() + self.interval
                self._open = None  # too old to be sent again
            self._report(line)

    def _report(self, line: Line) -> Verdict:
        """Send a report, the one that is open or a new one, and tell what became of it."""
        report = self._open = self._open or self.collect()
        said = f"report {report.id}"
        line.replies.clear()
        try:
            line.publish(report.payload)
        except Refused as error:
            verdict, said = Verdict.REFUSED, f"{said}: {error}"
        else:
            reply = self._reply(line, report)
            verdict = Verdict(reply["verdict"]) if reply else Verdict.UNANSWERED
            if reply:
                said = reply_text(reply["reply"]) or said
            else:
                said = f"{said}: the broker took it, and nobody replied within {self.patience:.0f} s"
            self._wait = FIRST_WAIT_SECONDS
        self._open = None
        self.tell(verdict.value, f"{said} ({len(report.payload)} bytes)")
        return verdict

    def _reply(self, line: Line, report: Report) -> dict[str, Any] | None:
        end = self.clock() + self.patience
        while True:
            while line.replies:
                reply = line.replies.popleft()
                said = reply["reply"]
                if not isinstance(said, dict) or said.get("reportId", report.id) == report.id:
                    return reply
            left = end - self.clock()
            if left <= 0:
                return None
            line.work(left)
