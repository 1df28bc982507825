"""The MQTT side of a device: it sends reports and hears the replies."""

import threading
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Self

import paho.mqtt.client as mqtt

from stage import Stage


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        topic: Where it was heard.
        payload: Its JSON text.
    """

    topic: str
    payload: str


class Device:
    """A connection that reports for a thing.

    Args:
        port: Of the broker, on 127.0.0.1.
        thing: The thing's name.
        stage: Where replies are waited for.

    Attributes:
        topic: Where its reports go.
    """

    def __init__(self, port: int, thing: str, stage: Stage) -> None:
        self._stage = stage
        self.topic = f"$aws/things/{thing}/defender/metrics/json"
        self._heard: SimpleQueue[Reply] = SimpleQueue()
        self._subscribed = threading.Event()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=thing)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)

    def __enter__(self) -> Self:
        self._client.loop_start()
        self._client.subscribe([(f"{self.topic}/accepted", 1), (f"{self.topic}/rejected", 1)])
        self._stage.until(self._subscribed.is_set, "the broker to grant the subscription", lambda: "no SUBACK")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def report(self, payload: str) -> Reply:
        """Send a report and wait for the reply. Raises StepFailed where none comes."""
        self._client.publish(self.topic, payload, qos=1)
        return self._stage.until(self._next, "a reply over MQTT", lambda: "no message came on …/accepted or …/rejected")

    def _hear(self, _: object, __: object, message: mqtt.MQTTMessage) -> None:
        self._heard.put(Reply(message.topic, message.payload.decode()))

    def _next(self) -> Reply | None:
        try:
            return self._heard.get_nowait()
        except Empty:
            return None
