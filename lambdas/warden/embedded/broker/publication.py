"""What the broker shows to the program around it."""

from collections.abc import Callable
from typing import NamedTuple


class Publication(NamedTuple):
    """A message that a client published, or its will.

    Attributes:
        topic: At most 256 bytes and 7 slashes.
        payload: At most 128 KB.
        qos: 0 or 1.
        client_id: Who published it.
        acknowledge: Sends the PUBACK of a QoS 1 message, and does nothing for QoS 0 or where the connection that it
            came by is over. To be called at most once, on the loop's thread.
        dup: Whether its client says that it may have sent it before.
    """

    topic: str
    payload: bytes
    qos: int
    client_id: str
    acknowledge: Callable[[], None]
    dup: bool = False
