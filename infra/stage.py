"""What every construct needs to know of the deployment it is part of."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Aws, Duration, aws_kms, aws_logs, aws_sns, aws_sqs
from constructs import Construct

from infra.options import Options

LOGS_KEPT = aws_logs.RetentionDays.ONE_MONTH
DEAD_LETTERS_KEPT = Duration.days(14)  # SQS's most


@dataclass(frozen=True)
class Stage:
    """One deployment's names, keys and options.

    Attributes:
        options: What the deployer said.
        key: The customer's key, where there is one.
    """

    options: Options
    key: aws_kms.IKey | None = None

    def name(self, of: str) -> str:
        """The name of one of the deployment's resources."""
        return f"thingwarden-{self.options.stage}-{of}"

    def rule_name(self, of: str) -> str:
        """The name of a topic rule, which takes no hyphen."""
        return f"thingwarden_{self.options.stage}_{of}"

    @property
    def role_path(self) -> str:
        """Of the roles that profiles may name, and of all others."""
        return f"/thingwarden/{self.options.stage}/"

    def parameter(self, of: str) -> str:
        """The name of an SSM parameter."""
        return f"/thingwarden/{self.options.stage}/{of}"

    def arn(self, service: str, resource: str, *, region: bool = True) -> str:
        """A resource of this account."""
        return f"arn:{Aws.PARTITION}:{service}:{Aws.REGION if region else ''}:{Aws.ACCOUNT_ID}:{resource}"

    def queue(
        self,
        scope: Construct,
        id: str,  # noqa: A002 (the CDK's own word)
        of: str,
        *,
        dead_letters: aws_sqs.IQueue | None = None,
        tries: int = 5,
        visibility: Duration | None = None,
        kept: Duration = DEAD_LETTERS_KEPT,
    ) -> aws_sqs.Queue:
        """A queue, encrypted, over TLS only."""
        return aws_sqs.Queue(
            scope,
            id,
            queue_name=self.name(of),
            enforce_ssl=True,
            encryption=aws_sqs.QueueEncryption.KMS if self.key else aws_sqs.QueueEncryption.SQS_MANAGED,
            encryption_master_key=self.key,
            retention_period=kept,
            visibility_timeout=visibility,
            dead_letter_queue=aws_sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=tries)
            if dead_letters
            else None,
        )

    def topic(self, scope: Construct, id: str, of: str) -> aws_sns.Topic:  # noqa: A002
        """A topic that roles of this account publish to, encrypted, over TLS only."""
        return aws_sns.Topic(
            scope,
            id,
            topic_name=self.name(of),
            enforce_ssl=True,
            master_key=self.key or aws_kms.Alias.from_alias_name(scope, f"{id}Key", "alias/aws/sns"),
        )

    @property
    def key_arns(self) -> Sequence[str]:
        """The customer key, for the statements of those who use it."""
        return [self.key.key_arn] if self.key else []
