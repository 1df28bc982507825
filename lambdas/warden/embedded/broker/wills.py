"""Wills that wait: MQTT 5 lets a client come back before its will is published. Source: MQTT 5, section 3.1.3.2.2."""

from collections.abc import Callable
from typing import NamedTuple

from warden.embedded.broker.packets import Connect, Will
from warden.embedded.broker.rights import Peer
from warden.embedded.broker.session import Session


class LastWill(NamedTuple):
    """A client's will, and whose it is: its right to it is asked for when it is published."""

    will: Will
    peer: Peer
    connect: Connect


class Wills:
    """The wills of clients that are away, at most one of each session. Times are seconds of any one clock.

    Args:
        publish: Publishes a will whose time has come; it has to raise nothing.
    """

    def __init__(self, publish: Callable[[LastWill], None]) -> None:
        self._publish = publish
        self._waiting: dict[Session, tuple[float, LastWill]] = {}

    def leave(self, session: Session, last: LastWill, now: float) -> None:
        """A client left against its will: publish it, now or when its delay is over."""
        delay = min(last.will.properties.will_delay or 0, session.expiry_seconds)
        if delay:
            self._waiting[session] = now + delay, last
        else:
            self._publish(last)

    def back(self, session: Session) -> None:
        """The client is there again: its will is not published."""
        self._waiting.pop(session, None)

    def ended(self, session: Session) -> None:
        """The session is over, and so is any delay."""
        if session in self._waiting:
            _, last = self._waiting.pop(session)
            self._publish(last)

    def sweep(self, now: float) -> None:
        """Publish the wills whose delay is over."""
        for session in [session for session, (due, _) in self._waiting.items() if due <= now]:
            self.ended(session)
