"""What iot-data refuses of messages, and what it says where no broker answers."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.surroundings.home import Home, ask

SIGNED = "AWS4-HMAC-SHA256 Credential=a/20300101/us-east-1/iotdata/aws4_request, SignedHeaders=host, Signature=0"


@pytest.fixture
def data(home: Home) -> Any:
    return home.client("iot-data")


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    answer: Any = error.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    "topic",
    [
        "$aws/things/pump/defender/metrics/json",
        "$aws/things/pump/defender/metrics/json/accepted",
        "$aws/events/thing/pump/created",
        "$aws/things/pump/shadow/update",
        "$aws/rules/any/a",
        "$SYS/a",
    ],
)
def test_reserved_topics_those_of_reports_among_them_are_refused(data: Any, topic: str) -> None:
    with pytest.raises(data.exceptions.ForbiddenException, match="is reserved") as error:
        data.publish(topic=topic, payload=b"{}")
    assert refusal(error) == ("ForbiddenException", 403)


@pytest.mark.parametrize(
    ("topic", "told"),
    [
        ("a/+/b", "no wildcard"),
        ("a/#", "no wildcard"),
        ("a\0b", "no null character"),
        ("a" * 257, "got 257 bytes and 0 slashes"),
        ("é" * 129, "got 258 bytes"),
        ("a/b/c/d/e/f/g/h/i", "got 17 bytes and 8 slashes"),
    ],
)
def test_a_topic_that_no_client_could_publish_on_is_refused(data: Any, topic: str, told: str) -> None:
    with pytest.raises(data.exceptions.InvalidRequestException, match=told) as error:
        data.publish(topic=topic, payload=b"x")
    assert refusal(error) == ("InvalidRequestException", 400)


def test_a_payload_of_more_than_128_kb_is_refused(data: Any) -> None:
    with pytest.raises(data.exceptions.InvalidRequestException, match="at most 131072 bytes, got 131073"):
        data.publish(topic="a", payload=b"x" * (128 * 1024 + 1))


def test_a_quality_of_service_of_2_is_refused(data: Any) -> None:
    with pytest.raises(data.exceptions.InvalidRequestException, match="qos: expected"):
        data.publish(topic="a", qos=2)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"messageExpiry": -1}, "messageExpiry: expected 0 to 4294967295 seconds, got -1"),
        ({"messageExpiry": 2**32}, "messageExpiry: expected 0 to 4294967295 seconds, got 4294967296"),
        ({"contentType": "a\0b"}, "contentType: expected text without null characters"),
        ({"responseTopic": "a/#"}, 'responseTopic: expected a topic without wildcards .*, got "a/#"'),
        ({"responseTopic": ""}, "responseTopic: expected a topic without wildcards"),
        ({"payloadFormatIndicator": "UTF-8"}, "payloadFormatIndicator: expected one of UNSPECIFIED_BYTES, UTF8_DATA"),
        ({"correlationData": "a b"}, 'correlationData: expected base64, got "a b"'),
        ({"userProperties": {"a": "b"}}, "userProperties: expected base64 of a JSON array"),
        ({"userProperties": ["a"]}, "userProperties: expected base64 of a JSON array"),
        ({"userProperties": [{"a": 1}]}, "userProperties: expected base64 of a JSON array"),
        ({"userProperties": [{"a": "\ud800"}]}, "userProperties: expected base64 of a JSON array"),
        ({"userProperties": "no JSON"}, "userProperties: expected base64 of a JSON array"),
        ({"userProperties": [{"a": "b"}] * 1_025}, "userProperties: expected at most 8192 bytes .*, got 8206"),
    ],
)
def test_what_mqtt_5_could_not_send_along_is_refused_by_name(data: Any, given: dict[str, Any], told: str) -> None:
    with pytest.raises(data.exceptions.InvalidRequestException, match=told) as error:
        data.publish(topic="a", payload=b"x", **given)
    assert refusal(error) == ("InvalidRequestException", 400)


@pytest.mark.parametrize("query", ["messageExpiry=x", "messageExpiry=1.5", "messageExpiry=", "qos=x", "retain=x"])
def test_a_parameter_that_is_not_of_its_type_is_refused_by_name(home: Home, query: str) -> None:
    status, headers, body = ask(home, "POST", f"/topics/a?{query}", {"Authorization": SIGNED})
    assert (status, headers["x-amzn-errortype"]) == (400, "InvalidRequestException")
    assert f"{query.partition('=')[0]}: expected" in body.decode()


def test_without_a_broker_the_service_is_unavailable(data: Any) -> None:
    for call in (
        lambda: data.publish(topic="a", payload=b"x"),
        lambda: data.get_retained_message(topic="a"),
        data.list_retained_messages,
    ):
        with pytest.raises(data.exceptions.ServiceUnavailableException) as error:
            call()
        assert refusal(error) == ("ServiceUnavailableException", 503)


def test_shadows_need_no_broker(home: Home, data: Any) -> None:
    home.client("iot").create_thing(thingName="pump")
    data.update_thing_shadow(thingName="pump", payload=b'{"state":{"desired":{"on":true}}}')
    assert b'"on": true' in data.get_thing_shadow(thingName="pump")["payload"].read()


def test_what_nothing_here_answers_is_told_by_its_name(data: Any) -> None:
    with pytest.raises(ClientError, match="iot-data DeleteConnection is not part") as error:
        data.delete_connection(clientId="a")
    assert refusal(error) == ("NotImplementedException", 501)
