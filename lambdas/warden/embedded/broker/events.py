"""What happens to clients, as values for whoever keeps a log or counts. Times are epoch milliseconds.

Source: AWS IoT Developer Guide, Lifecycle events.
"""

from dataclasses import dataclass
from typing import Literal

from warden.embedded.broker.connection import Reason

MAX_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened to a client.

    Attributes:
        at: When.
        client_id: Whose.
        certificate_id: Of its certificate, or empty.
        address: Its IP address.
        port: Its port.
        session_identifier: Opaque; the same for the life of the client's session.
        version_number: Grows by 1 with each connection of this client id; it begins with 0 for a client that was away
            for an hour, or longer than its session is kept, and with more for one of whom that cannot be known.
    """

    at: int
    client_id: str
    certificate_id: str
    address: str
    port: int
    session_identifier: str
    version_number: int


class Connected(Event):
    """Its CONNECT is accepted."""

    __slots__ = ()


class ConnectFailed(Event):
    """It may not connect, or not with the will that it has: AUTHORIZATION_FAILED. It has no version number."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnected(Event):
    """Its connection ended."""

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed(Event):
    """It is subscribed to these filters, all of one SUBSCRIBE."""

    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribed(Event):
    """It is no longer subscribed to these filters, all of one UNSUBSCRIBE."""

    topics: tuple[str, ...]


Operation = Literal["publish", "subscribe", "receive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied(Event):
    """It has no right to do something with a topic, or to subscribe to a filter."""

    operation: Operation
    topic: str


class Versions:
    """Version numbers by client id; of too many that are away, the one gone longest is forgotten.

    Times are seconds of any one clock.

    Args:
        first: The number of a client that an earlier broker may have numbered: more than it can have given.
        known_from: From when on no such client can come: then one that is not known begins with 0.
    """

    def __init__(self, first: int = 0, known_from: float = float("-inf")) -> None:
        self._first = first
        self._known_from = known_from
        self._away: dict[str, tuple[int, float]] = {}

    def begin(self, client_id: str, now: float) -> int:
        """The number of a new connection."""
        if client_id not in self._away:
            return 0 if now >= self._known_from else self._first
        number, until = self._away.pop(client_id)
        return number + 1 if now < until else 0

    def end(self, client_id: str, number: int, until: float) -> None:
        """A connection is over; its number counts on for one that begins before `until`."""
        self._away[client_id] = number, until
        if len(self._away) > MAX_REMEMBERED:
            del self._away[next(iter(self._away))]
