"""What a security profile exports of what its things report."""

from collections.abc import Iterator, Mapping
from typing import Any, Self

import msgspec

from warden.domain.behaviors.metrics import Datapoints, Metric
from warden.domain.behaviors.profile import MetricsExportConfig, SecurityProfile


class Export(msgspec.Struct, frozen=True):
    """The metrics that leave for a topic.

    Attributes:
        to: The topic, and the role under which they are published.
        metrics: By code.
    """

    to: MetricsExportConfig
    metrics: Mapping[str, Metric]

    @classmethod
    def of(cls, profile: SecurityProfile, metrics: Mapping[str, Metric]) -> Self | None:
        """What a profile exports; None where that is nothing.

        Args:
            profile: The profile.
            metrics: All that there are, by name. Those that it exports and that are not among them are left out.
        """
        if profile.metrics_export_config is None:
            return None
        exported = [metrics[name] for name in profile.exported_metrics() if name in metrics]
        return cls(profile.metrics_export_config, {metric.code: metric for metric in exported}) if exported else None

    def concerns(self, points: Datapoints) -> bool:
        """Whether a report has a datapoint of one of the metrics."""
        return not points.keys().isdisjoint(self.metrics)

    def values(self, points: Datapoints, epoch: int) -> Iterator[tuple[str, dict[str, Any]]]:
        """Name and value, as a MetricValue has it, of each metric that there is a datapoint of.

        Args:
            points: What was reported.
            epoch: The catalogue's under which it was. A datapoint from before its metric was created is left out: it
                is of another one of its name, and perhaps of another type.
        """
        for code, metric in self.metrics.items():
            if (point := points.get(code)) is not None and metric.since <= epoch:
                yield metric.name, metric.kind.value(point).members()
