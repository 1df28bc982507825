"""All sessions by client id, and who of them is subscribed to what. They are in memory, and bounded.

Source: MQTT 3.1.1, section 3.1.2.4; MQTT 5, section 3.1.2.11.2; AWS IoT Core quotas.
"""

from collections.abc import Callable, Mapping

from warden.embedded.broker.session import Session
from warden.embedded.broker.topics import Subscriptions

MAX_SUBSCRIPTIONS = 50  # AWS IoT Core quotas, subscriptions per connection
MAX_OFFLINE = 10_000
EXPIRY_SECONDS = 3_600.0  # AWS IoT Core quotas, persistent session expiry period
MAX_EXPIRY_SECONDS = 7 * 86_400.0


class Sessions:
    """The sessions. Times are seconds of any one clock.

    Args:
        ended: Told of each session that is over.
    """

    def __init__(self, ended: Callable[[Session], None] = lambda _: None) -> None:
        self._ended = ended
        self._all: dict[str, Session] = {}
        self._offline: dict[str, float] = {}  # client id to its session's end, the one gone longest first
        self._subscriptions: Subscriptions[Session] = Subscriptions()

    def get(self, client_id: str) -> Session | None:
        """A client's session."""
        return self._all.get(client_id)

    def open(self, client_id: str, *, clean: bool, expiry_seconds: float = 0) -> tuple[Session, bool]:
        """The session of a client that connects, and whether it was there before; with `clean` it is always new."""
        session = self._all.get(client_id)
        present = session is not None and not clean
        if session is None or clean:
            if session is not None:
                self._forget(session)
            session = self._all[client_id] = Session(client_id)
        self._offline.pop(client_id, None)
        session.expiry_seconds = expiry_seconds
        return session, present

    def leave(self, session: Session, now: float) -> None:
        """The session's client is gone. Of too many that stay behind, the one gone longest is forgotten."""
        session.connection = None
        if not session.expiry_seconds:
            self._forget(session)
            return
        self._offline[session.client_id] = now + session.expiry_seconds
        if len(self._offline) > MAX_OFFLINE:
            self._forget(self._all[next(iter(self._offline))])

    def expire(self, now: float) -> None:
        """Forget the sessions whose time is over."""
        for client_id in [client_id for client_id, end in self._offline.items() if end <= now]:
            if client_id in self._offline:  # a will that was published may have changed it
                self._forget(self._all[client_id])

    def subscribe(self, session: Session, topic_filter: str, options: int) -> bool:
        """Add or replace a subscription; False where the session has as many as it may."""
        if topic_filter not in session.subscriptions and len(session.subscriptions) >= MAX_SUBSCRIPTIONS:
            return False
        session.subscriptions.add(topic_filter)
        self._subscriptions.add(topic_filter, session, options)
        return True

    def unsubscribe(self, session: Session, topic_filter: str) -> bool:
        """Remove a subscription; False where there is none."""
        if topic_filter not in session.subscriptions:
            return False
        session.subscriptions.discard(topic_filter)
        self._subscriptions.remove(topic_filter, session)
        return True

    def subscribed(self, topic: str) -> Mapping[Session, int]:
        """The sessions that get what is published on a topic, each with its options."""
        return self._subscriptions.match(topic)

    def _forget(self, session: Session) -> None:
        del self._all[session.client_id]
        self._offline.pop(session.client_id, None)
        for topic_filter in session.subscriptions:
            self._subscriptions.remove(topic_filter, session)
        self._ended(session)
