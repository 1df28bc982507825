"""Opt-in: a probe thing whose alarm goes the whole way by the clock; its absence is an alarm."""

from aws_cdk import Duration, aws_iam, aws_iot, aws_sns_subscriptions
from constructs import Construct

from infra.constructs.alert_path import AlertPath
from infra.constructs.dispatch_path import scheduled
from infra.constructs.function import WardenFunction
from infra.constructs.queue_feed import feed
from infra.constructs.tables import Tables, index_arn
from infra.nag import acknowledge
from infra.stage import Stage
from warden.storage import keys


class Heartbeat(Construct):
    """The probe: a thing in a group of its own, and the topic and queue that its alerts come back by."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        stage: Stage,
        tables: Tables,
        alerts: AlertPath,
        function: WardenFunction,
    ) -> None:
        super().__init__(scope, id)
        name = stage.name("heartbeat")
        aws_iot.CfnThing(self, "Thing", thing_name=name)
        aws_iot.CfnThingGroup(self, "Group", thing_group_name=name)
        topic = stage.topic(self, "Topic", "heartbeat")
        alerts.role.add_to_policy(aws_iam.PolicyStatement(actions=["sns:Publish"], resources=[topic.topic_arn]))
        arrived = stage.queue(self, "Arrived", "heartbeat", visibility=Duration.minutes(6), kept=Duration.hours(1))
        acknowledge(arrived, SQS3="What is not taken within the hour is absent, which is the alarm")
        topic.add_subscription(aws_sns_subscriptions.SqsSubscription(arrived))
        feed(self, "Feed", queue=arrived, function=function, batch=10)
        function.tell(heartbeat_topic_arn=topic.topic_arn, heartbeat_role_arn=alerts.role.role_arn)
        function.allow(
            "iot:AddThingToThingGroup", on=[stage.arn("iot", f"thing/{name}"), stage.arn("iot", f"thinggroup/{name}")]
        )
        own_topic = f"topic/{stage.options.metrics_prefix}/things/{name}/defender/metrics/json"
        function.allow("iot:Publish", on=[stage.arn("iot", own_topic)])
        function.allow(
            "dynamodb:Query",
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:PutItem",
            on=[tables.control.table_arn],
        )
        function.allow("dynamodb:Query", on=[index_arn(tables.control, keys.BY_THING)])
        function.allow_key()
        function.try_once()
        minutes = stage.options.heartbeat_minutes
        scheduled(
            self,
            "Heartbeat",
            stage=stage,
            function=function,
            expression=f"rate({minutes} minute{'s' if minutes > 1 else ''})",
            payload="{}",
        )
