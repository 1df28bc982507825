"""An AWS IoT topic rule, its permission or role, and where its failures go."""

from collections.abc import Sequence

from aws_cdk import Aws, aws_iam, aws_iot, aws_sqs
from constructs import Construct

from infra.stage import Stage

SQL_VERSION = "2016-03-23"  # unset, CloudFormation takes one of 2015


class QueueRole(Construct):
    """The role under which topic rules send to some queues.

    Attributes:
        role: It trusts AWS IoT on behalf of this account's own.
        ready: What a rule must wait for: messages that come before the policy is there are lost.
    """

    def __init__(self, scope: Construct, id: str, *, stage: Stage, queues: Sequence[aws_sqs.IQueue]) -> None:  # noqa: A002
        super().__init__(scope, id)
        self.role = aws_iam.Role(
            self,
            "Role",
            path=stage.role_path,
            assumed_by=aws_iam.ServicePrincipal(
                "iot.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                    "ArnLike": {"aws:SourceArn": stage.arn("iot", "*")},
                },
            ),
        )
        self.ready = aws_iam.Policy(
            self,
            "Policy",
            roles=[self.role],
            statements=[
                aws_iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[queue.queue_arn for queue in queues])
            ],
        )
        if stage.key_arns:
            self.ready.add_statements(
                aws_iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=stage.key_arns)
            )

    def send_to(self, queue: aws_sqs.IQueue) -> aws_iot.CfnTopicRule.ActionProperty:
        """The action that sends what a rule selected to a queue."""
        return aws_iot.CfnTopicRule.ActionProperty(
            sqs=aws_iot.CfnTopicRule.SqsActionProperty(
                queue_url=queue.queue_url, role_arn=self.role.role_arn, use_base64=False
            )
        )


def rule(
    scope: Construct,
    id: str,  # noqa: A002
    *,
    name: str,
    sql: str,
    description: str,
    actions: Sequence[aws_iot.CfnTopicRule.ActionProperty],
    failures: aws_iot.CfnTopicRule.ActionProperty | None = None,
    after: Sequence[Construct] = (),
) -> aws_iot.CfnTopicRule:
    """A topic rule that is enabled once what it needs is there."""
    made = aws_iot.CfnTopicRule(
        scope,
        id,
        rule_name=name,
        topic_rule_payload=aws_iot.CfnTopicRule.TopicRulePayloadProperty(
            sql=sql,
            aws_iot_sql_version=SQL_VERSION,
            description=description,
            rule_disabled=False,
            actions=list(actions),
            error_action=failures,
        ),
    )
    made.node.add_dependency(*after)
    return made
