"""The proxy of `warden proxy` takes what is signed with its one-time key, and only that."""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.aws.conftest import REGION
from tests.clients.gateway import Gateway
from tests.clients.running_proxy import Running, refused
from tests.clients.sigv4 import Signed, canonical, signature
from warden.clients.proxy import one_time_key


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


def test_each_run_has_a_key_of_its_own_in_the_form_of_awss() -> None:
    keys = [one_time_key() for _ in range(100)]

    assert len({key.access_key for key in keys}) == len({key.secret_key for key in keys}) == 100
    assert all(key.access_key.startswith("AKIA") and len(key.access_key) == 20 for key in keys)
    assert all(len(key.secret_key) == 40 for key in keys)
