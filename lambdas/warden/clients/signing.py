"""AWS Signature Version 4, both ways, by botocore's signer: to sign a request, and to find out who signed one."""

import re
from collections.abc import Collection
from datetime import UTC, datetime
from hashlib import sha256
from hmac import compare_digest
from urllib.parse import quote, unquote_to_bytes

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials, ReadOnlyCredentials

from warden.clients.answers import Refused
from warden.control_api.failures import Failure
from warden.control_api.http import HttpRequest

MAX_AGE_SECONDS = 300
"""How far a signature's time may be from now (IAM User Guide, Signature Version 4: five minutes)."""

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>[^/,\s]+)/\d{8}/(?P<region>[^/,\s]+)/(?P<service>[^/,\s]+)"
    r"/aws4_request, *SignedHeaders=(?P<headers>[a-z0-9;-]+), *Signature=(?P<signature>[0-9a-f]{64})"
)
_UNRESERVED = "-_.~"


class Verifier:
    """Tells whether requests are signed with one key pair, for one Region.

    Args:
        credentials: The pair; no session token.
        region: The Region.
        services: What they may be signed for.
    """

    def __init__(self, credentials: Credentials, region: str, services: Collection[str]) -> None:
        self._credentials = credentials
        self._region = region
        self._services = services

    def check(self, request: HttpRequest, *, now: float) -> None:
        """Return where the signature covers method, path, query, host and body, and is not too old or too new.

        Args:
            request: Its headers each came once.
            now: Epoch seconds.

        Raises:
            Refused: It is not so.
        """
        match = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        if match is None:
            raise _refused("MissingAuthenticationToken", "the request has no AWS Signature Version 4 in its header")
        if not compare_digest(match["key"].encode(), self._credentials.access_key.encode()):
            raise _refused("UnrecognizedClient", "the request is signed with another access key than the one printed")
        if match["service"] not in self._services or match["region"] != self._region:
            scope = f"service {match['service']} in {match['region']}"
            raise _refused("InvalidSignature", f"the request is signed for {scope}; use Region {self._region}")
        self._check_time(request.headers.get("x-amz-date", ""), now)
        names = match["headers"].split(";")
        missing = [name for name in ("host", "x-amz-date") if name not in names]
        if missing or any(name not in request.headers for name in names):
            raise _refused("InvalidSignature", "the signature has to cover host and x-amz-date, and what was sent")
        if not compare_digest(match["signature"], self._expected(request, names, match["service"])):
            raise _refused("InvalidSignature", "the signature does not match the request and the secret printed")

    def _check_time(self, time: str, now: float) -> None:
        try:
            signed_at = datetime.strptime(time, SIGV4_TIMESTAMP).replace(tzinfo=UTC).timestamp()
        except ValueError:
            raise _refused("InvalidSignature", "x-amz-date is no time") from None
        if abs(now - signed_at) > MAX_AGE_SECONDS:
            raise _refused("InvalidSignature", f"the signature's time is more than {MAX_AGE_SECONDS} s from now")

    def _expected(self, request: HttpRequest, names: Collection[str], service: str) -> str:
        declared = request.headers.get("x-amz-content-sha256")
        if declared is not None and declared != sha256(request.body).hexdigest():
            raise _refused("InvalidSignature", "x-amz-content-sha256 is not the hash of the body")
        signer = _Expected(self._credentials, service, self._region, names)
        url = f"http://{request.headers['host']}{request.path}?{canonical_query(request.query)}"
        signed = AWSRequest(method=request.method, url=url, data=request.body, headers=dict(request.headers))
        signed.context["timestamp"] = request.headers["x-amz-date"]
        return signer.signature(signer.string_to_sign(signed, signer.canonical_request(signed)), signed)


class _Expected(SigV4Auth):
    """Signs the headers that the request's own signature names, whichever botocore itself would."""

    def __init__(self, credentials: Credentials, service: str, region: str, names: Collection[str]) -> None:
        super().__init__(credentials, service, region)
        self._names = names

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        headers = HTTPHeaders()
        for name in self._names:
            headers[name] = request.headers[name]
        return headers


def sign(request: AWSRequest, credentials: ReadOnlyCredentials, service: str, region: str) -> None:
    """Sign a request whose path and query are canonical."""
    SigV4Auth(credentials, service, region).add_auth(request)


def canonical_path(path: str) -> str:
    """A path whose segments have everything encoded but unreserved characters."""
    return "/".join(map(_canonical, path.split("/")))


def canonical_query(query: str) -> str:
    """A query whose names and values have everything encoded but unreserved characters, in the order they came in.

    A plus sign stays one: it is a space in HTML forms only, and AWS's signatures take it for itself.
    """
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return "&".join(f"{_canonical(name)}={_canonical(value)}" for name, _, value in pairs)


def _canonical(text: str) -> str:
    return quote(unquote_to_bytes(text), safe=_UNRESERVED)


def _refused(code: str, message: str) -> Refused:
    return Refused(Failure(f"{code}Exception", 403, message))
