"""What is normal for this machine, as behaviors of a security profile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from machine import LIST_LIMIT, Report

Behavior = Mapping[str, Any]
CAMERA_PORT = 8888
"""The port of the camera in AWS's troubleshooting guide."""

OTHERS = 10
"""Listeners that other programs may add while the demo runs before the agent's list is too long and it draws some."""

MANY_BYTES = 100_000_000_000
BLOCKLIST = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
"""Networks that nobody has (RFC 5737, RFC 3849): a machine that is connected to them is up to something."""


class Normal(Protocol):
    """What this machine may listen on."""

    @property
    def behavior(self) -> Behavior:
        """As boto3 takes it."""
        ...

    def excess(self, report: Report) -> str:
        """What in a report is not normal, in words; empty where all of it is."""
        ...

    def blames(self, opened: int, report: Report) -> bool:
        """Whether a report violates this for the port that the demo has opened."""
        ...

    def datapoint(self, report: Report) -> Behavior:
        """The value that an alarm about a report has to show."""
        ...

    def mark(self, opened: int, report: Report) -> int:
        """The number in it to look at."""
        ...

    def verdict(self, opened: int, report: Report) -> str:
        """What is not normal about it, in a sentence."""
        ...

    def widened(self, report: Report) -> "Normal":
        """The same, and what a report shows."""
        ...

    def narrowed(self, report: Report) -> "Normal | None":
        """What a report violates although it violates this one not; None where there can be no such thing."""
        ...


@dataclass(frozen=True, slots=True)
class KnownPorts:
    """Some ports, and no others."""

    ports: frozenset[int]

    @property
    def behavior(self) -> Behavior:
        """The guide's behavior, by its name."""
        criteria = {"comparisonOperator": "in-port-set", "value": {"ports": sorted(self.ports)}}
        return {"name": "Listening TCP Ports", "metric": "aws:listening-tcp-ports", "criteria": criteria}

    def excess(self, report: Report) -> str:
        """See Normal."""
        new = sorted(set(report.ports) - self.ports)
        return f"TCP {_listed(new)}" if new else ""

    def blames(self, opened: int, report: Report) -> bool:
        """See Normal."""
        return opened in report.ports

    def datapoint(self, report: Report) -> Behavior:
        """See Normal."""
        return {"ports": report.ports}

    def mark(self, opened: int, _: Report) -> int:
        """See Normal."""
        return opened

    def verdict(self, opened: int, report: Report) -> str:
        """See Normal."""
        others = sorted(set(report.ports) - self.ports - {opened})
        also = f" Neither is {_listed(others)}, of another program." if others else ""
        return f"TCP port {opened} is in the alarm's datapoints and is not normal.{also}"

    def widened(self, report: Report) -> "KnownPorts":
        """See Normal."""
        return KnownPorts(self.ports | set(report.ports))

    def narrowed(self, _: Report) -> None:
        """See Normal: what others do makes no new port a known one."""


@dataclass(frozen=True, slots=True)
class KnownCount:
    """So many listeners, and no more."""

    count: int

    @property
    def behavior(self) -> Behavior:
        """As boto3 takes it."""
        criteria = {"comparisonOperator": "less-than-equals", "value": {"count": self.count}, "durationSeconds": 300}
        return {"name": "Number of TCP listeners", "metric": "aws:num-listening-tcp-ports", "criteria": criteria}

    def excess(self, report: Report) -> str:
        """See Normal."""
        more = report.listeners - self.count
        return f"{more} more than {self.count} listeners" if more > 0 else ""

    def blames(self, _: int, report: Report) -> bool:
        """See Normal."""
        return report.listeners > self.count

    def datapoint(self, report: Report) -> Behavior:
        """See Normal."""
        return {"count": report.listeners}

    def mark(self, _: int, report: Report) -> int:
        """See Normal."""
        return report.listeners

    def verdict(self, _: int, report: Report) -> str:
        """See Normal."""
        return f"{report.listeners} listeners are in the alarm's datapoints; up to {self.count} are normal."

    def widened(self, report: Report) -> "KnownCount":
        """See Normal."""
        return KnownCount(max(self.count, report.listeners))

    def narrowed(self, report: Report) -> "KnownCount":
        """See Normal: others have closed theirs, and made room for the demo's."""
        return KnownCount(report.listeners - 1)


def normal_listening(first: Report) -> Normal:
    """What the first report shows, by port where each later report will list all of them."""
    if first.listeners + OTHERS < LIST_LIMIT:
        return KnownPorts(frozenset({*first.ports, CAMERA_PORT}))
    return KnownCount(first.listeners)


def other_behaviors() -> list[Behavior]:
    """What is normal besides."""
    few = {"comparisonOperator": "less-than", "value": {"count": MANY_BYTES}, "durationSeconds": 300}
    elsewhere = {"comparisonOperator": "not-in-cidr-set", "value": {"cidrs": list(BLOCKLIST)}}
    return [
        {"name": "Bytes out", "metric": "aws:all-bytes-out", "criteria": few},
        {"name": "No blocklisted peers", "metric": "aws:destination-ip-addresses", "criteria": elsewhere},
    ]


def _listed(ports: Sequence[int]) -> str:
    return ", ".join(map(str, ports))
