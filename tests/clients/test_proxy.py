"""The proxy of `warden proxy`: a stock client does through it what it would do at AWS, as its user."""

from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import ClientError, CredentialRetrievalError

from tests.aws.conftest import ACCOUNT, REGION
from tests.clients.gateway import KEY, Gateway, echo
from tests.clients.running_proxy import AWS_IOT, Running, start
from tests.loopback import serving


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
