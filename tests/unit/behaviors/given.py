"""Behaviors as the tests need them, and what a report means for them."""

from ipaddress import ip_address
from typing import Any

from warden.domain.behaviors.metrics import DEVICE_METRICS, Datapoints
from warden.domain.behaviors.plan import LiveBehavior, Plan
from warden.domain.behaviors.profile import Behavior, Criteria, MetricValue

AT = 1_790_000_000_000


def behavior(metric: str, operator: str, value: Any, *, name: str = "B", **criteria: Any) -> Behavior:
    """A behavior with a static threshold; accumulating metrics are summed over 300 s unless it says otherwise."""
    kind = DEVICE_METRICS[metric]
    if kind.accumulates:
        criteria.setdefault("duration_seconds", 300)
    compared = MetricValue(**{kind.kind.member: value if isinstance(value, int) else tuple(value)})
    return Behavior(
        name=name, metric=metric, criteria=Criteria(comparison_operator=operator, value=compared, **criteria)
    )


def hosts(*addresses: str) -> set[bytes]:
    """Addresses as a datapoint has them."""
    return {ip_address(address).packed for address in addresses}


def live(says: Behavior, *, uid: str = "", version: int = 1, criteria_version: int = 1, since: int = 0) -> LiveBehavior:
    """A behavior in force; its uid is its name unless given."""
    return LiveBehavior(
        profile="factory",
        profile_version=version,
        uid=uid or says.name,
        criteria_version=criteria_version,
        since=since,
        behavior=says,
    )


def outcome(says: Behavior, points: Datapoints) -> str:
    """What one report means for one behavior: conforms, violates, or nothing."""
    plan = Plan([live(says)])
    seen, violated = plan.seen(points), plan.judge(points, {}, AT).violated
    return {(0, 0): "nothing", (1, 0): "conforms", (1, 1): "violates"}[seen, violated]
