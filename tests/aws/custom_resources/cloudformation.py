"""CloudFormation of the tests: it asks the function that makes custom resources, and keeps the answers."""

import json
from contextlib import nullcontext
from typing import Any
from urllib.error import URLError

from tests.aws.conftest import ACCOUNT, BEGINNING, REGION
from warden.handlers.parts import Clients, Parts
from warden.handlers.setup import Setup
from warden.settings import Settings

STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/thingwarden-test/1"
URL = "https://cloudformation-custom-resource-response.s3.amazonaws.com/x?X-Amz-Signature=secret"
RULE = "thingwarden_test_metrics_reserved"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:thingwarden-test-evaluate"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/thingwarden/test/errors"
QUEUE = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/thingwarden-test-dead-reports"
SQL = "SELECT topic() AS topic FROM '$aws/things/+/defender/metrics/+'"
RESERVED = {
    "Kind": "ReservedRule",
    "ServiceToken": "arn",
    "RuleName": RULE,
    "Sql": SQL,
    "FunctionArn": FUNCTION,
    "ErrorQueueUrl": QUEUE,
    "SqlVersion": "2016-03-23",
    "ErrorRoleArn": ROLE,
    "Enabled": "true",
}


class CloudFormation:
    """Asks for an answer at its `url`, keeps the answers, and how many seconds were waited for them."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.setup: Setup
        self.url = URL
        self.broken = False
        self.waited: list[float] = []

    def open(self, request: Any, timeout: float) -> Any:
        assert timeout > 0
        if self.broken:
            raise URLError("no way there")
        assert (request.full_url, request.method) == (self.url, "PUT")
        assert request.get_header("Content-type") == "", "the URL is signed for a request without one"
        assert len(request.data) <= 4096
        self.answers.append(json.loads(request.data))
        return nullcontext()

    def send(self, kind: str, request_type: str, physical_id: str = "", **properties: Any) -> None:
        event = {
            "RequestType": request_type,
            "ServiceToken": "arn",
            "ResponseURL": self.url,
            "StackId": STACK,
            "RequestId": "request-1",
            "ResourceType": "Custom::Thingwarden",
            "LogicalResourceId": "Resource",
            "ResourceProperties": {"ServiceToken": "arn", "Kind": kind, **properties},
        }
        if physical_id:
            event["PhysicalResourceId"] = physical_id
        self.setup(event)

    def ask(self, kind: str, request_type: str, physical_id: str = "", **properties: Any) -> dict[str, Any]:
        self.send(kind, request_type, physical_id, **properties)
        answer = self.answers[-1]
        assert (answer["StackId"], answer["RequestId"], answer["LogicalResourceId"]) == (STACK, "request-1", "Resource")
        return answer


def start(clients: Clients, settings: Settings) -> CloudFormation:
    cloudformation = CloudFormation()
    parts = Parts(settings, region=REGION, clients=clients, clock=lambda: BEGINNING)
    cloudformation.setup = Setup(parts, cloudformation.open, sleep=cloudformation.waited.append)
    return cloudformation


def reserved_rule(request_type: str, physical_id: str = "", **changed: str) -> Any:
    """The arguments that ask for the rule on the reserved topic."""
    properties = {name: value for name, value in (RESERVED | changed).items() if name not in ("Kind", "ServiceToken")}
    return {"kind": "ReservedRule", "request_type": request_type, "physical_id": physical_id, **properties}
