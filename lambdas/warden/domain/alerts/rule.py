"""The AWS IoT rules through which things leave under a role that a profile names: its alerts, its exported metrics.

An SNS action names its topic by a template, but its role by name: hence a rule for each role of alerts. A republish
action does too, but what a profile says of a topic must not be taken for a template: hence a rule for each role and
topic of exports. Any device that may publish to `$aws/rules/*` can invoke a rule whose name it knows. So the name is
random, and only messages whose topic begins with a secret pass.
"""

from typing import Final

import msgspec

RANDOM_CHARACTERS: Final = 26
LONGEST_TOPIC_NAME: Final = 210
"""Of an SNS topic: an MQTT topic has 256 bytes behind the rule's name, and the secret, the attempt and an account go
before it. Source: AWS General Reference, AWS IoT Core message broker limits."""


class DeliveryRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as it is recorded, before and while it exists.

    Attributes:
        role_arn: Under which it publishes.
        mqtt_topic: Where it republishes exported metrics to; empty for a rule that carries alerts to SNS.
        name: The rule's.
        secret: First level of the topics that it takes.
        created_at: Epoch ms.
        unused_since: When it was first found that nobody needs it, epoch ms; 0 while somebody does.
    """

    schema: int = 1
    role_arn: str
    mqtt_topic: str = ""
    name: str
    secret: str
    created_at: int
    unused_since: int = 0

    @property
    def carries(self) -> str:
        """What it is there for, in words."""
        what = f"metrics to {self.mqtt_topic}" if self.mqtt_topic else "alerts"
        return f"{what} under {self.role_arn}"

    def alert_topic(self, attempt: int, topic_arn: str) -> str:
        """The MQTT topic by which an attempt reaches an SNS topic."""
        account, name = topic_arn.split(":")[4:6]
        return f"{self.export_topic}/{attempt}/{account}/{name}"

    @property
    def export_topic(self) -> str:
        """The MQTT topic by which exported metrics reach theirs."""
        return f"$aws/rules/{self.name}/{self.secret}"


def rule_prefix(stage: str, *, exports: bool = False) -> str:
    """What the names of a stage's rules for alerts, or for exports, begin with, and no other's: a stage has no
    underscore."""
    return f"thingwarden_{stage}_{'export' if exports else 'alert'}_"
