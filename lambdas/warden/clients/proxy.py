"""A proxy on this machine for tools that sign for AWS IoT only: it checks their signature and puts its own.

Whoever can make it forward a request acts with its user's credentials. So it listens on loopback only, and takes a
request only where it is signed, whole, with a key pair that was made for this run and shown to its user. A web page
in the user's browser has no such key; it is also told by Host (DNS rebinding), Origin and Sec-Fetch-Site.
"""

import re
import secrets
import string
from collections.abc import Callable
from typing import Protocol

from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session
from botocore.model import ServiceModel

from warden.clients.answers import Refused, answer
from warden.clients.client import SIGNED_FOR
from warden.clients.endpoint import region_of
from warden.clients.gateway import told_as_iot
from warden.clients.signing import Verifier, canonical_path, canonical_query, sign
from warden.control_api.failures import Failure
from warden.control_api.http import HttpRequest, HttpResponse
from warden.control_api.operations import TAGS
from warden.control_api.router import Router
from warden.control_api.tags import is_device_defenders

# Nothing that a URL library would take for something else than path; a client sends those encoded
_PATH = re.compile(r"/(?!/)[A-Za-z0-9/%._~:@!$&'()*+,=-]{0,4095}")
_DOTS = re.compile(r"(^|/)(\.|%2[Ee]){1,2}(/|$)")
_KEPT = ("content-type", "user-agent")
_RETURNED = ("content-type", "x-amzn-requestid", "x-amzn-errortype")


def one_time_key() -> Credentials:
    """A key pair in the form of an IAM user's, which AWS knows nothing of."""
    letters = string.ascii_uppercase + "234567"
    return Credentials("AKIA" + "".join(secrets.choice(letters) for _ in range(16)), secrets.token_urlsafe(30))


class Session(Protocol):
    """What the proxy needs of a boto3 session."""

    def get_credentials(self) -> Credentials | None:
        """The user's credentials, which renew themselves."""
        ...


class Proxy:
    """Forwards Device Defender's operations to a stage's control API.

    Args:
        endpoint: The control API's URL, without a slash at its end.
        region: The stage's Region, which requests have to be signed for.
        key: What they have to be signed with.
        session: Has the credentials that the forwarded ones are signed with.
        service_model: botocore's, of service `iot`.
        aws_endpoint: AWS IoT's URL, named to those who ask for one of its operations.
        http: Sends them.
        clock: Now, epoch seconds.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        region: str,
        key: Credentials,
        session: Session,
        service_model: ServiceModel,
        aws_endpoint: str,
        http: URLLib3Session,
        clock: Callable[[], float],
    ) -> None:
        self._endpoint = endpoint
        self._region = region_of(endpoint, region)
        self._verifier = Verifier(key, region, ("iot", SIGNED_FOR))
        self._session = session
        self._router = Router(service_model, {})
        self._aws_endpoint = aws_endpoint
        self._http = http
        self._clock = clock

    def handle(self, request: HttpRequest, *, port: int) -> HttpResponse:
        """The answer to a request that came in at a port; what goes wrong with AWS is an answer too."""
        try:
            _check_form(request, port)
            self._verifier.check(request, now=self._clock())
            self._check_operation(request)
        except Refused as error:
            return answer(error.failure)
        return self._forward(request)

    def _check_operation(self, request: HttpRequest) -> None:
        operation = self._router.operation(request.method, request.path)
        if operation in TAGS and not is_device_defenders(self._router.members(request).get("resourceArn")):
            operation = ""
        if not operation:
            raise Refused(
                Failure(
                    "NotImplementedException",  # 501: stock clients do not try it again
                    501,
                    f"this proxy takes AWS IoT Device Defender's operations only; send others to {self._aws_endpoint}",
                )
            )

    def _forward(self, request: HttpRequest) -> HttpResponse:
        query = canonical_query(request.query)
        url = f"{self._endpoint}{canonical_path(request.path)}{'?' if query else ''}{query}"
        headers = {name: request.headers[name] for name in _KEPT if name in request.headers}
        forwarded = AWSRequest(method=request.method, url=url, data=request.body, headers=headers)
        try:
            credentials = self._session.get_credentials()
            assert credentials  # looked for at the start
            sign(forwarded, credentials.get_frozen_credentials(), SIGNED_FOR, self._region)
        except (BotoCoreError, ClientError, RuntimeError, OSError) as error:  # as botocore's providers raise it
            return answer(Failure("ExpiredTokenException", 403, f"the proxy's own credentials: {error}"))
        try:
            response = self._http.send(forwarded.prepare())
            body = response.content
        except BotoCoreError as error:
            return answer(Failure("ServiceUnavailableException", 503, f"the control API does not answer: {error}"))
        returned = {name: value for name in _RETURNED if (value := response.headers.get(name))}
        return told_as_iot(HttpResponse(response.status_code, returned, body))


def _check_form(request: HttpRequest, port: int) -> None:
    host = request.headers.get("host", "").lower()
    if host not in (f"127.0.0.1:{port}", f"localhost:{port}"):
        raise _denied("the Host header does not name this proxy")
    if "origin" in request.headers or request.headers.get("sec-fetch-site", "none") != "none":
        raise _denied("web pages may not use this proxy")
    if not _PATH.fullmatch(request.path) or _DOTS.search(request.path):
        raise Refused(Failure("InvalidRequestException", 400, "the path is none of AWS IoT's"))


def _denied(message: str) -> Refused:
    return Refused(Failure("AccessDeniedException", 403, message))
