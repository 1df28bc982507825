"""AWS Signature Version 4 as its specification says it, for the side that verifies; no line of botocore's.

Source: IAM User Guide, "Create a signed AWS API request".
"""

import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote, unquote_to_bytes

HEADER = re.compile(r"AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)")


@dataclass(frozen=True)
class Signed:
    """A request as it came in; names of headers in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def uri_encode(data: bytes, *, slash: str = "") -> str:
    return quote(data, safe="-._~" + slash)


def path_as_sent(path: str) -> str:
    """The rule for all services but S3: the path as it is in the request, encoded, so that %3A is %253A."""
    return uri_encode(path.encode(), slash="/")


def query_of(query: str) -> str:
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    encoded = [(uri_encode(unquote_to_bytes(name)), uri_encode(unquote_to_bytes(value))) for name, _, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))


def canonical(request: Signed, names: Sequence[str], path: Callable[[str], str] = path_as_sent) -> str:
    headers = "".join(f"{name}:{' '.join(request.headers[name].split())}\n" for name in names)
    digest = sha256(request.body).hexdigest()
    parts = (request.method, path(request.path), query_of(request.query), headers, ";".join(names), digest)
    return "\n".join(parts)


def signature(canonical_request: str, time: str, region: str, service: str, secret: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in (time[:8], region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    scope = f"{time[:8]}/{region}/{service}/aws4_request"
    told = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{sha256(canonical_request.encode()).hexdigest()}"
    return hmac.digest(key, told.encode(), "sha256").hex()


def signer_of(request: Signed, secrets: Mapping[str, str], *, region: str, service: str) -> str:
    """The access key id that a request is rightly signed with for a service in a Region; empty where it is not."""
    match = HEADER.fullmatch(request.headers.get("authorization", ""))
    if match is None:
        return ""
    key, *scope = match[1].split("/")
    time = request.headers.get("x-amz-date", "")
    if key not in secrets or scope != [time[:8], region, service, "aws4_request"]:
        return ""
    names = match[2].split(";")
    if "host" not in names or names != sorted(names) or any(name not in request.headers for name in names):
        return ""
    expected = signature(canonical(request, names), time, region, service, secrets[key])
    return key if hmac.compare_digest(expected, match[3]) else ""
