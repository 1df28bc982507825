"""One client's connection: bytes in and out, packets to the broker, silence and slowness noticed."""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from warden.embedded.broker.decode import Decoder
from warden.embedded.broker.packets import Malformed, Packet, Will

if TYPE_CHECKING:
    from warden.embedded.broker.session import Session

CONNECT_SECONDS = 10.0
MAX_KEEP_ALIVE_SECONDS = 1_200  # AWS IoT Core quotas, also the default
SLOW_BYTES = 1024 * 1024  # what may wait for a client that does not read, before it is slow
FLUSH_BYTES = 64 * 1024


class Reason(StrEnum):
    """Why a connection ended, in the words of AWS IoT's lifecycle events."""

    CLIENT_INITIATED_DISCONNECT = "CLIENT_INITIATED_DISCONNECT"
    CLIENT_ERROR = "CLIENT_ERROR"
    CONNECTION_LOST = "CONNECTION_LOST"
    MQTT_KEEP_ALIVE_TIMEOUT = "MQTT_KEEP_ALIVE_TIMEOUT"
    DUPLICATE_CLIENTID = "DUPLICATE_CLIENTID"
    FORBIDDEN_ACCESS = "FORBIDDEN_ACCESS"
    SERVER_ERROR = "SERVER_ERROR"
    SERVER_INITIATED_DISCONNECT = "SERVER_INITIATED_DISCONNECT"


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

    Attributes:
        session: The client's session, None before its CONNECT.
        will: What to publish when the connection ends without a DISCONNECT.
        slow: Whether more than `SLOW_BYTES` wait for the client. Then nothing is read from it either: its
            requests would only add answers.
    """

    __slots__ = (
        "_closed", "_decoder", "_frames", "_frames_bytes", "_heard_at", "_owner", "_patience_seconds", "_transport",
        "session", "slow", "will",
    )  # fmt: skip

    _transport: asyncio.Transport

    def __init__(self, owner: Owner) -> None:
        self.session: Session | None = None
        self.will: Will | None = None
        self.slow = False
        self._owner = owner
        self._decoder = Decoder()
        self._frames: list[bytes] = []
        self._frames_bytes = 0
        self._closed = False
        self._heard_at = owner.clock()
        self._patience_seconds = CONNECT_SECONDS

    @property
    def address(self) -> str:
        """The client's, for the log."""
        return str(self._transport.get_extra_info("peername"))

    def accept(self, session: "Session", will: Will | None, keep_alive_seconds: int) -> None:
        """The client's CONNECT is taken: from now on it may be silent for 1.5 times its keep-alive."""
        self.session, self.will = session, will
        self._patience_seconds = 1.5 * min(keep_alive_seconds or MAX_KEEP_ALIVE_SECONDS, MAX_KEEP_ALIVE_SECONDS)

    def is_overdue(self, now: float) -> bool:
        """Whether the client was silent for too long; bytes that are no whole packet are silence."""
        return now - self._heard_at > self._patience_seconds

    def send(self, frame: bytes) -> None:
        """Have a packet sent; nothing happens where the connection is over."""
        if self._closed:
            return
        if not self._frames:
            self._owner.flush_soon(self)
        self._frames.append(frame)
        self._frames_bytes += len(frame)
        if self._frames_bytes >= FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._frames:
            self._transport.write(b"".join(self._frames))
            self._frames.clear()
            self._frames_bytes = 0

    def close(self, reason: Reason, why: str = "") -> None:
        """End the connection. What a client does not read at once, it does not get: waiting would have no bound."""
        if self._closed:
            return
        self.flush()
        self._closed = True
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()
        self._owner.closed(self, reason, why)

    def govern_reading(self) -> None:
        """Read, or stop reading, as the broker and the client's slowness demand."""
        if self._owner.paused or self.slow:
            self._transport.pause_reading()
        else:
            self._heard_at = self._owner.clock()  # while nothing was read, silence was ours
            self._transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there (called by the loop)."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=SLOW_BYTES)
        self._owner.opened(self)
        if self._owner.paused:
            self.govern_reading()

    def data_received(self, data: bytes) -> None:
        """Bytes came (called by the loop). Nothing that they cause gets any further than this client."""
        try:
            self._receive(data)
        except Malformed as error:
            self.send(error.answer)
            self.close(Reason.CLIENT_ERROR, f"0x{error.code:02X} {error.why}")
        except Exception as error:  # noqa: BLE001 (a fault in one client's handling is not the other clients')
            self._owner.failed(self, error)
            self.close(Reason.SERVER_ERROR, repr(error))

    def _receive(self, data: bytes) -> None:
        for packet in self._decoder.feed(data):
            self._owner.received(self, packet)
            if self._closed:
                return
            if self.session is not None:
                self._heard_at = self._owner.clock()

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
