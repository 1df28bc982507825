"""Mutual TLS in front of the broker: who has no certificate that is trusted, active and known gets no further.

TLS runs over memory buffers, since asyncio's own keeps nearly ten times as much for an idle connection. Python's `ssl`
asks nobody about a certificate while it shakes hands: whether it is an active one is looked up right after.
"""

import asyncio
import hashlib
import ssl
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path
from typing import Any

ALPN = ("x-amzn-mqtt-ca", "mqtt")
HANDSHAKE_SECONDS = 5.0
CHUNK = 64 * 1024

HANDSHAKES_A_SECOND, HANDSHAKES_AT_ONCE = 100, 1_000
"""Of one address: each costs about a millisecond of the loop's time, which is everybody's."""
ADDRESSES_REMEMBERED = 4_096


def server_context(certificate: Path, key: Path, anchors: Iterable[str]) -> ssl.SSLContext:
    """What the listener presents, and whom it trusts.

    A device's own certificate may be an anchor: it is then registered without its authority. No tickets are given:
    what is resumed is from OpenSSL's own memory, TLS 1.2 only, and shows the certificate that it began with.

    Args:
        certificate: The server's, in PEM, with its chain.
        key: Its key.
        anchors: Certificates that may end a chain, each in PEM.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.num_tickets = 0
    context.set_alpn_protocols(list(ALPN))
    for pem in anchors:
        trust(context, pem)
    return context


def trust(context: ssl.SSLContext, pem: str) -> None:
    """Let one more certificate end a chain, from the next handshake on. One that OpenSSL cannot read ends none."""
    try:
        context.load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        return


class Handshakes:
    """How many handshakes an address may begin, and how many it may have begun and not ended.

    All addresses of an IPv6 network of 64 bits, the least that anybody has, are one.

    Args:
        clock: Seconds, never going back.
        most: How many may be unfinished; one address has a quarter of them at most.
    """

    def __init__(self, clock: Callable[[], float], most: int = 1_000) -> None:
        self._clock = clock
        self._most = most
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._unfinished: Counter[str] = Counter()

    def begin(self, address: str) -> bool:
        """Whether an address may begin one more now; it has begun then, until `end`."""
        now, place = self._clock(), _place(address)
        left, at = self._left.pop(place, (float(HANDSHAKES_AT_ONCE), now))
        left = min(HANDSHAKES_AT_ONCE, left + (now - at) * HANDSHAKES_A_SECOND)
        self._left[place] = (max(left - 1, 0), now)
        if len(self._left) > ADDRESSES_REMEMBERED:
            self._left.popitem(last=False)
        of_one, of_all = self._unfinished[place], self._unfinished.total()
        if left < 1 or of_all >= self._most or of_one >= max(1, self._most // 4):
            return False
        self._unfinished[place] += 1
        return True

    def end(self, address: str) -> None:
        """One that had begun is over, well or not."""
        place = _place(address)
        self._unfinished[place] -= 1
        if not self._unfinished[place]:
            del self._unfinished[place]


def _place(address: str) -> str:
    """Whose handshakes count together."""
    if ":" not in address:
        return address
    host = IPv6Address(address.partition("%")[0])
    return str(host.ipv4_mapped or IPv6Network((host, 64), strict=False))


class TlsFront(asyncio.Protocol):
    """One TLS connection; what it decrypts is another protocol's, which it makes once the client is known.

    Args:
        context: See `server_context`.
        behind: Makes the protocol behind it. Its transport's extra info has, beside the usual, `certificate_id`,
            the SHA-256 of the client's certificate, and `certificate`, as `ssl.SSLSocket.getpeercert` describes it.
        admit: Told address and certificate id after the handshake; False ends the connection.
        failed: Told address and reason where there was no handshake.
        handshakes: Says whether an address may begin one now.
        handshake_seconds: How long it may take.
    """

    __slots__ = (
        "_admit", "_begun", "_behind", "_context", "_failed", "_handshake_seconds", "_handshakes", "_incoming",
        "_inner", "_is_paused", "_outgoing", "_tls", "_transport",
    )  # fmt: skip

    _transport: asyncio.Transport
    _tls: ssl.SSLObject

    def __init__(
        self,
        context: ssl.SSLContext,
        behind: Callable[[], asyncio.Protocol],
        *,
        admit: Callable[[str, str], bool],
        failed: Callable[[str, str], object],
        handshakes: Handshakes,
        handshake_seconds: float = HANDSHAKE_SECONDS,
    ) -> None:
        self._context = context
        self._behind = behind
        self._admit = admit
        self._failed = failed
        self._handshakes = handshakes
        self._handshake_seconds = handshake_seconds
        self._inner: asyncio.Protocol | None = None
        self._begun: asyncio.TimerHandle | None = None
        self._is_paused = False
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()

    @property
    def address(self) -> str:
        """The client's IP address."""
        return str((self._transport.get_extra_info("peername") or ("",))[0])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there (called by the loop)."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if not self._handshakes.begin(self.address):
            transport.abort()
            return
        self._tls = self._context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._begun = asyncio.get_running_loop().call_later(
            self._handshake_seconds, self._end, "the handshake took too long"
        )

    def data_received(self, data: bytes) -> None:
        """Bytes came (called by the loop)."""
        if self._begun is None and self._inner is None:
            return  # it is over
        self._incoming.write(data)
        self._advance()

    def _advance(self) -> None:
        """Do what the bytes that came allow."""
        try:
            if self._inner is None:
                self._tls.do_handshake()
                self._greet()
            self._deliver()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._flush()  # the alert that says why
            self._end(error.reason or str(error))
            return
        self._flush()

    def _greet(self) -> None:
        """The client has shown a certificate that is trusted: is it one that may be used?"""
        self._has_ended()
        certificate_id = hashlib.sha256(self._tls.getpeercert(binary_form=True) or b"").hexdigest()
        if not self._admit(self.address, certificate_id):
            self._transport.close()
            return
        self._inner = self._behind()
        self._inner.connection_made(TlsTransport(self, certificate_id, self._tls.getpeercert() or {}))

    def _deliver(self) -> None:
        while self._inner is not None and not self._is_paused and not self._transport.is_closing():
            data = self._tls.read(CHUNK)
            if not data:  # the client has said goodbye
                self._transport.close()
                return
            self._inner.data_received(data)

    def _end(self, why: str) -> None:
        """There is no handshake, or it broke."""
        if self._has_ended():
            self._failed(self.address, why)
        self._transport.abort()

    def _has_ended(self) -> bool:
        """The handshake is over. Returns whether it was not before."""
        if self._begun is None:
            return False
        self._begun.cancel()
        self._begun = None
        self._handshakes.end(self.address)
        return True

    def _flush(self) -> None:
        if self._outgoing.pending and not self._transport.is_closing():
            self._transport.write(self._outgoing.read())

    def write(self, data: bytes) -> None:
        """Encrypt and send."""
        if not self._transport.is_closing():
            with suppress(ssl.SSLError):  # the client has said goodbye already
                self._tls.write(data)
            self._flush()

    def close(self) -> None:
        """Send what waits, say goodbye, close."""
        with suppress(ssl.SSLError):  # it waits for the client's goodbye, which nobody waits for
            self._tls.unwrap()
        self._flush()
        self._transport.close()

    def pause_reading(self) -> None:
        """Decrypt nothing more; a goodbye that came already is not heard before what came with it."""
        self._is_paused = True
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on; not at once, since who asks for it may just be dealing with what was decrypted last."""
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
            asyncio.get_running_loop().call_soon(self._advance_again)

    def _advance_again(self) -> None:
        if self._inner is not None:
            self._advance()

    def pause_writing(self) -> None:
        """The client does not read (called by the transport)."""
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """It reads again (called by the transport)."""
        if self._inner is not None:
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone (called by the loop)."""
        if self._begun is not None:
            self._end("the client left")
        if self._inner is not None:
            self._inner.connection_lost(exc)

    @property
    def transport(self) -> asyncio.Transport:
        """Below the encryption."""
        return self._transport


class TlsTransport(asyncio.Transport):
    """What the protocol behind a `TlsFront` writes to."""

    __slots__ = ("_certificate", "_certificate_id", "_front")

    def __init__(self, front: TlsFront, certificate_id: str, certificate: Any) -> None:
        super().__init__()
        self._front = front
        self._certificate_id = certificate_id
        self._certificate = certificate

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the connection."""
        if name == "certificate_id":
            return self._certificate_id
        if name == "certificate":
            return self._certificate
        return self._front.transport.get_extra_info(name, default)

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        """Send some bytes."""
        self._front.write(bytes(data))

    def close(self) -> None:
        """Close when what was written is sent."""
        self._front.close()

    def abort(self) -> None:
        """Close now."""
        self._front.transport.abort()

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._front.transport.is_closing()

    def pause_reading(self) -> None:
        """Bring nothing more."""
        self._front.pause_reading()

    def resume_reading(self) -> None:
        """Bring more again."""
        self._front.resume_reading()

    def get_write_buffer_size(self) -> int:
        """Bytes that wait to be sent."""
        return self._front.transport.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """When writing is to pause."""
        self._front.transport.set_write_buffer_limits(high, low)
