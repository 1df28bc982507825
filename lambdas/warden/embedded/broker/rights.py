"""Who a client is, and what it may do: the seam to certificates and policies, which the broker knows nothing of.

Source: AWS IoT Developer Guide, AWS IoT Core policy actions.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from warden.embedded.broker.packets import Connect


@dataclass(frozen=True, slots=True)
class Peer:
    """The far end of a connection.

    Attributes:
        address: Its IP address; empty where it was gone before it could be asked for.
        port: Its port.
        certificate_id: Of the certificate that it proved to have: 64 hex digits, or empty without TLS.
        tls: Whatever the front that ended TLS wants `authorise` to know.
    """

    address: str
    port: int
    certificate_id: str = ""
    tls: object | None = None


class Rights(Protocol):
    """What one connected client may do. Asked for every message: answers have to be quick."""

    def may_publish(self, topic: str, *, retain: bool) -> bool:
        """iot:Publish on a topic, and with `retain` iot:RetainPublish, too."""
        ...

    def may_subscribe(self, topic_filter: str) -> bool:
        """iot:Subscribe to a topic filter."""
        ...

    def may_receive(self, topic: str) -> bool:
        """iot:Receive of a message on a topic."""
        ...


Authorise = Callable[[Peer, Connect], Rights | None]
"""A client's rights, or None where it may not connect (iot:Connect). The CONNECT has the client id that the client
will have, and is without a password."""

PeerOf = Callable[[asyncio.Transport], Peer]
"""The far end of a transport; asked once, when the connection is made."""


class Everything:
    """The rights of a client that may do everything."""

    def may_publish(self, topic: str, *, retain: bool) -> bool:  # noqa: ARG002
        """Yes."""
        return True

    def may_subscribe(self, topic_filter: str) -> bool:  # noqa: ARG002
        """Yes."""
        return True

    def may_receive(self, topic: str) -> bool:  # noqa: ARG002
        """Yes."""
        return True


EVERYTHING = Everything()


def everything_allowed(_peer: Peer, _connect: Connect) -> Rights:
    """Of a port without principals: everybody may do everything."""
    return EVERYTHING


def peer_of_socket(transport: asyncio.Transport) -> Peer:
    """The far end of a plain connection."""
    address, port, *_ = transport.get_extra_info("peername") or ("", 0)
    return Peer(address, port)
