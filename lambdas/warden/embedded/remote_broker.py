"""The broker as the control plane has it: asked over the local channel."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from warden.embedded.broker.properties import NO_PROPERTIES, Properties
from warden.embedded.broker_answers import ANNOUNCE, GET_RETAINED, LIST_RETAINED, PUBLISH
from warden.embedded.channel import Line, ask
from warden.embedded.surroundings.messages import RetainedMessage


class RemoteBroker:
    """The data plane's broker. Every call may raise Unavailable.

    Args:
        channel: The way to the data plane.
    """

    def __init__(self, channel: Path | Line) -> None:
        self._channel = channel

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool, properties: Properties) -> None:
        """See MessageBroker."""
        told = None if properties == NO_PROPERTIES else properties
        how = {"qos": qos, "retain": retain, "properties": told}
        ask(self._channel, PUBLISH, {"topic": topic, "payload": payload, **how})

    def announce(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Publish messages of the home's own, given by topic and payload, on any topic and with QoS 1."""
        ask(self._channel, ANNOUNCE, {"messages": list(messages)})

    def retained(self, topic: str) -> RetainedMessage | None:
        """See MessageBroker."""
        found = ask(self._channel, GET_RETAINED, {"topic": topic})
        return _read(found) if found else None

    def all_retained(self) -> list[RetainedMessage]:
        """See MessageBroker."""
        return [_read(each) for each in ask(self._channel, LIST_RETAINED, {})]


def _read(told: dict[str, Any]) -> RetainedMessage:
    user = tuple((name, text) for name, text in told["user"])
    return RetainedMessage(told["topic"], told["payload"], told["size"], told["qos"], told["at"], user)
