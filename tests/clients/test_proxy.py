"""The proxy of `warden proxy`: takes what is signed with its one-time key, and only that; forwards it as its user's."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import ClientError, CredentialRetrievalError
from botocore.httpsession import URLLib3Session

from tests.aws.conftest import ACCOUNT, REGION
from tests.clients.gateway import KEY, Gateway, echo, serving
from tests.clients.sigv4 import Signed, canonical, signature
from tests.contract.iot import service_model
from warden.clients.proxy import Proxy, one_time_key
from warden.clients.server import THREADS, TIMEOUT_SECONDS, LoopbackServer

ONCE = Config(retries={"total_max_attempts": 1})
AWS_IOT = f"https://iot.{REGION}.amazonaws.com"


@dataclass
class Running:
    """A proxy that runs, and the key that it printed."""

    port: int
    key: Credentials
    clock: list[float] = field(default_factory=list)

    def client(self, key: Credentials | None = None, *, region: str = REGION) -> Any:
        """A stock boto3 client of its."""
        pair = key or self.key
        return boto3.client(
            "iot",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name=region,
            aws_access_key_id=pair.access_key,
            aws_secret_access_key=pair.secret_key,
            config=ONCE,
        )

    def send(
        self, method: str, target: str, headers: dict[str, str], body: bytes = b""
    ) -> tuple[int, HTTPResponse, bytes]:
        """Any request at all."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": f"127.0.0.1:{self.port}", **headers}.items():
            connection.putheader(name, value)
        if body and "Content-Length" not in headers:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, response, data

    def signed(
        self, method: str = "GET", target: str = "/security-profiles", body: bytes = b"", **more: str
    ) -> dict[str, str]:
        """The headers of a request that is signed right."""
        request = AWSRequest(method, f"http://127.0.0.1:{self.port}{target}", headers=more, data=body)
        SigV4Auth(self.key, "iot", REGION).add_auth(request)
        return dict(request.headers.items())


def start(
    gateway: Gateway, session: Any, monotonic: Callable[[], float] = time.monotonic
) -> tuple[LoopbackServer, Running]:
    key, clock = one_time_key(), [0.0]  # added to the time that it is
    proxy = Proxy(
        endpoint=gateway.url,
        region=REGION,
        key=key,
        session=session,
        service_model=service_model(),
        aws_endpoint=AWS_IOT,
        http=URLLib3Session(timeout=10),
        clock=lambda: time.time() + clock[0],
    )
    server = LoopbackServer(0, lambda request, port: proxy.handle(request, port=port), monotonic)
    return server, Running(server.port, key, clock)


@pytest.fixture
def proxy(gateway: Gateway, session: boto3.Session) -> Iterator[Running]:
    server, running = start(gateway, session)
    with serving(server):
        yield running


# What it is for


@pytest.mark.parametrize("name", ["plain", "site:a"])
def test_a_stock_client_does_everything_through_it(proxy: Running, gateway: Gateway, name: str) -> None:
    iot = proxy.client()

    iot.create_security_profile(securityProfileName=name, securityProfileDescription="100% of a+b=c & ~")
    iot.update_security_profile(securityProfileName=name, expectedVersion=1, securityProfileDescription="new")
    iot.attach_security_profile(
        securityProfileName=name, securityProfileTargetArn=f"arn:aws:iot:{REGION}:{ACCOUNT}:all/things"
    )

    assert iot.describe_security_profile(securityProfileName=name)["securityProfileDescription"] == "new"
    assert len(iot.list_targets_for_security_profile(securityProfileName=name)["securityProfileTargets"]) == 1
    iot.delete_security_profile(securityProfileName=name)
    assert {request.path for request in gateway.requests} == {
        f"/security-profiles/{quote(name, safe='')}{rest}" for rest in ("", "/targets")
    }
    assert iot.list_security_profiles()["securityProfileIdentifiers"] == []
    assert {request.headers["authorization"].split("Credential=")[1].split("/")[0] for request in gateway.requests} == {
        KEY
    }


