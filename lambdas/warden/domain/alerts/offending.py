"""Which of the values in a list are those that violate a behavior."""

from ipaddress import ip_address

from warden.domain.behaviors.cidrs import CidrSet
from warden.domain.behaviors.profile import Behavior, MetricValue

Element = int | float | str


def elements(value: MetricValue | None) -> tuple[Element, ...]:
    """The values of a list; nothing where the metric is a number."""
    given = value.members() if value else {}
    return next((each for each in given.values() if isinstance(each, tuple)), ())


def offending(behavior: Behavior, value: MetricValue | None) -> tuple[Element, ...]:
    """The values of a list that violate a behavior, in the list's order; nothing where it is no list."""
    criteria = behavior.criteria
    allowed = criteria.value if criteria else None
    if value is None or criteria is None or allowed is None:
        return ()
    wanted = not (criteria.comparison_operator or "").startswith("not-")
    if value.cidrs is not None and allowed.cidrs is not None:
        networks = CidrSet(allowed.cidrs)
        return tuple(each for each in value.cidrs if (ip_address(each).packed in networks) is not wanted)
    listed = frozenset(elements(allowed))
    return tuple(each for each in elements(value) if (each in listed) is not wanted)
