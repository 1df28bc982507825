"""Event → AWS IoT rule under the profile's own role → SNS, or exported metrics → their topic; receipts and errors come
back through a queue."""

from collections.abc import Sequence

from aws_cdk import Aws, Duration, aws_iam, aws_sns, aws_sns_subscriptions
from constructs import Construct

from infra.constructs.custom_resource import custom_resource
from infra.constructs.function import WardenFunction
from infra.constructs.queue_feed import feed
from infra.constructs.tables import Tables
from infra.constructs.topic_rule import QueueRole
from infra.nag import acknowledge
from infra.stage import Stage

ALERT_RULES, EXPORT_RULES = "alert_*", "export_*"
"""Names of the delivery rules, behind what the stage's rules begin with, as patterns."""


class AlertPath(Construct):
    """What the functions need to alert somebody, and an alert topic of the stack's own.

    The rules themselves are made by the control API, one for each alert role that a profile names.

    Attributes:
        receipts: What the alert rules ran for, and what failed.
        dead_alerts: Alerts that failed for a day, for `warden redrive`.
        topic: The stack's own alert topic.
        role: Under which AWS IoT publishes to it; the example of what a profile names.
    """

    def __init__(self, scope: Construct, id: str, *, stage: Stage) -> None:  # noqa: A002
        super().__init__(scope, id)
        self._stage = stage
        self.dead_alerts = stage.queue(self, "DeadAlerts", "dead-alerts")
        self.dead_receipts = stage.queue(self, "DeadReceipts", "dead-receipts")
        self.receipts = stage.queue(
            self, "Receipts", "receipts", dead_letters=self.dead_receipts, visibility=Duration.seconds(6 * 30)
        )
        for queue in (self.dead_alerts, self.dead_receipts):
            acknowledge(queue, SQS3="It is the last stop itself; an alarm watches it")
        self._rules = QueueRole(self, "RuleRole", stage=stage, queues=[self.receipts])
        self.topic = self._make_topic()
        self.role = self._make_role()

    @property
    def rule_role_arn(self) -> str:
        """Of the role under which the alert rules send receipts."""
        return self._rules.role.role_arn

    def _rule_arns(self, *rules: str) -> list[str]:
        """Delivery rules' ARNs, as patterns."""
        return [self._stage.arn("iot", f"rule/{self._stage.rule_name(each)}") for each in rules]

    def _make_topic(self) -> aws_sns.Topic:
        stage = self._stage
        topic = stage.topic(self, "Topic", "alerts")
        for address in stage.options.alert_emails:
            topic.add_subscription(aws_sns_subscriptions.EmailSubscription(address))
        for phone in stage.options.alert_phones:
            topic.add_subscription(aws_sns_subscriptions.SmsSubscription(phone))
        return topic

    def _make_role(self) -> aws_iam.Role:
        role = aws_iam.Role(
            self,
            "Role",
            path=self._stage.role_path,
            description="Under which AWS IoT publishes alerts to the stack's alert topic",
            assumed_by=aws_iam.ServicePrincipal(
                "iot.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                    "ArnLike": {"aws:SourceArn": self._stage.arn("iot", "rule/*")},
                },
            ),
        )
        role.add_to_policy(aws_iam.PolicyStatement(actions=["sns:Publish"], resources=[self.topic.topic_arn]))
        if self._stage.key_arns:
            role.add_to_policy(
                aws_iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=self._stage.key_arns)
            )
        return role

    def publish_from(self, *functions: WardenFunction, role_arns: Sequence[str]) -> None:
        """Let functions send alerts: into the alert rules, never to a topic of SNS itself."""
        for function in functions:
            self._publish_into(ALERT_RULES, function)
            self._make_rules_from(function, ALERT_RULES, role_arns=role_arns)
            function.allow("sqs:SendMessage", on=[self.dead_alerts.queue_arn])

    def clean_rules_from(self, function: WardenFunction) -> None:
        """Let a function that publishes alerts remove the delivery rules that nobody needs, and put one back that
        somebody needs again."""
        self._change_rules_from(function, EXPORT_RULES)

    def export_from(self, function: WardenFunction, *, role_arns: Sequence[str]) -> None:
        """Let a function export metrics: into the rules for that, never to a topic itself."""
        self._publish_into(EXPORT_RULES, function)
        self._make_rules_from(function, EXPORT_RULES, role_arns=role_arns)

    def _publish_into(self, rules: str, function: WardenFunction) -> None:
        function.allow(
            "iot:Publish",
            on=[self._stage.arn("iot", f"topic/$aws/rules/{self._stage.rule_name(rules)}")],
            why="Delivery rules have random names, which no template may show",
        )

    def _make_rules_from(self, function: WardenFunction, *rules: str, role_arns: Sequence[str]) -> None:
        """Let a function make the delivery rules of the roles that profiles may name, and mend them."""
        self._change_rules_from(function, *rules)
        function.allow("iot:GetTopicRule", on=self._rule_arns(*rules), why="Delivery rules have random names")
        function.allow(
            "iam:PassRole",
            on=[*role_arns, self.rule_role_arn],
            when={"StringEquals": {"iam:PassedToService": "iot.amazonaws.com"}},
            why="Which roles profiles may name is the deployer's `role_arns`",
        )

    def _change_rules_from(self, function: WardenFunction, *rules: str) -> None:
        function.allow(
            "iot:CreateTopicRule",
            "iot:DeleteTopicRule",
            "iot:TagResource",
            on=self._rule_arns(*rules),
            why="Delivery rules have random names",
        )

    def judge_targets_in(self, function: WardenFunction, *, role_arns: Sequence[str]) -> None:
        """Let a function see whether a role that profiles may name will do for alerts and exports."""
        self._make_rules_from(function, ALERT_RULES, EXPORT_RULES, role_arns=role_arns)
        function.allow("iam:GetRole", on=role_arns, why="Which roles profiles may name is the deployer's `role_arns`")

    def judge_targets_and_callers_in(self, function: WardenFunction, *, role_arns: Sequence[str]) -> None:
        """Let a function see whether a role will do for alerts and exports, and whether its caller may pass it."""
        self._make_rules_from(function, ALERT_RULES, EXPORT_RULES, role_arns=role_arns)
        people = [self._stage.arn("iam", f"{kind}/*", region=False) for kind in ("role", "user")]
        function.allow("iam:GetRole", on=people[:1], why="A caller's role may be any of the account's")
        function.allow("iam:SimulatePrincipalPolicy", on=people, why="A caller may be any role or user of the account")

    def clear_up_with(self, setup: WardenFunction, *, after: Sequence[Construct]) -> None:
        """Remove the delivery rules with the stack, after what could make one again."""
        setup.allow("iot:ListTopicRules", on=["*"], why="AWS IoT knows no narrower resource for lists")
        setup.allow(
            "iot:ListTagsForResource",
            "iot:DeleteTopicRule",
            on=self._rule_arns(ALERT_RULES, EXPORT_RULES),
            why="Delivery rules have random names",
        )
        rules = custom_resource(self, "Rules", setup=setup, kind="DeliveryRules")
        for construct in after:
            construct.node.add_dependency(rules)  # CloudFormation removes in the reverse order

    def take_receipts(self, function: WardenFunction, *, tables: Tables) -> None:
        """Feed the receipts to a function."""
        feed(self, "Feed", queue=self.receipts, function=function, batch=10)
        function.allow("dynamodb:GetItem", "dynamodb:PutItem", on=[tables.control.table_arn])
        function.allow_key()
