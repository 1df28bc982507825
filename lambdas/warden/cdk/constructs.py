"""The CDK's own constructs of `AWS::IoT::*`, with a Thingwarden behind them instead of AWS IoT Device Defender.

Their properties, attributes and tags are those of their base classes: `ref` is the name. CloudFormation gives each to
the function whose ARN the Thingwarden of a stage keeps in the parameter store, and that makes it by the control API.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aws_cdk import CfnResource, CfnTag, IResolvable, aws_iot, aws_ssm
from constructs import Construct

PATIENCE_SECONDS: Final = 600
"""How long CloudFormation waits for an answer: the function's three tries of two minutes, and what is between them."""


class SecurityProfile(aws_iot.CfnSecurityProfile):
    """A security profile, and what it is attached to.

    Args:
        stage: Of the Thingwarden that shall have it.
        additional_metrics_to_retain_v2, alert_targets, behaviors, metrics_export_config, security_profile_description,
            security_profile_name, tags, target_arns: As `aws_iot.CfnSecurityProfile` has them.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        stage: str = "prod",
        additional_metrics_to_retain_v2: IResolvable
        | Sequence[IResolvable | aws_iot.CfnSecurityProfile.MetricToRetainProperty | dict[str, Any]]
        | None = None,
        alert_targets: IResolvable
        | Mapping[str, IResolvable | aws_iot.CfnSecurityProfile.AlertTargetProperty | dict[str, Any]]
        | None = None,
        behaviors: IResolvable
        | Sequence[IResolvable | aws_iot.CfnSecurityProfile.BehaviorProperty | dict[str, Any]]
        | None = None,
        metrics_export_config: IResolvable
        | aws_iot.CfnSecurityProfile.MetricsExportConfigProperty
        | dict[str, Any]
        | None = None,
        security_profile_description: str | None = None,
        security_profile_name: str | None = None,
        tags: Sequence[CfnTag | dict[str, Any]] | None = None,
        target_arns: Sequence[str] | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            additional_metrics_to_retain_v2=additional_metrics_to_retain_v2,
            alert_targets=alert_targets,
            behaviors=behaviors,
            metrics_export_config=metrics_export_config,
            security_profile_description=security_profile_description,
            security_profile_name=security_profile_name,
            tags=tags,
            target_arns=target_arns,
        )
        _provide(self, stage, "Custom::ThingwardenSecurityProfile")


class CustomMetric(aws_iot.CfnCustomMetric):
    """A custom metric; another `metric_type` makes another one.

    Args:
        stage: Of the Thingwarden that shall have it.
        metric_type, display_name, metric_name, tags: As `aws_iot.CfnCustomMetric` has them.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        stage: str = "prod",
        metric_type: str,
        display_name: str | None = None,
        metric_name: str | None = None,
        tags: Sequence[CfnTag | dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(
            scope, id, metric_type=metric_type, display_name=display_name, metric_name=metric_name, tags=tags
        )
        _provide(self, stage, "Custom::ThingwardenCustomMetric")


class Dimension(aws_iot.CfnDimension):
    """A dimension; another `type` makes another one.

    Args:
        stage: Of the Thingwarden that shall have it.
        string_values, type, name, tags: As `aws_iot.CfnDimension` has them.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        stage: str = "prod",
        string_values: Sequence[str],
        type: str,  # noqa: A002
        name: str | None = None,
        tags: Sequence[CfnTag | dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(scope, id, string_values=string_values, type=type, name=name, tags=tags)
        _provide(self, stage, "Custom::ThingwardenDimension")


def _provide(resource: CfnResource, stage: str, cloudformation_type: str) -> None:
    """Have a stage's provider answer for a resource."""
    provider = aws_ssm.StringParameter.value_for_string_parameter(resource, f"/thingwarden/{stage}/provider")
    resource.add_override("Type", cloudformation_type)
    resource.add_property_override("ServiceToken", provider)
    resource.add_property_override("ServiceTimeout", str(PATIENCE_SECONDS))
