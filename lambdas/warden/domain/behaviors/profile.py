"""A security profile and its behaviors, as people give them.

The members are AWS's, in Python's spelling; encoded, they have AWS's names again. Absent members are None, so that a
profile is given back as it was given.
"""

from collections.abc import Iterator
from typing import Any

import msgspec


class Wire(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """A value of the API: immutable, with AWS's member names where it is encoded."""


class MetricValue(Wire, frozen=True):
    """The value of a metric, or what one is compared with; exactly one member is there."""

    count: int | None = None
    cidrs: tuple[str, ...] | None = None
    ports: tuple[int, ...] | None = None
    number: float | None = None
    numbers: tuple[float, ...] | None = None
    strings: tuple[str, ...] | None = None

    def members(self) -> dict[str, Any]:
        """The members that are there, by name."""
        return {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}


class MetricDimension(Wire, frozen=True):
    """Narrows a cloud-side metric to some topics."""

    dimension_name: str
    operator: str | None = None


class StatisticalThreshold(Wire, frozen=True):
    """A percentile of what other devices report."""

    statistic: str | None = None


class MachineLearningDetectionConfig(Wire, frozen=True):
    """How sure a model must be."""

    confidence_level: str


class Criteria(Wire, frozen=True):
    """What is normal: a datapoint for which this is false violates the behavior."""

    comparison_operator: str | None = None
    value: MetricValue | None = None
    duration_seconds: int | None = None
    consecutive_datapoints_to_alarm: int | None = None
    consecutive_datapoints_to_clear: int | None = None
    statistical_threshold: StatisticalThreshold | None = None
    ml_detection_config: MachineLearningDetectionConfig | None = None


class Behavior(Wire, frozen=True):
    """One statement of what a device normally does. Without criteria its metric is kept and never judged."""

    name: str
    metric: str | None = None
    metric_dimension: MetricDimension | None = None
    criteria: Criteria | None = None
    suppress_alerts: bool | None = None
    export_metric: bool | None = None

    def as_alerted(self) -> dict[str, Any]:
        """The behavior as violations and alerts show it: the consecutive counts filled in."""
        shown: dict[str, Any] = msgspec.to_builtins(self)
        if "criteria" in shown:
            shown["criteria"] = {
                "consecutiveDatapointsToAlarm": 1,
                "consecutiveDatapointsToClear": 1,
                **shown["criteria"],
            }
        return shown


class MetricToRetain(Wire, frozen=True):
    """A metric whose datapoints are kept although no behavior uses it."""

    metric: str
    metric_dimension: MetricDimension | None = None
    export_metric: bool | None = None


class AlertTarget(Wire, frozen=True):
    """The SNS topic that alerts go to, and the role they are sent under."""

    alert_target_arn: str
    role_arn: str


class MetricsExportConfig(Wire, frozen=True):
    """The MQTT topic that metrics are exported to."""

    mqtt_topic: str
    role_arn: str


class SecurityProfile(Wire, frozen=True):
    """What one version of a security profile says."""

    security_profile_name: str
    security_profile_description: str | None = None
    behaviors: tuple[Behavior, ...] = ()
    alert_targets: dict[str, AlertTarget] = {}
    additional_metrics_to_retain: tuple[str, ...] = ()
    additional_metrics_to_retain_v2: tuple[MetricToRetain, ...] = ()
    metrics_export_config: MetricsExportConfig | None = None

    @property
    def alert_target(self) -> AlertTarget | None:
        """Where alerts go, if anywhere: AWS knows one kind of target."""
        return self.alert_targets.get("SNS")

    def dimensions(self) -> Iterator[str]:
        """Names of the dimensions that this profile uses."""
        users: tuple[Behavior | MetricToRetain, ...] = (*self.behaviors, *self.additional_metrics_to_retain_v2)
        yield from (each.metric_dimension.dimension_name for each in users if each.metric_dimension)

    def exported_metrics(self) -> Iterator[str]:
        """Names of the metrics that are exported."""
        users: tuple[Behavior | MetricToRetain, ...] = (*self.behaviors, *self.additional_metrics_to_retain_v2)
        yield from (each.metric for each in users if each.export_metric and each.metric)

    def retained_metrics(self) -> Iterator[str]:
        """Names of the metrics whose datapoints are kept on behalf of this profile."""
        yield from (behavior.metric for behavior in self.behaviors if behavior.metric)
        yield from self.additional_metrics_to_retain
        yield from (kept.metric for kept in self.additional_metrics_to_retain_v2)
