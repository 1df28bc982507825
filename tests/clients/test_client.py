"""`warden.client()`: a stock boto3 client whose Device Defender is ours."""

import subprocess
import sys
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

import warden
from tests.aws.conftest import ACCOUNT, REGION
from tests.clients.gateway import Gateway, echo
from tests.contract.iot import Body
from tests.loopback import serving
from warden.clients.endpoint import NoSuchStage, check_endpoint, region_of

ONCE = Config(retries={"total_max_attempts": 1})
NAMES = ["plain", "site:a", "under_score-", "a:b:c"]


@pytest.fixture
def iot(gateway: Gateway, session: boto3.Session) -> Any:
    return warden.client(session=session, endpoint_url=gateway.url, config=ONCE)


@pytest.mark.parametrize("decodes", [False, True], ids=["path as sent", "path decoded"])
@pytest.mark.parametrize("name", NAMES)
def test_names_arrive_signed_right_whether_the_path_is_decoded_or_not(
    iot: Any, gateway: Gateway, name: str, decodes: bool
) -> None:
    gateway.decodes = decodes

    iot.create_security_profile(securityProfileName=name)

    found = iot.describe_security_profile(securityProfileName=name)
    assert found["securityProfileArn"] == f"arn:aws:iot:{REGION}:{ACCOUNT}:securityprofile/{name}"
    assert gateway.requests[0].path == f"/security-profiles/{quote(name, safe='')}"


@pytest.mark.parametrize("text", ["a b", "100%", "%3A", "a+b=c&d", "größe ☃", "/?#[]@!$'()*,;", "~-._"])
def test_any_text_in_a_query_passes_the_gateways_signature(session: boto3.Session, text: str) -> None:
    gateway = Gateway(echo)
    with serving(gateway):
        iot = warden.client(session=session, endpoint_url=gateway.url, config=ONCE)
        iot.list_active_violations(thingName=text, nextToken="abc+/==")

    assert gateway.requests[0].query == f"thingName={quote(text, safe='')}&nextToken=abc%2B%2F%3D%3D"


def test_pages_follow_each_other_by_signed_tokens(iot: Any) -> None:
    for number in range(5):
        iot.create_security_profile(securityProfileName=f"profile-{number}")

    pages = list(iot.get_paginator("list_security_profiles").paginate(PaginationConfig={"PageSize": 2}))

    assert [len(page["securityProfileIdentifiers"]) for page in pages] == [2, 2, 1]


def test_operations_that_are_not_device_defenders_go_to_aws_iot(iot: Any, gateway: Gateway) -> None:
    iot.create_thing(thingName="camera")

    assert [thing["thingName"] for thing in iot.list_things()["things"]] == ["camera"]
    assert gateway.requests == []


def test_tags_of_device_defenders_resources_go_to_the_control_api(iot: Any, gateway: Gateway) -> None:
    arn = f"arn:aws:iot:{REGION}:{ACCOUNT}:securityprofile/site:a"

    with pytest.raises(ClientError, match="there is no securityprofile 'site:a'"):
        iot.list_tags_for_resource(resourceArn=arn)
    with pytest.raises(ClientError, match="there is no securityprofile 'site:a'"):
        iot.tag_resource(resourceArn=arn, tags=[{"Key": "größe", "Value": "a b%+"}])

    assert [request.path for request in gateway.requests] == ["/tags", "/tags"]