@pytest.mark.parametrize("text", ["a b", "100%", "%3A", "a+b=c&d", "größe ☃", "/?#[]@!$'()*,;", "~-._"])
def test_any_text_in_a_query_survives_both_signatures(session: boto3.Session, text: str) -> None:
    gateway = Gateway(echo)
    server, running = start(gateway, session)
    with serving(gateway), serving(server):
        running.client().list_active_violations(thingName=text, nextToken="abc+/==")

    assert gateway.requests[0].query == f"thingName={quote(text, safe='')}&nextToken=abc%2B%2F%3D%3D"


def test_a_query_that_is_written_otherwise_is_understood(session: boto3.Session) -> None:
    """As other SDKs write it: lower-case escapes, and characters that need none encoded."""
    gateway = Gateway(echo)
    server, running = start(gateway, session)
    headers = running.signed(target="/active-violations?nextToken=abc%3D%3D&thingName=a%20b~c")
    with serving(gateway), serving(server):
        status, *_ = running.send("GET", "/active-violations?thingName=a%20b%7ec&nextToken=abc%3d%3d", headers)

    assert status == 200
    assert gateway.requests[0].query == "thingName=a%20b~c&nextToken=abc%3D%3D"


def test_pages_follow_each_other(proxy: Running) -> None:
    for number in range(3):
        proxy.client().create_security_profile(securityProfileName=f"profile-{number}")

    pages = proxy.client().get_paginator("list_security_profiles").paginate(PaginationConfig={"PageSize": 2})

    assert [len(page["securityProfileIdentifiers"]) for page in pages] == [2, 1]


def test_errors_are_aws_iots_whoever_made_them(proxy: Running, gateway: Gateway) -> None:
    iot = proxy.client()
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.describe_security_profile(securityProfileName="none")

    gateway.refusals = [(429, b'{"message":"Too Many Requests"}'), (403, b'{"message":"Forbidden"}')]
    with pytest.raises(iot.exceptions.ThrottlingException):
        iot.list_security_profiles()
    with pytest.raises(iot.exceptions.UnauthorizedException, match="execute-api:Invoke"):
        iot.list_security_profiles()


def test_a_control_api_that_does_not_answer_is_unavailable(proxy: Running, gateway: Gateway) -> None:
    gateway.socket.close()
    iot = proxy.client()

    with pytest.raises(iot.exceptions.ServiceUnavailableException, match="does not answer"):
        iot.list_security_profiles()


def test_credentials_that_cannot_be_renewed_are_the_proxys_own_trouble(gateway: Gateway) -> None:
    class Expired:
        def get_credentials(self) -> Credentials:
            raise CredentialRetrievalError(provider="sso", error_msg="log in again")

    server, running = start(gateway, Expired())
    with serving(server), pytest.raises(ClientError, match=r"ExpiredTokenException.*proxy's own.*log in again"):
        running.client().list_security_profiles()
    assert gateway.requests == []


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "AccessDenied", "Message": "may not"}}, "AssumeRole"),
        FileNotFoundError(2, "No such file", "token"),
    ],
    ids=["the role is refused", "a web identity's token is gone"],
)
def test_a_role_that_cannot_be_assumed_again_is_the_proxys_own_trouble(gateway: Gateway, error: Exception) -> None:
    class Assuming:
        def get_credentials(self) -> Credentials:
            over = {"access_key": KEY, "secret_key": "x", "token": "y", "expiry_time": "2026-01-01T00:00:00Z"}
            return RefreshableCredentials.create_from_metadata(over, refresh_using=self._refresh, method="assume-role")

        def _refresh(self) -> Any:
            raise error

    server, running = start(gateway, Assuming())
    with serving(server), pytest.raises(ClientError, match=r"ExpiredTokenException.*proxy's own credentials"):
        running.client().list_security_profiles()
    assert gateway.requests == []


def test_renewed_credentials_that_are_over_already_are_the_proxys_own_trouble(gateway: Gateway) -> None:
    over = {"access_key": KEY, "secret_key": "x", "token": "y", "expiry_time": "2026-01-01T00:00:00Z"}

    class Late:
        def get_credentials(self) -> Credentials:
            return RefreshableCredentials.create_from_metadata(over, refresh_using=lambda: over, method="process")

    server, running = start(gateway, Late())
    with serving(server), pytest.raises(ClientError, match=r"ExpiredTokenException.*still expired"):
        running.client().list_security_profiles()


# What it does not forward


