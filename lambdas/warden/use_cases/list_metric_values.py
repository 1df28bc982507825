"""What a thing reported of one metric."""

from dataclasses import dataclass
from typing import Final

from warden.domain.behaviors.custom import TYPES
from warden.domain.behaviors.metrics import CLOUD_METRICS, DEVICE_METRICS, Kind, code_of
from warden.domain.behaviors.profile import MetricValue
from warden.domain.errors import ResourceNotFound
from warden.ports import ThingLog
from warden.storage.catalogue import CatalogueStore

READ_AT_ONCE: Final = 1_000
"""Entries that one page reads at most: of a metric that is rarely reported, pages are short rather than slow."""

LATE_MS: Final = 2 * 3_600_000
"""How much later than its time an entry may stand in the log and is still found: reports are delivered for an hour."""


@dataclass(frozen=True, slots=True)
class Datum:
    """A datapoint of a metric, and when its report came, epoch ms."""

    at: int
    value: MetricValue


class ListMetricValues:
    """Lists datapoints from the things' logs.

    Args:
        catalogue: The custom metrics.
        log: The things' logs.
        keep: Milliseconds that datapoints are kept.
    """

    def __init__(self, catalogue: CatalogueStore, log: ThingLog, *, keep: int) -> None:
        self._catalogue = catalogue
        self._log = log
        self._keep = keep

    def __call__(
        self, thing: str, metric: str, *, start: int, end: int, behind: int, limit: int, now: int
    ) -> tuple[list[Datum], int | None]:
        """Datapoints from epoch ms `start` to `end`, both included, in the order in which they were counted.

        Args:
            thing: The thing's name.
            metric: The metric's name.
            start: From then on.
            end: Until then.
            behind: Only those behind this sequence of the thing's log.
            limit: How many at most.
            now: Epoch ms.

        Returns: The datapoints, and the sequence to go on behind where there may be more.

        Raises: ResourceNotFound for a metric that there is not.
        """
        kind, since = self._metric(metric)
        start = max(start, since, now - self._keep)
        code = code_of(metric)
        found: list[Datum] = []
        read = self._log.between(thing, start, end + LATE_MS, behind=behind, limit=READ_AT_ONCE)
        for position, logged in enumerate(read, start=1):
            entry = logged.entry
            point = entry.points.get(code)
            if point is not None and start <= entry.at <= end and entry.state.epoch >= since:
                found.append(Datum(entry.at, kind.value(point)))
            if len(found) == limit or position == READ_AT_ONCE:
                return found, logged.seq
        return found, None

    def _metric(self, name: str) -> tuple[Kind, int]:
        """A metric's kind, and since when it is what it is: an evaluator may have known an older one for a moment, and
        an entry says of which epoch its evaluator's metrics were."""
        if known := DEVICE_METRICS.get(name):
            return known.kind, 0
        if name in CLOUD_METRICS:
            return Kind.COUNT, 0
        stored = self._catalogue.custom_metrics.get(name)
        if stored is None:
            raise ResourceNotFound(f"metricName: there is no metric {name!r}")
        return TYPES[stored.record.metric_type][1], stored.record.created_at
