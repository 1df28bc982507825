"""What the broker keeps of a client: its subscriptions, and the QoS 1 messages it has not acknowledged.

Everything is in memory and bounded. Source: MQTT 3.1.1 and MQTT 5, section 4.4; AWS IoT Core quotas.
"""

from collections import deque
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from warden.embedded.broker.properties import NO_PROPERTIES, Properties

if TYPE_CHECKING:
    from warden.embedded.broker.connection import Connection

MAX_UNACKNOWLEDGED = 100  # AWS IoT Core quotas, unacknowledged outbound publish requests per client
MAX_QUEUED = 1_000
MAX_QUEUED_BYTES = 1024 * 1024
_PACKET_IDS = 0xFFFF


class Message(NamedTuple):
    """A message on its way to subscribers.

    Attributes:
        retain: Whether it is sent as a retained one.
        expires_at: When it is not worth sending any more, in seconds of the broker's clock; None for never.
    """

    topic: str
    payload: bytes
    retain: bool = False
    properties: Properties = NO_PROPERTIES
    expires_at: float | None = None


class Outgoing(NamedTuple):
    """A QoS 1 message to be sent, maybe not for the first time."""

    message: Message
    packet_id: int
    dup: bool


class Session:
    """One client's state.

    Attributes:
        client_id: 1 to 128 bytes.
        identifier: Opaque; told in events.
        expiry_seconds: For how long it outlives its connection; 0 where it ends with that.
        connection: The client's connection, or None while it is offline.
        subscriptions: Its topic filters; only `Sessions` changes them.
    """

    __slots__ = (
        "_last_packet_id",
        "_queue",
        "_queued_bytes",
        "_repeat",
        "_unacknowledged",
        "_window",
        "client_id",
        "connection",
        "expiry_seconds",
        "identifier",
        "subscriptions",
    )

    def __init__(self, client_id: str, *, expiry_seconds: float = 0) -> None:
        self.client_id = client_id
        self.identifier = uuid4().hex
        self.expiry_seconds = expiry_seconds
        self.connection: Connection | None = None
        self.subscriptions: set[str] = set()
        self._queue: deque[Message] = deque()
        self._queued_bytes = 0
        self._unacknowledged: dict[int, Message] = {}
        self._repeat: dict[int, None] = {}  # of those that are not acknowledged: what this connection has not seen
        self._window = MAX_UNACKNOWLEDGED
        self._last_packet_id = 0

    def queue(self, message: Message) -> bool:
        """Keep a QoS 1 message until it can be sent; False where there is no room, and it is lost."""
        size = len(message.payload) + message.properties.size
        if len(self._queue) >= MAX_QUEUED or self._queued_bytes + size > MAX_QUEUED_BYTES:
            return False
        self._queue.append(message)
        self._queued_bytes += size
        return True

    def has_next(self) -> bool:
        """Whether a message waits for the client's connection that the client need not acknowledge others before."""
        waits = self._repeat or self._queue
        return bool(waits) and len(self._unacknowledged) - len(self._repeat) < self._window

    def next(self) -> Outgoing:
        """The next message for the client's connection, where there is one."""
        if self._repeat:
            packet_id = next(iter(self._repeat))
            del self._repeat[packet_id]
            return Outgoing(self._unacknowledged[packet_id], packet_id, dup=True)
        message = self._queue.popleft()
        self._queued_bytes -= len(message.payload) + message.properties.size
        packet_id = self._free_packet_id()
        self._unacknowledged[packet_id] = message
        return Outgoing(message, packet_id, dup=False)

    def acknowledged(self, packet_id: int) -> None:
        """The client has a message; an identifier that was not sent is ignored."""
        self._unacknowledged.pop(packet_id, None)
        self._repeat.pop(packet_id, None)

    def connect(self, connection: "Connection", receive_maximum: int = MAX_UNACKNOWLEDGED) -> None:
        """The client is back: what it did not acknowledge is sent again first, `receive_maximum` at a time."""
        self.connection = connection
        self._repeat = dict.fromkeys(self._unacknowledged)
        self._window = min(receive_maximum, MAX_UNACKNOWLEDGED)

    def _free_packet_id(self) -> int:
        packet_id = self._last_packet_id % _PACKET_IDS + 1
        while packet_id in self._unacknowledged:
            packet_id = packet_id % _PACKET_IDS + 1
        self._last_packet_id = packet_id
        return packet_id
