"""The HTTP port: who may ask, and who answers.

It has no authentication and binds loopback only, so what must be kept out is everything that reaches loopback
without being the user's own tool: a web page in the user's browser. Such a page cannot set Host to a name of
ours (DNS rebinding), nor leave out Origin or Sec-Fetch-Site; requests are told by these three.
"""

import logging
import re
from collections.abc import Callable, Container, Iterable
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs

from warden.control_api.http import HttpRequest, HttpResponse
from warden.domain.errors import Unavailable
from warden.embedded.surroundings.answers import Refused, header, refusal
from warden.embedded.surroundings.backends import is_iot_route
from warden.embedded.surroundings.outbox_api import is_outbox

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)

MAX_BODY = 10_000_000
# Nothing that a URL library would take for something else than path, `;` among it; a client sends those encoded
FORM = "application/x-www-form-urlencoded"
"""How clients of AWS's query protocols send; they read answers in XML."""

PATH = re.compile(r"/(?!/)[A-Za-z0-9/%._~:@!$&'()*+,=-]{0,8191}")
HOST = re.compile(r"(\[[0-9a-f:]{2,39}\]|[a-z0-9.-]{1,253})(?::\d{1,5})?")
SCOPE = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/,\s]+/\d{8}/[^/,\s]+/([A-Za-z0-9.-]+)/aws4_request,")
SIGNED_AS = {"iotdata": "iot-data", "execute-api": ""}
UNSIGNED_SNS = frozenset({"ConfirmSubscription", "Unsubscribe"})


class ControlApi(Protocol):
    """The operations that are ours."""

    def matches(self, method: str, path: str) -> bool:
        """Whether one is at this method and raw path."""
        ...

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Its answer."""
        ...


class Front:
    """A WSGI application.

    Args:
        call: Answers for a service of the surroundings.
        services: The names that `call` takes.
        control_api: Asked first, for what is unsigned or signed for iot.
        health: Status and text of `GET /healthz`.
        metrics: Content type and text of `GET /metrics`.
        outbox: Answers for `outbox_api.PATH`.
    """

    def __init__(
        self,
        call: Callable[[str, HttpRequest], HttpResponse],
        services: Container[str],
        control_api: ControlApi,
        health: Callable[[], tuple[int, str]],
        metrics: Callable[[], tuple[str, bytes]],
        *,
        outbox: Callable[[HttpRequest], HttpResponse],
    ) -> None:
        self._call = call
        self._services = services
        self._control_api = control_api
        self._health = health
        self._metrics = metrics
        self._outbox = outbox

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """One request."""
        response = self._respond(environ)
        headers = dict(response.headers) | {
            "Content-Length": str(len(response.body)),
            "X-Content-Type-Options": "nosniff",
        }
        start_response(_status_line(response.status), [(name, _one_line(value)) for name, value in headers.items()])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [response.body]

    def _respond(self, environ: "WSGIEnvironment") -> HttpResponse:
        service = ""
        is_form = environ.get("CONTENT_TYPE", "").startswith(FORM)
        try:
            request = _request(environ)
            service = _signed_for(request)
            return self._answer(service, request)
        except Refused as error:
            refused = error
        except Unavailable as error:
            refused = Refused(503, "ServiceUnavailableException", str(error))
        except Exception:
            log.exception("a request failed")
            refused = Refused(500, "InternalFailure", "see the log of warden serve")
        return refusal(service, refused, is_form=is_form)

    def _answer(self, service: str, request: HttpRequest) -> HttpResponse:
        if (request.method, request.path) == ("GET", "/healthz"):
            status, text = self._health()
            return HttpResponse(status, {"Content-Type": "text/plain; charset=utf-8"}, text.encode())
        if (request.method, request.path) == ("GET", "/metrics"):
            content_type, body = self._metrics()
            return HttpResponse(200, {"Content-Type": content_type}, body)
        if is_outbox(request.method, request.path):
            return self._outbox(request)
        if service in ("", "iot") and self._control_api.matches(request.method, request.path):
            return self._control_api.handle(request)
        service = service or _unsigned_service(request)
        if service not in self._services:
            raise Refused(501, "NotImplementedException", f"{service} is not part of the embedded AWS surroundings")
        return self._call(service, request)


def _request(environ: "WSGIEnvironment") -> HttpRequest:
    """The request, where it is one that this port takes. Raises: Refused."""
    headers = {
        key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")
    } | {
        name: environ[key]
        for key, name in (("CONTENT_TYPE", "content-type"), ("CONTENT_LENGTH", "content-length"))
        if environ.get(key)
    }
    path, _, query = environ["REQUEST_URI"].partition("?")
    request = HttpRequest(environ["REQUEST_METHOD"], path, query, headers)
    _check_sender(request)
    if not PATH.fullmatch(path) or not query.isprintable():
        raise Refused(400, "ValidationException", "the path has a character that must be percent-encoded")
    return HttpRequest(request.method, path, query, headers, _body(request, environ["wsgi.input"]))


def _check_sender(request: HttpRequest) -> None:
    host = header(request, "host").lower()
    if not _is_loopback(host):
        raise Refused(403, "AccessDeniedException", "the Host header does not name this machine's loopback")
    origin = request.headers.get("origin")
    if origin is not None and origin.lower() != f"http://{host}":
        raise Refused(403, "AccessDeniedException", "web pages of other origins may not use this port")
    if header(request, "sec-fetch-site") not in ("", "none", "same-origin"):
        raise Refused(403, "AccessDeniedException", "web pages of other sites may not use this port")


def _is_loopback(host: str) -> bool:
    match = HOST.fullmatch(host)
    if match is None:
        return False
    name = match[1].strip("[]")
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _body(request: HttpRequest, stream: Any) -> bytes:
    if "transfer-encoding" in request.headers:
        raise Refused(411, "MissingContentLength", "send the body with a Content-Length, not in chunks")
    if header(request, "content-encoding") not in ("", "identity"):
        raise Refused(415, "UnsupportedMediaType", "send the body without a Content-Encoding")
    length = header(request, "content-length") or "0"
    if not (length.isascii() and length.isdigit()):
        raise Refused(400, "ValidationException", "Content-Length is not a number")
    if len(length) > 9 or int(length) > MAX_BODY:
        raise Refused(413, "RequestEntityTooLarge", f"the body is over {MAX_BODY} bytes")
    body: bytes = stream.read(int(length))
    if len(body) != int(length):
        raise Refused(400, "IncompleteBody", "the body is shorter than its Content-Length")
    return body


def _signed_for(request: HttpRequest) -> str:
    """The service that a request is signed for, as boto3 names it; empty where it is not signed, or for our API."""
    if not (authorization := header(request, "authorization")):
        return ""
    match = SCOPE.match(authorization)
    if match is None:
        raise Refused(400, "IncompleteSignature", "the Authorization header is not an AWS Signature Version 4")
    return SIGNED_AS.get(match[1], match[1])


def _unsigned_service(request: HttpRequest) -> str:
    if request.path == "/" and request.method == "GET":
        actions = parse_qs(request.query, max_num_fields=20).get("Action", [])
        if len(actions) == 1 and actions[0] in UNSIGNED_SNS:
            return "sns"
    if is_iot_route(request):
        return "iot"
    raise Refused(403, "MissingAuthenticationToken", "no service can be told from this request: it is not signed")


def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"


def _one_line(value: str) -> str:
    return "".join(char for char in value if char.isprintable()).encode("latin-1", "replace").decode("latin-1")
