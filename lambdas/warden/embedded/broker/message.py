"""A message on its way to subscribers, and the room that all messages on their way have together."""

from dataclasses import dataclass, field

from warden.embedded.broker.properties import NO_PROPERTIES, Properties

MAX_KEPT_BYTES = 256 * 1024 * 1024
_OVERHEAD = 256  # of a message, whatever its size


@dataclass(slots=True)
class Message:
    """A message on its way to subscribers.

    Attributes:
        retain: Whether it is sent as a retained one.
        expires_at: When it is not worth sending any more, in seconds of the broker's clock; None for never.
        keepers: How many sessions keep it; `Room` counts them.
    """

    topic: str
    payload: bytes
    retain: bool = False
    properties: Properties = NO_PROPERTIES
    expires_at: float | None = None
    keepers: int = field(default=0, compare=False)

    @property
    def size(self) -> int:
        """About the bytes that it takes."""
        return len(self.payload) + self.properties.size + _OVERHEAD


class Room:
    """The bytes of all messages that sessions keep, of each once, however many keep it.

    Args:
        most: How many there may be.
    """

    def __init__(self, most: int = MAX_KEPT_BYTES) -> None:
        self._most = most
        self.taken = 0

    def fits(self, message: Message) -> bool:
        """Whether there is room for one more."""
        return bool(message.keepers) or self.taken + message.size <= self._most

    def keep(self, message: Message) -> None:
        """One more session keeps a message."""
        if not message.keepers:
            self.taken += message.size
        message.keepers += 1

    def release(self, message: Message) -> None:
        """One session keeps it no longer."""
        message.keepers -= 1
        if not message.keepers:
            self.taken -= message.size
