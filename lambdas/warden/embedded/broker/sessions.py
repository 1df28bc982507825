"""All sessions by client id, and who of them is subscribed to what. They are in memory, and bounded.

Source: MQTT 3.1.1, section 3.1.2.4; MQTT 5, section 3.1.2.11.2; AWS IoT Core quotas.
"""

from collections.abc import Callable, Mapping

from warden.embedded.broker.message import Room
from warden.embedded.broker.session import Session
from warden.embedded.broker.stats import Stats
from warden.embedded.broker.topics import Subscriptions

MAX_SUBSCRIPTIONS = 50  # AWS IoT Core quotas, subscriptions per connection
MAX_OFFLINE = 10_000
"""Sessions whose clients are away."""
EXPIRY_SECONDS = 3_600.0  # AWS IoT Core quotas, persistent session expiry period
MAX_EXPIRY_SECONDS = 7 * 86_400.0


class Sessions:
    """The sessions. Times are seconds of any one clock.

    Args:
        ended: Told of each session that is over.
        stats: Where those are counted that are forgotten before their time.
        room: What they may keep together.
    """

    def __init__(
        self, ended: Callable[[Session], None] = lambda _: None, *, stats: Stats | None = None, room: Room | None = None
    ) -> None:
        self._ended = ended
        self._stats = stats or Stats()
        self._room = room or Room()
        self._all: dict[str, Session] = {}
        self._offline: dict[str, dict[str, float]] = {}  # owner to client id to session's end, gone longest first
        self._away = 0
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
            session = self._all[client_id] = Session(client_id, self._room)
        self._is_back(session)
        session.expiry_seconds = expiry_seconds
        return session, present

    def leave(self, session: Session, now: float) -> None:
        """The session's client is gone. Of too many that stay behind, one of the owner who has most is forgotten, the
        one gone longest."""
        session.connection = None
        if not session.expiry_seconds:
            self._forget(session)
            return
        self._offline.setdefault(session.owner, {})[session.client_id] = now + session.expiry_seconds
        self._away += 1
        if self._away > MAX_OFFLINE:
            most = max(self._offline.values(), key=len)
            self._forget(self._all[next(iter(most))])
            self._stats.evicted += 1

    def expire(self, now: float) -> None:
        """Forget the sessions whose time is over."""
        ends = [(self._all[client_id], end) for ids in self._offline.values() for client_id, end in ids.items()]
        for session in [session for session, end in ends if end <= now]:
            if session.client_id in self._offline.get(session.owner, ()):  # a will that was published may change that
                self._forget(session)

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

    def _is_back(self, session: Session) -> None:
        ids = self._offline.get(session.owner, {})
        if ids.pop(session.client_id, None) is not None:
            self._away -= 1
            if not ids:
                del self._offline[session.owner]

    def _forget(self, session: Session) -> None:
        del self._all[session.client_id]
        self._is_back(session)
        session.forget_messages()
        for topic_filter in session.subscriptions:
            self._subscriptions.remove(topic_filter, session)
        self._ended(session)
