"""The rule on AWS's reserved metrics topic, which AWS may refuse."""

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from warden.adapters.refusals import DENIED

if TYPE_CHECKING:
    from mypy_boto3_iot import IoTClient

SQL_VERSION: Final = "2016-03-23"

_PASSING: Final = frozenset({409, 429})
_THROTTLED: Final = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"})

_ROLE: Final = re.compile(r"\b(assum|pass ?role|pass the role)", re.IGNORECASE)

TRIES, PAUSE_SECONDS = 13, 5.0
"""A minute: what was given just now is not known everywhere. Source: IAM User Guide, Troubleshoot IAM, eventual
consistency."""


class ReservedRule(msgspec.Struct, frozen=True, rename="pascal"):
    """A rule that hands reports to a function.

    Attributes:
        rule_name: Its name.
        sql: What it selects.
        function_arn: The function's, which has to allow the rule to invoke it.
        error_queue_url: Where a report goes that could not be handed on.
        error_role_arn: The role under which it is sent there.
        sql_version: Of AWS IoT's SQL.
        enabled: Whether it is at work.
    """

    rule_name: str
    sql: str
    function_arn: str
    error_queue_url: str
    error_role_arn: str
    sql_version: str = SQL_VERSION
    enabled: bool = True


class RuleRefused(Exception):
    """AWS does not take the rule.

    Args:
        message: AWS's.
        may_pass: Whether a permission is lacking, which may be on its way.
    """

    def __init__(self, message: str, *, may_pass: bool) -> None:
        super().__init__(message)
        self.may_pass = may_pass


def put_rule(client: "IoTClient", rule: ReservedRule, sleep: Callable[[float], None] = time.sleep) -> None:
    """Make the rule, or make the one of its name anew. A refusal for want of a permission is doubted for a minute.

    Args:
        client: boto3's, of service `iot`.
        rule: The rule.
        sleep: Waits, in seconds.

    Raises: RuleRefused: AWS said no. ClientError, BotoCoreError: it could not be asked now.
    """
    for left in reversed(range(TRIES)):
        try:
            _put(client, rule)
        except RuleRefused as error:
            if not (left and error.may_pass):
                raise
            sleep(PAUSE_SECONDS)
        else:
            return


def _put(client: "IoTClient", rule: ReservedRule) -> None:
    payload: Any = {
        "sql": rule.sql,
        "awsIotSqlVersion": rule.sql_version,
        "description": "Thingwarden: metrics reports on AWS's reserved topic",
        "ruleDisabled": not rule.enabled,
        "actions": [{"lambda": {"functionArn": rule.function_arn}}],
        "errorAction": {"sqs": {"roleArn": rule.error_role_arn, "queueUrl": rule.error_queue_url, "useBase64": False}},
    }
    try:
        try:
            client.create_topic_rule(ruleName=rule.rule_name, topicRulePayload=payload)
        except client.exceptions.ResourceAlreadyExistsException:
            client.replace_topic_rule(ruleName=rule.rule_name, topicRulePayload=payload)
    except ClientError as error:
        status, said = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]
        if not 400 <= status < 500 or status in _PASSING or said["Code"] in _THROTTLED:
            raise
        may_pass = said["Code"] in DENIED or bool(_ROLE.search(said["Message"]))
        raise RuleRefused(f"{said['Code']}: {said['Message']}", may_pass=may_pass) from error


def delete_rule(client: "IoTClient", name: str) -> None:
    """Delete a rule; one that is not there is no error, and AWS IoT says of it that access is denied."""
    try:
        client.delete_topic_rule(ruleName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"UnauthorizedException", "ResourceNotFoundException"}:
            raise
