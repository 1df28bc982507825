"""What CloudFormation has no type for: function `setup` makes it, with the stack, and removes it."""

from collections.abc import Sequence
from typing import Any

from aws_cdk import CustomResource, Duration
from constructs import Construct, IDependable

from infra.constructs.function import WardenFunction


def custom_resource(
    scope: Construct,
    id: str,  # noqa: A002
    *,
    setup: WardenFunction,
    kind: str,
    properties: dict[str, Any] | None = None,
    after: Sequence[IDependable] = (),
    within: Duration | None = None,
) -> CustomResource:
    """Have `setup` make something.

    Args:
        scope: Its parent.
        id: Its id there.
        setup: The function; its role stays until the thing is removed.
        kind: What it is, one of `warden.handlers.setup`'s.
        properties: What its maker needs to know.
        after: What has to be there first.
        within: How long CloudFormation waits, where that is longer than usual.
    """
    made = CustomResource(
        scope,
        id,
        service_token=setup.arn,
        resource_type=f"Custom::{kind}",
        properties={"Kind": kind, **(properties or {})},
        service_timeout=within,
    )
    made.node.add_dependency(setup.role, *after)
    return made
