"""Table `log`'s stream → function `export` → AWS IoT rule under the profile's own role → MQTT topic."""

from collections.abc import Sequence

from constructs import Construct

from infra.constructs.alert_path import AlertPath
from infra.constructs.function import WardenFunction
from infra.constructs.stream_feed import feed_stream
from infra.constructs.tables import Tables
from warden.rules import EXPORT_FILTER

WINDOW_SECONDS = 300
BATCH = 10_000
KEPT_SECONDS = 6 * 3600
"""How long a batch is tried again; datapoints are in the log for as long as ever."""


class ExportPath(Construct):
    """Datapoints that profiles export, five minutes of them at a time.

    The stream has two readers with it, which is as many as DynamoDB advises.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        tables: Tables,
        alerts: AlertPath,
        role_arns: Sequence[str],
        export: WardenFunction,
    ) -> None:
        super().__init__(scope, id)
        alerts.export_from(export, role_arns=role_arns)
        export.allow("dynamodb:Query", "dynamodb:GetItem", "dynamodb:PutItem", on=[tables.control.table_arn])
        export.allow_key()
        feed_stream(
            self,
            "Stream",
            tables=tables,
            function=export,
            pattern=EXPORT_FILTER,
            batch_size=BATCH,
            maximum_batching_window_in_seconds=WINDOW_SECONDS,
            maximum_record_age_in_seconds=KEPT_SECONDS,
        )
