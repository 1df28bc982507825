"""AWS clients whose requests are answered in this process."""

import os
from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.config import Config

from warden.control_api.http import HttpRequest, HttpResponse

# The user's own AWS files and profile: name in them, environment variable, default, conversion
_NOBODYS = {
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "profile": (None, None, None, None),
}


class _Raw(BytesIO):
    """A body as botocore reads it from urllib3."""

    def stream(self, **_: object) -> Any:
        yield self.read()


def in_process_client(service: str, region: str, base_url: str, call: Callable[[HttpRequest], HttpResponse]) -> Any:
    """A boto3 client of `service`, each of whose requests is one call of `call`.

    Whatever `call` raises comes out of the client's method. No request can go to the network: what `before-send`
    answers is never sent, and this handler, the first one, answers or raises. The user's AWS configuration and
    credentials are not read.
    """
    core: Any = botocore.session.Session(session_vars=_NOBODYS)
    client = core.create_client(
        service,
        region_name=region,
        endpoint_url=base_url,
        aws_access_key_id="embedded",
        aws_secret_access_key="embedded",  # noqa: S106 (signs for nobody)
        config=Config(retries={"total_max_attempts": 1, "mode": "standard"}),
    )

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        response = call(_request(request))
        headers: Any = HeadersDict(dict(response.headers))
        return AWSResponse(request.url, response.status, headers, _Raw(response.body))

    client.meta.events.register_first("before-send.*.*", answer)
    return client


def _request(request: AWSPreparedRequest) -> HttpRequest:
    url = urlsplit(request.url)
    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    return HttpRequest(request.method, url.path or "/", url.query, headers, _bytes(request.body))


def _bytes(body: Any) -> bytes:
    if hasattr(body, "read"):
        body = body.read()
    return body.encode() if isinstance(body, str) else bytes(body or b"")


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
