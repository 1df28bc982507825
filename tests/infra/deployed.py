"""A synthesised stack as it would stand in an account: what its references become, and its parts made in moto."""

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from tests.aws.conftest import ACCOUNT, REGION
from tests.aws.tables import make_tables
from tests.infra.conftest import Template, of_type, text
from warden.handlers.parts import Clients
from warden.settings import Settings

STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/thingwarden-test/1"

FUNCTIONS = (
    "evaluate",
    "dispatch",
    "export",
    "sweep",
    "receipts",
    "registry",
    "reconcile",
    "control_api",
    "provider",
    "setup",
    "heartbeat",
)
"""The stack's, by their module in `warden.handlers`."""

Names = tuple[str, Mapping[str, str]]
"""What Ref gives, and the attributes of Fn::GetAtt."""


class Deployed:
    """The stack of a template, in moto's account and region.

    Args:
        template: Synthesised with reserved topic and heartbeat.
    """

    def __init__(self, template: Template) -> None:
        self.template = template

    @cached_property
    def names(self) -> Mapping[str, str]:
        """What Ref and Fn::GetAtt give."""
        known = {"AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::StackId": STACK_ID, "AWS::Partition": "aws"}
        for id_, resource in self.template["Resources"].items():
            known |= _named(id_, resource["Type"], resource.get("Properties", {}))
        return known

    def text(self, value: Any) -> str:
        """A value of the template; whole, or this raises."""
        found = text(value, self.names)
        assert "${" not in found, found
        return found

    @cached_property
    def functions(self) -> Mapping[str, Mapping[str, Any]]:
        """Their properties, by their module in `warden.handlers`."""
        found = of_type(self.template, "AWS::Lambda::Function").values()
        return {each["Properties"]["Handler"].split(".")[2]: each["Properties"] for each in found}

    def environment(self, function: str) -> dict[str, str]:
        """Of one function."""
        variables = self.functions[function]["Environment"]["Variables"]
        return {name: self.text(value) for name, value in variables.items()}

    def settings(self, function: str) -> Settings:
        """Of one function."""
        return Settings.from_env(self.environment(function))

    def custom_resources(self) -> Mapping[str, Mapping[str, Any]]:
        """Properties of each custom resource, by logical id, as CloudFormation hands them to its function."""
        return {
            id_: {name: self.text(value) for name, value in each["Properties"].items()}
            for id_, each in self.template["Resources"].items()
            if each["Type"].startswith("Custom::")
        }

    def make(self, clients: Clients) -> None:
        """Its tables, queues, topics, roles, and the heartbeat's thing and group."""
        make_tables(clients("dynamodb"), self.settings("evaluate"))
        for each in of_type(self.template, "AWS::SQS::Queue").values():
            clients("sqs").create_queue(QueueName=each["Properties"]["QueueName"])
        for each in of_type(self.template, "AWS::SNS::Topic").values():
            clients("sns").create_topic(Name=each["Properties"]["TopicName"])
        for id_, each in of_type(self.template, "AWS::IAM::Role").items():
            self._make_role(clients("iam"), id_, each["Properties"])
        for each in of_type(self.template, "AWS::IoT::Thing").values():
            clients("iot").create_thing(thingName=each["Properties"]["ThingName"])
        for each in of_type(self.template, "AWS::IoT::ThingGroup").values():
            clients("iot").create_thing_group(thingGroupName=each["Properties"]["ThingGroupName"])

    def _make_role(self, iam: Any, id_: str, properties: Mapping[str, Any]) -> None:
        name = self.names[f"{id_}.Arn"].rsplit("/", 1)[1]
        trust = json.dumps(_resolved(properties["AssumeRolePolicyDocument"], self))
        iam.create_role(RoleName=name, Path=properties["Path"], AssumeRolePolicyDocument=trust)


def _named(id_: str, kind: str, properties: Mapping[str, Any]) -> dict[str, str]:
    """The names of one resource: what Ref gives, and Fn::GetAtt of its attributes."""
    ref, given = _NAMES.get(kind, lambda *_: ("", {}))(id_, properties)
    return {**({id_: ref} if ref else {}), **{f"{id_}.{attribute}": name for attribute, name in given.items()}}


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def _table(id_: str, _: Mapping[str, Any]) -> Names:
    arn = _arn("dynamodb", f"table/{id_}")
    return id_, {"Arn": arn, "StreamArn": f"{arn}/stream/1"}


def _queue(_: str, properties: Mapping[str, Any]) -> Names:
    name = properties["QueueName"]
    return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}", {"Arn": _arn("sqs", name)}


def _topic(_: str, properties: Mapping[str, Any]) -> Names:
    return _arn("sns", properties["TopicName"]), {}


def _function(_: str, properties: Mapping[str, Any]) -> Names:
    name = properties["FunctionName"]
    return name, {"Arn": _arn("lambda", f"function:{name}")}


def _log_group(_: str, properties: Mapping[str, Any]) -> Names:
    name = properties["LogGroupName"]
    return name, {"Arn": f"{_arn('logs', f'log-group:{name}')}:*"}


def _bucket(id_: str, _: Mapping[str, Any]) -> Names:
    return id_.lower(), {"Arn": f"arn:aws:s3:::{id_.lower()}"}


def _role(id_: str, properties: Mapping[str, Any]) -> Names:
    name = properties.get("RoleName", id_)
    return name, {"Arn": f"arn:aws:iam::{ACCOUNT}:role{properties['Path']}{name}"}


_NAMES: Mapping[str, Callable[[str, Mapping[str, Any]], Names]] = {
    "AWS::DynamoDB::Table": _table,
    "AWS::SQS::Queue": _queue,
    "AWS::SNS::Topic": _topic,
    "AWS::Lambda::Function": _function,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::S3::Bucket": _bucket,
    "AWS::IAM::Role": _role,
}


def _resolved(value: Any, deployed: Deployed) -> Any:
    """A part of the template with its references resolved."""
    match value:
        case {"Ref": _} | {"Fn::GetAtt": _} | {"Fn::Join": _}:
            return deployed.text(value)
        case dict():
            return {name: _resolved(each, deployed) for name, each in value.items()}
        case list():
            return [_resolved(each, deployed) for each in value]
    return value
