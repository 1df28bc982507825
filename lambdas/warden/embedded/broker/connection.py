"""One client's connection: bytes in and out, packets to the broker, silence and slowness noticed."""

import asyncio
from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, Protocol, cast

from warden.embedded.broker.decode import Decoder
from warden.embedded.broker.encode import encode, encode_puback
from warden.embedded.broker.packets import (
    MQTT_3_1_1,
    MQTT_5,
    Code,
    Connect,
    Disconnect,
    Malformed,
    Packet,
    Puback,
    Will,
)
from warden.embedded.broker.rights import EVERYTHING, Peer, PeerOf, Rights, peer_of_socket

if TYPE_CHECKING:
    from warden.embedded.broker.limits import Meter
    from warden.embedded.broker.session import Session

CONNECT_SECONDS = 10.0
MAX_UNACKNOWLEDGED = 100  # AWS IoT Core quotas, unacknowledged inbound publish requests per client
MAX_TOPIC_ALIAS = 8  # AWS IoT Core quotas
TURN_SECONDS = 0.005  # of the loop's time; one read may bring 50,000 packets, each for many subscribers
SLOW_BYTES = 1024 * 1024  # what may wait for a client that does not read, before it is slow
FLUSH_BYTES = 64 * 1024
_NO_LIMIT = 1 << 32


class Reason(StrEnum):
    """Why a connection ended, in the words of AWS IoT's lifecycle events."""

    CLIENT_INITIATED_DISCONNECT = "CLIENT_INITIATED_DISCONNECT"
    CLIENT_ERROR = "CLIENT_ERROR"
    CONNECTION_LOST = "CONNECTION_LOST"
    MQTT_KEEP_ALIVE_TIMEOUT = "MQTT_KEEP_ALIVE_TIMEOUT"
    DUPLICATE_CLIENTID = "DUPLICATE_CLIENTID"
    AUTH_ERROR = "AUTH_ERROR"
    FORBIDDEN_ACCESS = "FORBIDDEN_ACCESS"
    THROTTLED = "THROTTLED"
    SERVER_ERROR = "SERVER_ERROR"
    SERVER_INITIATED_DISCONNECT = "SERVER_INITIATED_DISCONNECT"


_CODES = {
    Reason.CLIENT_ERROR: Code.PROTOCOL_ERROR,
    Reason.MQTT_KEEP_ALIVE_TIMEOUT: Code.KEEP_ALIVE_TIMEOUT,
    Reason.DUPLICATE_CLIENTID: Code.SESSION_TAKEN_OVER,
    Reason.AUTH_ERROR: Code.NOT_AUTHORIZED,
    Reason.FORBIDDEN_ACCESS: Code.NOT_AUTHORIZED,
    Reason.SERVER_ERROR: Code.UNSPECIFIED_ERROR,
    Reason.SERVER_INITIATED_DISCONNECT: Code.SERVER_SHUTTING_DOWN,
}


class Owner(Protocol):
    """What a connection asks of the broker that it belongs to."""

    clock: Callable[[], float]
    paused: bool

    def opened(self, connection: "Connection") -> None:
        """A client is there; it has not sent anything yet."""
        ...

    def received(self, connection: "Connection", packet: Packet) -> None:
        """The client sent a packet. Whatever this raises closes the connection."""
        ...

    def writable(self, connection: "Connection") -> None:
        """The client is no longer slow."""
        ...

    def failed(self, connection: "Connection", error: Exception) -> None:
        """`received` raised; says it to the log."""
        ...

    def closed(self, connection: "Connection", reason: Reason, why: str) -> None:
        """The connection is over; told once."""
        ...

    def flush_soon(self, connection: "Connection") -> None:
        """Call the connection's `flush` when the events at hand are dealt with."""
        ...


