"""A function of the package `warden`, with a role and a log group of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Aws, Duration, RemovalPolicy, aws_iam, aws_lambda, aws_logs
from constructs import Construct

from infra.code import ARCHITECTURE, RUNTIME
from infra.nag import acknowledge, acknowledge_wildcards
from infra.stage import LOGS_KEPT, Stage
from warden.settings import PREFIX


class WardenFunction(Construct):
    """A handler and exactly what it may do.

    Args:
        of: Its name among the stage's, and its module in `warden.handlers`.
        environment: What `Settings` makes of the deployment.
        memory: MB; Lambda gives processor time in proportion.
        timeout: Of one invocation.

    Attributes:
        function: The Lambda function.
        role: Its role; `allow` adds to it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        stage: Stage,
        of: str,
        description: str,
        code: aws_lambda.Code,
        layer: aws_lambda.ILayerVersion,
        environment: Mapping[str, str],
        timeout: Duration,
        memory: int = 256,
    ) -> None:
        super().__init__(scope, id)
        name = stage.name(of.replace("_", "-"))
        logs = aws_logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/lambda/{name}",
            retention=LOGS_KEPT,
            removal_policy=RemovalPolicy.DESTROY,
            encryption_key=stage.key,
        )
        self.role = aws_iam.Role(
            self,
            "Role",
            path=stage.role_path,
            assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"Of the function {name}",
        )
        self._stage = stage
        self.allow("logs:CreateLogStream", "logs:PutLogEvents", on=[logs.log_group_arn])
        self.function = aws_lambda.Function(
            self,
            "Function",
            function_name=name,
            description=description,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            handler=f"warden.handlers.{of}.handler",
            code=code,
            layers=[layer],
            role=self.role,
            memory_size=memory,
            timeout=timeout,
            environment={
                **environment,
                "POWERTOOLS_SERVICE_NAME": of,
                "POWERTOOLS_METRICS_NAMESPACE": "Thingwarden",
            },
            log_group=logs,
            logging_format=aws_lambda.LoggingFormat.JSON,
            system_log_level_v2=aws_lambda.SystemLogLevel.WARN,  # else three platform lines for every report
            application_log_level_v2=aws_lambda.ApplicationLogLevel.INFO,
            environment_encryption=stage.key,
        )
        acknowledge(
            self.function,
            L1="python3.13 is what every dependency of the layer has a wheel for; the tests run on it and on 3.14",
        )

    @property
    def arn(self) -> str:
        """The function's."""
        return self.function.function_arn

    def allow(self, *actions: str, on: Sequence[str], when: Mapping[str, Any] | None = None, why: str = "") -> None:
        """Add a statement to the role; nothing else ever does. Resources with wildcards need a reason."""
        self.role.add_to_policy(aws_iam.PolicyStatement(actions=list(actions), resources=list(on), conditions=when))
        acknowledge_wildcards(self.role, on, why)

    def tell(self, **settings: str) -> None:
        """Give the function settings that no other function has."""
        for name, value in settings.items():
            self.function.add_environment(f"{PREFIX}{name.upper()}", value)

    def go_on_by_itself(self) -> None:
        """Let the function have itself invoked to go on: Lambda would end such a chain after sixteen."""
        resource = self.function.node.default_child
        assert isinstance(resource, aws_lambda.CfnFunction)
        resource.recursive_loop = "Allow"

    def try_once(self) -> None:
        """Have no failed invocation repeated: the next one does its work."""
        aws_lambda.CfnEventInvokeConfig(
            self,
            "Once",
            function_name=self.function.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=0,
        )

    def allow_key(self) -> None:
        """Let the function use the customer key, where there is one."""
        if arns := self._stage.key_arns:
            self.allow("kms:Decrypt", "kms:GenerateDataKey", on=arns)

    def take_from(self, principal: str, *, source_arn: str) -> Construct:
        """Let a service invoke the function on behalf of one of this account's resources, which waits for it."""
        id_ = f"From{principal.split('.', maxsplit=1)[0].title()}{len(self.node.children)}"
        return aws_lambda.CfnPermission(
            self,
            id_,
            action="lambda:InvokeFunction",
            function_name=self.arn,
            principal=principal,
            source_account=Aws.ACCOUNT_ID,
            source_arn=source_arn,
        )
