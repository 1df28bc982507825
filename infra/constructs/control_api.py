"""boto3's `iot` client → HTTP API, IAM → function `control_api` → table `control`."""

import json
from collections.abc import Iterable

from aws_cdk import Aws, CfnOutput, RemovalPolicy, aws_apigatewayv2, aws_iam, aws_logs, aws_ssm
from constructs import Construct

from infra.constructs.function import WardenFunction
from infra.constructs.tables import Tables, index_arn
from infra.nag import acknowledge_wildcards
from infra.stage import LOGS_KEPT, Stage
from warden.control_api import routes
from warden.storage import keys

RATE, BURST = 50, 100
"""Requests per second: AWS's own quotas on these operations add up to less."""

LOGGED = {
    "requestId": "$context.requestId",
    "time": "$context.requestTimeEpoch",
    "route": "$context.routeKey",
    "path": "$context.path",
    "status": "$context.status",
    "caller": "$context.identity.userArn",
    "account": "$context.identity.accountId",
    "sourceIp": "$context.identity.sourceIp",
    "userAgent": "$context.identity.userAgent",
    "latency": "$context.responseLatency",
    "error": "$context.error.message",
}


class ControlApi(Construct):
    """The API that people configure the deployment by.

    Attributes:
        url: Where it is; `/thingwarden/STAGE/endpoint` in the parameter store.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        stage: Stage,
        tables: Tables,
        function: WardenFunction,
    ) -> None:
        super().__init__(scope, id)
        api = aws_apigatewayv2.CfnApi(
            self, "Api", name=stage.name("control"), protocol_type="HTTP", description="Thingwarden's control API"
        )
        integration = aws_apigatewayv2.CfnIntegration(
            self,
            "Integration",
            api_id=api.ref,
            integration_type="AWS_PROXY",
            integration_uri=function.arn,
            payload_format_version="2.0",
            timeout_in_millis=30_000,
        )
        for operation, (method, path) in sorted(routes.routes().items()):
            aws_apigatewayv2.CfnRoute(
                self,
                operation,
                api_id=api.ref,
                route_key=f"{method} {path}",
                authorization_type="AWS_IAM",
                operation_name=operation,
                target=f"integrations/{integration.ref}",
            )
        self._api_id = api.ref
        self._stage = stage
        log = aws_logs.LogGroup(
            self,
            "AccessLog",
            log_group_name=f"/aws/vendedlogs/apis/{stage.name('control')}",
            retention=LOGS_KEPT,
            removal_policy=RemovalPolicy.DESTROY,
            encryption_key=stage.key,
        )
        aws_apigatewayv2.CfnStage(
            self,
            "Stage",
            api_id=api.ref,
            stage_name="$default",
            auto_deploy=True,
            access_log_settings=aws_apigatewayv2.CfnStage.AccessLogSettingsProperty(
                destination_arn=log.log_group_arn, format=json.dumps(LOGGED)
            ),
            default_route_settings=aws_apigatewayv2.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=RATE, throttling_burst_limit=BURST
            ),
        )
        function.take_from("apigateway.amazonaws.com", source_arn=stage.arn("execute-api", f"{api.ref}/$default/*/*"))
        self.url = api.attr_api_endpoint
        self._allow(tables, function)
        for name, operations in routes.policies().items():
            self._make_policy(name, operations)
        aws_ssm.StringParameter(self, "Endpoint", parameter_name=stage.parameter("endpoint"), string_value=self.url)
        CfnOutput(self, "Url", value=self.url, description="The control API; warden.client() finds it by the stage")

    def _make_policy(self, name: str, operations: Iterable[str]) -> None:
        known = routes.routes()
        opened = {known[operation] for operation in operations}
        # Named one by one, all of them would be longer than a managed policy may be.
        paths = ["*"] if opened == set(known.values()) else [f"{method}{_any_label(path)}" for method, path in opened]
        arns = [self._stage.arn("execute-api", f"{self._api_id}/$default/{path}") for path in sorted(paths)]
        policy = aws_iam.ManagedPolicy(
            self,
            f"{name.title().replace('-', '')}Policy",
            managed_policy_name=f"{self._stage.name(f'control-{name}')}-{Aws.REGION}",  # IAM's names are the account's
            path=self._stage.role_path,
            description=f"{name} use of Thingwarden's control API, stage {self._stage.options.stage}",
            statements=[aws_iam.PolicyStatement(actions=["execute-api:Invoke"], resources=arns)],
        )
        acknowledge_wildcards(policy, arns, "What stands for a label in a path is a name that the API's users chose")

    def _allow(self, tables: Tables, function: WardenFunction) -> None:
        function.allow(
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:DeleteItem",
            on=[tables.control.table_arn],
        )
        function.allow(
            "dynamodb:Query",
            on=[index_arn(tables.control, index) for index in (keys.BY_ALL, keys.BY_PROFILE, keys.BY_THING)],
        )
        function.allow("dynamodb:Query", "dynamodb:GetItem", on=[tables.log.table_arn])
        function.allow(
            "iot:DescribeThingGroup", on=[self._stage.arn("iot", "thinggroup/*")], why="Any group may be a target"
        )
        function.allow("events:PutEvents", on=[self._stage.arn("events", "event-bus/default")])
        function.allow_key()


def _any_label(path: str) -> str:
    return "/".join("*" if segment.startswith("{") else segment for segment in path.split("/"))
