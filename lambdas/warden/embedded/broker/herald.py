"""Tells of events: whoever wants to know, the log, and those who subscribed to `$aws/events/`."""

import logging
from collections.abc import Callable
from uuid import uuid4

from warden.embedded.broker.connection import Connection, Reason
from warden.embedded.broker.events import (
    Connected,
    ConnectFailed,
    Denied,
    Disconnected,
    Event,
    Operation,
    Subscribed,
    Unsubscribed,
)
from warden.embedded.broker.presence import announcement
from warden.embedded.broker.stats import Stats

MOST_LOGGED = 20
"""Denials of one connection."""

Tell = Callable[[Event], None]


class Herald:
    """Tells of what happens to connections.

    Args:
        tell: Told of each event. What it raises is logged.
        publish: Takes a topic and a payload to those who are subscribed.
        log: For a line on each failed connection, and on what a connection is denied.
        wall: Epoch milliseconds.
        stats: Where denials are counted.
    """

    def __init__(
        self,
        tell: Tell,
        publish: Callable[[str, bytes], None],
        *,
        log: logging.Logger,
        wall: Callable[[], int],
        stats: Stats,
    ) -> None:
        self._tell = tell
        self._publish = publish
        self._log = log
        self._wall = wall
        self._stats = stats

    def connected(self, connection: Connection) -> None:
        """A client's CONNECT is accepted."""
        self._say(Connected, connection)

    def connect_failed(self, connection: Connection, client_id: str) -> None:
        """A client may not connect."""
        self._stats.denied += 1
        self._log.warning("client %r at %s may not connect", client_id, connection.peer.address)
        self._say(ConnectFailed, connection, client_id=client_id, session_identifier=uuid4().hex)

    def disconnected(self, connection: Connection, reason: Reason) -> None:
        """A connection of a client that was accepted is over."""
        self._say(Disconnected, connection, reason=reason)

    def subscribed(self, connection: Connection, topics: tuple[str, ...]) -> None:
        """A client has subscribed."""
        self._say(Subscribed, connection, topics=topics)

    def unsubscribed(self, connection: Connection, topics: tuple[str, ...]) -> None:
        """A client has unsubscribed."""
        self._say(Unsubscribed, connection, topics=topics)

    def denied(self, connection: Connection, operation: Operation, topic: str) -> None:
        """A client has no right to something. The log has each topic once for a connection, and so many topics."""
        if (operation, topic) not in connection.denied and len(connection.denied) < MOST_LOGGED:
            connection.denied |= {(operation, topic)}
            client_id = connection.session.client_id if connection.session else ""
            self._log.warning(
                "client %r at %s may not %s %r", client_id, connection.peer.address, _WORDS[operation], topic
            )
        self._say(Denied, connection, operation=operation, topic=topic)

    def _say(self, kind: type[Event], connection: Connection, **members: object) -> None:
        session, peer = connection.session, connection.peer
        if session is not None:
            members |= {"client_id": session.client_id, "session_identifier": session.identifier}
        event = kind(
            at=self._wall(),
            certificate_id=peer.certificate_id,
            address=peer.address,
            port=peer.port,
            version_number=connection.version_number,
            **members,  # type: ignore[arg-type]
        )
        try:
            self._tell(event)
        except Exception:  # noqa: BLE001 (a listener's fault is not the client's)
            self._log.exception("telling of %s failed", event)
        if announced := announcement(event):
            self._publish(*announced)


_WORDS: dict[Operation, str] = {"publish": "publish on", "subscribe": "subscribe to", "receive": "receive from"}
