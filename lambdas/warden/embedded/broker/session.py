"""What the broker keeps of a client: its subscriptions, and the QoS 1 messages it has not acknowledged.

Everything is in memory and bounded. Source: MQTT 3.1.1, sections 3.1.2.4 and 4.4; AWS IoT Core quotas.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from warden.embedded.broker.encode import encode_publish
from warden.embedded.broker.topics import Subscriptions

if TYPE_CHECKING:
    from warden.embedded.broker.connection import Connection

MAX_UNACKNOWLEDGED = 100  # AWS IoT Core quotas, unacknowledged outbound publish requests per client
MAX_SUBSCRIPTIONS = 50  # AWS IoT Core quotas, subscriptions per connection
MAX_QUEUED = 1_000
MAX_QUEUED_BYTES = 1024 * 1024
MAX_OFFLINE = 10_000
EXPIRY_SECONDS = 3_600.0  # AWS IoT Core quotas, persistent session expiry period
_PACKET_IDS = 0xFFFF


@dataclass(frozen=True, slots=True)
class Message:
    """A message on its way to subscribers."""

    topic: str
    payload: bytes


class Session:
    """One client's state; it outlives the client's connection unless it is clean.

    Attributes:
        client_id: 1 to 128 bytes.
        clean: Whether it ends with its connection.
        connection: The client's connection, or None while it is offline.
        subscriptions: Its topic filters; only `Sessions` changes them.
    """

    __slots__ = (
        "_last_packet_id",
        "_queue",
        "_queued_bytes",
        "_repeat",
        "_unacknowledged",
        "clean",
        "client_id",
        "connection",
        "subscriptions",
    )

    def __init__(self, client_id: str, *, clean: bool) -> None:
        self.client_id = client_id
        self.clean = clean
        self.connection: Connection | None = None
        self.subscriptions: set[str] = set()
        self._queue: deque[Message] = deque()
        self._queued_bytes = 0
        self._unacknowledged: dict[int, Message] = {}
        self._repeat: deque[int] = deque()
        self._last_packet_id = 0

    def queue(self, message: Message) -> bool:
        """Keep a QoS 1 message until it can be sent; False where there is no room, and it is lost."""
        size = len(message.payload)
        if len(self._queue) >= MAX_QUEUED or self._queued_bytes + size > MAX_QUEUED_BYTES:
            return False
        self._queue.append(message)
        self._queued_bytes += size
        return True

    def next_frame(self) -> bytes | None:
        """The next PUBLISH for the client's connection, or None: nothing waits, or it has to acknowledge first."""
        while self._repeat:
            packet_id = self._repeat.popleft()
            if packet_id in self._unacknowledged:
                message = self._unacknowledged[packet_id]
                return encode_publish(message.topic, message.payload, packet_id, dup=True)
        if not self._queue or len(self._unacknowledged) >= MAX_UNACKNOWLEDGED:
            return None
        message = self._queue.popleft()
        self._queued_bytes -= len(message.payload)
        packet_id = self._free_packet_id()
        self._unacknowledged[packet_id] = message
        return encode_publish(message.topic, message.payload, packet_id)

    def acknowledged(self, packet_id: int) -> None:
        """The client has a message; an identifier that was not sent is ignored."""
        self._unacknowledged.pop(packet_id, None)

    def connect(self, connection: "Connection") -> None:
        """The client is back: what it did not acknowledge is sent again first."""
        self.connection = connection
        self._repeat = deque(self._unacknowledged)

    def _free_packet_id(self) -> int:
        packet_id = self._last_packet_id % _PACKET_IDS + 1
        while packet_id in self._unacknowledged:
            packet_id = packet_id % _PACKET_IDS + 1
        self._last_packet_id = packet_id
        return packet_id


class Sessions:
    """All sessions by client id, and who of them is subscribed to what. Times are seconds of any one clock."""

    def __init__(self) -> None:
        self._all: dict[str, Session] = {}
        self._offline: dict[str, float] = {}  # client id to its session's end, the soonest first
        self._subscriptions: Subscriptions[Session] = Subscriptions()

    def get(self, client_id: str) -> Session | None:
        """A client's session."""
        return self._all.get(client_id)

    def open(self, client_id: str, *, clean: bool) -> tuple[Session, bool]:
        """The session of a client that connects, and whether it was there before; a clean one is always new."""
        session = self._all.get(client_id)
        if session is not None and not clean:
            self._offline.pop(client_id, None)
            return session, True
        if session is not None:
            self._forget(session)
        session = self._all[client_id] = Session(client_id, clean=clean)
        return session, False

    def leave(self, session: Session, now: float) -> None:
        """The session's client is gone. Of too many that stay behind, the one gone longest is forgotten."""
        session.connection = None
        if session.clean:
            self._forget(session)
            return
        self._offline[session.client_id] = now + EXPIRY_SECONDS
        if len(self._offline) > MAX_OFFLINE:
            self._forget(self._all[next(iter(self._offline))])

    def expire(self, now: float) -> None:
        """Forget the sessions whose time is over."""
        while self._offline:
            client_id, end = next(iter(self._offline.items()))
            if end > now:
                return
            self._forget(self._all[client_id])

    def subscribe(self, session: Session, topic_filter: str, qos: int) -> bool:
        """Add or replace a subscription; False where the session has as many as it may."""
        if topic_filter not in session.subscriptions and len(session.subscriptions) >= MAX_SUBSCRIPTIONS:
            return False
        session.subscriptions.add(topic_filter)
        self._subscriptions.add(topic_filter, session, qos)
        return True

    def unsubscribe(self, session: Session, topic_filter: str) -> None:
        """Remove a subscription; no error where there is none."""
        session.subscriptions.discard(topic_filter)
        self._subscriptions.remove(topic_filter, session)

    def subscribed(self, topic: str) -> Mapping[Session, int]:
        """The sessions that get what is published on a topic, each with its QoS."""
        return self._subscriptions.match(topic)

    def _forget(self, session: Session) -> None:
        del self._all[session.client_id]
        self._offline.pop(session.client_id, None)
        for topic_filter in session.subscriptions:
            self._subscriptions.remove(topic_filter, session)
