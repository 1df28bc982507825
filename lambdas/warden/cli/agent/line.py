"""An agent's connection to its broker: MQTT 5, worked by the thread that calls it and by no other."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from ssl import SSLCertVerificationError, SSLContext
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.subscribeoptions import SubscribeOptions

from warden.cli.agent.topics import Topics
from warden.cli.detect.replies import reply_of

KEEP_ALIVE_SECONDS = 60
PATIENCE_SECONDS = 30.0
"""For the broker's answers and for a reply. AWS's clients wait 2 to 30 s for one."""

TURN_SECONDS = 5.0
"""Of waiting for the network, at most, before the keep-alive is looked at again."""


class Unreachable(Exception):
    """There is no connection, or it ended; trying again may help."""


class Refused(Exception):
    """The broker said no; trying again helps once somebody has changed what it says."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where an agent reports.

    Attributes:
        host: Its name or address.
        port: Of MQTT.
        tls: With the device's certificate; None for plain MQTT.
    """

    host: str
    port: int
    tls: SSLContext | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Said:
    """What the broker answered: to CONNECT, SUBSCRIBE or PUBLISH.

    Attributes:
        to: `connect`, `subscribe` or `publish`.
        no: Why not; empty where it said yes.
    """

    to: str
    no: str


class Line:
    """A connection that is subscribed to the replies, for the length of a `with` block.

    Args:
        broker: Its other end.
        client_id: Its own name there.
        topics: Of the reports and of their replies.
        clock: Seconds, never going back.
        patience: How long an answer is waited for, in seconds.

    Attributes:
        replies: What was heard and not looked at yet, as `reply_of` gives it.
    """

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        topics: Topics,
        *,
        clock: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._broker, self._topics = broker, topics
        self._clock, self._patience = clock, patience
        self._said: deque[Said] = deque()
        self.replies: deque[dict[str, Any]] = deque()
        client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,  # type: ignore[attr-defined]
            client_id=client_id,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
        )
        if broker.tls is not None:
            client.tls_set_context(broker.tls)
        client.on_connect = lambda _c, _d, _f, reason, _p: self._hear("connect", [reason])
        client.on_subscribe = lambda _c, _d, _id, reasons, _p: self._hear("subscribe", reasons)
        client.on_publish = lambda _c, _d, _id, reason, _p: self._hear("publish", [reason])
        client.on_message = lambda _c, _d, message: self.replies.append(reply_of(message.topic, bytes(message.payload)))
        self._client = client

    def __enter__(self) -> Self:
        """Raises Unreachable; Refused."""
        try:
            self._client.connect(self._broker.host, self._broker.port, KEEP_ALIVE_SECONDS, clean_start=True)
        except SSLCertVerificationError as error:
            why = f"is not trusted ({error.verify_message}); --ca names whom to trust"
            raise Unreachable(f"{self._broker} {why}") from error
        except OSError as error:
            raise Unreachable(f"{self._broker} does not answer ({error})") from error
        try:
            self._await("connect", "iot:Connect")
            self._client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in self._topics.replies])
            self._await("subscribe", f"iot:Subscribe on {self._topics.replies[0]} and …/rejected")
        except BaseException:
            self._client.disconnect()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()

    def publish(self, payload: bytes) -> None:
        """Have the broker take a report. Raises Unreachable; Refused."""
        self._client.publish(self._topics.report, payload, qos=1)
        self._await("publish", f"iot:Publish on {self._topics.report}")

    def work(self, seconds: float) -> None:
        """Deal with the network for at most so long, and less where something came. Raises Unreachable."""
        outcome = self._client.loop(min(max(seconds, 0), TURN_SECONDS))
        if outcome != mqtt.MQTT_ERR_SUCCESS and not self._said:
            raise Unreachable(f"{self._broker} ended the connection")

    def _hear(self, to: str, reasons: list[Any]) -> None:
        self._said.append(Said(to, "; ".join(str(reason) for reason in reasons if reason.is_failure)))

    def _await(self, to: str, right: str) -> None:
        """Wait for an answer that is yes."""
        end = self._clock() + self._patience
        while not self._said:
            left = end - self._clock()
            if left <= 0:
                raise Unreachable(f"{self._broker} did not answer within {self._patience:.0f} s ({to})")
            try:
                self.work(left)
            except Unreachable as error:
                hint = "; is the certificate ACTIVE there?" if to == "connect" and self._broker.tls else ""
                raise Unreachable(f"{error} before it answered ({to}){hint}") from error
        said = self._said.popleft()
        if said.no:
            raise Refused(
                f"{self._broker} refused to {to}: {said.no}; a policy of the certificate has to allow {right}"
            )
