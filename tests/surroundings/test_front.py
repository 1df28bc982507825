"""Who answers what."""

import json
import logging

import pytest
from botocore.exceptions import ClientError

from tests.surroundings.home import REGION, SIGNED, Home, ask


def test_device_defender_operations_go_to_the_control_api_with_their_raw_path_and_query(home: Home) -> None:
    status, _, body = ask(home, "GET", "/security-profiles/a%2Fb?maxResults=1")
    assert status == 200
    assert json.loads(body)["securityProfileIdentifiers"] == [
        {"name": "/security-profiles/a%2Fb", "arn": "maxResults=1"}
    ]
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


@pytest.mark.parametrize("path", ["/moto-api/reset", "/moto-api/data.json", "/moto-api/"])
def test_motos_own_api_is_not_there(home: Home, path: str) -> None:
    home.client("iot").create_thing(thingName="pump")
    assert ask(home, "POST", path)[0] == 403
    assert ask(home, "POST", path, {"Authorization": SIGNED.format(REGION, "iot")})[0] == 404
    assert len(home.client("iot").list_things()["things"]) == 1


@pytest.mark.parametrize("path", ["/things/a;b", "//things/a", "/things/a\\b", "/things/a|b"])
def test_a_path_that_two_parsers_could_read_in_two_ways_is_refused(home: Home, path: str) -> None:
    home.client("iot").create_thing(thingName="a")
    assert ask(home, "DELETE", path)[0] in (400, 404)
    assert len(home.client("iot").list_things()["things"]) == 1


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


def test_a_second_home_in_one_process_is_refused(home: Home, tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "other").mkdir()
    with pytest.raises(RuntimeError, match="one Backends at a time"):
        Home(tmp_path / "other")
    assert home.client("iot").list_things()["things"] == []
