"""The two tables, as `warden.storage.keys` designs them."""

from functools import partial
from typing import Any

from aws_cdk import Duration, RemovalPolicy, aws_dynamodb
from constructs import Construct

from infra.nag import acknowledge
from infra.options import Capacity
from infra.stage import Stage
from warden.storage import keys

UTILISATION = 70  # percent of provisioned capacity that is aimed at


class Tables(Construct):
    """Tables `log` and `control`. Both stay when the stack goes.

    Attributes:
        log: All that happened to each thing.
        control: Profiles, violations, and what is due.
        log_stream_arn: Of the stream that dispatch reads.
        log_read, log_write: Arguments of `Grants` for who reads or writes.
    """

    def __init__(self, scope: Construct, id: str, *, stage: Stage) -> None:  # noqa: A002
        super().__init__(scope, id)
        options = stage.options
        if options.log_table:
            self.log: aws_dynamodb.ITable = aws_dynamodb.Table.from_table_attributes(
                self,
                "Log",
                table_arn=options.log_table.partition("/stream/")[0],
                table_stream_arn=options.log_table,
                global_indexes=list(keys.LOG.indexes),
                encryption_key=stage.key,
            )
        else:
            self.log = self._make_log(stage)
        stream = self.log.table_stream_arn
        assert stream, "table log has a stream"
        self.log_stream_arn = stream
        if options.control_table:
            self.control: aws_dynamodb.ITable = aws_dynamodb.Table.from_table_attributes(
                self,
                "Control",
                table_name=options.control_table,
                global_indexes=list(keys.CONTROL.indexes),
                encryption_key=stage.key,
            )
        else:
            self.control = self._make(
                "Control",
                stage,
                keys.CONTROL,
                {},
                billing_mode=aws_dynamodb.BillingMode.PAY_PER_REQUEST,
                point_in_time_recovery_specification=aws_dynamodb.PointInTimeRecoverySpecification(
                    point_in_time_recovery_enabled=True
                ),
                deletion_protection=True,
            )

    def _make_log(self, stage: Stage) -> aws_dynamodb.Table:
        capacity = stage.options.log_capacity
        units: dict[str, Any] = {}
        mode = aws_dynamodb.BillingMode.PAY_PER_REQUEST
        if isinstance(capacity, Capacity):
            units = {"read_capacity": capacity.minimum, "write_capacity": capacity.minimum}
            mode = aws_dynamodb.BillingMode.PROVISIONED
        image = aws_dynamodb.StreamViewType.NEW_IMAGE
        table = self._make("Log", stage, keys.LOG, units, billing_mode=mode, stream=image)
        if isinstance(capacity, Capacity):
            # The indexes too: one that is short of capacity throttles the very reports that raise alarms.
            scalings = [table.auto_scale_write_capacity, table.auto_scale_read_capacity]
            for index in keys.LOG.indexes:
                scalings.append(partial(table.auto_scale_global_secondary_index_write_capacity, index))
                scalings.append(partial(table.auto_scale_global_secondary_index_read_capacity, index))
            for scaling in scalings:
                scaling(min_capacity=capacity.minimum, max_capacity=capacity.maximum).scale_on_utilization(
                    target_utilization_percent=UTILISATION,
                    scale_in_cooldown=Duration.minutes(5),
                    scale_out_cooldown=Duration.seconds(30),
                )
        acknowledge(
            table,
            DDB3="Every device reports again within minutes, and an alarm's state is rebuilt from its next report; "
            "a copy of every write would double the price of storing one",
        )
        return table

    def _make(
        self, id_: str, stage: Stage, design: keys.TableDesign, units: dict[str, Any], **settings: Any
    ) -> aws_dynamodb.Table:
        """A table that CloudFormation names: one that a failed deployment left behind is in no later one's way."""
        table = aws_dynamodb.Table(
            self,
            id_,
            partition_key=_text("pk"),
            sort_key=_text("sk"),
            time_to_live_attribute="expires_at",
            encryption=aws_dynamodb.TableEncryption.CUSTOMER_MANAGED if stage.key else None,
            encryption_key=stage.key,
            removal_policy=RemovalPolicy.RETAIN,
            **units,
            **settings,
        )
        for index in design.indexes:
            table.add_global_secondary_index(
                index_name=index,
                partition_key=_text(index),
                sort_key=_text(f"{index}_sort"),
                projection_type=aws_dynamodb.ProjectionType.KEYS_ONLY,
                **units,
            )
        return table


def _text(name: str) -> aws_dynamodb.Attribute:
    return aws_dynamodb.Attribute(name=name, type=aws_dynamodb.AttributeType.STRING)


def index_arn(table: aws_dynamodb.ITable, index: str) -> str:
    """One of a table's indexes, for a statement."""
    return f"{table.table_arn}/index/{index}"
