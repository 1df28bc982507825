"""Where a profile may have alerts and exported metrics sent on AWS."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from warden.domain.alerts.rule import LONGEST_TOPIC_NAME
from warden.domain.behaviors.profile import AlertTarget, MetricsExportConfig

TOPIC, ROLE = "alertTargets.SNS.alertTargetArn", "alertTargets.SNS.roleArn"
EXPORT_ROLE = "metricsExportConfig.roleArn"

Delivery = AlertTarget | MetricsExportConfig
"""Where something is sent, and under which role."""


def role_member(to: Delivery) -> str:
    """The member of a profile that names the role."""
    return ROLE if isinstance(to, AlertTarget) else EXPORT_ROLE


@dataclass(frozen=True, slots=True)
class Home:
    """Where the deployment is.

    Attributes:
        partition: `aws`, or another one's name.
        region: AWS Region.
        account: 12 digits.
    """

    partition: str
    region: str
    account: str

    def iot_arn(self, resource: str) -> str:
        """A resource of AWS IoT here."""
        return f"arn:{self.partition}:iot:{self.region}:{self.account}:{resource}"


def delivery_problems(to: Delivery, home: Home, role_arns: Sequence[str]) -> Iterator[str]:
    """What is wrong with an alert target or a metrics export that is well-formed, each with the member's path, the
    value and what is allowed; nothing where it will do.

    Args:
        to: The topic and the role.
        home: Where the deployment is.
        role_arns: Patterns of the roles that may be named, as `is_like` has them.
    """
    if isinstance(to, AlertTarget):
        yield from _topic_problems(to.alert_target_arn, home)
    yield from _role_problems(role_member(to), to.role_arn, home, role_arns)


def _topic_problems(arn: str, home: Home) -> Iterator[str]:
    _, partition, _, region, _, name = arn.split(":")
    if partition != home.partition:
        yield f"{TOPIC}: expected a topic in partition {home.partition}, got {arn!r}"
    if region != home.region:
        yield f"{TOPIC}: expected a topic in Region {home.region}, the only one that AWS IoT publishes to, got {arn!r}"
    if name.endswith(".fifo"):
        yield f"{TOPIC}: expected a standard topic, AWS IoT publishes to no FIFO topic, got {arn!r}"
    elif len(name) > LONGEST_TOPIC_NAME:
        yield f"{TOPIC}: expected a topic name of at most {LONGEST_TOPIC_NAME} characters, got {len(name)} in {arn!r}"


def _role_problems(member: str, arn: str, home: Home, role_arns: Sequence[str]) -> Iterator[str]:
    own = f"arn:{home.partition}:iam::{home.account}:role/"
    if not arn.startswith(own):
        yield f"{member}: expected a role of this account, {own}…, got {arn!r}"
    elif not any(is_like(arn, pattern) for pattern in role_arns):
        allowed = " or ".join(role_arns) or "none at all"
        yield f"{member}: expected a role that this deployment may pass (`role_arns`): {allowed}; got {arn!r}"


def is_like(text: str, pattern: str) -> bool:
    """Whether a text has an IAM pattern's form: `*` stands for any characters, also none, `?` for any one."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))