def answering(iot: Any, status: int, headers: dict[str, str], body: bytes) -> list[AWSPreparedRequest]:
    """Answer a client's requests without a network. Returns what it sends."""
    sent: list[AWSPreparedRequest] = []

    def take(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        sent.append(request)
        return AWSResponse(request.url, status, headers, Body(body))

    iot.meta.events.register_first("before-send.iot", take)
    return sent


def scope(request: AWSPreparedRequest) -> str:
    """What a request is signed for."""
    return str(request.headers["Authorization"]).split("/", 2)[2].split(",")[0]


def test_tags_of_other_resources_are_aws_iots_and_so_are_its_errors(session: boto3.Session) -> None:
    iot = warden.client(session=session, endpoint_url="https://iot.example.com", config=ONCE)
    group = f"arn:aws:iot:{REGION}:{ACCOUNT}:thinggroup/cameras"
    sent = answering(iot, 404, {"x-amzn-ErrorType": "ResourceNotFoundException"}, b'{"message":"no such group"}')

    with pytest.raises(iot.exceptions.ResourceNotFoundException, match="no such group"):
        iot.list_tags_for_resource(resourceArn=group)

    assert sent[0].url.startswith(f"https://iot.{REGION}.amazonaws.com/tags?")
    assert scope(sent[0]) == f"{REGION}/iot/aws4_request"


def test_a_custom_domain_keeps_its_path_and_a_gateway_its_region(session: boto3.Session) -> None:
    for endpoint, host, region in (
        ("https://iot.example.com/warden/", "https://iot.example.com/warden", REGION),
        (
            "https://a.execute-api.eu-central-1.amazonaws.com",
            "https://a.execute-api.eu-central-1.amazonaws.com",
            "eu-central-1",
        ),
    ):
        iot = warden.client(session=session, endpoint_url=endpoint)
        sent = answering(iot, 200, {}, b"{}")

        iot.list_security_profiles(maxResults=2)

        assert sent[0].url == f"{host}/security-profiles?maxResults=2"
        assert scope(sent[0]) == f"{region}/execute-api/aws4_request"


def test_the_control_apis_errors_are_boto3s_exceptions(iot: Any) -> None:
    with pytest.raises(iot.exceptions.ResourceNotFoundException, match="none"):
        iot.describe_security_profile(securityProfileName="none")


@pytest.mark.parametrize(
    ("refusal", "exception", "told"),
    [
        ((401, b'{"message":"Unauthorized"}'), "UnauthorizedException", "Unauthorized"),
        ((403, b'{"message":"Forbidden"}'), "UnauthorizedException", "execute-api:Invoke"),
        ((413, b'{"message":"Request Entity Too Large"}'), "InvalidRequestException", "too large"),
        ((429, b'{"message":"Too Many Requests"}'), "ThrottlingException", "more slowly"),
        ((500, b'{"message":"Internal Server Error"}'), "InternalFailureException", "try again"),
        ((502, b"<html>no JSON</html>"), "InternalFailureException", "HTTP status 502"),
        ((503, b'{"message":"Service Unavailable"}'), "ServiceUnavailableException", "Service Unavailable"),
        ((400, b"[1]"), "InvalidRequestException", "HTTP status 400"),
    ],
)
def test_what_api_gateway_refuses_itself_is_an_exception_of_aws_iots(
    iot: Any, gateway: Gateway, refusal: tuple[int, bytes], exception: str, told: str
) -> None:
    gateway.refusals = [refusal]
    declared = iot.meta.service_model.shape_for(exception).metadata["error"]["httpStatusCode"]

    with pytest.raises(getattr(iot.exceptions, exception), match=told) as caught:
        iot.list_security_profiles()

    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == declared


def test_a_refusal_that_has_a_name_of_its_own_is_told_as_aws_iots_too(session: boto3.Session) -> None:
    iot = warden.client(session=session, endpoint_url="https://iot.example.com", config=ONCE)
    body = b'{"Message":"User: arn:aws:iam::123456789012:user/bob is not authorized"}'
    answering(iot, 403, {"x-amzn-ErrorType": "AccessDeniedException"}, body)

    with pytest.raises(iot.exceptions.UnauthorizedException, match="user/bob is not authorized"):
        iot.list_security_profiles()


def test_a_route_that_the_gateway_does_not_have_is_named_so(iot: Any, gateway: Gateway) -> None:
    gateway.refusals = [(404, b'{"message":"Not Found"}')]

    with pytest.raises(ClientError, match=r"UnknownOperationException.*endpoint"):
        iot.list_security_profiles()


@pytest.mark.parametrize("mode", ["standard", "legacy"])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_passes_is_tried_again(gateway: Gateway, session: boto3.Session, mode: Any, status: int) -> None:
    gateway.refusals = [(status, b'{"message":"not now"}')]
    config = Config(retries={"total_max_attempts": 2, "mode": mode})

    iot = warden.client(session=session, endpoint_url=gateway.url, config=config)

    assert iot.list_security_profiles()["securityProfileIdentifiers"] == []
    assert len(gateway.requests) == 2


def test_a_caller_without_the_right_key_is_unauthorised(gateway: Gateway) -> None:
    stranger = boto3.Session("AKIASTRANGER", "nothing", region_name=REGION)

    iot = warden.client(session=stranger, endpoint_url=gateway.url, config=ONCE)

    with pytest.raises(iot.exceptions.UnauthorizedException):
        iot.list_security_profiles()


# Where the control API is


def test_a_stage_is_found_by_the_parameter_that_its_deployment_wrote(gateway: Gateway, session: boto3.Session) -> None:
    session.client("ssm").put_parameter(Name="/thingwarden/blue/endpoint", Value=f"{gateway.url}/", Type="String")

    warden.client("blue", session).create_security_profile(securityProfileName="found")

    assert [request.path for request in gateway.requests] == ["/security-profiles/found"]


@pytest.mark.usefixtures("aws")
def test_a_stage_that_is_not_deployed_is_named_with_region_and_parameter(session: boto3.Session) -> None:
    with pytest.raises(NoSuchStage, match=rf"'green'.*{REGION}.*/thingwarden/green/endpoint"):
        warden.client("green", session)


def test_without_a_session_boto3s_default_one_is_used(gateway: Gateway) -> None:
    iot = warden.client(
        endpoint_url=gateway.url, region_name=REGION, aws_access_key_id="AKIASTRANGER", aws_secret_access_key="x"
    )

    assert iot.meta.region_name == REGION


@pytest.mark.parametrize("given", [True, False], ids=["session", "default session"])
def test_a_region_given_as_aws_region_alone_is_enough(monkeypatch: pytest.MonkeyPatch, *, given: bool) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    session = boto3.Session("AKIAUSER", "secret") if given else None

    def region(**how: Any) -> str:
        return warden.client(session=session, endpoint_url="https://iot.example.com", **how).meta.region_name

    assert region() == "eu-central-1"
    assert region(region_name=REGION) == REGION
    monkeypatch.setattr("boto3.DEFAULT_SESSION", boto3.Session(region_name="eu-west-1"))
    assert region() == ("eu-central-1" if given else "eu-west-1")


@pytest.mark.parametrize(
    "url",
    [
        "http://abc.execute-api.us-east-1.amazonaws.com",
        "http://127.0.0.1.example.com",
        "ftp://127.0.0.1",
        "https://user@host",
        "https://host?x=1",
        "https://host:65536",
        "http://127.0.0.1:99999",
        "abc",
        "",
    ],
)
def test_signed_requests_do_not_leave_the_machine_in_the_clear(url: str) -> None:
    with pytest.raises(ValueError, match="endpoint: expected https"):
        check_endpoint(url)


@pytest.mark.parametrize(
    ("endpoint", "region"),
    [
        ("https://abc123.execute-api.eu-central-1.amazonaws.com", "eu-central-1"),
        ("https://abc123.execute-api.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("https://iot.example.com", REGION),
    ],
)
def test_requests_are_signed_for_the_region_of_the_gateway(endpoint: str, region: str) -> None:
    assert region_of(endpoint, REGION) == region


def test_importing_the_package_imports_no_boto3() -> None:
    code = "import sys, warden; print(sorted({'boto3', 'botocore'} & set(sys.modules)), callable(warden.client))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[] True"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = warden.nothing
