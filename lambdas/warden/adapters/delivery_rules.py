"""AWS IoT rules that carry alerts, or exported metrics."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from botocore.exceptions import ClientError

from warden.adapters.refusals import answers, hiding, is_refusal
from warden.domain.alerts.rule import DeliveryRule, rule_prefix
from warden.domain.alerts.target import EXPORT_ROLE, ROLE, Home
from warden.domain.errors import InvalidRequest
from warden.rules import delivery_sql

if TYPE_CHECKING:
    from mypy_boto3_iot import IoTClient

SQL_VERSION = "2016-03-23"
STACK_TAG = "thingwarden:stack"


class IotTopicRules:
    """Port TopicRules.

    Args:
        client: boto3's, of service `iot`.
        home: Where the deployment is.
        stack_id: The stack's ARN, which the rules carry as a tag.
        rule_role_arn: The role under which receipts and errors are sent.
        receipts_queue_url: Where they are sent.
    """

    def __init__(
        self, client: "IoTClient", home: Home, *, stack_id: str, rule_role_arn: str, receipts_queue_url: str
    ) -> None:
        self._client = client
        self._home = home
        self._stack_id = stack_id
        self._receipts = {
            "sqs": {"roleArn": rule_role_arn, "queueUrl": receipts_queue_url, "useBase64": False},
        }

    def create(self, rule: DeliveryRule) -> None:
        """See TopicRules. AWS IoT looks whether it may assume the role; where it may not, InvalidRequest says so."""
        secrets = _secrets(rule)
        with answers(f"making the rule of {rule.carries}", secrets=secrets):
            try:
                self._client.create_topic_rule(
                    ruleName=rule.name,
                    topicRulePayload=self._payload(rule),
                    tags=urlencode({STACK_TAG: self._stack_id}),
                )
            except ClientError as error:
                if is_refusal(error, "InvalidRequestException"):
                    said = hiding(error.response["Error"].get("Message", ""), secrets)
                    member = EXPORT_ROLE if rule.mqtt_topic else ROLE
                    raise InvalidRequest(f"{member}: AWS IoT cannot use {rule.role_arn!r}: {said}") from None
                if not is_refusal(error, "ResourceAlreadyExistsException"):
                    raise

    def is_intact(self, rule: DeliveryRule) -> bool:
        """See TopicRules."""
        with answers(f"looking at the rule of {rule.carries}", secrets=_secrets(rule)):
            try:
                found = self._client.get_topic_rule(ruleName=rule.name)
            except ClientError as error:
                if _is_missing(error):
                    return False
                raise
        return _has(found["rule"], self._payload(rule))

    def delete(self, rule: DeliveryRule) -> None:
        """See TopicRules."""
        with answers(f"removing the rule of {rule.carries}", secrets=_secrets(rule)):
            _delete(self._client, rule.name)

    def _payload(self, rule: DeliveryRule) -> Any:
        what = "exported metrics" if rule.mqtt_topic else "alerts"
        return {
            "sql": delivery_sql(rule.secret),
            "awsIotSqlVersion": SQL_VERSION,
            "description": f"Thingwarden: {what} of the security profiles that name one role",
            "ruleDisabled": False,
            "actions": [self._republish(rule)] if rule.mqtt_topic else [self._sns(rule), self._receipts],
            "errorAction": self._receipts,
        }

    def _sns(self, rule: DeliveryRule) -> Any:
        topic = f"arn:{self._home.partition}:sns:{self._home.region}:${{topic(3)}}:${{topic(4)}}"
        return {"sns": {"targetArn": topic, "roleArn": rule.role_arn, "messageFormat": "JSON"}}

    def _republish(self, rule: DeliveryRule) -> Any:
        topic = rule.mqtt_topic
        escaped = f"${topic}" if topic.startswith("$") else topic  # else AWS IoT takes it for a template
        return {"republish": {"topic": escaped, "roleArn": rule.role_arn, "qos": 1}}


def remove_all(client: "IoTClient", home: Home, *, stage: str, stack_id: str) -> int:
    """Remove the delivery rules of a stack that is itself removed, by their names and their tag.

    Args:
        client: boto3's, of service `iot`.
        home: Where the deployment is.
        stage: The deployment's.
        stack_id: The stack's ARN.

    Returns: How many were removed. Raises Unavailable; InvalidRequest, where a permission is lacking.
    """
    with answers(f"looking for the delivery rules of stage {stage}"):
        ours = rule_prefix(stage), rule_prefix(stage, exports=True)
        names = [name for name in _names(client) if name.startswith(ours)]
    removed = 0
    for name in names:
        with answers(f"removing a delivery rule of stage {stage}", secrets=(name,)):
            if _tags(client, home.iot_arn(f"rule/{name}")).get(STACK_TAG) == stack_id:
                _delete(client, name)
                removed += 1
    return removed


def _secrets(rule: DeliveryRule) -> tuple[str, ...]:
    return rule.name, rule.secret


def _names(client: "IoTClient") -> Iterator[str]:
    for page in client.get_paginator("list_topic_rules").paginate():
        yield from (rule["ruleName"] for rule in page["rules"])


def _tags(client: "IoTClient", arn: str) -> dict[str, str]:
    pages = client.get_paginator("list_tags_for_resource").paginate(resourceArn=arn)
    return {tag["Key"]: tag.get("Value", "") for page in pages for tag in page["tags"]}


def _delete(client: "IoTClient", name: str) -> None:
    try:
        client.delete_topic_rule(ruleName=name)
    except ClientError as error:
        if not _is_missing(error):
            raise


def _is_missing(error: ClientError) -> bool:
    """AWS IoT says of a rule that is not there that access to it is denied; IAM's own denial has another code."""
    return is_refusal(error, "UnauthorizedException", "ResourceNotFoundException")


def _has(found: Any, wanted: Any) -> bool:
    """Whether what was found says all that is wanted, whatever it says beside."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(_has(found.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(_has, found, wanted))
    return bool(found == wanted)
