"""A user's stack: what CloudFormation sends for the resources in it, and in which order.

Source: CloudFormation User Guide, Custom resource request types; all scalars of properties arrive as texts.
"""

import json
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError

from tests.aws.conftest import ACCOUNT, REGION
from tests.contract.iot import call
from warden.handlers.api import Api
from warden.handlers.parts import Parts
from warden.handlers.provider import Provider

STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/cameras/5f3f4b40-9d3c-11ef-8a3b-0a58a9feac02"
URL = "https://cloudformation-custom-resource-response.s3.amazonaws.com/x?X-Amz-Signature=secret"
PROFILE, METRIC, DIMENSION = (f"Custom::Thingwarden{kind}" for kind in ("SecurityProfile", "CustomMetric", "Dimension"))


def as_texts(value: Any) -> Any:
    """A template's value as CloudFormation hands it to a custom resource."""
    match value:
        case dict():
            return {name: as_texts(item) for name, item in value.items()}
        case list():
            return [as_texts(item) for item in value]
        case bool():
            return str(value).lower()
    return str(value)


@dataclass(frozen=True)
class Declared:
    """A resource as CloudFormation knows it."""

    type: str
    properties: dict[str, Any]
    physical_id: str


class UserStack:
    """One stack, and the function behind its resources.

    Args:
        parts: The function's.
        ours: For the test's own look by the control API; the function's where there are none.
        stack_id: The stack's.

    Attributes:
        answers: CloudFormation's answers, in order.
        resources: What there is, by logical id.
        replaced: What goes when the update is over, or is rolled back.
        reachable: Whether answers arrive.
        waited: Seconds that the function slept.
    """

    def __init__(self, parts: Parts, ours: Parts | None = None, *, stack_id: str = STACK) -> None:
        self.answers: list[dict[str, Any]] = []
        self.resources: dict[str, Declared] = {}
        self.replaced: list[tuple[str, Declared]] = []
        self.reachable = True
        self.waited: list[float] = []
        self._provider = Provider(parts, self._open, self.waited.append)
        self._router = Api(ours or parts, lambda _: None).router
        self._stack_id = stack_id
        self._requests = 0

    def _open(self, request: Any, timeout: float) -> Any:
        assert timeout > 0
        if not self.reachable:
            raise URLError("no way there")
        assert (request.full_url, request.method) == (URL, "PUT")
        assert request.get_header("Content-type") == "", "the URL is signed for a request without one"
        assert len(request.data) <= 4096, "CloudFormation takes no longer one"
        self.answers.append(json.loads(request.data))
        return nullcontext()

    def event(self, request_type: str, logical_id: str, declared: Declared) -> dict[str, Any]:
        """A request, with an id of its own."""
        self._requests += 1
        event = {
            "RequestType": request_type,
            "ServiceToken": "arn",
            "ResponseURL": URL,
            "StackId": self._stack_id,
            "RequestId": f"{self._stack_id[-12:]}-{self._requests}",
            "ResourceType": declared.type,
            "LogicalResourceId": logical_id,
            "ResourceProperties": as_texts({"ServiceToken": "arn", "ServiceTimeout": 600, **declared.properties}),
        }
        if request_type != "Create":
            event["PhysicalResourceId"] = declared.physical_id
        return event

    def send(self, event: dict[str, Any]) -> dict[str, Any]:
        """A request is delivered. Returns its answer, without what CloudFormation knows it by."""
        self._provider(event)
        answer = dict(self.answers[-1])
        for member in ("StackId", "RequestId", "LogicalResourceId"):
            assert answer.pop(member) == event[member]
        assert answer.pop("NoEcho") is False
        assert answer["PhysicalResourceId"]
        return answer

    def declare(self, logical_id: str, kind: str, **properties: Any) -> dict[str, Any]:
        """A template with the resource is deployed: it is created, or updated. Returns the answer."""
        known = self.resources.get(logical_id)
        asked = Declared(kind, properties, known.physical_id if known else "")
        answer = self.send(self.event("Update" if known else "Create", logical_id, asked))
        if answer["Status"] == "SUCCESS":
            made = Declared(kind, properties, answer["PhysicalResourceId"])
            if known and made.physical_id != known.physical_id:
                self.replaced.append((logical_id, known))
            self.resources[logical_id] = made
        elif known is None:
            self.replaced.append((logical_id, Declared(kind, properties, answer["PhysicalResourceId"])))
        return answer

    def make(self, logical_id: str, kind: str, **properties: Any) -> str:
        """As `declare`, and it succeeds. Returns the physical id."""
        answer = self.declare(logical_id, kind, **properties)
        assert answer["Status"] == "SUCCESS", answer
        return str(answer["PhysicalResourceId"])

    def fail(self, logical_id: str, kind: str, **properties: Any) -> str:
        """As `declare`, and it fails. Returns the reason."""
        answer = self.declare(logical_id, kind, **properties)
        assert answer["Status"] == "FAILED", answer
        return str(answer["Reason"])

    def clean_up(self) -> None:
        """What was replaced, or was never made, is deleted: at the end of an update, or of a rollback."""
        while self.replaced:
            logical_id, gone = self.replaced.pop()
            assert self.delete(logical_id, gone)["Status"] == "SUCCESS"

    def drop(self, logical_id: str) -> dict[str, Any]:
        """The resource is taken out of the template. Returns the answer."""
        answer = self.delete(logical_id, self.resources[logical_id])
        if answer["Status"] == "SUCCESS":
            del self.resources[logical_id]
        return answer

    def delete(self, logical_id: str, declared: Declared) -> dict[str, Any]:
        """One deletion."""
        return self.send(self.event("Delete", logical_id, declared))

    def api(self, method: str, **params: Any) -> dict[str, Any]:
        """What boto3 gets from the control API."""
        return call(self._router, method, **params)

    def exists(self, kind: str, name: str) -> bool:
        """Whether the control API lists a resource."""
        match kind:
            case _ if kind == PROFILE:
                listed = self.api("list_security_profiles")["securityProfileIdentifiers"]
                return name in [each["name"] for each in listed]
            case _ if kind == METRIC:
                return name in self.api("list_custom_metrics")["metricNames"]
        return name in self.api("list_dimensions")["dimensionNames"]

    def profile(self, name: str) -> dict[str, Any]:
        """All that the control API tells of a security profile, but when and how often it was changed."""
        found = self.api("describe_security_profile", securityProfileName=name)
        said = {
            member: value
            for member, value in found.items()
            if member not in ("version", "creationDate", "lastModifiedDate", "securityProfileArn")
        }
        targets = self.api("list_targets_for_security_profile", securityProfileName=name)["securityProfileTargets"]
        return said | {"targets": {target["arn"] for target in targets}, "tags": self.tags(found["securityProfileArn"])}

    def tags(self, arn: str) -> dict[str, str]:
        """A resource's, less those that it is known by."""
        listed = self.api("list_tags_for_resource", resourceArn=arn)["tags"]
        return {tag["Key"]: tag["Value"] for tag in listed if not tag["Key"].startswith("thingwarden:")}

    def version(self, name: str) -> int:
        """How often a security profile was changed, and created."""
        return int(self.api("describe_security_profile", securityProfileName=name)["version"])
