"""What ends a violation, what does not, and who hears of it, through `warden serve`, MQTT and boto3."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.home import ACCOUNT, PATIENCE, REGION, Device, Home, behavior, eventually, listening, running
from tests.surroundings.home import Subscriber


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running(tmp_path_factory.mktemp("home") / "data") as started:
        yield started


class Scene:
    """A thing alone in its group, a profile attached to that group, and an inbox for its alerts.

    Group, profile and inbox have the thing's name.
    """

    def __init__(self, home: Home, name: str, **more: Any) -> None:
        self.home, self.name = home, name
        self.iot = home.client("iot")
        self.inbox = home.inbox(name)
        home.thing(name, name)
        self.behavior = behavior(22) | more
        self.target = home.profile(name, self.behavior, target=f"thinggroup/{name}", alertTargets=self.inbox.target)
        self.device = home.device(name)
        self.device.hear(name)
        self._reports = 0

    def report(self, *ports: int) -> None:
        """Have a report accepted."""
        self._reports += 1
        assert self.device.report(self.name, listening(*ports, report_id=self._reports))["status"] == "ACCEPTED"

    def alarm(self) -> str:
        """Violate, and hear of it. Returns the violation's id."""
        self.report(23)
        alert = self.inbox.next()
        assert alert["violationEventType"] == "in-alarm"
        return str(alert["violationId"])

    def types(self) -> list[str]:
        """What happened to the thing's violations, oldest first."""
        return [event["violationEventType"] for event in reversed(self.home.events(thingName=self.name))]

    def has_types(self, *types: str) -> bool:
        """Whether exactly these events come to be recorded."""
        return bool(eventually(lambda: self.types() == list(types)))

    def nothing_else_was_sent(self) -> bool:
        """Whether the next alert is one that is caused now: alerts of one topic come in the order of their causes."""
        other = f"{self.name}-after"
        self.home.thing(other, other)
        self.home.profile(other, behavior(1), target=f"thinggroup/{other}", alertTargets=self.inbox.target)
        self.device.hear(other)
        self.device.report(other, listening(2))
        return bool(self.inbox.next()["thingName"] == other) and self.inbox.is_empty()


def leave(scene: Scene) -> None:
    scene.iot.remove_thing_from_thing_group(thingGroupName=scene.name, thingName=scene.name)


def delete_group(scene: Scene) -> None:
    scene.iot.delete_thing_group(thingGroupName=scene.name)


@pytest.mark.parametrize("goes", [leave, delete_group], ids=["leaves-its-group", "loses-its-group"])
def test_a_thing_in_alarm_that_is_no_longer_covered_is_invalidated_and_subscribers_hear_it(
    home: Home, goes: Callable[[Scene], None], request: pytest.FixtureRequest
) -> None:
    scene = Scene(home, request.node.callspec.id)
    violation = scene.alarm()

    goes(scene)
    scene.report(23)

    alert = scene.inbox.next()
    assert (alert["violationEventType"], alert["violationId"]) == ("alarm-invalidated", violation)
    assert "metricValue" not in alert
    assert home.active(thingName=scene.name) == []
    assert scene.nothing_else_was_sent()
    assert scene.types() == ["in-alarm", "alarm-invalidated"]


def test_a_thing_that_comes_back_to_its_group_can_alarm_again(home: Home) -> None:
    scene = Scene(home, "comes-back")
    first = scene.alarm()
    leave(scene)
    assert scene.inbox.next()["violationEventType"] == "alarm-invalidated"

    scene.iot.add_thing_to_thing_group(thingGroupName=scene.name, thingName=scene.name)

    assert scene.alarm() != first


def test_a_group_that_is_made_again_elsewhere_stands_there_at_once(home: Home) -> None:
    scene = Scene(home, "hierarchy")
    below = {"thingGroupName": "below-hierarchy"}
    leave(scene)
    scene.iot.create_thing_group(**below, parentGroupName=scene.name)
    scene.iot.add_thing_to_thing_group(**below, thingName=scene.name)
    first = scene.alarm()

    scene.iot.delete_thing_group(**below)
    assert scene.inbox.next()["violationEventType"] == "alarm-invalidated"
    scene.iot.create_thing_group(**below)
    scene.iot.add_thing_to_thing_group(**below, thingName=scene.name)
    scene.report(23)
    assert scene.nothing_else_was_sent()
    assert home.active(thingName=scene.name) == []

    scene.iot.delete_thing_group(**below)
    scene.iot.create_thing_group(**below, parentGroupName=scene.name)
    scene.iot.add_thing_to_thing_group(**below, thingName=scene.name)
    assert scene.alarm() != first


def test_a_thing_deleted_in_alarm_ends_its_violation_on_record_only(home: Home) -> None:
    scene = Scene(home, "deleted-thing")
    scene.alarm()

    scene.iot.delete_thing(thingName=scene.name)

    assert home.active(thingName=scene.name) == []
    rejected = scene.device.report(scene.name, listening(23, report_id=99))
    assert rejected["statusDetails"]["ErrorMessage"] == "deleted-thing Not a Thing"
    assert scene.has_types("in-alarm", "alarm-invalidated")
    assert scene.nothing_else_was_sent()


