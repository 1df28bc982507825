"""Custom metrics: what a report says of them, and which of it can be used.

A value that no custom metric is defined for, or that is not of its metric's type, costs only itself: the report
counts, and its reply says what was dropped. Source: AWS IoT Device Defender Developer Guide, Custom metrics; that a
value of another type is dropped alone is our reading.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from warden.domain.behaviors.metrics import Datapoint, Kind, Metric, code_of
from warden.domain.reports.addresses import packed
from warden.domain.reports.problems import Problem, printable, quoted
from warden.domain.reports.report import Dropped

TYPES: Mapping[str, tuple[str, Kind]] = {
    "number": ("number", Kind.NUMBER),
    "number-list": ("number_list", Kind.NUMBERS),
    "string-list": ("string_list", Kind.STRINGS),
    "ip-address-list": ("ip_list", Kind.ADDRESSES),
}
"""By the API's metricType: the key under which a report has the value, and what kind of value it is."""

_TYPE_OF = {key: metric_type for metric_type, (key, _) in TYPES.items()}

LONGEST_STRING = 256
"""Characters of a string in a list; AWS publishes no bound (our choice: what a topic or an interface may have)."""


def custom_metric(name: str, metric_type: str, since: int = 0) -> Metric:
    """A custom metric of a type that `TYPES` has, which was created at epoch ms `since`."""
    return Metric(name, code_of(name), TYPES[metric_type][1], since=since)


class CustomMetrics:
    """The custom metrics in force.

    Args:
        defined: metricType, and when it was created, epoch ms; by name.

    Attributes:
        metrics: By name.
    """

    def __init__(self, defined: Mapping[str, tuple[str, int]]) -> None:
        self._types = {name: metric_type for name, (metric_type, _) in defined.items()}
        self.metrics = {name: custom_metric(name, *says) for name, says in defined.items()}

    def read(
        self, reported: Mapping[str, Sequence[Mapping[str, Any]]]
    ) -> tuple[dict[str, Datapoint], tuple[Dropped, ...]]:
        """Take a report's custom metrics.

        Args:
            reported: By name a list of at most one object; an empty list is no datapoint.

        Returns: Datapoints by the metrics' codes, and what was dropped, in the report's order.
        """
        points: dict[str, Datapoint] = {}
        dropped: list[Dropped] = []
        for name, objects in reported.items():
            for value in objects:
                try:
                    points[code_of(name)] = self._datapoint(name, value)
                except Problem as problem:
                    dropped.append(Dropped(printable(name), f"expected {problem.expected}, got {problem.got}"))
        return points, tuple(dropped)

    def _datapoint(self, name: str, value: Mapping[str, Any]) -> Datapoint:
        metric_type = self._types.get(name)
        if metric_type is None:
            raise Problem("a metric that CreateCustomMetric has defined", "none of this name")
        key, kind = TYPES[metric_type]
        if key not in value:
            given = ", ".join(_TYPE_OF.get(each, quoted(each)) for each in list(value)[:3]) or "nothing"
            raise Problem(metric_type, given)
        return _READERS[kind](value[key])


def _number(value: Any) -> float:
    if type(value) is not int and type(value) is not float:
        raise Problem("a number", quoted(value))
    return float(value)


def _string(value: Any) -> bytes:
    if type(value) is not str or len(value) > LONGEST_STRING:
        raise Problem(f"strings of at most {LONGEST_STRING} characters", quoted(value))
    return value.encode()


def _host(value: Any) -> bytes:
    try:
        return packed(value)
    except (TypeError, ValueError):
        raise Problem("IP addresses", quoted(value)) from None


def _items(value: Any) -> Iterable[Any]:
    if type(value) is not list:
        raise Problem("a list", quoted(value))
    return value


_READERS: Mapping[Kind, Callable[[Any], Datapoint]] = {
    Kind.NUMBER: _number,
    Kind.NUMBERS: lambda value: frozenset(map(_number, _items(value))),
    Kind.STRINGS: lambda value: frozenset(map(_string, _items(value))),
    Kind.ADDRESSES: lambda value: frozenset(map(_host, _items(value))),
}
