"""What a broker counts."""

from dataclasses import dataclass


@dataclass(slots=True)
class Stats:
    """Counts since the start.

    Attributes:
        connections: Connections taken.
        refused: Of these, turned away at once: there were as many as there may be.
        received: PUBLISH packets that clients sent.
        sent: PUBLISH packets sent to clients.
        dropped: Messages lost to a subscriber that is slow, or has too much waiting, or gets too much.
        discarded: Messages of clients that send too many of them.
        throttled: CONNECTs and SUBSCRIBEs of clients that send too many of them.
        expired: Messages that were not sent before their time was over.
        withheld: Messages that a subscriber had no right to receive.
        denied: Connections, messages and subscriptions that a client had no right to.
        evicted: Sessions of clients that are away, forgotten before their time for want of room.
        unretained: Messages that were to be retained where there was no room.
        malformed: Connections closed for what their client sent.
        silent: Connections closed because their client said nothing for too long.
        failed: Connections closed for a fault of ours.
    """

    connections: int = 0
    refused: int = 0
    received: int = 0
    sent: int = 0
    dropped: int = 0
    discarded: int = 0
    throttled: int = 0
    expired: int = 0
    withheld: int = 0
    denied: int = 0
    evicted: int = 0
    unretained: int = 0
    malformed: int = 0
    silent: int = 0
    failed: int = 0
