"""A queue that a function is fed from."""

from aws_cdk import aws_lambda, aws_sqs
from constructs import Construct

from infra.constructs.function import WardenFunction


def feed(
    scope: Construct,
    id: str,  # noqa: A002
    *,
    queue: aws_sqs.IQueue,
    function: WardenFunction,
    batch: int,
    window_seconds: int = 0,
    concurrency: int | None = None,
) -> None:
    """Feed a queue to a function, which says which messages it could not deal with."""
    function.allow("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", on=[queue.queue_arn])
    aws_lambda.CfnEventSourceMapping(
        scope,
        id,
        function_name=function.arn,
        event_source_arn=queue.queue_arn,
        batch_size=batch,
        maximum_batching_window_in_seconds=window_seconds,
        function_response_types=["ReportBatchItemFailures"],
        scaling_config=aws_lambda.CfnEventSourceMapping.ScalingConfigProperty(maximum_concurrency=concurrency)
        if concurrency
        else None,
    ).node.add_dependency(function.role)