class Connection(asyncio.Protocol):
    """The protocol of one client. It has no task and no queue; what it sends in one turn of the loop is one write.

    Args:
        owner: The broker.
        peer_of: Says who is at the other end of the transport.
        meter: Counts what the client sends and gets, where that is limited.

    Attributes:
        peer: Who is at the other end, from `connection_made` on.
        session: The client's session, None before its CONNECT is taken. So are the following.
        connect: The client's CONNECT, without a password.
        rights: What the client may do.
        will: What to publish when the connection ends without a DISCONNECT.
        level: The protocol level.
        largest: How many bytes a packet to the client may have.
        version_number: As in events.
        aliases: The client's topic aliases.
        denied: The operations and topics whose denial the log was told of.
        unacknowledged: QoS 1 messages of the client that it has no PUBACK for.
        slow: Whether more than `SLOW_BYTES` wait for the client. Then nothing is read from it either: its
            requests would only add answers.
    """

    __slots__ = (
        "_closed", "_decoder", "_frames", "_frames_bytes", "_heard_at", "_held", "_owner", "_patience_seconds",
        "_peer_of", "_rest", "_transport", "aliases", "connect", "denied", "largest", "level", "meter", "peer",
        "rights", "session", "slow", "unacknowledged", "version_number", "will",
    )  # fmt: skip

    peer: Peer
    _transport: asyncio.Transport

    def __init__(self, owner: Owner, peer_of: PeerOf = peer_of_socket, meter: "Meter | None" = None) -> None:
        self.session: Session | None = None
        self.connect: Connect | None = None
        self.rights: Rights = EVERYTHING
        self.will: Will | None = None
        self.level = MQTT_3_1_1
        self.largest = _NO_LIMIT
        self.version_number = 0
        self.aliases: dict[int, str] | None = None
        self.denied: frozenset[tuple[str, str]] = frozenset()
        self.unacknowledged = 0
        self.slow = False
        self.meter = meter
        self._held = False
        self._owner = owner
        self._peer_of = peer_of
        self._decoder = Decoder()
        self._frames: list[bytes] = []
        self._frames_bytes = 0
        self._closed = False
        self._rest: Iterator[Packet] | None = None  # what came and was not dealt with
        self._heard_at = owner.clock()
        self._patience_seconds = CONNECT_SECONDS

    def accept(self, session: "Session", connect: Connect, rights: Rights, keep_alive_seconds: int) -> None:
        """The client's CONNECT is taken: from now on it may be silent for 1.5 times its keep-alive."""
        self.session, self.connect, self.rights, self.will = session, connect, rights, connect.will
        self.level = connect.level
        self.largest = connect.properties.maximum_packet_size or _NO_LIMIT
        self._patience_seconds = 1.5 * keep_alive_seconds

    def is_overdue(self, now: float) -> bool:
        """Whether the client was silent for too long; bytes that are no whole packet are silence. Who is not read for
        having sent much is not silent, who does not read is."""
        if self._held or self._has_more or self.unacknowledged >= MAX_UNACKNOWLEDGED:
            return False
        return now - self._heard_at > self._patience_seconds

    def send(self, frame: bytes) -> None:
        """Have a packet sent; nothing happens where the connection is over, or the client does not take so large a
        one: MQTT 5 has us behave as if it had been sent."""
        if self._closed or len(frame) > self.largest:
            return
        if not self._frames:
            self._owner.flush_soon(self)
        self._frames.append(frame)
        self._frames_bytes += len(frame)
        if self._frames_bytes >= FLUSH_BYTES:
            self.flush()

    def acknowledge(self, packet_id: int, code: int = Code.SUCCESS) -> None:
        """Have a PUBACK sent."""
        self.unacknowledged -= 1
        self.send(encode(Puback(packet_id, code), self.level) if code else encode_puback(packet_id))
        if self.unacknowledged == MAX_UNACKNOWLEDGED - 1 and not self._closed:
            self.govern_reading()

    def flush(self) -> None:
        """Write what waits."""
        if self._frames:
            self._transport.write(b"".join(self._frames))
            self._frames.clear()
            self._frames_bytes = 0

    def close(self, reason: Reason, why: str = "", code: Code | None = None) -> None:
        """End the connection. What a client does not read at once, it does not get: waiting would have no bound.

        A client of MQTT 5 is told the reason, by `code` where there is one.
        """
        if self._closed:
            return
        if self.session is not None and self.level == MQTT_5 and reason in _CODES:
            self.send(encode(Disconnect(code or _CODES[reason]), MQTT_5))
        self.flush()
        self._closed = True
        self._rest = None
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()
        self._owner.closed(self, reason, why)

    def govern_reading(self) -> None:
        """Read, or stop reading, as the broker, the client's slowness and its limits demand."""
        is_full = self.unacknowledged >= MAX_UNACKNOWLEDGED or self._has_more
        if self._owner.paused or self.slow or self._held or is_full:
            self._transport.pause_reading()
        else:
            self._heard_at = self._owner.clock()  # while nothing was read, silence was ours
            self._transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there (called by the loop)."""
        self._transport = cast("asyncio.Transport", transport)
        self.peer = self._peer_of(self._transport)
        self._transport.set_write_buffer_limits(high=SLOW_BYTES)
        self._owner.opened(self)
        if self._owner.paused:
            self.govern_reading()

    def data_received(self, data: bytes) -> None:
        """Bytes came (called by the loop). Nothing that they cause gets any further than this client."""
        if self._closed:
            return
        if self.meter is not None and (seconds := self.meter.wait_seconds(len(data), self._owner.clock())):
            self._hold(seconds)
        packets = self._decoder.feed(data)
        if self._rest is None:
            self._deal_with(packets)
        else:  # it was decrypted already
            self._rest = chain(self._rest, packets)

    def _deal_with(self, packets: Iterator[Packet]) -> None:
        """Deal with packets for as long as it is this client's turn; with the rest when others have had theirs."""
        ends = self._owner.clock() + TURN_SECONDS
        try:
            for packet in packets:
                self._owner.received(self, packet)
                if self._closed:
                    return
                now = self._owner.clock()
                if self.session is not None:
                    self._heard_at = now
                if now >= ends:
                    self._rest = packets
                    self.govern_reading()
                    asyncio.get_running_loop().call_soon(self._go_on)
                    return
        except Malformed as error:
            self.send(error.answer)
            self.close(Reason.CLIENT_ERROR, f"0x{error.code:02X} {error.why}", error.code)
        except Exception as error:  # noqa: BLE001 (a fault in one client's handling is not the other clients')
            self._owner.failed(self, error)
            self.close(Reason.SERVER_ERROR, repr(error))

    def _go_on(self) -> None:
        packets, self._rest = self._rest, None
        if packets is None:  # it was closed
            return
        self._deal_with(packets)
        if not (self._closed or self._has_more):
            self.govern_reading()

    @property
    def _has_more(self) -> bool:
        """Whether packets wait for this client's next turn."""
        return self._rest is not None

    def _hold(self, seconds: float) -> None:
        """Read nothing for a while: the client sent more than its share."""
        self._held = True
        self.govern_reading()
        asyncio.get_running_loop().call_later(seconds, self._release)

    def _release(self) -> None:
        self._held = False
        if not self._closed:
            self.govern_reading()

    def pause_writing(self) -> None:
        """More than `SLOW_BYTES` wait (called by the transport)."""
        self.slow = True
        self.govern_reading()

    def resume_writing(self) -> None:
        """Most of it is gone (called by the transport)."""
        self.slow = False
        self.govern_reading()
        self._owner.writable(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone (called by the loop)."""
        self.close(Reason.CONNECTION_LOST, repr(exc) if exc else "")
