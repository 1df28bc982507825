"""API Gateway's own refusals, told as AWS IoT tells its errors.

API Gateway answers before the control API is asked: who may not, what is too large or too much. Its answers are no
error shapes of AWS IoT, so that stock clients would neither raise the right exception nor retry. Their form:
Amazon API Gateway Developer Guide, HTTP APIs; the statuses of the shapes: botocore's `iot` model.
"""

import json
from collections.abc import Mapping

from warden.clients.answers import answer
from warden.control_api.failures import Failure
from warden.control_api.http import HttpResponse

_UNAUTHORIZED = ("UnauthorizedException", 401, "check the signature, the clock, and the policy's execute-api:Invoke")
_INVALID = ("InvalidRequestException", 400, "API Gateway refused the request")
_FAILED = ("InternalFailureException", 500, "try again")

_SHAPES = {
    401: _UNAUTHORIZED,
    403: _UNAUTHORIZED,
    404: ("UnknownOperationException", 404, "the control API has no such route; is the endpoint the right one?"),
    413: ("InvalidRequestException", 400, "the request is too large"),
    414: ("InvalidRequestException", 400, "the request's path and query are too long"),
    429: ("ThrottlingException", 400, "try again more slowly"),
    431: ("InvalidRequestException", 400, "the request's headers, path and query are too long"),
    503: ("ServiceUnavailableException", 503, "try again"),
}

MAX_QUOTED = 200


def told_as_iot(response: HttpResponse) -> HttpResponse:
    """An answer as AWS IoT would give it: the control API's own as they are, any other error as one of the model's."""
    if response.status < 400:
        return response
    body = _object(response.body)
    if "__type" in body:
        return response
    otherwise = _INVALID if response.status < 500 else _FAILED
    code, status, advice = _SHAPES.get(response.status, otherwise)
    said = str(body.get("message") or body.get("Message") or f"HTTP status {response.status}")[:MAX_QUOTED]
    return answer(Failure(code, status, f"{said}: {advice}"))


def _object(body: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
