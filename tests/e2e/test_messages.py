"""Messages in and out of `warden serve` beside MQTT clients' own: iot-data, registry events, e-mail and SMS."""

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from queue import Empty, Queue
from typing import Any
from urllib.request import urlopen

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.home import PATIENCE, Home, behavior, eventually, listening, running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running(tmp_path_factory.mktemp("home") / "data") as started:
        yield started


class Ear:
    """A stock MQTT client that hears."""

    def __init__(self, home: Home, *filters: str, qos: int = 1, protocol: int = mqtt.MQTTv311) -> None:
        self._heard: Queue[mqtt.MQTTMessage] = Queue()
        self._granted, self._sent = threading.Event(), threading.Event()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="", protocol=protocol)
        self.client.on_message = lambda *arguments: self._heard.put(arguments[2])
        self.client.on_subscribe = lambda *_: self._granted.set()
        self.client.on_publish = lambda *_: self._sent.set()
        self.client.connect("127.0.0.1", home.mqtt_port)
        self.client.loop_start()
        for each in filters:
            self._granted.clear()
            self.client.subscribe(each, qos)
            assert self._granted.wait(PATIENCE)

    def heard(self) -> mqtt.MQTTMessage:
        try:
            return self._heard.get(timeout=PATIENCE)
        except Empty:
            raise AssertionError("no message came") from None

    def said(self) -> tuple[str, Any]:
        message = self.heard()
        return message.topic, json.loads(message.payload)

    def publish(self, topic: str, payload: bytes, **how: Any) -> None:
        self._sent.clear()
        self.client.publish(topic, payload, qos=1, **how)
        assert self._sent.wait(PATIENCE)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def ear(home: Home) -> Iterator[Callable[..., Ear]]:
    """Makes clients, which are closed afterwards."""
    made: list[Ear] = []

    def make(*filters: str, **how: Any) -> Ear:
        made.append(Ear(home, *filters, **how))
        return made[-1]

    yield make
    for each in made:
        each.close()


# iot-data


def test_what_is_published_by_iot_data_gets_to_those_who_are_subscribed(home: Home, ear: Any) -> None:
    listener, data = ear("plant/+/state"), home.client("iot-data")
    data.publish(topic="plant/a b%/state", qos=1, payload=b"\x00\xff")
    data.publish(topic="plant/é/state", payload="text")
    data.publish(topic="plant/none/state")
    once, again, empty = (listener.heard() for _ in range(3))
    assert (once.topic, once.payload, once.qos, once.retain) == ("plant/a b%/state", b"\x00\xff", 1, False)
    assert (again.topic, again.payload, again.qos) == ("plant/é/state", b"text", 0)
    assert empty.payload == b""


def test_a_retained_message_waits_for_those_who_come_later_and_can_be_looked_at(home: Home, ear: Any) -> None:
    data = home.client("iot-data")
    data.publish(topic="kept/mode", qos=1, retain=True, payload=b"eco")
    data.publish(topic="kept/not", qos=1, payload=b"gone")
    late = ear("kept/not", "kept/mode").heard()
    assert (late.topic, late.payload, late.retain) == ("kept/mode", b"eco", True)
    found = data.get_retained_message(topic="kept/mode")
    assert (found["topic"], found["payload"], found["qos"]) == ("kept/mode", b"eco", 1)
    assert "userProperties" not in found
    with pytest.raises(data.exceptions.ResourceNotFoundException):
        data.get_retained_message(topic="kept/not")


