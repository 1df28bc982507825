"""The control API behind an API Gateway HTTP API: payload format 2.0, callers authenticated by IAM."""

import json
from base64 import b64decode
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache, cached_property
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from warden.control_api import routes
from warden.control_api.http import HttpRequest, HttpResponse
from warden.control_api.operations import models
from warden.domain.alerts.target import Delivery
from warden.handlers import alert_path
from warden.handlers.api import Api
from warden.handlers.parts import Parts
from warden.handlers.telemetry import metrics
from warden.use_cases.check_delivery import CheckDelivery

log = Logger()


class ControlApi:
    """One container's control API.

    Whoever API Gateway's IAM authoriser does not name is served nothing, whatever the routes say. A change raises an
    event `API Call`, also where it is refused: CloudTrail sees none of these calls.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._api = Api(parts, self._check_delivery)
        self._caller_arn = ContextVar("caller_arn", default="")

    def __call__(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one request."""
        caller_arn = self._caller(event)
        if not caller_arn:
            log.error("a request came without a caller: the route has no IAM authoriser, or another account's")
            return _refusal(401, "UnauthorizedException", "The request names no caller of this account.")
        self._caller_arn.set(caller_arn)
        request = _request(event)
        operation = self._operation(event, request)
        if not operation:
            return _refusal(404, "UnknownOperationException", "No operation has this method and path.")
        response = self._api.router.handle(request)
        self._count(response)
        if not routes.is_read_only(operation):
            self._tell(operation, request, response, event)
        return _answer(response)

    def _check_delivery(self, to: Delivery) -> None:
        self._delivery(to, caller_arn=self._caller_arn.get(), now=self._parts.clock())

    @cached_property
    def _delivery(self) -> CheckDelivery:
        return alert_path.check_delivery(self._parts)

    @cached_property
    def _route_keys(self) -> Mapping[str, str]:
        return {name: routes.route_key(model) for name, model in models(self._api.model).items()}

    def _caller(self, event: Mapping[str, Any]) -> str:
        """The caller's ARN; empty where the authoriser names none of this account."""
        iam = (event.get("requestContext", {}).get("authorizer") or {}).get("iam") or {}
        return str(iam.get("userArn") or "") if iam.get("accountId") == self._parts.settings.account else ""

    def _operation(self, event: Mapping[str, Any], request: HttpRequest) -> str:
        """The operation that a request is for; empty where it is for none, or not for the one that was authorised.

        API Gateway authorises a route and may hand the path on decoded. An encoded slash in a name would then make
        it the path of another operation.
        """
        name = self._api.router.operation(request.method, request.path)
        return name if name and self._route_keys[name] == event.get("routeKey") else ""

    def _count(self, response: HttpResponse) -> None:
        with metrics(self._parts.settings.stage) as told:
            told.add_metric("ControlApiCalls", MetricUnit.Count, 1)
            if response.status >= 500 and response.status != HTTPStatus.NOT_IMPLEMENTED:
                told.add_metric("ControlApiErrors", MetricUnit.Count, 1)

    def _tell(self, operation: str, request: HttpRequest, response: HttpResponse, event: Mapping[str, Any]) -> None:
        self._api.tell(
            operation,
            self._api.router.members(request),
            caller=self._caller_arn.get(),
            source=event["requestContext"].get("http", {}).get("sourceIp", ""),
            error_code=response.headers.get("x-amzn-ErrorType", ""),
        )


def _request(event: Mapping[str, Any]) -> HttpRequest:
    text = event.get("body") or ""
    body = b64decode(text) if event.get("isBase64Encoded") else text.encode(errors="surrogatepass")
    return HttpRequest(
        event["requestContext"]["http"]["method"],
        event["rawPath"],
        event.get("rawQueryString", ""),
        event.get("headers", {}),
        body,
    )


def _answer(response: HttpResponse) -> dict[str, Any]:
    return {
        "statusCode": response.status,
        "headers": dict(response.headers),
        "body": response.body.decode(),
        "isBase64Encoded": False,
    }


def _refusal(status: int, code: str, message: str) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    return _answer(HttpResponse(status, headers, json.dumps({"__type": code, "message": message}).encode()))


@cache
def _control_api() -> ControlApi:
    return ControlApi(Parts.from_env())


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """One request to the control API."""
    return _control_api()(event)
