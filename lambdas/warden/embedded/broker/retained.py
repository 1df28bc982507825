"""Retained messages: the last one of each topic that was to be kept. They are in memory, and bounded.

Source: MQTT 5, section 3.3.1.3; AWS IoT Developer Guide, MQTT retained messages; AWS IoT Core quotas.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf

from warden.embedded.broker.properties import NO_PROPERTIES, Properties

MAX_MESSAGES = 5_000  # AWS IoT Core quotas, retained messages per account
MAX_BYTES = 64 * 1024 * 1024
_OVERHEAD = 512  # of a message, whatever its size


@dataclass(frozen=True, slots=True)
class RetainedMessage:
    """A message that new subscribers of its topic get.

    Attributes:
        topic: Without wildcards.
        payload: 1 byte to 128 KB.
        qos: 0 or 1, as it was published.
        at: When it was published, epoch milliseconds.
        properties: As they were published.
        expires_at: Seconds of the broker's clock, or None for never.
    """

    topic: str
    payload: bytes
    qos: int
    at: int
    properties: Properties = NO_PROPERTIES
    expires_at: float | None = None

    @property
    def size(self) -> int:
        """About the bytes that it takes."""
        return len(self.payload) + len(self.topic) + self.properties.size + _OVERHEAD


class Retained:
    """The retained messages by topic.

    Args:
        clock: The broker's, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._messages: dict[str, RetainedMessage] = {}
        self._bytes = 0
        self._first_expiry = inf  # of those that are kept, or earlier

    def put(self, message: RetainedMessage) -> bool:
        """Keep a message in place of its topic's last one; an empty one only takes that away.

        Returns: False where there is no room for it; then the topic's last one stays.
        """
        if message.payload and not self._fits(message):
            self._drop_expired()
            if not self._fits(message):
                return False
        self._remove(message.topic)
        if message.payload:
            self._messages[message.topic] = message
            self._bytes += message.size
            if message.expires_at is not None:
                self._first_expiry = min(self._first_expiry, message.expires_at)
        return True

    def _fits(self, message: RetainedMessage) -> bool:
        older = self._messages.get(message.topic)
        count = len(self._messages) + (older is None)
        return count <= MAX_MESSAGES and self._bytes + message.size - (older.size if older else 0) <= MAX_BYTES

    def _drop_expired(self) -> None:
        now = self._clock()
        if now < self._first_expiry:
            return
        for message in list(self._messages.values()):
            if message.expires_at is not None and message.expires_at <= now:
                self._remove(message.topic)
        left = (each.expires_at for each in self._messages.values() if each.expires_at is not None)
        self._first_expiry = min(left, default=inf)

    def get(self, topic: str) -> RetainedMessage | None:
        """A topic's message."""
        message = self._messages.get(topic)
        if message is None or message.expires_at is None or self._clock() < message.expires_at:
            return message
        self._remove(topic)
        return None

    def list(self) -> Iterator[RetainedMessage]:
        """All messages, by topic."""
        for topic in sorted(self._messages):
            if message := self.get(topic):
                yield message

    def _remove(self, topic: str) -> None:
        if older := self._messages.pop(topic, None):
            self._bytes -= older.size
