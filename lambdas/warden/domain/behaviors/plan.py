"""All behaviors that apply to one thing, compiled once and asked for every report.

Behaviors are numbered; a set of them is an int with their bits. Source of what an operator means: AWS IoT Device
Defender Developer Guide, Detect behaviors: criteria state what is normal, a list conforms where every element does,
and so an empty list always conforms.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import inf, nextafter
from typing import Any, NamedTuple

import msgspec

from warden.domain.behaviors.cidrs import CidrSet
from warden.domain.behaviors.export import Export
from warden.domain.behaviors.metrics import DEVICE_METRICS, Datapoint, Datapoints, Kind, Metric
from warden.domain.behaviors.profile import Behavior, Criteria
from warden.domain.behaviors.windows import MOST, Ring, add, add_late, slack, total

Range = tuple[float, float]
"""The numbers that conform: from, to, both included. Of counts they are ints: a double is too coarse for those."""

COUNT_RANGES: Mapping[str, Callable[[int], Range]] = {
    "less-than": lambda limit: (0, limit - 1),
    "less-than-equals": lambda limit: (0, limit),
    "greater-than": lambda limit: (limit + 1, MOST),
    "greater-than-equals": lambda limit: (limit, MOST),
}
"""A count is 0 to 2^64 - 1."""

NUMBER_RANGES: Mapping[str, Callable[[float], Range]] = {
    "less-than": lambda limit: (-inf, nextafter(limit, -inf)),
    "less-than-equals": lambda limit: (-inf, limit),
    "greater-than": lambda limit: (nextafter(limit, inf), inf),
    "greater-than-equals": lambda limit: (limit, inf),
}

NO_EXPORTS: Mapping[str, Export] = {}

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


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What one report means for a plan's behaviors.

    Attributes:
        violated: Behaviors that it violates.
        windows: The rings afterwards, by window.
    """

    violated: int
    windows: dict[str, Ring]

    @property
    def sums(self) -> dict[str, int]:
        """What windowed behaviors were compared with, by window."""
        return {window: total(ring) for window, ring in self.windows.items()}


class _Number(NamedTuple):
    """A behavior that compares a count or a number: it conforms from `least` to `most`."""

    code: str
    bit: int
    least: float
    most: float


class _Sum(NamedTuple):
    """Behaviors that compare the sum of a count over a window: (bit, least, most) each.

    `reach` is how far back from a datapoint the window begins; a sum from `least` to `most` conforms to them all.
    """

    code: str
    window: str
    duration: int
    reach: int
    least: float
    most: float
    tests: tuple[tuple[int, float, float], ...]


class _List(NamedTuple):
    """A behavior that judges a list of ports, numbers or strings."""

    code: str
    bit: int
    conforms: Callable[[Iterable[Any]], bool]


class _Hosts(NamedTuple):
    """Behaviors that judge one list of addresses: (bit, CIDRs, whether an address has to lie in them) each."""

    code: str
    tests: tuple[tuple[int, CidrSet, bool], ...]
    broken: dict[bytes, int]  # address → the behaviors that it breaks


