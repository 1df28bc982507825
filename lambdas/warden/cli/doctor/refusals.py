"""What AWS does not let a check see is a finding, too."""

from collections.abc import Iterator, Mapping
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from warden.cli.doctor.finding import Finding, State
from warden.cli.stage import DENIED
from warden.domain.errors import Unavailable

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
    "GetFunctionConfiguration": "lambda:GetFunctionConfiguration",
    "GetQueueAttributes": "sqs:GetQueueAttributes",
    "ListObjectsV2": "s3:ListBucket",
    "DescribeAlarms": "cloudwatch:DescribeAlarms",
}
"""The IAM action of each operation that a check asks for."""

BUSY: Final = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"})


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
    return Finding(about, State.FAIL, call, str(error), "deploy the stage again: make deploy")
