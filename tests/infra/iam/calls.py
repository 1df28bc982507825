"""The AWS calls that code makes, and what IAM asks for each. Source: Service Authorization Reference.

A call that is not written down here is an error: what it needs must be looked up, not guessed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tests.aws.conftest import ACCOUNT, REGION, new_clients
from tests.infra.deployed import STACK_ID
from warden.adapters.delivery_rules import STACK_TAG
from warden.handlers.parts import Clients

PASSED_TO_IOT = (("iam:PassedToService", "iot.amazonaws.com"),)


@dataclass(frozen=True)
class Need:
    """What has to be allowed.

    Attributes:
        action: As policies write it.
        resource: An ARN, or `*` where the action knows no resource.
        context: Condition keys of the request, with their values.
    """

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


@dataclass
class Calls:
    """Makes the functions' clients, and keeps what their calls need.

    Attributes:
        key: ARN of the customer key that tables and queues are encrypted with; empty where there is none.
        roles: ARN of each role of the account, by name.
        needs: What each function's calls so far need.
        of_nobody: Clients whose calls are not kept.
    """

    key: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    needs: dict[str, set[Need]] = field(default_factory=dict)
    of_nobody: Clients = field(default_factory=new_clients)
    _made: dict[str, Clients] = field(default_factory=dict)

    def clients(self, function: str) -> Clients:
        """Clients whose calls are the function's, the same ones each time, since making one takes long; what moto
        lacks is answered as if it had been done."""
        if function not in self._made:
            self._made[function] = self._clients(function)
        return self._made[function]

    def _clients(self, function: str) -> Clients:
        make, needed = new_clients(), self.needs.setdefault(function, set())

        def record(params: Mapping[str, Any], model: Any, **_: Any) -> None:
            needed.update(self._of(f"{model.service_model.service_name}:{model.name}", params))

        @cache
        def client(service: str) -> Any:
            made = make(service)
            made.meta.events.register_last("before-parameter-build", record)
            for call, answer in LACKING.items():
                made.meta.events.register(f"before-call.{call}", lambda answer=answer, **_: (_Http(), answer))
            return made

        return client

    def _of(self, call: str, params: Mapping[str, Any]) -> Iterator[Need]:
        service, _, operation = call.partition(":")
        yield from getattr(self, f"_{service.replace('-', '_')}")(operation, params)
        if self.key and service in ("dynamodb", "sqs"):
            for action in ("kms:Decrypt", "kms:GenerateDataKey"):  # which they do in the caller's name
                yield Need(action, self.key)

    def _dynamodb(self, operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
        def table(name: str) -> str:
            return arn("dynamodb", f"table/{name}")

        match operation:
            case "GetItem" | "PutItem" | "DeleteItem":
                yield Need(f"dynamodb:{operation}", table(params["TableName"]))
            case "Query":
                index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
                yield Need("dynamodb:Query", table(params["TableName"]) + index)
            case "BatchGetItem":
                for name in params["RequestItems"]:
                    yield Need("dynamodb:BatchGetItem", table(name))
            case "TransactWriteItems":
                actions = {"Put": "PutItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
                for item in params["TransactItems"]:
                    [(kind, part)] = item.items()
                    yield Need(f"dynamodb:{actions[kind]}", table(part["TableName"]))
            case _:
                raise AssertionError(f"dynamodb:{operation}: what does it need?")

    def _iot(self, operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
        action = f"iot:{operation}"
        match operation:
            case "DescribeThing" | "ListThingGroupsForThing":
                yield Need(action, arn("iot", f"thing/{params['thingName']}"))
            case "DescribeThingGroup" | "ListThingsInThingGroup":
                yield Need(action, arn("iot", f"thinggroup/{params['thingGroupName']}"))
            case "AddThingToThingGroup":
                yield Need(action, arn("iot", f"thing/{params['thingName']}"))
                yield Need(action, arn("iot", f"thinggroup/{params['thingGroupName']}"))
            case "GetTopicRule" | "DeleteTopicRule":
                yield Need(action, arn("iot", f"rule/{params['ruleName']}"))
            case "CreateTopicRule" | "ReplaceTopicRule":
                rule = arn("iot", f"rule/{params['ruleName']}")
                yield Need(action, rule)
                if "tags" in params:
                    yield Need("iot:TagResource", rule)
                for role in _roles(params["topicRulePayload"]):
                    yield Need("iam:PassRole", role, PASSED_TO_IOT)
            case "ListTagsForResource":
                yield Need(action, params["resourceArn"])
            case "ListThings" | "ListThingGroups" | "ListTopicRules" | "UpdateEventConfigurations":
                yield Need(action, "*")
            case _:
                raise AssertionError(f"{action}: what does it need?")

    def _iot_data(self, operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
        assert operation == "Publish", f"iot-data:{operation}: what does it need?"
        yield Need("iot:Publish", arn("iot", f"topic/{params['topic']}"))

    def _sqs(self, operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
        assert operation == "SendMessage", f"sqs:{operation}: what does it need?"
        yield Need("sqs:SendMessage", arn("sqs", params["QueueUrl"].rsplit("/", 1)[1]))

    def _events(self, operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
        assert operation == "PutEvents", f"events:{operation}: what does it need?"
        for entry in params["Entries"]:
            yield Need("events:PutEvents", arn("events", f"event-bus/{entry.get('EventBusName', 'default')}"))

    def _lambda(self, operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
        assert operation == "Invoke", f"lambda:{operation}: what does it need?"
        name = params["FunctionName"].rsplit(":", 1)[-1]
        yield Need("lambda:InvokeFunction", arn("lambda", f"function:{name}"))

    def _iam(self, operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
        match operation:
            case "GetRole":
                name = params["RoleName"]
                yield Need("iam:GetRole", self.roles.get(name, f"arn:aws:iam::{ACCOUNT}:role/{name}"))
            case "SimulatePrincipalPolicy":
                yield Need("iam:SimulatePrincipalPolicy", params["PolicySourceArn"])
            case _:
                raise AssertionError(f"iam:{operation}: what does it need?")


class _Http:
    status_code = 200


LACKING: Mapping[str, Any] = {
    "iam.SimulatePrincipalPolicy": {"EvaluationResults": [{"EvalDecision": "allowed"}]},
    "iot.UpdateEventConfigurations": {},
    "iot.ListTagsForResource": {"tags": [{"Key": STACK_TAG, "Value": STACK_ID}]},
    "lambda.Invoke": {"StatusCode": 202},
}
"""What moto has no answer for, and the answer."""


def arn(service: str, resource: str) -> str:
    """Of a resource of the account and region."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def _roles(payload: Any) -> Iterator[str]:
    """All the roles that a topic rule's payload names."""
    match payload:
        case dict():
            for name, value in payload.items():
                yield from [value] if name == "roleArn" else _roles(value)
        case list():
            for value in payload:
                yield from _roles(value)