def test_what_devices_retain_is_listed_page_by_page_until_they_take_it_away(home: Home, ear: Any) -> None:
    data, device = home.client("iot-data"), ear()
    for name, payload in (("c", b"333"), ("a", b"1"), ("b", b"22")):
        device.publish(f"list/{name}", payload, retain=True)

    def listed() -> list[tuple[str, int, int]]:
        pages = data.get_paginator("list_retained_messages").paginate(PaginationConfig={"PageSize": 2})
        rows = [each for page in pages for each in page["retainedTopics"]]
        assert all(each["lastModifiedTime"] > 1_700_000_000_000 for each in rows)
        return [(each["topic"], each["payloadSize"], each["qos"]) for each in rows if each["topic"].startswith("list/")]

    assert listed() == [("list/a", 1, 1), ("list/b", 2, 1), ("list/c", 3, 1)]
    device.publish("list/b", b"", retain=True)
    assert listed() == [("list/a", 1, 1), ("list/c", 3, 1)]
    with pytest.raises(data.exceptions.InvalidRequestException):
        data.list_retained_messages(nextToken="no token!")


def test_user_properties_of_a_retained_message_are_shown_in_their_order(home: Home, ear: Any) -> None:
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = [("site", "north"), ("unit", "°C"), ("site", "south")]
    ear(protocol=mqtt.MQTTv5).publish("properties/a", b"20", retain=True, properties=properties)
    found = home.client("iot-data").get_retained_message(topic="properties/a")["userProperties"]
    assert json.loads(found) == [{"site": "north"}, {"unit": "°C"}, {"site": "south"}]


def test_what_mqtt_5_adds_to_a_message_by_iot_data_gets_to_those_who_speak_it(home: Home, ear: Any) -> None:
    modern, plain = ear("added/a", protocol=mqtt.MQTTv5), ear("added/a")
    sent: dict[str, Any] = {
        "payloadFormatIndicator": "UTF8_DATA",
        "contentType": "text/plain; é",
        "responseTopic": "answers/to me",
        "correlationData": b64encode(b"\x00\xff").decode(),
        "messageExpiry": 3_600,
        "userProperties": [{"site": "north"}, {"unit": "°C"}, {"site": "south"}],
    }
    home.client("iot-data").publish(topic="added/a", qos=1, retain=True, payload=b"20", **sent)
    for ear_of_5 in (modern, ear("added/a", protocol=mqtt.MQTTv5)):  # at once, and what is retained
        got = ear_of_5.heard().properties
        assert got
        assert (got.PayloadFormatIndicator, got.ContentType, got.ResponseTopic) == (1, "text/plain; é", "answers/to me")
        assert got.CorrelationData == b"\x00\xff"
        assert 3_000 < got.MessageExpiryInterval <= 3_600
        assert got.UserProperty == [("site", "north"), ("unit", "°C"), ("site", "south")]
    assert plain.heard().payload == b"20"


def test_user_properties_may_be_json_that_the_client_writes_as_json_once_more(home: Home, ear: Any) -> None:
    """So do boto3, given text, and the AWS CLI."""
    listener = ear("added/text", protocol=mqtt.MQTTv5)
    home.client("iot-data").publish(topic="added/text", payload=b"20", userProperties='[{"site": "north"}]')
    properties = listener.heard().properties
    assert properties
    assert properties.UserProperty == [("site", "north")]


def test_a_report_by_iot_data_on_the_own_topic_is_in_the_log_when_it_is_answered(home: Home, ear: Any) -> None:
    thing = home.thing("by-http")
    home.profile("by-http", behavior(22, name="by-http"))
    topic = f"warden/things/{thing}/defender/metrics/json"
    listener = ear(f"{topic}/accepted")
    home.client("iot-data").publish(topic=topic, qos=1, payload=json.dumps(listening(23)))
    kept = {"thingName": thing, "metricName": "aws:listening-tcp-ports", "startTime": 0, "endTime": 4_102_444_800}
    (datapoint,) = home.client("iot").list_metric_values(**kept)["metricDatumList"]
    assert datapoint["value"] == {"ports": [23]}
    assert listener.said()[1]["thingName"] == thing


def test_a_refused_report_by_iot_data_is_answered_on_its_topic(home: Home, ear: Any) -> None:
    topic = "warden/things/nobody/defender/metrics/json"
    listener = ear(f"{topic}/rejected")
    home.client("iot-data").publish(topic=topic, payload=json.dumps(listening(23)))
    assert listener.said()[1]["statusDetails"]["ErrorCode"] == "InvalidPayload"


