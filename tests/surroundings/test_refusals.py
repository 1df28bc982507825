"""Who may use the port. Nothing here changes anything, so the tests share one home."""

import json
import socket
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from tests.surroundings.home import ACCOUNT, REGION, Home, ask


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with Home(tmp_path_factory.mktemp("home")) as running:
        yield running


def test_health_is_what_we_are_told(home: Home) -> None:
    status, _, body = ask(home, "GET", "/healthz")
    assert (status, body) == (503, b"no broker")


@pytest.mark.parametrize(
    ("service", "operation", "name"),
    [
        ("s3", "list_buckets", "s3"),
        ("ec2", "describe_instances", "ec2"),
        ("cloudformation", "list_stacks", "cloudformation"),
        ("route53", "list_hosted_zones", "route53"),
        ("iotsecuretunneling", "list_tunnels", "IoTSecuredTunneling"),
        ("dynamodb", "list_tables", "dynamodb"),
        ("lambda", "list_functions", "lambda"),
    ],
)
def test_clients_of_services_that_are_not_here_can_read_that(
    home: Home, service: str, operation: str, name: str
) -> None:
    with pytest.raises(ClientError, match=f"{name} is not part of the embedded AWS surroundings") as error:
        getattr(home.client(service), operation)()
    answer = error.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("NotImplementedException", 501)


@pytest.mark.parametrize(
    ("service", "operation", "given"),
    [
        ("iot", "create_job", {"jobId": "j", "targets": ["t"], "document": "{}"}),
        ("iot", "list_jobs", {}),
        ("iot", "create_topic_rule", {"ruleName": "r", "topicRulePayload": {"sql": "SELECT 1", "actions": []}}),
        ("iot", "create_domain_configuration", {"domainConfigurationName": "d"}),
        ("sns", "create_platform_application", {"Name": "a", "Platform": "GCM", "Attributes": {}}),
        ("sns", "create_platform_endpoint", {"PlatformApplicationArn": "a", "Token": "t"}),
    ],
)
def test_what_nothing_would_come_of_is_refused_by_its_name(
    home: Home, service: str, operation: str, given: dict[str, object]
) -> None:
    client = home.client(service)
    name = client.meta.method_to_api_mapping[operation]
    with pytest.raises(ClientError, match=f"{service} {name} is not part of the embedded AWS surroundings") as error:
        getattr(client, operation)(**given)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "[::2]",
        "",
        "a b",
    ],
)
def test_a_host_that_is_not_loopback_is_refused(home: Home, host: str) -> None:
    status, headers, _ = ask(home, "GET", "/things", {"Host": host})
    assert status in (400, 403)
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("host", ["localhost", "localhost:9", "127.0.0.1:8080", "127.8.9.1", "[::1]:8080", "LOCALHOST"])
def test_a_loopback_host_is_served_whatever_its_port(home: Home, host: str) -> None:
    assert ask(home, "GET", "/things", {"Host": host})[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=["another site", "a file", "another port", "a cross-site fetch", "a fetch from another port"],
)
def test_a_web_page_that_is_not_ours_changes_nothing(home: Home, headers: dict[str, str]) -> None:
    status, answer, _ = ask(home, "POST", "/things/pump", headers, b"{}")
    assert status == 403
    assert "access-control-allow-origin" not in answer
    assert home.client("iot").list_things()["things"] == []


def test_a_page_of_this_very_port_may_ask(home: Home) -> None:
    assert ask(home, "GET", "/things", {"Origin": home.url, "Sec-Fetch-Site": "same-origin"})[0] == 200


def test_a_body_over_ten_megabytes_is_refused(home: Home) -> None:
    with socket.create_connection(("127.0.0.1", home.port), timeout=10) as raw:
        raw.sendall(b"POST /things/pump HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000001\r\n\r\n")
        assert b" 413 " in raw.recv(4096)


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ({"Transfer-Encoding": "chunked"}, 411),
        ({"Transfer-Encoding": "chunked", "Content-Length": "5"}, 411),
        ({"Content-Encoding": "gzip"}, 415),
    ],
    ids=["chunks", "chunks and a length", "a compressed body"],
)
def test_a_body_of_unknown_length_is_refused(home: Home, extra: dict[str, str], status: int) -> None:
    body = b"2\r\n{}\r\n0\r\n\r\n" if "Transfer-Encoding" in extra else b"{}"
    lines = "".join(f"{name}: {value}\r\n" for name, value in ({"Content-Length": str(len(body))} | extra).items())
    if extra == {"Transfer-Encoding": "chunked"}:
        lines = "Transfer-Encoding: chunked\r\n"
    with socket.create_connection(("127.0.0.1", home.port), timeout=10) as raw:
        raw.sendall(f"POST /things/pump HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode() + body)
        assert f" {status} ".encode() in raw.recv(4096)
    assert home.client("iot").list_things()["things"] == []


def test_an_unsigned_request_that_is_no_iot_route_names_what_is_missing(home: Home) -> None:
    status, headers, body = ask(home, "POST", "/", None, b"Action=Publish&TopicArn=x&Message=y")
    assert (status, headers["x-amzn-errortype"]) == (403, "MissingAuthenticationToken")
    assert "not signed" in json.loads(body)["message"]


def test_something_else_than_signature_version_4_is_refused(home: Home) -> None:
    assert ask(home, "GET", "/things", {"Authorization": "Basic eDp5"})[0] == 400


@pytest.mark.parametrize(
    ("service", "call", "named"),
    [
        ("dynamodb", lambda client: client.list_tables(), "dynamodb"),
        ("s3", lambda client: client.list_buckets(), "s3"),
        ("iot", lambda client: client.create_dynamic_thing_group(thingGroupName="g", queryString="*"), "CreateDynamic"),
        ("sns", lambda client: client.get_sms_sandbox_account_status(), "GetSMSSandboxAccountStatus"),
    ],
    ids=["an unknown service", "another", "an iot operation that moto lacks", "one of sns"],
)
def test_what_is_not_here_is_a_readable_501(home: Home, service: str, call, named: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ClientError) as refused:
        call(home.client(service))
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    if service != "s3":
        assert refused.value.response["Error"]["Code"] == "NotImplementedException"
        assert named in refused.value.response["Error"]["Message"]


def test_answers_forbid_guessing_their_type(home: Home) -> None:
    assert ask(home, "GET", "/things")[1]["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [
        ("http", "https://localhost/x"),
        ("http", "http:///x"),
        ("http", "http://localhost:99999/"),
        ("http", "http://localhost/\r\nX: y"),
        ("http", "http://localhost/" + "x" * 3000),
        ("sqs", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:q"),
        ("sqs", f"arn:aws:sqs:{REGION}:999999999999:q"),
        ("lambda", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"),
    ],
    ids=[
        "another scheme",
        "no host",
        "no such port",
        "a header",
        "very long",
        "another region",
        "another account",
        "a function",
    ],
)
def test_an_endpoint_that_cannot_be_reached_is_refused(home: Home, protocol: str, endpoint: str) -> None:
    sns = home.client("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    with pytest.raises(sns.exceptions.InvalidParameterException):
        sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
