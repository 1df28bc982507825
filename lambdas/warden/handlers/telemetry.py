"""What the functions tell CloudWatch: metrics as lines of their logs, in namespace `Thingwarden`, by stage."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.violation import Event

NAMESPACE = "Thingwarden"


COUNTED_AS = {
    EventType.IN_ALARM: "Violations",
    EventType.CLEARED: "ViolationsCleared",
    EventType.INVALIDATED: "ViolationsInvalidated",
}
"""AWS's metrics of Device Defender, by what is counted. Source: AWS IoT Developer Guide, Metrics and dimensions."""


def count_violations(stage: str, *, by_behavior: bool) -> Callable[[Event], None]:
    """What counts events: of the stage, by security profile, and where `by_behavior` says so by behavior, each of
    which CloudWatch bills as a metric of its own; never by device."""

    def count(event: Event) -> None:
        with metrics(stage) as told:
            told.add_metric(COUNTED_AS[event.type], MetricUnit.Count, 1)
            profile = {"stage": stage, "SecurityProfileName": event.profile}
            told.add_dimensions(**profile)
            if by_behavior:
                told.add_dimensions(**profile, BehaviorName=event.behavior.name)

    return count


@contextmanager
def metrics(stage: str) -> Iterator[EphemeralMetrics]:
    """The metrics of one invocation, printed when it ends, however it ends."""
    told = EphemeralMetrics(namespace=NAMESPACE, service="")  # without a name of its own it takes the logger's
    told.set_default_dimensions(stage=stage)
    try:
        yield told
    finally:
        if told.metric_set:
            told.flush_metrics()
