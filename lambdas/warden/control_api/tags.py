"""Tags: AWS IoT has one set of operations for those of all its resources, of which some are Device Defender's."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from warden.control_api.context import Context
from warden.control_api.operations import Operation
from warden.domain.errors import InvalidRequest
from warden.use_cases.tag_resource import check_tags, tag_resource, tags_of, untag_resource

KINDS = "securityprofile|custommetric|dimension|mitigationaction|scheduledaudit"
_OURS = re.compile(rf"arn:[^:]*:iot:[^:]*:[^:]*:(?P<kind>{KINDS})/(?P<name>.*)")


def is_device_defenders(arn: object) -> bool:
    """Whether a resource is one of Device Defender's. Source: Service Authorization Reference, AWS IoT."""
    return isinstance(arn, str) and _OURS.fullmatch(arn) is not None


def given_tags(request: Mapping[str, Any]) -> dict[str, str]:
    """The tags that a request gives. Raises InvalidRequest, LimitExceeded."""
    given = request.get("tags", ())
    for key, times in Counter(tag["Key"] for tag in given).items():
        if times > 1:
            raise InvalidRequest(f"tags: expected each key once, got {key!r} {times} times")
    tags = {tag["Key"]: tag.get("Value", "") for tag in given}
    check_tags(tags)
    return tags


class Tags:
    """The operations on tags."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def operations(self) -> Mapping[str, Operation]:
        """By the operations' names."""
        return {"TagResource": self.tag, "UntagResource": self.untag, "ListTagsForResource": self.list}

    def tag(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """TagResource."""
        kind, name = self._resource(request)
        tag_resource(self._context.catalogue, kind, name, given_tags(request), now=self._context.clock())
        return {}

    def untag(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """UntagResource."""
        kind, name = self._resource(request)
        untag_resource(self._context.catalogue, kind, name, request["tagKeys"], now=self._context.clock())
        return {}

    def list(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """ListTagsForResource: all of them in one page, since there are 50 at most; no token is ever given."""
        self._context.place("ListTagsForResource", request)
        kind, name = self._resource(request)
        tags = tags_of(self._context.catalogue, kind, name)
        return {"tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())]}

    def _resource(self, request: Mapping[str, Any]) -> tuple[str, str]:
        arn = request["resourceArn"]
        match = _OURS.fullmatch(arn)
        if match is None or arn != self._context.arn(f"{match['kind']}/{match['name']}"):
            expected = self._context.arn(f"KIND/NAME with KIND one of {KINDS.replace('|', ', ')}")
            raise InvalidRequest(f"resourceArn: expected {expected}, got {arn!r}")
        return match["kind"], match["name"]
