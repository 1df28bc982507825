"""The proxy of `warden proxy` among web pages and clients that mean it ill."""

import socket
from contextlib import ExitStack

import boto3
import pytest

from tests.clients.gateway import Gateway
from tests.clients.running_proxy import Running, refused, start
from tests.loopback import serving
from warden.clients.server import THREADS, TIMEOUT_SECONDS


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
