"""Names and values as people read them in an e-mail or an SMS.

A thing's name may be anything that a device came up with, and it reaches people who trust the message: it must not
add lines to it, nor become a link.
"""

import unicodedata
from collections.abc import Sequence

from warden.domain.alerts.offending import Element, elements, offending
from warden.domain.behaviors.metrics import DEVICE_METRICS
from warden.domain.behaviors.profile import Behavior, MetricValue

LONGEST_NAME = 128
LISTED = 20
"""Values of a list that are written out."""

DOTS = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61\u2024", "."))  # what browsers take for a dot in a host's name

COMPARED = {
    "less-than": "less than",
    "less-than-equals": "at most",
    "greater-than": "more than",
    "greater-than-equals": "at least",
}
KINDS = {"ports": "ports", "cidrs": "addresses", "numbers": "numbers", "strings": "texts"}


def name(text: str) -> str:
    """A name in one line, with nothing in it that a mail program makes a link of: `evil[.]example`."""
    line = "".join("?" if _is_unseen(each) else each for each in text[:LONGEST_NAME].translate(DOTS))
    return line.replace('"', "'").replace("://", "[:]//").replace(".", "[.]")


def _is_unseen(character: str) -> bool:
    """Control and format characters, those that are not assigned, and every separator but the space."""
    return unicodedata.category(character)[0] in "CZ" and character != " "


def seen(behavior: Behavior, value: MetricValue | None) -> str:
    """What a thing reported; of a list, first what violates the behavior."""
    if value is None:
        return "nothing"
    if (number := _number(value)) is not None:
        return f"{number:,}"
    listed, wrong = _texts(value, elements(value)), _texts(value, offending(behavior, value))
    if not wrong:
        return _listed(listed)
    return f"{_listed(wrong)}{f' among {len(listed):,}' if len(listed) > len(wrong) else ''}"


def normal(behavior: Behavior) -> str:
    """What a behavior takes for normal."""
    criteria = behavior.criteria
    value = criteria.value if criteria else None
    if criteria is None or value is None:
        return "as its criteria say"
    operator = criteria.comparison_operator or ""
    if (number := _number(value)) is not None:
        metric = DEVICE_METRICS.get(behavior.metric or "")
        sums = f" in {criteria.duration_seconds} s" if metric and metric.accumulates else ""
        return f"{COMPARED.get(operator, operator)} {number:,}{sums}"
    kind = next((KINDS.get(member, member) for member in value.members()), "values")
    return (
        f"{'none of the' if operator.startswith('not-') else 'only'} {kind} {_listed(_texts(value, elements(value)))}"
    )


def _number(value: MetricValue) -> float | None:
    return value.count if value.count is not None else value.number


def _texts(value: MetricValue, some: Sequence[Element]) -> list[str]:
    """Some of a value's elements; texts are a device's own, like names."""
    return [name(str(each)) if value.strings is not None else str(each) for each in some]


def _listed(values: Sequence[str]) -> str:
    if not values:
        return "none"
    more = f" and {len(values) - LISTED:,} more" if len(values) > LISTED else ""
    return ", ".join(values[:LISTED]) + more