def test_a_thing_created_again_under_its_name_inherits_no_alarm(home: Home) -> None:
    scene = Scene(home, "created-again")
    first = scene.alarm()
    scene.iot.delete_thing(thingName=scene.name)
    home.thing(scene.name)
    scene.iot.add_thing_to_thing_group(thingGroupName=scene.name, thingName=scene.name)

    assert home.active(thingName=scene.name) == []
    assert scene.alarm() != first
    assert scene.has_types("in-alarm", "alarm-invalidated", "in-alarm")


def detach(scene: Scene) -> None:
    scene.iot.detach_security_profile(securityProfileName=scene.name, securityProfileTargetArn=scene.target)


def delete_profile(scene: Scene) -> None:
    scene.iot.delete_security_profile(securityProfileName=scene.name)


def remove_behavior(scene: Scene) -> None:
    scene.iot.update_security_profile(securityProfileName=scene.name, deleteBehaviors=True)


def change_metric(scene: Scene) -> None:
    changed = scene.behavior | {"metric": "aws:listening-udp-ports"}
    scene.iot.update_security_profile(securityProfileName=scene.name, behaviors=[changed])


ENDS = {
    "detached": detach,
    "profile-deleted": delete_profile,
    "behavior-deleted": remove_behavior,
    "metric-changed": change_metric,
}


@pytest.mark.parametrize(("name", "end"), ENDS.items(), ids=ENDS)
def test_what_an_administrator_ends_is_a_record_at_once_inactive_and_no_alert(
    home: Home, name: str, end: Callable[[Scene], None]
) -> None:
    scene = Scene(home, name)
    scene.alarm()

    end(scene)

    assert home.active(thingName=name) == []
    scene.report(24)
    scene.report(22)
    scene.report(23)
    assert scene.has_types("in-alarm", "alarm-invalidated")
    assert scene.nothing_else_was_sent()
    assert scene.types() == ["in-alarm", "alarm-invalidated"]
    ended = home.events(thingName=name)[0]
    assert "metricValue" not in ended


def test_a_profile_attached_again_alarms_again(home: Home) -> None:
    scene = Scene(home, "attached-again")
    first = scene.alarm()
    detach(scene)
    scene.report(23)
    scene.iot.attach_security_profile(securityProfileName=scene.name, securityProfileTargetArn=scene.target)

    second = scene.alarm()

    assert second != first
    assert [each["violationId"] for each in home.active(thingName=scene.name)] == [second]


def test_changed_criteria_keep_the_alarm_and_judge_the_next_report(home: Home) -> None:
    scene = Scene(home, "tuned")
    violation = scene.alarm()

    scene.iot.update_security_profile(securityProfileName=scene.name, behaviors=[behavior(22, 80)])

    assert [each["violationId"] for each in home.active(thingName=scene.name)] == [violation]
    scene.report(80)
    cleared = scene.inbox.next()
    assert (cleared["violationEventType"], cleared["violationId"]) == ("alarm-cleared", violation)
    assert cleared["behavior"]["criteria"]["value"] == {"ports": [22, 80]}
    assert scene.types() == ["in-alarm", "alarm-cleared"]


def test_every_change_is_in_force_for_the_very_next_report(home: Home) -> None:
    iot, inbox, name = home.client("iot"), home.inbox("at-once"), "at-once"
    home.thing(name)
    iot.create_thing_group(thingGroupName=name)
    device = home.device(name)
    device.hear(name)
    device.report(name, listening(23, report_id=1))
    home.profile(name, behavior(22), target=f"thinggroup/{name}", alertTargets=inbox.target)
    device.report(name, listening(23, report_id=2))
    iot.add_thing_to_thing_group(thingGroupName=name, thingName=name)
    device.report(name, listening(23, report_id=3))
    iot.update_security_profile(securityProfileName=name, behaviors=[behavior(23)])
    device.report(name, listening(23, report_id=4))
    iot.update_security_profile(securityProfileName=name, behaviors=[behavior(24)])
    device.report(name, listening(23, report_id=5))

    assert [inbox.next()["violationEventType"] for _ in range(3)] == ["in-alarm", "alarm-cleared", "in-alarm"]
    assert inbox.is_empty()


def test_suppressed_alerts_are_on_record_and_not_sent_until_they_are_wanted_again(home: Home) -> None:
    scene = Scene(home, "suppressed", suppressAlerts=True)
    scene.report(23)
    scene.report(22)
    assert scene.has_types("in-alarm", "alarm-cleared")

    scene.iot.update_security_profile(securityProfileName=scene.name, behaviors=[behavior(22)])

    scene.alarm()
    assert scene.inbox.is_empty()
    assert scene.types() == ["in-alarm", "alarm-cleared", "in-alarm"]


