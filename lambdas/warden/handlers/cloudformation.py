"""CloudFormation's requests for custom resources, and the answers that it waits for.

Source: CloudFormation User Guide, Custom resource request and response objects.
"""

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.request import Request as HttpRequest

import msgspec

MOST_REASON: Final = 1_000
"""Bytes; an answer may have 4096, and escaped they are at most three times as many."""

ANSWER_SECONDS: Final = 10.0
SEED: Final = "seed"
"""Physical id of the resource that stands for a filled projection."""

Opener = Callable[..., Any]
"""`urllib.request.urlopen`, or what is called as it is."""


class Asked(msgspec.Struct, frozen=True, rename="pascal"):
    """A request of CloudFormation's; its documentation says what the members mean."""

    request_type: str
    response_url: str = msgspec.field(name="ResponseURL")
    stack_id: str
    request_id: str
    logical_resource_id: str
    resource_type: str = ""
    physical_resource_id: str = ""
    resource_properties: dict[str, Any] = {}


class Made(msgspec.Struct, frozen=True):
    """What became of a resource.

    Attributes:
        physical_id: Its id; where an update gives another one, CloudFormation deletes the old one afterwards.
        data: Its attributes.
        secret: Whether CloudFormation must not show them.
    """

    physical_id: str
    data: dict[str, str] = {}
    secret: bool = False


def answer(asked: Asked, made: Made, opener: Opener, *, failure: str | None = None) -> None:
    """Tell CloudFormation what became of a resource, and why where it failed."""
    told = {
        "Status": "SUCCESS" if failure is None else "FAILED",
        "PhysicalResourceId": made.physical_id,
        "StackId": asked.stack_id,
        "RequestId": asked.request_id,
        "LogicalResourceId": asked.logical_resource_id,
        "NoEcho": made.secret,
        "Data": made.data,
    }
    if failure is not None:
        told["Reason"] = failure.encode(errors="replace")[:MOST_REASON].decode(errors="ignore")
    if not asked.response_url.startswith("https://"):
        raise ValueError("ResponseURL: expected https")
    # The URL is signed for a request without a content type; urllib would put one on.
    request = HttpRequest(  # noqa: S310 (https, above)
        asked.response_url, json.dumps(told).encode(), {"Content-Type": ""}, method="PUT"
    )
    with opener(request, timeout=ANSWER_SECONDS):
        pass