# Registry events


def test_registry_events_reach_mqtt_subscribers_once_they_are_switched_on(home: Home, ear: Any) -> None:
    iot, listener = home.client("iot"), ear("$aws/events/#")

    def said() -> tuple[str, Any]:
        while (message := listener.said())[0].startswith(("$aws/events/presence", "$aws/events/subscriptions")):
            pass
        return message

    iot.create_thing(thingName="silent")
    iot.update_event_configurations(
        eventConfigurations={
            kind: {"Enabled": True}
            for kind in ("THING", "THING_GROUP", "THING_GROUP_MEMBERSHIP", "THING_GROUP_HIERARCHY")
        }
    )
    pump = iot.create_thing(thingName="loud")
    topic, created = said()
    assert topic == "$aws/events/thing/loud/created"
    assert (created["eventType"], created["thingId"]) == ("THING_EVENT", pump["thingId"])
    iot.create_thing_group(thingGroupName="loud-plant")
    iot.create_thing_group(thingGroupName="loud-hall", parentGroupName="loud-plant")
    iot.add_thing_to_thing_group(thingName="loud", thingGroupName="loud-hall")
    iot.delete_thing(thingName="loud")
    assert [said()[0].removeprefix("$aws/events/") for _ in range(5)] == [
        "thingGroup/loud-plant/created",
        "thingGroup/loud-hall/created",
        "thingGroupHierarchy/thingGroup/loud-plant/childThingGroup/loud-hall/added",
        "thingGroupMembership/thingGroup/loud-hall/thing/loud/added",
        "thing/loud/deleted",
    ]
    iot.update_event_configurations(eventConfigurations={"THING": {"Enabled": False}})
    iot.create_thing(thingName="silent-again")
    iot.delete_thing_group(thingGroupName="loud-hall")
    assert said()[0].startswith("$aws/events/thingGroupHierarchy/")


# E-mail and SMS


def test_an_alert_says_to_people_what_it_says_to_machines_in_their_words(home: Home) -> None:
    inbox, sns = home.inbox("words"), home.client("sns")
    sns.subscribe(TopicArn=inbox.topic, Protocol="sms", Endpoint="+15555550100")
    sns.subscribe(TopicArn=inbox.topic, Protocol="email", Endpoint="me@example.org")
    outbox = f"{home.url}/thingwarden/outbox"

    def letters(protocol: str) -> list[dict[str, Any]]:
        with urlopen(f"{outbox}?protocol={protocol}") as answer:  # noqa: S310 (of this home)
            return json.load(answer)["letters"]  # type: ignore[no-any-return]

    def body(protocol: str) -> str:
        found = eventually(lambda: [each for each in letters(protocol) if each["kind"] == "Notification"])
        with urlopen(f"{outbox}/{found[0]['id']}") as answer:  # noqa: S310 (of this home)
            return json.load(answer)["body"]  # type: ignore[no-any-return]

    with urlopen(f"{outbox}/{letters('email')[0]['id']}") as answer:  # noqa: S310 (of this home)
        link = next(line for line in json.load(answer)["body"].splitlines() if line.startswith(home.url))
    urlopen(link).close()  # noqa: S310 (of this home)

    thing = home.thing("camera-words")
    home.profile("words", behavior(443, name="Ports"), alertTargets=inbox.target)
    assert home.device("words").publish(thing, json.dumps(listening(22)).encode())
    alert = inbox.next()
    assert alert["thingName"] == thing
    assert "default" not in alert
    assert alert["metricValue"] == {"ports": [22]}
    email, sms = body("email"), body("sms")
    assert email.startswith('In alarm: "camera-words" violates "Ports".\n')
    assert alert["violationId"] in email
    assert sms.startswith("ALARM camera-words: words/Ports")
    assert len(sms) <= 140