def test_operations_that_are_not_device_defenders_are_refused_with_the_place_to_go(
    proxy: Running, gateway: Gateway
) -> None:
    iot = proxy.client()
    group = f"arn:aws:iot:{REGION}:{ACCOUNT}:thinggroup/cameras"
    for call in (
        lambda: iot.create_thing(thingName="camera"),
        lambda: iot.list_tags_for_resource(resourceArn=group),
        lambda: iot.tag_resource(resourceArn=group, tags=[{"Key": "a", "Value": "b"}]),
    ):
        with pytest.raises(ClientError, match=f"NotImplementedException.*{AWS_IOT}"):
            call()
    assert gateway.requests == []


def test_tags_of_device_defenders_resources_are_forwarded(proxy: Running, gateway: Gateway) -> None:
    with pytest.raises(ClientError):
        proxy.client().list_tags_for_resource(resourceArn=f"arn:aws:iot:{REGION}:{ACCOUNT}:securityprofile/a")

    assert [request.path for request in gateway.requests] == ["/tags"]


def refused(proxy: Running, gateway: Gateway, *request: Any) -> tuple[int, str]:
    """How a request is refused that must never be forwarded, and that a web page must not be able to read."""
    status, response, body = proxy.send(*request)
    assert gateway.requests == []
    assert not [name for name, _ in response.getheaders() if name.lower().startswith("access-control")]
    assert proxy.key.access_key.encode() not in body
    assert proxy.key.secret_key.encode() not in body
    return status, response.headers.get("x-amzn-ErrorType", "")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_web_pages_simple_request_is_refused(proxy: Running, gateway: Gateway, method: str) -> None:
    headers = {"Content-Type": "text/plain", "Origin": "https://example.com", "Sec-Fetch-Site": "cross-site"}

    found = refused(proxy, gateway, method, "/security-profiles/evil", headers, b"{}")

    assert found == (403, "AccessDeniedException")


def test_a_preflight_gets_no_permission(proxy: Running, gateway: Gateway) -> None:
    headers = {"Origin": "https://example.com", "Access-Control-Request-Method": "DELETE"}

    assert refused(proxy, gateway, "OPTIONS", "/security-profiles/a", headers)[0] == 501


@pytest.mark.parametrize(
    "more",
    [
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:{port}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "rebound.example.com"},
        {"Host": "rebound.example.com:{port}"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Host": ""},
    ],
    ids=str,
)
def test_what_comes_from_a_web_page_is_refused_even_signed_right(
    proxy: Running, gateway: Gateway, more: dict[str, str]
) -> None:
    told = {name: value.format(port=proxy.port) for name, value in more.items()}
    headers = {**proxy.signed(Host=told.get("Host", f"127.0.0.1:{proxy.port}")), **told}

    assert refused(proxy, gateway, "GET", "/security-profiles", headers) == (403, "AccessDeniedException")


def test_localhost_is_this_machine_too(proxy: Running) -> None:
    host = {"Host": f"localhost:{proxy.port}"}

    assert proxy.send("GET", "/security-profiles", {**proxy.signed(**host), **host})[0] == 200


def test_without_a_signature_nothing_is_forwarded(proxy: Running, gateway: Gateway) -> None:
    refusal = (403, "MissingAuthenticationTokenException")

    assert refused(proxy, gateway, "GET", "/security-profiles", {}) == refusal
    assert refused(proxy, gateway, "GET", "/security-profiles", {"Authorization": "Bearer abc"}) == refusal
    query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA&X-Amz-Signature=00"
    assert refused(proxy, gateway, "GET", f"/security-profiles?{query}", {}) == refusal


def test_another_key_than_this_runs_is_refused(proxy: Running, gateway: Gateway) -> None:
    earlier = one_time_key()
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        proxy.client(earlier).list_security_profiles()
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        proxy.client(Credentials(proxy.key.access_key, earlier.secret_key)).list_security_profiles()

    assert gateway.requests == []


Change = Callable[[dict[str, str]], dict[str, str]]


