"""The AWS IoT rule that carries the alerts of one role.

An SNS action names its topic by a template, but its role by name: hence a rule for each role. Any device that may
publish to `$aws/rules/*` can invoke a rule whose name it knows. So the name is random, and only messages whose topic
begins with a secret pass.
"""

from typing import Final

import msgspec

RANDOM_CHARACTERS: Final = 26
LONGEST_TOPIC_NAME: Final = 210
"""Of an SNS topic: an MQTT topic has 256 bytes behind the rule's name, and the secret, the attempt and an account go
before it. Source: AWS General Reference, AWS IoT Core message broker limits."""


class AlertRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as it is recorded, before and while it exists.

    Attributes:
        role_arn: Under which it publishes to SNS.
        name: The rule's.
        secret: First level of the topics that it takes.
        created_at: Epoch ms.
        unused_since: When it was first found that nobody needs it, epoch ms; 0 while somebody does.
    """

    schema: int = 1
    role_arn: str
    name: str
    secret: str
    created_at: int
    unused_since: int = 0

    def topic(self, attempt: int, topic_arn: str) -> str:
        """The MQTT topic by which an attempt reaches an SNS topic."""
        account, name = topic_arn.split(":")[4:6]
        return f"$aws/rules/{self.name}/{self.secret}/{attempt}/{account}/{name}"


def rule_prefix(stage: str) -> str:
    """What the names of a stage's alert rules begin with, and no other's: a stage has no underscore."""
    return f"thingwarden_{stage}_alert_"
