"""What the broker keeps of a client: its subscriptions, and the QoS 1 messages it has not acknowledged.

Everything is in memory and bounded. Source: MQTT 3.1.1 and MQTT 5, section 4.4; AWS IoT Core quotas.
"""

from collections import deque
from math import inf
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from warden.embedded.broker.message import Message, Room

if TYPE_CHECKING:
    from warden.embedded.broker.connection import Connection

MAX_UNACKNOWLEDGED = 100  # AWS IoT Core quotas, unacknowledged outbound publish requests per client
MAX_QUEUED = 1_000
MAX_QUEUED_BYTES = 1024 * 1024
_PACKET_IDS = 0xFFFF


class Outgoing(NamedTuple):
    """A QoS 1 message to be sent, maybe not for the first time."""

    message: Message
    packet_id: int
    dup: bool


class Session:
    """One client's state.

    Args:
        room: What all sessions together may keep.

    Attributes:
        client_id: 1 to 128 bytes.
        identifier: Opaque; told in events.
        owner: Who connected last: the certificate's id, empty where there is none.
        expiry_seconds: For how long it outlives its connection; 0 where it ends with that.
        connection: The client's connection, or None while it is offline.
        subscriptions: Its topic filters; only `Sessions` changes them.
    """

    __slots__ = (
        "_first_expiry", "_last_packet_id", "_queue", "_queued_bytes", "_repeat", "_room", "_unacknowledged",
        "_window", "client_id", "connection", "expiry_seconds", "identifier", "owner", "subscriptions",
    )  # fmt: skip

    def __init__(self, client_id: str, room: Room, *, expiry_seconds: float = 0) -> None:
        self.client_id = client_id
        self.identifier = uuid4().hex
        self.owner = ""
        self.expiry_seconds = expiry_seconds
        self.connection: Connection | None = None
        self.subscriptions: set[str] = set()
        self._room = room
        self._queue: deque[Message] = deque()
        self._queued_bytes = 0
        self._first_expiry = inf  # of those in the queue, or earlier
        self._unacknowledged: dict[int, Message] = {}
        self._repeat: dict[int, None] = {}  # of those that are not acknowledged: what this connection has not seen
        self._window = MAX_UNACKNOWLEDGED
        self._last_packet_id = 0

    def queue(self, message: Message) -> bool:
        """Keep a QoS 1 message until it can be sent; False where there is no room.

        A client that is there and has all that came before is always sent the next one.
        """
        keeps_up = self.connection is not None and not self._queue and not self._unacknowledged
        if not keeps_up and not self._room.fits(message):
            return False
        if len(self._queue) >= MAX_QUEUED or self._queued_bytes + message.size > MAX_QUEUED_BYTES:
            return False
        self._room.keep(message)
        self._queue.append(message)
        self._queued_bytes += message.size
        if message.expires_at is not None:
            self._first_expiry = min(self._first_expiry, message.expires_at)
        return True

    def drop_expired(self, now: float) -> int:
        """Forget what is not worth sending any more. Returns how many messages that were."""
        if now < self._first_expiry:
            return 0
        kept, ends = deque[Message](), [inf]
        for message in self._queue:
            if message.expires_at is None or now < message.expires_at:
                kept.append(message)
                ends.append(message.expires_at or inf)
            else:
                self._room.release(message)
                self._queued_bytes -= message.size
        expired = len(self._queue) - len(kept)
        self._queue, self._first_expiry = kept, min(ends)
        return expired

    def forget_messages(self) -> None:
        """The session is over."""
        for message in (*self._queue, *self._unacknowledged.values()):
            self._room.release(message)
        self._queue.clear()
        self._unacknowledged.clear()

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
        self._queued_bytes -= message.size
        packet_id = self._free_packet_id()
        self._unacknowledged[packet_id] = message
        return Outgoing(message, packet_id, dup=False)

    def acknowledged(self, packet_id: int) -> None:
        """The client has a message; an identifier that was not sent is ignored."""
        if message := self._unacknowledged.pop(packet_id, None):
            self._room.release(message)
        self._repeat.pop(packet_id, None)

    def connect(self, connection: "Connection", receive_maximum: int = MAX_UNACKNOWLEDGED) -> None:
        """The client is back: what it did not acknowledge is sent again first, `receive_maximum` at a time."""
        self.connection = connection
        self.owner = connection.peer.certificate_id
        self._repeat = dict.fromkeys(self._unacknowledged)
        self._window = min(receive_maximum, MAX_UNACKNOWLEDGED)

    def _free_packet_id(self) -> int:
        packet_id = self._last_packet_id % _PACKET_IDS + 1
        while packet_id in self._unacknowledged:
            packet_id = packet_id % _PACKET_IDS + 1
        self._last_packet_id = packet_id
        return packet_id