class Plan:
    """The compiled behaviors of the profiles that cover a thing.

    Args:
        behaviors: All of them, also those without criteria.
        retained: Names of the metrics whose datapoints are kept; those that there are not are nowhere reported.
        metrics: By name, all that there are.
        exports: By profile, what is exported.

    Attributes:
        behaviors: Those that are judged; a behavior's bit is 1 << its position.
        positions: uid → position.
        retained: Codes of the metrics that are kept.
    """

    __slots__ = (
        "_exports",
        "_hosts",
        "_lists",
        "_metrics",
        "_numbers",
        "_of_metric",
        "_sums",
        "behaviors",
        "positions",
        "retained",
    )

    def __init__(
        self,
        behaviors: Iterable[LiveBehavior],
        retained: Iterable[str] = (),
        metrics: Mapping[str, Metric] = DEVICE_METRICS,
        exports: Mapping[str, Export] = NO_EXPORTS,
    ) -> None:
        self._exports = exports
        self._metrics = metrics
        self.behaviors = tuple(live for live in behaviors if live.behavior.criteria)
        self.positions = {live.uid: position for position, live in enumerate(self.behaviors)}
        self.retained = frozenset(metrics[name].code for name in retained if name in metrics)
        self._sums = tuple(_compile_sums(self._of_kind(Kind.COUNT)))
        self._numbers = tuple(_compile_numbers(self._of_kind(Kind.COUNT, Kind.NUMBER)))
        self._lists = tuple(_compile_lists(self._of_kind(Kind.PORTS, Kind.NUMBERS, Kind.STRINGS)))
        self._hosts = tuple(_compile_hosts(self._of_kind(Kind.ADDRESSES)))
        self._of_metric: dict[str, int] = defaultdict(int)
        for bit, metric, _ in self._of_kind(*Kind):
            self._of_metric[metric.code] |= bit

    def _of_kind(self, *kinds: Kind) -> Iterator[tuple[int, Metric, Criteria]]:
        for position, live in enumerate(self.behaviors):
            metric = self._metrics[live.behavior.metric or ""]
            if metric.kind in kinds and live.behavior.criteria:
                yield 1 << position, metric, live.behavior.criteria

    def seen(self, points: Datapoints) -> int:
        """The behaviors that a report has a datapoint for."""
        return sum(bits for code, bits in self._of_metric.items() if code in points)

    def kept(self, points: dict[str, Datapoint]) -> dict[str, Datapoint]:
        """Those of a report's datapoints that are kept."""
        if points.keys() <= self.retained:
            return points
        return {code: point for code, point in points.items() if code in self.retained}

    def exporting(self, points: Datapoints) -> tuple[str, ...]:
        """Names of the profiles that export some of a report's datapoints."""
        if not self._exports:
            return ()
        return tuple(profile for profile, export in self._exports.items() if export.concerns(points))

    def judge(self, points: Datapoints, windows: Mapping[str, Ring], at: int) -> Verdict:  # noqa: C901 (hot)
        """Compare one report's datapoints with every behavior.

        Args:
            points: What the report says.
            windows: The thing's rings so far.
            at: The report's time, epoch ms, not before any in the rings.
        """
        violated = 0
        rings: dict[str, Ring] = {}
        value: Any
        for code, window, duration, reach, all_least, all_most, tests in self._sums:
            value, ring = points.get(code), windows.get(window)
            if value is None:
                if ring:
                    rings[window] = ring
                continue
            if not ring or ring[-2] <= at - reach:  # what `add` does where all that is older has left
                rings[window] = (at, value)
            else:
                rings[window], value = add(ring, at, value, duration)
            if not all_least <= value <= all_most:
                violated |= sum(bit for bit, least, most in tests if not least <= value <= most)
        for code, bit, least, most in self._numbers:
            value = points.get(code)
            if value is not None and not least <= value <= most:
                violated |= bit
        for code, bit, conforms in self._lists:
            if not conforms(points.get(code, ())):  # type: ignore[arg-type]
                violated |= bit
        for code, _, broken in self._hosts:
            for host in points.get(code, ()):  # type: ignore[union-attr]
                bits = broken.get(host)  # type: ignore[arg-type]
                violated |= self._broken_by(code, host) if bits is None else bits  # type: ignore[arg-type]
        return Verdict(violated, rings)

    def _broken_by(self, code: str, host: bytes) -> int:
        """The behaviors of a metric that an address breaks, remembered."""
        hosts = next(each for each in self._hosts if each.code == code)
        if len(hosts.broken) >= HOSTS_REMEMBERED:
            hosts.broken.clear()
        broken = sum(bit for bit, cidrs, inside in hosts.tests if (host in cidrs) is not inside)
        hosts.broken[host] = broken
        return broken

    def count_late(self, points: Datapoints, windows: Mapping[str, Ring], at: int) -> dict[str, Ring]:
        """The rings after a report that newer ones overtook: its differences count where their slots are open."""
        return {
            group.window: add_late(ring, at, value, group.duration) if isinstance(value, int) else ring
            for group in self._sums
            if (ring := windows.get(group.window)) is not None
            for value in (points.get(group.code),)
        }

    def window_of(self, position: int) -> str:
        """The window that a behavior is judged by, empty where it is judged by the datapoint itself."""
        bit = 1 << position
        return next((group.window for group in self._sums if any(test[0] == bit for test in group.tests)), "")


_Judged = Iterator[tuple[int, Metric, Criteria]]


def _compile_sums(judged: _Judged) -> Iterator[_Sum]:
    groups = defaultdict(list)
    for bit, metric, criteria in judged:
        if metric.accumulates:
            groups[metric.code, criteria.duration_seconds or 0].append((bit, *_conforming(metric, criteria)))
    for (code, seconds), tests in groups.items():
        duration = seconds * 1000
        yield _Sum(
            code,
            f"{code}{seconds}",
            duration,
            duration - slack(duration),
            max(least for _, least, _ in tests),
            min(most for _, _, most in tests),
            tuple(tests),
        )


def _compile_numbers(judged: _Judged) -> Iterator[_Number]:
    for bit, metric, criteria in judged:
        if not metric.accumulates:
            yield _Number(metric.code, bit, *_conforming(metric, criteria))


def _conforming(metric: Metric, criteria: Criteria) -> Range:
    ranges: Mapping[str, Callable[[Any], Range]] = COUNT_RANGES if metric.kind is Kind.COUNT else NUMBER_RANGES
    return ranges[criteria.comparison_operator or ""](_compared(metric, criteria))


def _compile_lists(judged: _Judged) -> Iterator[_List]:
    for bit, metric, criteria in judged:
        given = _compared(metric, criteria)
        listed = frozenset[Any](each.encode() if metric.kind is Kind.STRINGS else each for each in given)
        inside = not (criteria.comparison_operator or "").startswith("not-")
        yield _List(metric.code, bit, listed.issuperset if inside else listed.isdisjoint)


def _compile_hosts(judged: _Judged) -> Iterator[_Hosts]:
    groups = defaultdict(list)
    for bit, metric, criteria in judged:
        inside = criteria.comparison_operator == "in-cidr-set"
        groups[metric.code].append((bit, CidrSet(_compared(metric, criteria)), inside))
    for code, tests in groups.items():
        yield _Hosts(code, tuple(tests), {})


def _compared(metric: Metric, criteria: Criteria) -> Any:
    given = criteria.value.members() if criteria.value else {}
    return given[metric.kind.member] if metric.kind.member in given else float(given["count"])
