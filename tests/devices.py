"""Devices with certificates, as a stock MQTT client connects them to a home over mutual TLS."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from tests.home import ACCOUNT, PATIENCE, REGION, Home

ARN = f"arn:aws:iot:{REGION}:{ACCOUNT}"
V3, V5 = MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5


def allow(*actions: str, on: str | list[str] = "*", effect: str = "Allow", **more: Any) -> dict[str, Any]:
    """A statement about resources of the home, given without what their ARNs begin with."""
    resources = [on] if isinstance(on, str) else on
    whole = [each if each == "*" else f"{ARN}:{each}" for each in resources]
    return {"Effect": effect, "Action": list(actions), "Resource": whole, **more}


def document(*statements: Mapping[str, Any]) -> str:
    """A policy's."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


EVERYTHING = document(allow("iot:*"))


class Identity:
    """A certificate of the home's, its key, and what may be done with it.

    Args:
        home: Where it is made.
        directory: Where its files are put.
        policy: The document of a policy of its own; none where it is empty.
        thing: A thing that it is attached to; made, where there is none.
    """

    def __init__(self, home: Home, directory: Path, policy: str = EVERYTHING, thing: str = "") -> None:
        self.home, self.iot = home, home.client("iot")
        made = self.iot.create_keys_and_certificate(setAsActive=True)
        self.id: str = made["certificateId"]
        self.arn: str = made["certificateArn"]
        self.files = directory / f"{self.id[:8]}.pem", directory / f"{self.id[:8]}.key"
        self.files[0].write_text(made["certificatePem"])
        self.files[1].write_text(made["keyPair"]["PrivateKey"])
        self.policy = f"policy-{self.id[:8]}"
        if policy:
            self.iot.create_policy(policyName=self.policy, policyDocument=policy)
            self.iot.attach_policy(policyName=self.policy, target=self.arn)
        if thing:
            self.iot.create_thing(thingName=thing)
            self.iot.attach_thing_principal(thingName=thing, principal=self.arn)

    def now_may(self, policy: str) -> None:
        """Its policy gets another default version."""
        self.iot.create_policy_version(policyName=self.policy, policyDocument=policy, setAsDefault=True)


class Client:
    """A paho client over mutual TLS.

    Attributes:
        connected: The CONNACK's reason code; None where none came.
    """

    def __init__(self, identity: Identity, client_id: str, version: MQTTProtocolVersion = V3, **will: Any) -> None:
        home = identity.home
        self._heard: Queue[mqtt.MQTTMessage] = Queue()
        self._said: Queue[tuple[str, Any]] = Queue()
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=version, reconnect_on_failure=False
        )
        self.client.tls_set(str(home.data / "ca.pem"), *map(str, identity.files))
        if will:
            self.client.will_set(**will)
        self._ended = threading.Event()
        self.client.on_connect = lambda *arguments: self._said.put(("connected", arguments[3]))
        self.client.on_disconnect = self._disconnected
        self.client.on_message = lambda *arguments: self._heard.put(arguments[2])
        self.client.on_subscribe = lambda *arguments: self._said.put(("subscribed", arguments[3]))
        self.client.on_publish = lambda *arguments: self._said.put(("published", arguments[3]))
        self.why: ReasonCode | None = None
        self.client.connect("127.0.0.1", home.mqtts_port)
        self.client.loop_start()
        kind, code = self._next()
        self.connected: ReasonCode | None = code if kind == "connected" else None

    def _disconnected(self, _: mqtt.Client, __: Any, ___: Any, code: ReasonCode, ____: Properties | None) -> None:
        self.why = code
        self._ended.set()
        self._said.put(("disconnected", code))

    def _next(self) -> tuple[str, Any]:
        try:
            return self._said.get(timeout=PATIENCE)
        except Empty:
            raise AssertionError("nothing was said") from None

    def subscribe(self, *filters: str) -> list[int] | None:
        """The codes of a SUBACK; None where the connection ends instead."""
        self.client.subscribe([(each, 1) for each in filters])
        kind, codes = self._next()
        return [code.value for code in codes] if kind == "subscribed" else None

    def publish(self, topic: str, payload: str | bytes = b"x", *, qos: int = 1, retain: bool = False) -> int | None:
        """The code of a PUBACK, 0 for QoS 0; None where the connection ends instead."""
        self.client.publish(topic, payload, qos=qos, retain=retain)
        kind, code = self._next()
        return int(code.value) if kind == "published" else None

    def heard(self) -> tuple[str, bytes]:
        """The next message: topic and payload."""
        try:
            message = self._heard.get(timeout=PATIENCE)
        except Empty:
            raise AssertionError("no message came") from None
        return message.topic, message.payload

    def hears_nothing_before(self, marker: str) -> bool:
        """Whether the next message is one on a topic that it is sent now."""
        self.client.publish(marker, b"marker", qos=0)
        return self.heard()[0] == marker

    def has_ended(self) -> bool:
        """Whether the connection is over, or is soon."""
        return self._ended.wait(PATIENCE)

    def close(self) -> None:
        """Disconnect."""
        self.client.disconnect()
        self.client.loop_stop()
