"""Which operations of AWS IoT's `iot` service the control API answers, and what an operation is to the router."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.model import OperationModel, ServiceModel

from warden.control_api.validation import Problem

SECURITY_PROFILES = (
    "CreateSecurityProfile",
    "UpdateSecurityProfile",
    "DescribeSecurityProfile",
    "DeleteSecurityProfile",
    "ListSecurityProfiles",
    "ValidateSecurityProfileBehaviors",
    "AttachSecurityProfile",
    "DetachSecurityProfile",
    "ListTargetsForSecurityProfile",
    "ListSecurityProfilesForTarget",
)
VIOLATIONS = (
    "ListActiveViolations",
    "ListViolationEvents",
    "PutVerificationStateOnViolation",
    "ListMetricValues",
    "GetBehaviorModelTrainingSummaries",
)
CUSTOM_METRICS = (
    "CreateCustomMetric",
    "UpdateCustomMetric",
    "DescribeCustomMetric",
    "ListCustomMetrics",
    "DeleteCustomMetric",
)
DIMENSIONS = (
    "CreateDimension",
    "UpdateDimension",
    "DescribeDimension",
    "ListDimensions",
    "DeleteDimension",
)
DETECT_MITIGATION = (
    "StartDetectMitigationActionsTask",
    "CancelDetectMitigationActionsTask",
    "DescribeDetectMitigationActionsTask",
    "ListDetectMitigationActionsTasks",
    "ListDetectMitigationActionsExecutions",
)
MITIGATION_ACTIONS = (
    "CreateMitigationAction",
    "UpdateMitigationAction",
    "DescribeMitigationAction",
    "ListMitigationActions",
    "DeleteMitigationAction",
)
AUDIT = (
    "UpdateAccountAuditConfiguration",
    "DescribeAccountAuditConfiguration",
    "DeleteAccountAuditConfiguration",
    "CreateScheduledAudit",
    "DescribeScheduledAudit",
    "UpdateScheduledAudit",
    "DeleteScheduledAudit",
    "ListScheduledAudits",
    "StartOnDemandAuditTask",
    "DescribeAuditTask",
    "ListAuditTasks",
    "CancelAuditTask",
    "ListAuditFindings",
    "DescribeAuditFinding",
    "ListRelatedResourcesForAuditFinding",
    "CreateAuditSuppression",
    "DescribeAuditSuppression",
    "UpdateAuditSuppression",
    "DeleteAuditSuppression",
    "ListAuditSuppressions",
)
AUDIT_MITIGATION = (
    "StartAuditMitigationActionsTask",
    "DescribeAuditMitigationActionsTask",
    "ListAuditMitigationActionsTasks",
    "ListAuditMitigationActionsExecutions",
    "CancelAuditMitigationActionsTask",
)
TAGS = ("TagResource", "UntagResource", "ListTagsForResource")

DEVICE_DEFENDER = (
    *SECURITY_PROFILES,
    *VIOLATIONS,
    *CUSTOM_METRICS,
    *DIMENSIONS,
    *DETECT_MITIGATION,
    *MITIGATION_ACTIONS,
    *AUDIT,
    *AUDIT_MITIGATION,
)
NAMES = (*DEVICE_DEFENDER, *TAGS)


@dataclass(frozen=True, slots=True)
class Answer:
    """A result that says more than the model has a member for.

    Attributes:
        members: As an Operation's result.
        headers: Beside them. SDKs hand them on unread.
    """

    members: Mapping[str, Any]
    headers: Mapping[str, str]


Operation = Callable[[dict[str, Any]], Mapping[str, Any] | Answer]
"""A request's members to its result's, both by boto3's names and in boto3's types: times are aware datetimes in UTC.

What the model rules out never arrives. None, like absence, leaves a member out of the answer; a member that the model
does not have is a mistake of the operation's. It raises what `domain.errors` names.
"""


@dataclass(frozen=True, slots=True)
class Judge:
    """An operation that answers what is wrong with its input instead of refusing it.

    Attributes:
        judge: As an Operation, with what the model rules out in the input as its second argument (the first
            `MOST_PROBLEMS` of it). What is at or below a problem's `where` is then as it was sent, of any type;
            with the most problems, the whole input is. A body that is no JSON object is refused all the same.
    """

    judge: Callable[[dict[str, Any], Sequence[Problem]], Mapping[str, Any]]


def models(service_model: ServiceModel) -> dict[str, OperationModel]:
    """Each operation's model, by name. Raises LookupError where the installed botocore does not know one."""
    missing = sorted(set(NAMES) - set(service_model.operation_names))
    if missing:
        raise LookupError(f"botocore's {service_model.service_name} model lacks {', '.join(missing)}")
    return {name: service_model.operation_model(name) for name in NAMES}