@pytest.mark.parametrize(
    ("line", "body", "change"),
    [
        ("DELETE /security-profiles/a", b'{"a":1}', dict),
        ("POST /security-profiles/b", b'{"a":1}', dict),
        ("POST /security-profiles/a?x=1", b'{"a":1}', dict),
        ("POST /security-profiles/a", b'{"a":2}', dict),
        ("POST /security-profiles/a", b"", dict),
        ("POST /security-profiles/a", b'{"a":1}', lambda all_: {**all_, "x-amz-meta": "2"}),
        ("POST /security-profiles/a", b'{"a":1}', lambda all_: {**all_, "X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}),
    ],
    ids=["method", "path", "query", "body", "no body", "a signed header", "unsigned payload"],
)
def test_the_signature_covers_the_whole_request(
    proxy: Running, gateway: Gateway, line: str, body: bytes, change: Change
) -> None:
    signed = proxy.signed("POST", "/security-profiles/a", b'{"a":1}', **{"x-amz-meta": "1"})

    found = refused(proxy, gateway, *line.split(), change(signed), body)

    assert found == (403, "InvalidSignatureException")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SignedHeaders=host;x-amz-date", "SignedHeaders=x-amz-date"),
        ("SignedHeaders=host;x-amz-date", "SignedHeaders=host"),
        ("SignedHeaders=host;x-amz-date", "SignedHeaders=host;x-amz-absent;x-amz-date"),
        (f"/{REGION}/", "/eu-west-1/"),
        ("/iot/", "/s3/"),
        ("Signature=", "Signature=0"),
    ],
)
def test_a_signature_of_something_else_is_none(proxy: Running, gateway: Gateway, old: str, new: str) -> None:
    signed = proxy.signed()
    signed["Authorization"] = signed["Authorization"].replace(old, new)

    assert refused(proxy, gateway, "GET", "/security-profiles", signed)[0] == 403


