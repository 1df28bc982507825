"""Every check in turn; what AWS does not let one see is said, and the others go on."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from warden.cli.doctor.alarms import alarms
from warden.cli.doctor.alert_roles import alert_roles
from warden.cli.doctor.dead_letters import dead_letters, stream_failures
from warden.cli.doctor.finding import Check, Finding, Patient, State
from warden.cli.doctor.policies import policies
from warden.cli.doctor.quotas import quotas
from warden.cli.doctor.registry import last_reconcile, registry_events
from warden.cli.doctor.reserved_topic import reserved_topic
from warden.cli.stage import DENIED
from warden.domain.errors import Unavailable

CHECKS: Final[Mapping[str, Check]] = {
    "metrics topics": reserved_topic,
    "quotas": quotas,
    "alert roles": alert_roles,
    "device policies": policies,
    "dead letters": dead_letters,
    "stream failures": stream_failures,
    "registry events": registry_events,
    "reconcile": last_reconcile,
    "alarms": alarms,
}

PERMISSIONS: Final[Mapping[str, str]] = {
    "GetItem": "dynamodb:GetItem",
    "Query": "dynamodb:Query",
    "DescribeTable": "dynamodb:DescribeTable",
    "GetServiceQuota": "servicequotas:GetServiceQuota",
    "GetAWSDefaultServiceQuota": "servicequotas:GetAWSDefaultServiceQuota",
    "GetRole": "iam:GetRole",
    "SimulatePrincipalPolicy": "iam:SimulatePrincipalPolicy",
    "ListPolicies": "iot:ListPolicies",
    "GetPolicy": "iot:GetPolicy",
    "DescribeEndpoint": "iot:DescribeEndpoint",
    "DescribeEventConfigurations": "iot:DescribeEventConfigurations",
    "GetQueueAttributes": "sqs:GetQueueAttributes",
    "ListObjectsV2": "s3:ListBucket",
    "DescribeAlarms": "cloudwatch:DescribeAlarms",
}
"""The IAM action of each operation that a check asks for."""

BUSY: Final = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"})


def examine(checks: Mapping[str, Check], patient: Patient, *, progress: Callable[[str], None]) -> Iterable[Finding]:
    """What all checks find, in their order."""
    for about, check in checks.items():
        progress(f"looking at {about}")
        yield from guarded(about, check(patient))


def guarded(about: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """A check's findings, and where AWS refused it something, that."""
    try:
        yield from findings
    except ClientError as error:
        yield _refused(about, error)
    except Unavailable as error:
        cause = error.__cause__
        if isinstance(cause, ClientError):
            yield _refused(about, cause)
        else:
            yield Finding(about, State.UNKNOWN, "-", str(error), "try again")
    except BotoCoreError as error:
        yield Finding(about, State.UNKNOWN, "-", str(error), "check the network: aws sts get-caller-identity")


def _refused(about: str, error: ClientError) -> Finding:
    operation, code = error.operation_name, error.response["Error"]["Code"]
    call = PERMISSIONS.get(operation, operation)
    if code in DENIED:
        return Finding(about, State.UNKNOWN, call, f"refused ({code})", f"allow yourself {call}")
    if code in BUSY:
        return Finding(about, State.UNKNOWN, call, f"too many requests ({code})", "try again")
    return Finding(about, State.FAIL, call, str(error), "deploy the stage again: npx aws-cdk deploy")
