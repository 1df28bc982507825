"""Which behaviors can be judged: whether metric, operator, value and duration agree."""

from collections.abc import Iterator, Mapping

from warden.domain.behaviors.cidrs import network_of
from warden.domain.behaviors.metrics import CLOUD_METRICS, DEVICE_METRICS, Kind, Metric
from warden.domain.behaviors.profile import Behavior, Criteria

DURATIONS_SECONDS = (300, 600, 900, 1800, 3600)
"""Source: AWS IoT API, `BehaviorCriteria`: what durationSeconds is documented with."""


def metric_problem(name: str, custom: Mapping[str, Metric]) -> str:
    """What is wrong with the name of a metric; empty where there is one of this name.

    Args:
        name: The name.
        custom: The custom metrics, by name.
    """
    if name in CLOUD_METRICS or name in DEVICE_METRICS or name in custom:
        return ""
    there = f"a custom metric ({_some(custom)})" if custom else "a custom metric (there is none)"
    return f"expected one of {', '.join(sorted(DEVICE_METRICS))} or {there}, got {name!r}"


def _some(names: Mapping[str, Metric], told: int = 10) -> str:
    more = f" and {len(names) - told} more" if len(names) > told else ""
    return ", ".join(sorted(names)[:told]) + more


def problems(behavior: Behavior, custom: Mapping[str, Metric]) -> Iterator[str]:
    """What is wrong with a behavior, each with the member's path inside it; nothing where it can be judged.

    Args:
        behavior: The behavior.
        custom: The custom metrics, by name.
    """
    if behavior.metric is None:
        if behavior.criteria is not None:
            yield "metric: required where there are criteria"
        return
    if behavior.metric in CLOUD_METRICS:
        yield f"metric: {behavior.metric} is a cloud-side metric, which this release does not evaluate yet"
    elif problem := metric_problem(behavior.metric, custom):
        yield f"metric: {problem}"
    if behavior.metric_dimension is not None:
        yield "metricDimension: applies to cloud-side metrics, which this release does not evaluate yet"
    if behavior.criteria is not None:
        metric = DEVICE_METRICS.get(behavior.metric) or custom.get(behavior.metric)
        yield from (f"criteria.{problem}" for problem in _criteria_problems(behavior.criteria, metric))


def _criteria_problems(criteria: Criteria, metric: Metric | None) -> Iterator[str]:
    for member, later in (
        ("statisticalThreshold", criteria.statistical_threshold),
        ("mlDetectionConfig", criteria.ml_detection_config),
    ):
        if later is not None:
            yield f"{member}: this release evaluates static thresholds only (comparisonOperator and value)"
            return
    for member, count in (
        ("consecutiveDatapointsToAlarm", criteria.consecutive_datapoints_to_alarm),
        ("consecutiveDatapointsToClear", criteria.consecutive_datapoints_to_clear),
    ):
        if count is not None and not 1 <= count <= 10:
            yield f"{member}: expected an integer from 1 to 10, got {count}"
    if metric is None:
        return
    if criteria.comparison_operator not in metric.kind.operators:
        expected = ", ".join(metric.kind.operators)
        yield f"comparisonOperator: {metric.name} takes {expected}, got {criteria.comparison_operator!r}"
    yield from _value_problems(criteria, metric)
    yield from _duration_problems(criteria.duration_seconds, metric)


def _value_problems(criteria: Criteria, metric: Metric) -> Iterator[str]:
    given = criteria.value.members() if criteria.value else {}
    allowed = _COMPARED_WITH.get(metric.kind, (metric.kind.member,))
    if len(given) != 1 or not given.keys() <= set(allowed):
        yield f"value: {metric.name} is compared with {' or '.join(allowed)}, got {', '.join(given) or 'nothing'}"
        return
    for position, cidr in enumerate(given.get(Kind.ADDRESSES.member, ())):
        try:
            network_of(cidr)
        except ValueError:
            yield f"value.cidrs[{position}]: expected an IP address or CIDR, got {cidr!r}"


_COMPARED_WITH = {Kind.NUMBER: ("number", "count")}
"""Members of a value that do; AWS's agents were documented with `count` for numbers, too."""


def _duration_problems(duration: int | None, metric: Metric) -> Iterator[str]:
    allowed = ", ".join(map(str, DURATIONS_SECONDS))
    if metric.kind not in (Kind.COUNT, Kind.NUMBER):
        if duration is not None:
            yield f"durationSeconds: a list such as {metric.name} has none, got {duration}"
    elif duration is None:
        if metric.takes_duration:
            yield f"durationSeconds: {metric.name} needs one of {allowed}"
    elif duration not in DURATIONS_SECONDS:
        yield f"durationSeconds: expected one of {allowed}, got {duration}"
