"""All behaviors that apply to one thing, compiled once and asked for every report.

Behaviors are numbered; a set of them is an int with their bits. Source of what an operator means: AWS IoT Device
Defender Developer Guide, Detect behaviors: criteria state what is normal, a list conforms where every element does,
and so an empty list always conforms.
"""

import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from warden.domain.behaviors.cidrs import CidrSet
from warden.domain.behaviors.metrics import DEVICE_METRICS, Datapoints, DeviceMetric, Kind
from warden.domain.behaviors.profile import Behavior, Criteria
from warden.domain.behaviors.windows import Ring, add, add_late

COMPARISONS: Mapping[str, Callable[[int, int], bool]] = {
    "less-than": operator.lt,
    "less-than-equals": operator.le,
    "greater-than": operator.gt,
    "greater-than-equals": operator.ge,
}

HOSTS_REMEMBERED = 16_384
"""Addresses whose verdict a plan remembers; a fleet talks to few, a scanner to many."""


class LiveBehavior(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A behavior of a profile in force.

    Attributes:
        profile: The profile's name.
        profile_version: Its version.
        uid: Names this behavior for ever; another one after it was deleted or its metric or dimension changed.
        criteria_version: The profile version that gave it its criteria.
        since: When the uid was born, epoch ms.
        behavior: What it says.
    """

    profile: str
    profile_version: int
    uid: str
    criteria_version: int
    since: int
    behavior: Behavior

    @property
    def to_alarm(self) -> int:
        """Violating datapoints in a row that raise an alarm, 1 to 10."""
        return (self.behavior.criteria and self.behavior.criteria.consecutive_datapoints_to_alarm) or 1

    @property
    def to_clear(self) -> int:
        """Conforming datapoints in a row that clear it, 1 to 10."""
        return (self.behavior.criteria and self.behavior.criteria.consecutive_datapoints_to_clear) or 1


class Verdict(NamedTuple):
    """What one report means for a plan's behaviors.

    Attributes:
        seen: Behaviors that have a datapoint.
        violated: Those of them that it violates.
        windows: The rings afterwards, by window.
        sums: What windowed behaviors were compared with, by window.
    """

    seen: int
    violated: int
    windows: dict[str, Ring]
    sums: dict[str, int]


class _Counts(NamedTuple):
    """Behaviors that compare one count: (bit, comparison, limit) each."""

    code: str
    window: str
    duration: int
    mask: int
    tests: tuple[tuple[int, Callable[[int, int], bool], int], ...]


class _Ports(NamedTuple):
    """Behaviors that judge one list of ports: (bit, whether it conforms) each."""

    code: str
    mask: int
    tests: tuple[tuple[int, Callable[[Iterable[int]], bool]], ...]


class _Hosts(NamedTuple):
    """Behaviors that judge one list of addresses: (bit, CIDRs, whether an address has to lie in them) each."""

    code: str
    mask: int
    tests: tuple[tuple[int, CidrSet, bool], ...]
    broken: dict[str, int]  # address → the behaviors that it breaks

    def remember(self, host: str) -> int:
        if len(self.broken) >= HOSTS_REMEMBERED:
            self.broken.clear()
        broken = self.broken[host] = sum(bit for bit, cidrs, inside in self.tests if (host in cidrs) is not inside)
        return broken


class Plan:
    """The compiled behaviors of the profiles that cover a thing.

    Args:
        behaviors: All of them, also those without criteria.
        retained: Names of the metrics whose datapoints are kept.

    Attributes:
        behaviors: Those that are judged; a behavior's bit is 1 << its position.
        positions: uid → position.
        retained: Codes of the metrics that are kept.
    """

    __slots__ = ("_counts", "_hosts", "_ports", "_windows", "behaviors", "positions", "retained")

    def __init__(self, behaviors: Iterable[LiveBehavior], retained: Iterable[str] = ()) -> None:
        self.behaviors = tuple(live for live in behaviors if live.behavior.criteria)
        self.positions = {live.uid: position for position, live in enumerate(self.behaviors)}
        self.retained = frozenset(DEVICE_METRICS[name].code for name in retained if name in DEVICE_METRICS)
        self._counts = tuple(_compile_counts(self._of_kind(Kind.COUNT)))
        self._ports = tuple(_compile_ports(self._of_kind(Kind.PORTS)))
        self._hosts = tuple(_compile_hosts(self._of_kind(Kind.ADDRESSES)))
        self._windows = tuple(group for group in self._counts if group.window)

    def _of_kind(self, kind: Kind) -> Iterator[tuple[int, DeviceMetric, Criteria]]:
        for position, live in enumerate(self.behaviors):
            metric = DEVICE_METRICS[live.behavior.metric or ""]
            if metric.kind is kind and live.behavior.criteria:
                yield 1 << position, metric, live.behavior.criteria

    def judge(self, points: Datapoints, windows: Mapping[str, Ring], at: int) -> Verdict:  # noqa: C901, PLR0912 (hot)
        """Compare one report's datapoints with every behavior.

        Args:
            points: What the report says.
            windows: The thing's rings so far.
            at: The report's time, epoch ms, not before any in the rings.
        """
        seen = violated = 0
        rings: dict[str, Ring] = {}
        sums: dict[str, int] = {}
        for code, window, duration, mask, tests in self._counts:
            value = points.get(code)
            if window:
                if value is None:
                    if window in windows:
                        rings[window] = windows[window]
                    continue
                rings[window], value = add(windows.get(window, ()), at, value, duration)  # type: ignore[arg-type]
                sums[window] = value
            elif value is None:
                continue
            seen |= mask
            for bit, holds, limit in tests:
                if not holds(value, limit):  # type: ignore[arg-type]
                    violated |= bit
        for ports in self._ports:
            listening = points.get(ports.code)
            if listening is not None:
                seen |= ports.mask
                for bit, conforms in ports.tests:
                    if not conforms(listening):  # type: ignore[arg-type]
                        violated |= bit
        for hosts in self._hosts:
            destinations = points.get(hosts.code)
            if destinations is not None:
                seen |= hosts.mask
                broken = hosts.broken
                for host in destinations:  # type: ignore[union-attr]
                    bits = broken.get(host)  # type: ignore[arg-type]
                    violated |= hosts.remember(host) if bits is None else bits  # type: ignore[arg-type]
        return Verdict(seen, violated, rings, sums)

    def count_late(self, points: Datapoints, windows: Mapping[str, Ring], at: int) -> dict[str, Ring]:
        """The rings after a report that newer ones overtook: its differences count where their slots are open."""
        return {
            group.window: add_late(ring, at, value, group.duration) if isinstance(value, int) else ring
            for group in self._windows
            if (ring := windows.get(group.window)) is not None
            for value in (points.get(group.code),)
        }

    def window_of(self, position: int) -> str:
        """The window that a behavior is judged by, empty where it is judged by the datapoint itself."""
        bit = 1 << position
        return next((group.window for group in self._windows if group.mask & bit), "")


_Judged = Iterator[tuple[int, DeviceMetric, Criteria]]


def _compile_counts(judged: _Judged) -> Iterator[_Counts]:
    groups = defaultdict(list)
    for bit, metric, criteria in judged:
        duration = (criteria.duration_seconds or 0) if metric.accumulates else 0
        test = (bit, COMPARISONS[criteria.comparison_operator or ""], _compared(metric, criteria))
        groups[metric.code, duration].append(test)
    for (code, duration), tests in groups.items():
        window = f"{code}{duration}" if duration else ""
        yield _Counts(code, window, duration * 1000, sum(bit for bit, _, _ in tests), tuple(tests))


def _compile_ports(judged: _Judged) -> Iterator[_Ports]:
    groups = defaultdict(list)
    for bit, metric, criteria in judged:
        ports = frozenset[int](_compared(metric, criteria))
        conforms = ports.issuperset if criteria.comparison_operator == "in-port-set" else ports.isdisjoint
        groups[metric.code].append((bit, conforms))
    for code, tests in groups.items():
        yield _Ports(code, sum(bit for bit, _ in tests), tuple(tests))


def _compile_hosts(judged: _Judged) -> Iterator[_Hosts]:
    groups = defaultdict(list)
    for bit, metric, criteria in judged:
        inside = criteria.comparison_operator == "in-cidr-set"
        groups[metric.code].append((bit, CidrSet(_compared(metric, criteria)), inside))
    for code, tests in groups.items():
        yield _Hosts(code, sum(bit for bit, _, _ in tests), tuple(tests), {})


def _compared(metric: DeviceMetric, criteria: Criteria) -> Any:
    return getattr(criteria.value, metric.kind.member)
