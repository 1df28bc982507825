"""botocore's `iot` service model, and a boto3 client that talks to a router instead of a network."""

from collections.abc import Iterator, Mapping
from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.loaders import Loader
from botocore.model import ServiceModel
from moto.core.models import botocore_stubber

from warden.control_api.http import HttpRequest, HttpResponse
from warden.control_api.operations import Judge, Operation
from warden.control_api.router import Router


def description() -> dict[str, Any]:
    """The service model as botocore's data file has it; the caller's own copy."""
    found: dict[str, Any] = Loader().load_service_model("iot", "service-2")
    return found


@cache
def service_model() -> ServiceModel:
    return ServiceModel(description(), "iot")


def router(**operations: Operation | Judge) -> Router:
    """A router that has the operations given, and answers every request with id `request-1`."""
    return Router(service_model(), operations, new_request_id=lambda: "request-1")


class Body(BytesIO):
    """What botocore reads an answer's body from."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


class Plug:
    """Hands a client's requests to a router, without HTTP. Keeps the last request and answer."""

    def __init__(self) -> None:
        self.router: Router
        self.request: HttpRequest
        self.response: HttpResponse

    def __call__(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        url = urlsplit(request.url)
        headers = {name.lower(): str(value) for name, value in request.headers.items()}
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        self.request = HttpRequest(request.method, url.path, url.query, headers, body)
        self.response = self.router.handle(self.request)
        raw = Body(self.response.body)
        return AWSResponse(request.url, self.response.status, self.response.headers, raw)


@cache
def plugged() -> tuple[Any, Plug]:
    """A stock boto3 client that sends each request once, moto left out, and where it is plugged in."""
    client = boto3.client(
        "iot",
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"total_max_attempts": 1}),
    )
    plug = Plug()
    client.meta.events.unregister("before-send", botocore_stubber)
    client.meta.events.register("before-send.iot.*", plug)
    return client, plug


def call(at: Router, method: str, **params: Any) -> dict[str, Any]:
    """What a boto3 client returns for a call, without its metadata."""
    client, plug = plugged()
    plug.router = at
    result: dict[str, Any] = getattr(client, method)(**params)
    del result["ResponseMetadata"]
    return result


def error_of(at: Router, method: str, **params: Any) -> Mapping[str, Any]:
    """The `response` of the ClientError that a call raises."""
    try:
        answer = call(at, method, **params)
    except plugged()[0].exceptions.ClientError as error:
        return error.response
    raise AssertionError(f"no error but {answer}")