@pytest.mark.parametrize(
    ("names", "payload", "status"),
    [
        ("host x-amz-date", None, 200),
        ("host x-amz-content-sha256 x-amz-date", sha256(b"").hexdigest(), 200),
        ("x-amz-date", None, 403),
        ("host", None, 403),
        ("host x-amz-content-sha256 x-amz-date", "UNSIGNED-PAYLOAD", 403),
        ("host x-amz-content-sha256 x-amz-date", sha256(b"another body").hexdigest(), 403),
    ],
    ids=["all", "all and hash", "no host", "no time", "no body", "another body"],
)
def test_a_right_signature_of_too_little_is_not_enough(
    proxy: Running, names: str, payload: str | None, status: int
) -> None:
    """Signed by the specification, since no SDK signs so little."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": f"127.0.0.1:{proxy.port}", "x-amz-date": now}
    if payload:
        headers["x-amz-content-sha256"] = payload
    digest = payload or sha256(b"").hexdigest()
    told = canonical(Signed("GET", "/security-profiles", "", headers, b""), names.split())
    told = told.rsplit("\n", 1)[0] + f"\n{digest}"
    found = signature(told, now, REGION, "iot", proxy.key.secret_key)
    scope = f"{proxy.key.access_key}/{now[:8]}/{REGION}/iot/aws4_request"
    signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names.replace(' ', ';')}, Signature={found}"

    del headers["host"]  # which is sent in any case
    assert proxy.send("GET", "/security-profiles", {**headers, "Authorization": signed})[0] == status


def test_a_client_of_another_region_learns_the_right_one(proxy: Running) -> None:
    with pytest.raises(ClientError, match=f"InvalidSignatureException.*eu-west-1.*use Region {REGION}"):
        proxy.client(region="eu-west-1").list_security_profiles()


@pytest.mark.parametrize(("later", "status"), [(290, 200), (310, 403), (-290, 200), (-310, 403)])
def test_a_request_is_taken_for_five_minutes(proxy: Running, gateway: Gateway, later: float, status: int) -> None:
    signed = proxy.signed()
    proxy.clock[0] = later

    assert proxy.send("GET", "/security-profiles", signed)[0] == status
    assert len(gateway.requests) == (status == 200)


@pytest.mark.parametrize("time_", ["", "20260230T000000Z", "20261123T99", "2026-11-23T09:44:19Z"])
def test_a_time_that_is_none_is_refused(proxy: Running, gateway: Gateway, time_: str) -> None:
    signed = {**proxy.signed(), "X-Amz-Date": time_}
    signed["Authorization"] = signed["Authorization"].replace(
        signed["Authorization"].split("/")[1], time_[:8].ljust(8, "0")
    )

    status, code = refused(proxy, gateway, "GET", "/security-profiles", signed)

    assert (status, code.removesuffix("Exception")) in [
        (403, "InvalidSignature"),
        (403, "MissingAuthenticationToken"),
    ]


# What it survives


@pytest.mark.parametrize("target", ["//evil.example.com/x", "http://evil.example.com/", "/a;b", "*"])
def test_a_target_that_is_no_path_of_aws_iots_is_refused(proxy: Running, gateway: Gateway, target: str) -> None:
    assert refused(proxy, gateway, "GET", target, proxy.signed())[0] in {400, 403}


@pytest.mark.parametrize("name", [".", "..", "%2e", "%2E.", ".%2e"])
def test_a_name_that_leads_to_another_path_is_refused_signed_right(proxy: Running, gateway: Gateway, name: str) -> None:
    target = f"/security-profiles/{name}"

    found = refused(proxy, gateway, "GET", target, proxy.signed(target=target))

    assert found == (400, "InvalidRequestException")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Length": "-1"},
        {"Content-Length": "1e3"},
        {"Content-Length": "²"},
        {"Content-Length": "99999999999999999999"},
        {"Transfer-Encoding": "chunked"},
    ],
    ids=str,
)
def test_a_body_of_unknown_length_is_not_read(proxy: Running, gateway: Gateway, headers: dict[str, str]) -> None:

    assert refused(proxy, gateway, "POST", "/security-profiles/a", headers)[0] == 400


def test_a_header_sent_twice_is_refused(proxy: Running, gateway: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection:
        host = f"Host: 127.0.0.1:{proxy.port}\r\n"
        connection.sendall(f"GET /security-profiles HTTP/1.1\r\n{host}{host}\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
    assert gateway.requests == []


def test_a_body_over_a_megabyte_is_refused_and_the_client_told(proxy: Running, gateway: Gateway) -> None:
    iot = proxy.client()

    with pytest.raises(iot.exceptions.InvalidRequestException, match="1000000"):
        iot.create_security_profile(securityProfileName="a", securityProfileDescription="x" * 1_000_001)

    assert gateway.requests == []


def test_a_client_that_sends_all_before_it_listens_is_told_too(proxy: Running, gateway: Gateway) -> None:
    found = refused(proxy, gateway, "POST", "/security-profiles/a", proxy.signed(), bytes(7_000_000))

    assert found == (400, "InvalidRequestException")


def test_connections_that_say_nothing_keep_no_one_out(proxy: Running) -> None:
    silent = [socket.create_connection(("127.0.0.1", proxy.port)) for _ in range(8)]
    try:
        assert proxy.client().list_security_profiles()["securityProfileIdentifiers"] == []
    finally:
        for connection in silent:
            connection.close()


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nX: ", b"POST / HTTP/1.1\r\nContent-Length: 999\r\n\r\n"])
def test_connections_that_say_a_byte_now_and_then_keep_no_one_out(
    gateway: Gateway, session: boto3.Session, said: bytes
) -> None:
    now = [0.0]
    server, running = start(gateway, session, lambda: now[0])
    with serving(server), ExitStack() as closing:
        slow = [closing.enter_context(socket.create_connection(("127.0.0.1", running.port))) for _ in range(THREADS)]
        for connection in slow:
            connection.settimeout(0.01)
            connection.sendall(said)
        for _ in range(200):
            now[0] += TIMEOUT_SECONDS / 4
            slow = [connection for connection in slow if not ended(connection)]
        assert slow == []
        assert running.client().list_security_profiles()["securityProfileIdentifiers"] == []


def ended(connection: socket.socket) -> bool:
    """Whether the far end closes a connection on which another byte is sent."""
    try:
        connection.sendall(b"x")
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_each_run_has_a_key_of_its_own_in_the_form_of_awss() -> None:
    keys = [one_time_key() for _ in range(100)]

    assert len({key.access_key for key in keys}) == len({key.secret_key for key in keys}) == 100
    assert all(key.access_key.startswith("AKIA") and len(key.access_key) == 20 for key in keys)
    assert all(len(key.secret_key) == 40 for key in keys)
