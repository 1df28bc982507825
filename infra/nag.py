"""cdk-nag's findings that do not apply, each acknowledged on its construct with the reason."""

from collections.abc import Iterable
from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, **reasons: str) -> None:
    """Acknowledge AwsSolutions rules on a construct, each with why it does not apply."""
    for rule, reason in reasons.items():
        _acknowledge(construct, rule, reason)


def acknowledge_wildcards(construct: IConstruct, arns: Iterable[str], why: str) -> None:
    """Acknowledge that statements of a construct have these resources, those of them that have wildcards.

    Raises: ValueError, where one has and no reason is given.
    """
    for arn in arns:
        if "*" in arn:
            if not why:
                raise ValueError(f"{arn}: a statement with a wildcard needs a reason")
            _acknowledge(construct, f"IAM5[Resource::{_shown(Stack.of(construct).resolve(arn))}]", why)


def _acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    Validations.of(construct).acknowledge(Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule}", reason=reason))


def _shown(arn: Any) -> str:
    """A resolved ARN as cdk-nag writes it."""
    match arn:
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(map(_shown, parts))
        case _:
            return str(arn)