def test_an_alert_is_aws_own_message_in_an_sns_envelope(home: Home) -> None:
    scene = Scene(home, "exact")

    scene.report(22, 443, 80)
    envelope = scene.inbox.envelope()
    scene.iot.remove_thing_from_thing_group(thingGroupName="exact", thingName="exact")
    ended = json.loads(scene.inbox.envelope()["Message"])

    assert envelope["Type"] == "Notification"
    assert envelope["TopicArn"] == f"arn:aws:sns:{REGION}:{ACCOUNT}:exact"
    assert envelope.get("Subject") is None
    message = json.loads(envelope["Message"])
    violation, at = message["violationId"], message["violationEventTime"]
    assert isinstance(violation, str)
    assert len(violation) == 32
    assert set(violation) <= set("0123456789abcdef")
    assert isinstance(at, int)
    [began] = [each for each in home.events(thingName="exact") if each["violationEventType"] == "in-alarm"]
    assert round(began["violationEventTime"].timestamp() * 1000) == at
    expected = {
        "violationEventTime": at,
        "thingName": "exact",
        "behavior": {
            "name": "Listening TCP Ports",
            "metric": "aws:listening-tcp-ports",
            "criteria": {
                "comparisonOperator": "in-port-set",
                "value": {"ports": [22]},
                "consecutiveDatapointsToAlarm": 1,
                "consecutiveDatapointsToClear": 1,
            },
        },
        "violationEventType": "in-alarm",
        "metricValue": {"ports": [22, 80, 443]},
        "violationId": violation,
        "securityProfileName": "exact",
        "verificationState": "UNKNOWN",
    }
    assert message == expected
    assert list(message) == list(expected)
    assert list(ended) == [name for name in expected if name != "metricValue"]
    assert (ended["violationEventType"], ended["violationId"]) == ("alarm-invalidated", violation)


def test_an_http_subscriber_is_asked_first_and_told_after_it_confirmed(home: Home) -> None:
    with Subscriber() as subscriber:
        scene = Scene(home, "http")
        home.client("sns").subscribe(TopicArn=scene.inbox.topic, Protocol="http", Endpoint=subscriber.url)
        asked = subscriber.next()
        assert asked.headers["x-amz-sns-message-type"] == asked.json["Type"] == "SubscriptionConfirmation"
        scene.alarm()
        home.client("sns").confirm_subscription(TopicArn=scene.inbox.topic, Token=asked.json["Token"])

        scene.report(22)

        told = subscriber.next()
        assert told.headers["x-amz-sns-message-type"] == told.json["Type"] == "Notification"
        assert told.headers["x-amz-sns-topic-arn"] == scene.inbox.topic
        assert told.headers["x-amz-sns-message-id"] == told.json["MessageId"]
        message = json.loads(told.json["Message"])
        assert (message["violationEventType"], message["thingName"]) == ("alarm-cleared", "http")
        assert message == scene.inbox.next()


class Flapping:
    """A device that violates and conforms in turn, as fast as its reports are answered."""

    def __init__(self, device: Device, thing: str) -> None:
        self._device, self._thing = device, thing
        self._stopping = threading.Event()
        self._reports = 0
        self._worker = threading.Thread(target=self._run, daemon=True)
        self._worker.start()

    def wait_for(self, more: int) -> None:
        """Return when so many more reports were accepted."""
        upto = self._reports + more
        assert eventually(lambda: self._reports >= upto)

    def stop(self) -> None:
        self._stopping.set()
        self._worker.join(PATIENCE)
        assert not self._worker.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            number = self._reports + 1
            self._device.report(self._thing, listening(22 + number % 2, report_id=number))
            self._reports = number


def take_all(scene: Scene) -> list[int]:
    """Empty the inbox. Returns: When each alert was handed to its queue, epoch ms."""
    sqs, found = scene.home.client("sqs"), []
    queue = sqs.get_queue_url(QueueName=scene.name)["QueueUrl"]
    while messages := sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, MessageSystemAttributeNames=["SentTimestamp"]
    ).get("Messages"):
        found += [int(message["Attributes"]["SentTimestamp"]) for message in messages]
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found


@pytest.mark.parametrize("end", [delete_profile, remove_behavior, detach], ids=lambda end: end.__name__)
def test_d4_nothing_is_sent_or_recorded_once_a_deletion_was_answered_whatever_is_in_flight(
    home: Home, end: Callable[[Scene], None]
) -> None:
    scene = Scene(home, f"d4-{end.__name__}")
    flapping = Flapping(scene.device, scene.name)
    assert eventually(lambda: len(scene.types()) > 10)

    end(scene)
    answered_at = time.time_ns() // 1_000_000
    before = _events(scene)
    sent = take_all(scene)
    flapping.wait_for(50)
    flapping.stop()

    assert sent
    assert max(sent) <= answered_at
    assert scene.nothing_else_was_sent()
    assert {kind for _, kind in _events(scene) - before} <= {"alarm-invalidated"}
    assert eventually(lambda: _each_beginning_has_its_end(scene))
    assert home.active(thingName=scene.name) == []


def _events(scene: Scene) -> set[tuple[str, str]]:
    events = scene.home.events(thingName=scene.name)
    return {(event["violationId"], event["violationEventType"]) for event in events}


def _each_beginning_has_its_end(scene: Scene) -> bool:
    began = {violation for violation, kind in _events(scene) if kind == "in-alarm"}
    return began == {violation for violation, kind in _events(scene) if kind != "in-alarm"}
