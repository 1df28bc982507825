"""Who may use the port, and who answers."""

import json
import logging
import socket
from http.client import HTTPConnection

import pytest
from botocore.exceptions import ClientError

from tests.surroundings.home import REGION, Home

SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/{}/{}/aws4_request, SignedHeaders=host, Signature=00"


def ask(
    home: Home, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection("127.0.0.1", home.port, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def test_device_defender_operations_go_to_the_control_api_with_their_raw_path_and_query(home: Home) -> None:
    status, _, body = ask(home, "GET", "/security-profiles/a%2Fb?maxResults=1")
    assert status == 200
    assert json.loads(body)["securityProfileIdentifiers"] == [{"name": "/security-profiles/a%2Fb", "arn": "maxResults=1"}]
    assert home.client("iot").list_security_profiles()["securityProfileIdentifiers"]


def test_a_request_signed_for_another_service_is_not_taken_for_the_control_api(home: Home) -> None:
    status, _, body = ask(home, "GET", "/security-profiles", {"Authorization": SIGNED.format(REGION, "sts")})
    assert b"securityProfileIdentifiers" not in body
    assert status >= 400


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": SIGNED.format(REGION, "execute-api")}, {"Authorization": SIGNED.format("eu-west-1", "iot")}],
    ids=["unsigned", "signed for execute-api", "signed for iot in another region"],
)
def test_an_iot_route_reaches_the_registry(home: Home, headers: dict[str, str]) -> None:
    home.client("iot").create_thing(thingName="a:b")
    status, _, body = ask(home, "GET", "/things/a%3Ab", headers)
    assert (status, json.loads(body)["thingName"]) == (200, "a:b")


def test_every_region_is_the_homes_region(home: Home) -> None:
    home.client("iot", "eu-west-1").create_thing(thingName="pump")
    home.client("sqs", "ap-south-1").create_queue(QueueName="q")
    assert home.client("iot").describe_thing(thingName="pump")["thingArn"].split(":")[3] == REGION
    assert home.client("sqs").get_queue_url(QueueName="q")["QueueUrl"].startswith(home.url)


def test_health_is_what_we_are_told(home: Home) -> None:
    status, _, body = ask(home, "GET", "/healthz")
    assert (status, body) == (503, b"no broker")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::2]", "", "a b"],
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


@pytest.mark.parametrize("path", ["/moto-api/reset", "/moto-api/data.json", "/moto-api/"])
def test_motos_own_api_is_not_there(home: Home, path: str) -> None:
    home.client("iot").create_thing(thingName="pump")
    assert ask(home, "POST", path)[0] == 403
    assert ask(home, "POST", path, {"Authorization": SIGNED.format(REGION, "iot")})[0] == 404
    assert len(home.client("iot").list_things()["things"]) == 1


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


@pytest.mark.parametrize("path", ["/things/a;b", "//things/a", "/things/a\\b", "/things/a|b"])
def test_a_path_that_two_parsers_could_read_in_two_ways_is_refused(home: Home, path: str) -> None:
    home.client("iot").create_thing(thingName="a")
    assert ask(home, "DELETE", path)[0] in (400, 404)
    assert len(home.client("iot").list_things()["things"]) == 1


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


def test_a_fault_in_moto_is_a_500_that_says_so_and_the_log_has_no_secret(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    sns = home.client("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    with caplog.at_level(logging.DEBUG, "warden"), pytest.raises(ClientError) as failed:
        sns.subscribe(
            TopicArn=topic, Protocol="http", Endpoint="http://u:5ec3e7@127.0.0.1:9/", Attributes={"FilterPolicy": "{"}
        )
    assert failed.value.response["Error"]["Code"] == "InternalFailure"
    assert "Subscribe" in caplog.text
    assert "5ec3e7" not in caplog.text


def test_answers_forbid_guessing_their_type(home: Home) -> None:
    assert ask(home, "GET", "/things")[1]["x-content-type-options"] == "nosniff"


def test_a_second_home_in_one_process_is_refused(home: Home, tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "other").mkdir()
    with pytest.raises(RuntimeError, match="one Backends at a time"):
        Home(tmp_path / "other")
    assert home.client("iot").list_things()["things"] == []
