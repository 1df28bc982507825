"""Another stack's resources → CloudFormation → function `provider` → the control API's operations → table `control`."""

from collections.abc import Sequence

from aws_cdk import aws_ssm
from constructs import Construct

from infra.constructs.alert_path import AlertPath
from infra.constructs.function import WardenFunction
from infra.constructs.tables import Tables
from infra.stage import Stage


class Provider(Construct):
    """What stands behind the constructs of `warden.cdk`; `/thingwarden/STAGE/provider` in the parameter store.

    CloudFormation invokes the function as whoever deploys the other stack: nobody else is let in.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        stage: Stage,
        tables: Tables,
        alerts: AlertPath,
        role_arns: Sequence[str],
        function: WardenFunction,
    ) -> None:
        super().__init__(scope, id)
        function.allow(
            "dynamodb:GetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:DeleteItem",
            on=[tables.control.table_arn],
        )
        function.allow("iot:DescribeThingGroup", on=[stage.arn("iot", "thinggroup/*")], why="Any group may be a target")
        function.allow("events:PutEvents", on=[stage.arn("events", "event-bus/default")])
        function.allow_key()
        alerts.judge_targets_in(function, role_arns=role_arns)
        aws_ssm.StringParameter(
            self,
            "Parameter",
            parameter_name=stage.parameter("provider"),
            string_value=function.arn,
            description="Service token of the constructs of warden.cdk",
        )
