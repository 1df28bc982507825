"""A metrics report as it came in, and where it belongs among those of its thing."""

from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from typing import Any, Self

import msgspec

from warden.domain.alarms.entry import State
from warden.domain.behaviors.custom import CustomMetrics
from warden.domain.behaviors.metrics import Datapoint
from warden.domain.behaviors.target import ThingFacts
from warden.domain.behaviors.windows import slack
from warden.domain.reports.report import Dropped


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """A metrics report as it came in.

    Attributes:
        thing: The thing's name, from the topic.
        report_id: The report's.
        digest: Of its payload.
        points: What it says, by metric code; of custom metrics once it is known which there are.
        at: When it came, epoch ms.
        custom: What it says of custom metrics, by their names, as it came.
    """

    thing: str
    report_id: int
    digest: bytes
    points: dict[str, Datapoint]
    at: int
    custom: Mapping[str, Sequence[Mapping[str, Any]]] = {}

    def using(self, metrics: CustomMetrics) -> tuple[Self, tuple[Dropped, ...]]:
        """The report with the datapoints of its custom metrics, and what cannot be used of them."""
        if not self.custom:
            return self, ()
        points, dropped = metrics.read(self.custom)
        return msgspec.structs.replace(self, points={**self.points, **points}), dropped

    def without(self, codes: Collection[str]) -> Self:
        """The report less some of its datapoints."""
        if not codes:
            return self
        kept = {code: point for code, point in self.points.items() if code not in codes}
        return msgspec.structs.replace(self, points=kept)


class Place(Enum):
    """Where a report belongs, looked for in this order."""

    DUPLICATE = "it has been counted already"
    LATE = "newer reports have overtaken it"
    TOO_SOON = "it follows the report before it too soon"
    NEXT = "it is the newest"


def place(arrival: Arrival, state: State, facts: ThingFacts, *, min_interval: int) -> Place:
    """Where a report belongs.

    Args:
        arrival: The report.
        state: The thing's.
        facts: What the registry says of it.
        min_interval: Milliseconds that reports have to be apart, 0 for no minimum.
    """
    if (arrival.report_id, arrival.digest) in state.recent:
        return Place.DUPLICATE
    if arrival.at < state.report_at or arrival.at < facts.id_since:
        return Place.LATE
    return Place.TOO_SOON if too_soon(arrival.at, state.report_at, min_interval=min_interval) else Place.NEXT


def too_soon(at: int, before: int, *, min_interval: int) -> bool:
    """Whether a report at `at` follows one at `before`, 0 for none, too soon: agents' timers jitter, so some of the
    interval is let off. All in ms; `at` is not before `before`."""
    return before > 0 and at - before < min_interval - slack(min_interval)
