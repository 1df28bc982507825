"""Exported metrics as whoever subscribes to their topic gets them from `warden serve`."""

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from botocore.exceptions import ClientError

from tests.home import PATIENCE, ROLE, Home, behavior, listening, running

TOPIC = "exports/fleet"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running(tmp_path_factory.mktemp("home") / "data") as started:
        yield started


class Subscriber:
    """A stock MQTT client on the topic."""

    def __init__(self, port: int) -> None:
        self._heard: Queue[bytes] = Queue()
        granted = threading.Event()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="archive")
        self._client.on_message = lambda _, __, message: self._heard.put(message.payload)
        self._client.on_subscribe = lambda *_: granted.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe(TOPIC, 1)
        assert granted.wait(PATIENCE)

    def next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._heard.get(timeout=PATIENCE))
        return message

    def last(self) -> dict[str, Any] | None:
        """What came without waiting, if anything did."""
        return None if self._heard.empty() else self.next()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def export(home: Home, name: str, group: str) -> None:
    home.profile(
        name,
        {**behavior(22), "exportMetric": True},
        target=f"thinggroup/{group}",
        metricsExportConfig={"mqttTopic": TOPIC, "roleArn": ROLE},
    )


def test_a_subscriber_gets_what_profiles_export(home: Home) -> None:
    thing = home.thing("camera", "cameras")
    export(home, "cameras", "cameras")
    archive, device = Subscriber(home.mqtt_port), home.device("camera")
    device.hear(thing)
    device.report(thing, listening(8883, 22, report_id=1))
    message = archive.next()
    (item,) = message["metrics"]
    at = home.client("iot").list_metric_values(
        thingName=thing, metricName="aws:listening-tcp-ports", startTime=0, endTime=item["timestamp"] / 1000 + 1
    )["metricDatumList"][0]["timestamp"]
    assert message["version"] == "1.0"
    assert item == {
        "name": "aws:listening-tcp-ports",
        "thing": "camera",
        "value": {"ports": [22, 8883]},
        "version": 1,
        "timestamp": round(at.timestamp() * 1000),
    }
    archive.close()


def test_what_waits_for_export_survives_a_kill(tmp_path: Path) -> None:
    with running(tmp_path / "data") as home:
        thing = home.thing("lock", "locks")
        export(home, "locks", "locks")
        before, device = Subscriber(home.mqtt_port), home.device("lock")
        device.hear(thing)
        device.report(thing, listening(443, report_id=1))
        home.process.send_signal(signal.SIGKILL)
        home.process.wait(PATIENCE)
        home.start()
        after = Subscriber(home.mqtt_port)
        message = before.last() or after.next()
        assert [item["value"] for item in message["metrics"]] == [{"ports": [443]}]
        for subscriber in (before, after):
            subscriber.close()


@pytest.mark.parametrize("topic", ["exports/#", "exports/${topic()}", "/exports"])
def test_a_topic_that_nobody_may_publish_to_is_refused_by_name(home: Home, topic: str) -> None:
    with pytest.raises(ClientError) as raised:
        home.client("iot").create_security_profile(
            securityProfileName="wrong", metricsExportConfig={"mqttTopic": topic, "roleArn": ROLE}
        )
    assert raised.value.response["Error"]["Code"] == "InvalidRequestException"
    assert "metricsExportConfig.mqttTopic: expected a topic" in str(raised.value)
    assert repr(topic) in str(raised.value)
