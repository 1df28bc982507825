"""How the data plane answers the control plane's questions about the broker; asked by `RemoteBroker`."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from warden.domain.errors import Unavailable
from warden.embedded.broker import Broker, Publication
from warden.embedded.broker.properties import NO_PROPERTIES, Properties
from warden.embedded.broker.retained import RetainedMessage
from warden.embedded.channel import Answerer

PUBLISH: Final = "publish"
ANNOUNCE: Final = "announce"
GET_RETAINED: Final = "retained"
LIST_RETAINED: Final = "all-retained"

STORED_WITHIN_SECONDS = 10.0
"""How long a report that is published so is waited for; less than the asker waits for the answer."""


@dataclass(frozen=True, slots=True)
class BrokerAnswers:
    """Answers for the broker, on its loop.

    Attributes:
        broker: The broker.
        take: Shown each message of a client first, as the broker does.
    """

    broker: Broker
    take: Callable[[Publication], bool]

    def by_verb(self) -> dict[str, Answerer]:
        """The answerers."""
        return {
            PUBLISH: self._publish,
            ANNOUNCE: self._announce,
            GET_RETAINED: self._retained,
            LIST_RETAINED: self._all_retained,
        }

    async def _publish(self, asked: dict[str, Any]) -> None:
        """Publish as a client does; a report among it is in the log when this is answered."""
        topic, payload = asked["topic"], asked["payload"]
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def acknowledge() -> None:
            if not stored.done():  # nobody waits any more
                stored.set_result(None)

        if not self.take(Publication(topic, payload, 1, "", acknowledge)):
            told = asked["properties"]
            properties = msgspec.convert(told, Properties) if told else NO_PROPERTIES
            self.broker.publish(topic, payload, asked["qos"], retain=asked["retain"], properties=properties)
            return
        try:
            await asyncio.wait_for(stored, STORED_WITHIN_SECONDS)
        except TimeoutError:
            raise Unavailable("the report is not stored yet; send it again") from None

    async def _announce(self, asked: dict[str, Any]) -> None:
        """Publish messages of the home's own, on any topic."""
        for topic, payload in asked["messages"]:
            self.broker.publish(topic, payload, 1)

    async def _retained(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        found = self.broker.retained.get(asked["topic"])
        return _told(found, found.payload) if found else None

    async def _all_retained(self, _: dict[str, Any]) -> list[dict[str, Any]]:
        return [_told(each, b"") for each in self.broker.retained.list()]


def _told(message: RetainedMessage, payload: bytes) -> dict[str, Any]:
    return {
        "topic": message.topic,
        "payload": payload,
        "size": len(message.payload),
        "qos": message.qos,
        "at": message.at,
        "user": message.properties.user,
    }
