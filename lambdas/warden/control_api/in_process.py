"""The control API for callers in the same process: what boto3 is to all others."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from botocore.model import ServiceModel
from botocore.serialize import create_serializer

from warden.control_api.http import HttpRequest
from warden.control_api.operations import models
from warden.control_api.router import Router
from warden.domain.errors import Unavailable

REFUSED: Final = "InvalidRequestException"
EXISTS: Final = "ResourceAlreadyExistsException"
NOT_FOUND: Final = "ResourceNotFoundException"
_FOR_NOW: Final = {"ThrottlingException", "InternalFailureException"}

Told = Callable[[str, Mapping[str, Any], str], None]
"""Takes a call's operation, its members, and its error's code, empty where there was none."""


class Refused(Exception):
    """An operation's error, as its user is to read it.

    Args:
        code: The error shape's name.
        message: What it says.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class InProcess:
    """Calls operations with members that the model allows.

    Args:
        router: Answers.
        service_model: botocore's, of service `iot`.
        told: Hears of each call when it is answered.
    """

    def __init__(self, router: Router, service_model: ServiceModel, told: Told) -> None:
        self._router = router
        self._models = models(service_model)
        self._serializer = create_serializer("rest-json", include_validation=False)
        self._told = told

    def __call__(self, operation: str, /, **members: Any) -> dict[str, Any]:
        """An operation's answer, as JSON has it. Raises Refused; Unavailable, where a repetition may succeed."""
        sent = self._serializer.serialize_to_request(members, self._models[operation])
        body = sent["body"] or b""  # none is an empty object
        request = HttpRequest(sent["method"], sent["url_path"], urlencode(sent["query_string"]), {}, body)
        response = self._router.handle(request)
        answer: dict[str, Any] = json.loads(response.body)
        code = response.headers.get("x-amzn-ErrorType", "")
        self._told(operation, members, code)
        if code in _FOR_NOW:
            raise Unavailable(answer["message"])
        if code:
            raise Refused(code, answer["message"])
        return answer
