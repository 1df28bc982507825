"""AWS IoT's rules engine, as far as delivery rules need it, over what moto keeps: topic rules, roles, SNS and SQS.

It does what a rule says, under the role that the rule names: where the role's trust policy does not let AWS IoT
assume it for this rule, or its own policies do not allow the call, the action fails, and the error action runs.
"""

import base64
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from moto.iotdata.models import iotdata_backends

from tests.aws.conftest import ACCOUNT, REGION
from tests.aws.rule_sql import Message, run
from warden.handlers.parts import Clients
from warden.handlers.receipts import Receipts


class Refused(Exception):
    """An action may not be done."""


class Engine:
    """Takes what was published, and runs the rules.

    Attributes:
        topics: Of the messages that were published, the lost ones too.
        refusing: Kinds of actions that fail, whatever the policies say.
        republished: Topic and message of what rules published.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self.topics: list[str] = []
        self.refusing: set[str] = set()
        self.republished: list[tuple[str, dict[str, Any]]] = []

    def publications(self) -> list[tuple[str, bytes]]:
        """What was published since the last time."""
        published = iotdata_backends[ACCOUNT][REGION].published_payloads
        taken = [(topic, payload.encode() if isinstance(payload, str) else payload) for topic, payload in published]
        published.clear()
        self.topics += [topic for topic, _ in taken]
        return taken

    def lose(self) -> None:
        """What was published since the last time reaches no rule."""
        self.publications()

    def run(self) -> None:
        """Run the rules for what was published since the last time."""
        for topic, payload in self.publications():
            self.publish(topic, payload)

    def publish(self, topic: str, payload: bytes) -> None:
        """A message comes, from us or from a device."""
        name = topic.split("/")[2]
        iot = self._clients("iot")
        try:
            rule = iot.get_topic_rule(ruleName=name)["rule"]
        except iot.exceptions.ClientError:
            return
        assert rule["awsIotSqlVersion"] == "2016-03-23"
        output = None if rule["ruleDisabled"] else run(rule["sql"], Message(topic, payload), name)
        if output is None:
            return
        assert isinstance(output, dict)
        seen = topic.split("/", 3)[3]
        failures = [failure for action in rule["actions"] for failure in self._act(action, name, seen, output)]
        if failures:
            self._fail(rule, name, seen, payload, failures)

    def _act(self, action: dict[str, Any], name: str, topic: str, output: dict[str, Any]) -> Iterator[dict[str, str]]:
        ((kind, says),) = action.items()
        resource = _substituted(says[{"sns": "targetArn", "republish": "topic"}.get(kind, "queueUrl")], topic)
        try:
            self._do(kind, says, name, resource, json.dumps(output))
        except Refused as error:
            yield {
                "failedAction": f"{kind.title()}Action",
                "failedResource": resource,
                "errorMessage": f"{error}. Message arrived on: {topic}, Action: {kind}",
            }

    def _do(self, kind: str, says: dict[str, Any], name: str, resource: str, body: str) -> None:
        if kind in self.refusing:
            raise Refused("Service Unavailable")
        if kind == "sns":
            may(self._clients, says["roleArn"], name, "sns:Publish", resource)
            assert says["messageFormat"] == "JSON"
            self._clients("sns").publish(TopicArn=resource, Message=body, MessageStructure="json")
        elif kind == "republish":
            if resource.startswith("$") and not resource.startswith("$$"):
                raise Refused(f"{resource} is a template")
            to = f"${resource[2:]}" if resource.startswith("$$") else resource
            may(self._clients, says["roleArn"], name, "iot:Publish", f"arn:aws:iot:{REGION}:{ACCOUNT}:topic/{to}")
            self.republished.append((to, json.loads(body)))
        else:
            arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{resource.rsplit('/', 1)[-1]}"
            may(self._clients, says["roleArn"], name, "sqs:SendMessage", arn)
            self._clients("sqs").send_message(QueueUrl=resource, MessageBody=body)

    def _fail(
        self, rule: dict[str, Any], name: str, topic: str, payload: bytes, failures: list[dict[str, str]]
    ) -> None:
        said = {
            "ruleName": name,
            "topic": topic,
            "cloudwatchTraceId": "e1d2c3",
            "clientId": "n/a",
            "base64OriginalPayload": base64.b64encode(payload).decode(),
            "failures": failures,
        }
        ((kind, says),) = rule["errorAction"].items()
        assert kind == "sqs"
        self._do("error", says, name, says["queueUrl"], json.dumps(said))


def _substituted(template: str, topic: str) -> str:
    return re.sub(r"\$\{topic\((\d)\)\}", lambda found: topic.split("/")[int(found[1]) - 1], template)


def may(clients: Clients, role_arn: str, rule: str, action: str, resource: str) -> None:
    """Raises Refused where AWS IoT cannot do something under a role, on behalf of a rule."""
    iam = clients("iam")
    name = role_arn.rsplit("/", 1)[-1]
    try:
        trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    except iam.exceptions.NoSuchEntityException as error:
        raise Refused(f"unable to assume {role_arn}") from error
    context = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": f"arn:aws:iot:{REGION}:{ACCOUNT}:rule/{rule}"}
    if not any(_trusts(statement, context) for statement in trust["Statement"]):
        raise Refused(f"unable to assume {role_arn}")
    policies = [
        iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
    ]
    statements = [statement for policy in policies for statement in policy["Statement"]]
    if not any(_allows(statement, action, resource) for statement in statements):
        raise Refused(f"not authorized to perform {action} on {resource}")


def _trusts(statement: dict[str, Any], context: dict[str, str]) -> bool:
    assert statement["Effect"] == "Allow"
    assert statement["Action"] == "sts:AssumeRole"
    conditions = {
        (operator, key): values if isinstance(values, list) else [values]
        for operator, tests in statement.get("Condition", {}).items()
        for key, values in tests.items()
    }
    assert {operator for operator, _ in conditions} <= {"StringEquals", "ArnLike"}
    return statement["Principal"] == {"Service": "iot.amazonaws.com"} and all(
        any(
            context[key] == value if operator == "StringEquals" else fnmatchcase(context[key], value)
            for value in values
        )
        for (operator, key), values in conditions.items()
    )


def _allows(statement: dict[str, Any], action: str, resource: str) -> bool:
    assert statement["Effect"] == "Allow"
    return statement["Action"] == action and fnmatchcase(resource, statement["Resource"])


def drain(clients: Clients, queue_url: str) -> list[str]:
    """The bodies of all messages of a queue, which are deleted."""
    bodies = []
    sqs = clients("sqs")
    while messages := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            bodies.append(message["Body"])
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def sqs_event(*bodies: str) -> dict[str, Any]:
    """A batch as Lambda hands it to a function."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": "handle",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:thingwarden-test-receipts",
                "awsRegion": REGION,
            }
            for number, body in enumerate(bodies)
        ]
    }


def feed(receipts: Receipts, clients: Clients, queue_url: str) -> int:
    """Hand what waits in a queue to the handler. Returns how many messages."""
    bodies = drain(clients, queue_url)
    if bodies:
        assert receipts(sqs_event(*bodies)) == {"batchItemFailures": []}
    return len(bodies)
