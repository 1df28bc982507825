"""What is normal for this machine, as behaviors of a security profile."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from machine import LIST_LIMIT, Report

Behavior = Mapping[str, Any]
CAMERA_PORT = 8888
"""The port of the camera in AWS's troubleshooting guide."""

OTHERS = 10
"""Listeners that other programs may add while the demo runs, before the agent would draw from a list that is too long."""

MANY_BYTES = 100_000_000_000
BLOCKLIST = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
"""Networks that nobody has (RFC 5737, RFC 3849): a machine that is connected to them is up to something."""


class Listening(Protocol):
    """What this machine may listen on."""

    @property
    def behavior(self) -> Behavior:
        """As boto3 takes it."""
        ...

    def unknown(self, report: Report) -> str:
        """What in a report it does not allow, in words; empty where all is normal."""
        ...

    def datapoint(self, report: Report) -> Behavior:
        """The value that an alarm about a report has to show."""
        ...

    def with_all_of(self, report: Report) -> "Listening":
        """The same, and what a report shows."""
        ...

    def without_one_of(self, report: Report) -> "Listening | None":
        """One that a report violates that this one allows; None where it cannot be told so."""
        ...


@dataclass(frozen=True, slots=True)
class KnownPorts:
    """The ports that a report shows, and no others."""

    ports: frozenset[int]

    @property
    def behavior(self) -> Behavior:
        """The guide's behavior, by its name."""
        criteria = {"comparisonOperator": "in-port-set", "value": {"ports": sorted(self.ports)}}
        return {"name": "Listening TCP Ports", "metric": "aws:listening-tcp-ports", "criteria": criteria}

    def unknown(self, report: Report) -> str:
        """See Listening."""
        new = sorted(set(report.ports) - self.ports)
        return f"TCP {', '.join(map(str, new))}" if new else ""

    def datapoint(self, report: Report) -> Behavior:
        """See Listening."""
        return {"ports": report.ports}

    def with_all_of(self, report: Report) -> "KnownPorts":
        """See Listening."""
        return KnownPorts(self.ports | set(report.ports))

    def without_one_of(self, _: Report) -> None:
        """See Listening: a new port is unknown whatever else is open."""


@dataclass(frozen=True, slots=True)
class KnownCount:
    """As many listeners as a report counts, and no more."""

    count: int

    @property
    def behavior(self) -> Behavior:
        """As boto3 takes it."""
        criteria = {
            "comparisonOperator": "less-than-equals",
            "value": {"count": self.count},
            "durationSeconds": 300,
        }
        return {"name": "Number of TCP listeners", "metric": "aws:num-listening-tcp-ports", "criteria": criteria}

    def unknown(self, report: Report) -> str:
        """See Listening."""
        more = report.listeners - self.count
        return f"{more} more TCP listener{'s' if more > 1 else ''}" if more > 0 else ""

    def datapoint(self, report: Report) -> Behavior:
        """See Listening."""
        return {"count": report.listeners}

    def with_all_of(self, report: Report) -> "KnownCount":
        """See Listening."""
        return KnownCount(max(self.count, report.listeners))

    def without_one_of(self, report: Report) -> "KnownCount":
        """See Listening: others have closed theirs meanwhile."""
        return KnownCount(report.listeners - 1)


def normal_listening(first: Report) -> Listening:
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
