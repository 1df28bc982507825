"""The stream of table `log`, once more: datapoints that profiles export leave for their MQTT topics."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from warden.adapters.dynamodb import streamed_item
from warden.adapters.rule_alerts import IotRulePublisher
from warden.domain.behaviors.profile import MetricsExportConfig
from warden.handlers.alert_path import prepare_delivery_rule
from warden.handlers.parts import Parts
from warden.handlers.telemetry import metrics
from warden.storage import keys
from warden.storage.thing_log import Marked
from warden.use_cases.export_metrics import ExportMetrics, readable

log = Logger()


LOOK_EVERY_MS = 3_600_000


class Export:
    """Exports what the stream brings, as one batch; what cannot be published now, it fails at, and gets again. Then
    it knows which topics have theirs already, as long as the container lives.

    A publication into a rule that is gone reaches nobody and says nothing. So a rule is looked for when a container
    publishes into it for the first time, and once an hour.

    Args:
        parts: The container's.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._prepare = prepare_delivery_rule(parts)
        self._rules = IotRulePublisher(parts.client("iot-data"))
        self._looked_at: dict[MetricsExportConfig, int] = {}
        self._failing: tuple[str, set[MetricsExportConfig]] = "", set()
        self._export = ExportMetrics(parts.catalogues, self._publish)

    def __call__(self, event: dict[str, Any]) -> None:
        """Export.

        Args:
            event: DynamoDB's stream records, with new images.

        Raises: Unavailable, where some could not be published now.
        """
        batch = event["Records"][0]["eventID"]
        if self._failing[0] != batch:
            self._failing = batch, set()
        images = (record["dynamodb"]["NewImage"] for record in event["Records"])
        entries, unreadable = readable(Marked(streamed_item(image, keys.LOG)) for image in images)
        refused = self._export(entries, now=self._parts.clock(), done=self._failing[1])
        if refused or unreadable:
            with metrics(self._parts.settings.stage) as told:
                told.add_metric("ExportFailed", MetricUnit.Count, refused + unreadable)

    def _publish(self, to: MetricsExportConfig, message: bytes) -> None:
        now = self._parts.clock()
        look = now - self._looked_at.get(to, 0) >= LOOK_EVERY_MS
        rule = self._prepare(to.role_arn, to.mqtt_topic, look=look, now=now)
        if look:
            self._looked_at[to] = now
        self._rules.publish(rule.export_topic, message)


@cache
def _export() -> Export:
    return Export(Parts.from_env())


def handler(event: dict[str, Any], context: object) -> None:  # noqa: ARG001
    """Entry point of the function that the stream of table `log` feeds with entries for export."""
    _export()(event)
