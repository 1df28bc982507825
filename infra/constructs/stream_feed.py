"""Table `log`'s stream → a function."""

import json
from typing import Any

from aws_cdk import aws_lambda
from constructs import Construct

from infra.constructs.function import WardenFunction
from infra.constructs.tables import Tables


def feed_stream(
    scope: Construct,
    id: str,  # noqa: A002
    *,
    tables: Tables,
    function: WardenFunction,
    pattern: Any,
    **options: Any,
) -> None:
    """Have a function invoked with what of the stream passes a filter, from its beginning.

    Args:
        scope: Of the mapping.
        id: Of the mapping.
        tables: The stream's.
        function: The function, which gets what reading needs.
        pattern: The filter's.
        options: Further properties of the mapping.
    """
    stream = tables.log_stream_arn
    function.allow("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", on=[stream])
    function.allow(
        "dynamodb:ListStreams",
        on=[f"{tables.log.table_arn}/stream/*"],
        why="Lambda lists the streams of the one table",
    )
    aws_lambda.CfnEventSourceMapping(
        scope,
        id,
        function_name=function.arn,
        event_source_arn=stream,
        starting_position="TRIM_HORIZON",
        filter_criteria=aws_lambda.CfnEventSourceMapping.FilterCriteriaProperty(
            filters=[aws_lambda.CfnEventSourceMapping.FilterProperty(pattern=json.dumps(pattern))]
        ),
        **options,
    ).node.add_dependency(function.role)
