"""MQTT report → topic rule → function `evaluate` → table `log`, and the reply."""

from aws_cdk import aws_iot, aws_lambda
from constructs import Construct

from infra.constructs.custom_resource import custom_resource
from infra.constructs.function import WardenFunction
from infra.constructs.tables import Tables
from infra.constructs.topic_rule import SQL_VERSION, QueueRole, rule
from infra.nag import acknowledge
from infra.stage import Stage
from warden import rules

RESERVED_PREFIX = "$aws"


class IngestPath(Construct):
    """Reports in.

    Args:
        evaluate: The function of that name.
        setup: Answers custom resources.
        seeded: Done when the registry's projection has been filled: before that, every report of an existing
            fleet would have to ask the registry.

    Attributes:
        dead_reports: Reports that could not be counted, for `warden redrive`.
        rule_names: By which devices may publish as Basic Ingest.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        stage: Stage,
        tables: Tables,
        evaluate: WardenFunction,
        setup: WardenFunction,
        seeded: Construct,
    ) -> None:
        super().__init__(scope, id)
        options = stage.options
        self.dead_reports = stage.queue(self, "DeadReports", "dead-reports")
        acknowledge(self.dead_reports, SQS3="It is the last stop itself; an alarm watches it")
        self._allow(stage, tables, evaluate)
        aws_lambda.CfnEventInvokeConfig(
            self,
            "Retries",
            function_name=evaluate.function.function_name,
            qualifier="$LATEST",
            maximum_event_age_in_seconds=3600,
            maximum_retry_attempts=2,
            destination_config=aws_lambda.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=aws_lambda.CfnEventInvokeConfig.OnFailureProperty(destination=self.dead_reports.queue_arn)
            ),
        ).node.add_dependency(evaluate.role)
        errors = QueueRole(self, "Errors", stage=stage, queues=[self.dead_reports])
        name, reserved = stage.rule_name("metrics"), stage.rule_name("metrics_reserved")
        invoked = evaluate.take_from("iot.amazonaws.com", source_arn=stage.arn("iot", f"rule/{name}"))
        rule(
            self,
            "Rule",
            name=name,
            sql=rules.metrics_sql(options.metrics_prefix),
            description="Metrics reports on the own topics, and by Basic Ingest",
            actions=[
                aws_iot.CfnTopicRule.ActionProperty(
                    lambda_=aws_iot.CfnTopicRule.LambdaActionProperty(function_arn=evaluate.arn)
                )
            ],
            failures=errors.send_to(self.dead_reports),
            after=[errors.ready, seeded, invoked],
        )
        self.rule_names = [name]
        # Also where it is not taken any more: the rule goes last, when the role is the new one already.
        setup.allow("iot:DeleteTopicRule", on=[stage.arn("iot", f"rule/{reserved}")])
        setup.allow("dynamodb:GetItem", "dynamodb:DeleteItem", on=[tables.control.table_arn])
        setup.allow_key()
        if options.reserved_topic:
            invoked = evaluate.take_from("iot.amazonaws.com", source_arn=stage.arn("iot", f"rule/{reserved}"))
            setup.allow("iot:CreateTopicRule", "iot:ReplaceTopicRule", on=[stage.arn("iot", f"rule/{reserved}")])
            setup.allow("dynamodb:PutItem", on=[tables.control.table_arn])
            setup.allow(
                "iam:PassRole",
                on=[errors.role.role_arn],
                when={"StringEquals": {"iam:PassedToService": "iot.amazonaws.com"}},
            )
            custom_resource(
                self,
                "ReservedRule",
                setup=setup,
                kind="ReservedRule",
                properties={
                    "RuleName": reserved,
                    "Sql": rules.metrics_sql(RESERVED_PREFIX),
                    "SqlVersion": SQL_VERSION,
                    "FunctionArn": evaluate.arn,
                    "ErrorQueueUrl": self.dead_reports.queue_url,
                    "ErrorRoleArn": errors.role.role_arn,
                },
                after=[errors.ready, seeded, invoked],
            )
            self.rule_names.append(reserved)

    def _allow(self, stage: Stage, tables: Tables, evaluate: WardenFunction) -> None:
        things = "things/*/defender/metrics/*"
        prefixes = [stage.options.metrics_prefix, *([RESERVED_PREFIX] if stage.options.reserved_topic else [])]
        evaluate.allow("dynamodb:Query", "dynamodb:PutItem", "dynamodb:GetItem", on=[tables.log.table_arn])
        evaluate.allow("dynamodb:Query", "dynamodb:GetItem", on=[tables.control.table_arn])
        evaluate.allow("sqs:SendMessage", on=[self.dead_reports.queue_arn])  # what Lambda cannot get done
        evaluate.allow(
            "iot:DescribeThing",
            "iot:ListThingGroupsForThing",
            on=[stage.arn("iot", "thing/*")],
            why="Any thing of the account may report",
        )
        evaluate.allow(
            "iot:DescribeThingGroup",
            on=[stage.arn("iot", "thinggroup/*")],
            why="A thing may be in any group, whose place in the hierarchy decides what covers it",
        )
        evaluate.allow(
            "iot:Publish",
            on=[
                stage.arn("iot", f"topic/{prefix}/{things}/{to}")
                for prefix in prefixes
                for to in ("accepted", "rejected")
            ],
            why="A report is answered on its thing's own topic",
        )
        evaluate.allow("events:PutEvents", on=[stage.arn("events", "event-bus/default")])
        evaluate.allow_key()
