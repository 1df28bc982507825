"""What devices report: what each metric is called, what kind of value it has, where a report carries it.

Source: AWS IoT Device Defender Developer Guide, Device-side metrics and Detect behaviors.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from operator import attrgetter
from typing import Any

from warden.domain.behaviors.profile import Behavior, MetricValue
from warden.domain.reports.addresses import text
from warden.domain.reports.report import Decoded

Datapoint = int | float | frozenset[int | float | bytes]
"""A metric's value in one report: a count, a custom number, or what is in its list, which are ports, the bytes of
addresses, custom numbers or custom strings in UTF-8. Custom numbers are always floats."""

Datapoints = Mapping[str, Datapoint]
"""What one report says, by the metrics' codes; a metric that the report leaves out is absent."""


COMPARISONS = ("less-than", "less-than-equals", "greater-than", "greater-than-equals")


class Kind(Enum):
    """What a metric's value is, and so with what it can be compared.

    Attributes:
        member: The member of a MetricValue that holds it.
        operators: The comparisons that it takes.
    """

    COUNT = ("count", COMPARISONS)
    PORTS = ("ports", ("in-port-set", "not-in-port-set"))
    ADDRESSES = ("cidrs", ("in-cidr-set", "not-in-cidr-set"))
    NUMBER = ("number", COMPARISONS)
    NUMBERS = ("numbers", ("in-set", "not-in-set"))
    STRINGS = ("strings", ("in-set", "not-in-set"))

    def __init__(self, member: str, operators: tuple[str, ...]) -> None:
        self.member = member
        self.operators = operators

    def value(self, datapoint: Datapoint) -> MetricValue:
        """A datapoint as the API and alerts show it; lists in order."""
        shown: Any = datapoint
        if not isinstance(datapoint, int | float):
            items: list[Any] = sorted(datapoint)  # they are of one type
            shown = tuple(map(_TEXTS[self], items) if self in _TEXTS else items)
        return MetricValue(**{self.member: shown})


_TEXTS: Mapping[Kind, Callable[[bytes], str]] = {Kind.ADDRESSES: text, Kind.STRINGS: bytes.decode}


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric that devices report.

    Attributes:
        name: AWS's, or that of a custom metric.
        code: Names it in the log, for ever; see `code_of`.
        kind: Of its value.
        accumulates: Whether each datapoint is a difference that a window sums; the window of a gauge is its latest
            value.
        takes_duration: Whether a behavior has to say over how long (AWS documents durations for these).
        since: Epoch of the catalogue from which on datapoints are its own; before, they were another metric's of its
            name.
    """

    name: str
    code: str
    kind: Kind
    accumulates: bool = False
    takes_duration: bool = False
    since: int = 0


DEVICE_METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("aws:all-bytes-in", "bi", Kind.COUNT, accumulates=True, takes_duration=True),
        Metric("aws:all-bytes-out", "bo", Kind.COUNT, accumulates=True, takes_duration=True),
        Metric("aws:all-packets-in", "pi", Kind.COUNT, accumulates=True, takes_duration=True),
        Metric("aws:all-packets-out", "po", Kind.COUNT, accumulates=True, takes_duration=True),
        Metric("aws:num-listening-tcp-ports", "nt", Kind.COUNT, takes_duration=True),
        Metric("aws:num-listening-udp-ports", "nu", Kind.COUNT, takes_duration=True),
        Metric("aws:num-established-tcp-connections", "nc", Kind.COUNT),
        Metric("aws:listening-tcp-ports", "tp", Kind.PORTS),
        Metric("aws:listening-udp-ports", "up", Kind.PORTS),
        Metric("aws:destination-ip-addresses", "ip", Kind.ADDRESSES),
    )
}

CLOUD_METRICS = frozenset(
    {
        "aws:message-byte-size",
        "aws:num-messages-sent",
        "aws:num-messages-received",
        "aws:num-authorization-failures",
        "aws:num-connection-attempts",
        "aws:num-disconnects",
        "aws:source-ip-address",
        "aws:disconnect-duration",
    }
)

_port = attrgetter("port")


def code_of(metric: str) -> str:
    """What names a metric's datapoints in the log: of a custom one, its name behind a dot, which no code of AWS's
    metrics begins with."""
    known = DEVICE_METRICS.get(metric)
    return known.code if known else f".{metric}"


def kind_of(behavior: Behavior) -> Kind:
    """What kind of value the metric has of a behavior with criteria."""
    known = DEVICE_METRICS.get(behavior.metric or "")
    if known:
        return known.kind
    given = behavior.criteria.value.members() if behavior.criteria and behavior.criteria.value else {}
    return next((kind for kind in (Kind.NUMBERS, Kind.STRINGS, Kind.ADDRESSES) if kind.member in given), Kind.NUMBER)


def datapoints(decoded: Decoded) -> dict[str, Datapoint]:  # noqa: C901, PLR0912 (one pass, once a report)
    """What a report says, by the metrics' codes.

    A count is the report's `total`, and the length of its list only where that is absent: agents sample long lists. A
    total of 0 says that the list is empty, also to those clients that leave an empty list out.
    """
    found: dict[str, Any] = {}
    metrics = decoded.report.metrics
    if metrics is None:
        return found
    if (stats := metrics.network_stats) is not None:
        if (count := stats.bytes_in) is not None:
            found["bi"] = count
        if (count := stats.bytes_out) is not None:
            found["bo"] = count
        if (count := stats.packets_in) is not None:
            found["pi"] = count
        if (count := stats.packets_out) is not None:
            found["po"] = count
    if (tcp := metrics.listening_tcp_ports) is not None:
        if (ports := tcp.ports) is not None:
            found["tp"] = frozenset(map(_port, ports))
            found["nt"] = len(ports)
        if (count := tcp.total) is not None:
            found["nt"] = count
            if count == 0:
                found.setdefault("tp", frozenset())
    if (udp := metrics.listening_udp_ports) is not None:
        if (ports := udp.ports) is not None:
            found["up"] = frozenset(map(_port, ports))
            found["nu"] = len(ports)
        if (count := udp.total) is not None:
            found["nu"] = count
            if count == 0:
                found.setdefault("up", frozenset())
    if (all_tcp := metrics.tcp_connections) is not None and (established := all_tcp.established_connections):
        if (connections := established.connections) is not None:
            found["ip"] = decoded.hosts
            found["nc"] = len(connections)
        if (count := established.total) is not None:
            found["nc"] = count
            if count == 0:
                found.setdefault("ip", frozenset())
    return found
