"""Table `log`'s stream → function `dispatch` → table `control`; behind it the sweep, and S3 for what fails."""

from aws_cdk import Aws, RemovalPolicy, aws_iam, aws_lambda, aws_s3, aws_scheduler
from constructs import Construct

from infra.constructs.function import WardenFunction
from infra.constructs.stream_feed import feed_stream
from infra.constructs.tables import Tables, index_arn
from infra.nag import acknowledge
from infra.stage import Stage
from warden.rules import OUTBOX_FILTER
from warden.storage import keys


class DispatchPath(Construct):
    """Transitions to violations.

    Attributes:
        failures: Batches that dispatch failed at five times, whole; a stream's other targets keep no records.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        stage: Stage,
        tables: Tables,
        dispatch: WardenFunction,
        sweep: WardenFunction,
    ) -> None:
        super().__init__(scope, id)
        self.failures = aws_s3.Bucket(
            self,
            "Failures",
            block_public_access=aws_s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            encryption=aws_s3.BucketEncryption.KMS if stage.key else aws_s3.BucketEncryption.S3_MANAGED,
            encryption_key=stage.key,
            removal_policy=RemovalPolicy.RETAIN,
        )
        acknowledge(self.failures, S1="Only Lambda writes to it and only `warden redrive` reads it")
        self._feed(tables, dispatch)
        for function in (dispatch, sweep):
            function.allow("dynamodb:Query", "dynamodb:GetItem", "dynamodb:PutItem", on=[tables.log.table_arn])
            function.allow("dynamodb:Query", "dynamodb:GetItem", "dynamodb:PutItem", on=[tables.control.table_arn])
            function.allow("events:PutEvents", on=[stage.arn("events", "event-bus/default")])
            function.allow_key()
        sweep.allow("dynamodb:Query", on=[index_arn(tables.log, keys.OUTBOX)])
        sweep.allow("dynamodb:BatchGetItem", on=[tables.log.table_arn, tables.control.table_arn])
        sweep.allow("dynamodb:DeleteItem", "dynamodb:ConditionCheckItem", on=[tables.control.table_arn])
        sweep.allow(
            "dynamodb:Query",
            on=[index_arn(tables.control, index) for index in (keys.DUE, keys.BY_PROFILE)],
        )
        every_minute(self, "Sweep", stage=stage, function=sweep)

    def _feed(self, tables: Tables, dispatch: WardenFunction) -> None:
        dispatch.allow("s3:PutObject", on=[self.failures.arn_for_objects("*")], why="A failed batch is a new object")
        dispatch.allow("s3:ListBucket", on=[self.failures.bucket_arn])
        feed_stream(
            self,
            "Stream",
            tables=tables,
            function=dispatch,
            pattern=OUTBOX_FILTER,
            batch_size=100,
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=5,
            parallelization_factor=2,
            function_response_types=["ReportBatchItemFailures"],
            destination_config=aws_lambda.CfnEventSourceMapping.DestinationConfigProperty(
                on_failure=aws_lambda.CfnEventSourceMapping.OnFailureProperty(destination=self.failures.bucket_arn)
            ),
        )


def every_minute(scope: Construct, id: str, *, stage: Stage, function: WardenFunction) -> None:  # noqa: A002
    """Invoke a function every minute."""
    scheduled(scope, id, stage=stage, function=function, expression="rate(1 minute)", payload="{}")
    function.try_once()


def scheduled(
    scope: Construct,
    id: str,  # noqa: A002
    *,
    stage: Stage,
    function: WardenFunction,
    expression: str,
    payload: str,
) -> None:
    """Invoke a function by the clock."""
    group = stage.arn("scheduler", "schedule-group/default")
    role = aws_iam.Role(
        scope,
        f"{id}Role",
        path=stage.role_path,
        assumed_by=aws_iam.ServicePrincipal(
            "scheduler.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID, "aws:SourceArn": group}},
        ),
        inline_policies={
            "invoke": aws_iam.PolicyDocument(
                statements=[aws_iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.arn])]
            )
        },
    )
    aws_scheduler.CfnSchedule(
        scope,
        f"{id}Schedule",
        name=stage.name(id.lower()),
        schedule_expression=expression,
        flexible_time_window=aws_scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
        target=aws_scheduler.CfnSchedule.TargetProperty(
            arn=function.arn,
            role_arn=role.role_arn,
            input=payload,
            retry_policy=aws_scheduler.CfnSchedule.RetryPolicyProperty(maximum_retry_attempts=0),
        ),
    )
