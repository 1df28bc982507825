"""A stage of the AWS home, as the command finds it: its parts are named in one SSM parameter that the stack writes."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import boto3
import click
import msgspec
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 (botocore's own)
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
)

F = TypeVar("F", bound=Callable[..., Any])

FAILED, USAGE, UNREACHABLE = 1, 2, 3
"""Exit codes of the command."""

CONFIG = Config(
    connect_timeout=5,
    read_timeout=60,  # a function may be that long at a batch of stream records
    retries={"mode": "standard"},  # as often as AWS_MAX_ATTEMPTS says
)

_STAGE_NAME = "[a-z][a-z0-9]{0,15}"
_AWAY = (
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
)
_NO_CREDENTIALS = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}
)
SURROUNDINGS = "not part of the embedded AWS surroundings"
"""What a local home says of what it has not got."""

DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403", "Forbidden"}
    | {"AWS.SimpleQueueService.AccessDenied", "UnauthorizedException", "NotAuthorized"}
)
"""Codes with which AWS says that the caller may not."""


class Unreachable(click.ClickException):
    """AWS or the stage could not be asked; ends the command with exit code 3."""

    exit_code = UNREACHABLE


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of one stage.

    Attributes:
        name: Of the stage.
        account: AWS account.
        evaluate_function: Name of the function that takes reports.
        dispatch_function: Name of the function that takes the table's stream.
        dead_reports_queue: URL of the queue of reports that were not counted.
        dead_alerts_queue: URL of the queue of alerts that were not delivered.
        dead_registry_queue: URL of the queue of registry events that were not taken.
        dead_receipts_queue: URL of the queue of receipts that were not taken.
        stream_failures_bucket: Bucket of stream records that dispatch failed at.
        log_table: Name of table `log`.
        control_table: Name of table `control`.
        metrics_prefix: First level of the own metrics topics.
        alert_topic: ARN of the stack's own alert topic.
        api_endpoint: URL of the control API.
        role_arns: Patterns of the alert roles that profiles may name.
        metrics_rules: Names of the topic rules that take reports.
        alert_role: ARN of the stack's own alert role.
        event_days: How long events are kept.
    """

    name: str = ""
    account: str = ""
    evaluate_function: str
    dispatch_function: str
    dead_reports_queue: str
    dead_alerts_queue: str
    dead_registry_queue: str
    dead_receipts_queue: str = ""
    stream_failures_bucket: str
    log_table: str
    control_table: str
    metrics_prefix: str
    alert_topic: str = ""
    api_endpoint: str = ""
    role_arns: tuple[str, ...] = ()
    metrics_rules: tuple[str, ...] = ()
    alert_role: str = ""
    event_days: int = 30

    @classmethod
    def load(cls, name: str, session: boto3.Session) -> "Stage":
        """What the stack wrote of itself. Raises Unreachable, which says how to deploy the stage where there is none,
        or what keeps AWS from answering."""
        parameter = f"/thingwarden/{name}/resources"
        with reaching_aws():
            ssm = aws_client(session, "ssm")
            try:
                text = ssm.get_parameter(Name=parameter)["Parameter"]["Value"]
            except ssm.exceptions.ParameterNotFound as error:
                where = f"account {_account(session)}, {session.region_name}"
                raise Unreachable(f"there is no stage {name!r} in {where}. To deploy it, {_deploy(name)}") from error
        try:
            return msgspec.structs.replace(msgspec.json.decode(text, type=cls), name=name)
        except msgspec.DecodeError as error:
            message = (
                f"the SSM parameter {parameter} is not this release's ({error}). To update the stage, {_deploy(name)}"
            )
            raise Unreachable(message) from error


def _deploy(name: str) -> str:
    return f"""set "stage": "{name}" in cdk.json, in the context "thingwarden", and run: make deploy"""


def _account(session: boto3.Session) -> str:
    try:
        return str(aws_client(session, "sts").get_caller_identity()["Account"])
    except (BotoCoreError, ClientError):
        return "unknown"


def aws_session() -> boto3.Session:
    """A session of the user's: environment, AWS_PROFILE, configuration files. Raises Unreachable.

    AWS_REGION comes first, as in the AWS CLI; boto3 does not read it.
    """
    with reaching_aws():
        session = boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
    if session.region_name is None:
        raise Unreachable("no AWS Region is configured. Set AWS_REGION, or run: aws configure")
    return session


def aws_client(session: boto3.Session, service: str, **how: Any) -> Any:
    """A client of a service, of any name; `how` as for boto3. Ends the command with 2 where the user's environment or
    configuration names a Region or an endpoint that is none."""
    make: Any = session.client
    try:
        return make(service, **{"config": CONFIG, **how})
    except ValueError as error:
        where = "AWS_REGION, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL… and the AWS configuration file"
        raise click.UsageError(f"{str(error).rstrip('.')}. Look into {where}.") from error


@contextmanager
def reaching_aws() -> Iterator[None]:
    """Tell why AWS did not answer, and end with 3; what it refused ends with 1."""
    try:
        yield
    except _AWAY as error:
        raise Unreachable(f"{error}. Check credentials and network: aws sts get-caller-identity") from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _NO_CREDENTIALS:
            raise Unreachable(f"{error}. Check credentials: aws sts get-caller-identity") from error
        if SURROUNDINGS in str(error):
            raise click.UsageError("AWS_ENDPOINT_URL… names a local home: unset it, so that AWS is asked") from error
        raise click.ClickException(str(error)) from error


def _stage_name(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(_STAGE_NAME, value):
        raise click.BadParameter(f"{value!r} is not a small letter and up to 15 small letters and digits")
    return value


def stage_option(command: F) -> F:
    """The option `--stage`."""
    return click.option(
        "--stage",
        envvar="WARDEN_STAGE",
        callback=_stage_name,
        help="Stage of the AWS home, as deployed; also WARDEN_STAGE.",
    )(command)


def required_stage(name: str | None) -> str:
    """The stage's name; ends the command with 2 where none was given."""
    if name is None:
        raise click.UsageError("which stage? Give --stage NAME or set WARDEN_STAGE; `make deploy` makes stage prod")
    return name


def leave(code: int) -> NoReturn:
    """End the command."""
    sys.exit(code)
