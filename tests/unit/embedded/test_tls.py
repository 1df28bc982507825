"""Mutual TLS in front of the broker, against the TLS of Python's own asyncio: who gets in, and what gets through."""

import asyncio
import hashlib
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.surroundings.pki import an_ec_key, certificate, key_text, name, text
from warden.embedded.plane import now
from warden.embedded.surroundings.authority import Authority
from warden.embedded.tls import (
    ADDRESSES_REMEMBERED,
    HANDSHAKES_A_SECOND,
    HANDSHAKES_AT_ONCE,
    Handshakes,
    TlsFront,
    server_context,
    trust,
)


class Echo(asyncio.Protocol):
    """Sends back what it gets; says what it was told."""

    def __init__(self, said: list[Any]) -> None:
        self._said = said

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._said.append(("made", transport.get_extra_info("certificate_id"), transport.get_extra_info("certificate")))

    def data_received(self, data: bytes) -> None:
        if data == b"close":
            self._transport.close()
        elif data == b"big":
            self._transport.write(b"x" * 30_000_000)  # type: ignore[attr-defined]
        else:
            self._transport.write(data)  # type: ignore[attr-defined]

    def pause_writing(self) -> None:
        self._said.append("paused")

    def resume_writing(self) -> None:
        self._said.append("resumed")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._said.append("lost")


class Dozing(asyncio.Protocol):
    """Reads nothing for a turn of the loop whenever it got something; says how much it got."""

    def __init__(self, said: list[Any]) -> None:
        self._said = said

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._said.append(len(data))
        self._transport.pause_reading()
        asyncio.get_running_loop().call_soon(self._transport.resume_reading)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._said.append("lost")


class Listener:
    """A front on a port, for as long as `serving` runs what it is given.

    Attributes:
        said: What the protocol behind it was told.
        failed: Why there was no handshake.
        context: Its TLS.
        known: Ids of the certificates that are let in.
        behind: Makes what is behind it.
    """

    behind: Callable[[list[Any]], asyncio.Protocol] = Echo

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = Authority.open(directory, now)
        self.said: list[Any] = []
        self.failed: list[str] = []
        self.known: set[str] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self.handshakes = Handshakes(lambda: 0.0)
        pem, key = self.authority.issue_server(["localhost", "127.0.0.1"])
        (directory / "server.pem").write_text(pem)
        (directory / "server.key").write_text(key)
        anchors = [(directory / "ca.pem").read_text()]
        self.context = server_context(directory / "server.pem", directory / "server.key", anchors)

    def _front(self) -> TlsFront:
        return TlsFront(
            self.context,
            lambda: self.behind(self.said),
            admit=lambda _, certificate_id: certificate_id in self.known,
            failed=lambda _, why: self.failed.append(why),
            handshakes=self.handshakes,
            handshake_seconds=0.2,
        )

    def serving(self, talk: Callable[[int], Awaitable[None]]) -> None:
        async def serve() -> None:
            server = await asyncio.get_running_loop().create_server(self._front, "127.0.0.1", 0)
            async with server, asyncio.timeout(20):
                try:
                    await talk(server.sockets[0].getsockname()[1])
                finally:
                    for writer in self._writers:
                        writer.close()
                        with suppress(OSError):
                            await writer.wait_closed()
                    self._writers.clear()
                    await asyncio.sleep(0)

        asyncio.run(serve())

    async def connect(self, port: int, context: ssl.SSLContext | None = None, host: str = "localhost") -> Any:
        named = {"ssl": context, "server_hostname": host} if context else {}
        reader, writer = await asyncio.open_connection("127.0.0.1", port, **named)  # type: ignore[arg-type]
        self._writers.append(writer)
        return reader, writer

    def device(self, common_name: str = "pump") -> ssl.SSLContext:
        """A client with a certificate of the home, which is let in."""
        key = an_ec_key()
        pem = self.authority.issue(name(common_name), key.public_key())
        return self.client(pem, key_text(key))

    def client(self, pem: str = "", key: str = "", *, known: bool = True) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.directory / "ca.pem"))
        if pem:
            (self.directory / "client.pem").write_text(pem)
            (self.directory / "client.key").write_text(key)
            context.load_cert_chain(self.directory / "client.pem", self.directory / "client.key")
            if known:
                self.known.add(id_of(pem))
        return context


def id_of(pem: str) -> str:
    der = ssl.PEM_cert_to_DER_cert(pem)
    return hashlib.sha256(der).hexdigest()


@pytest.fixture
def listener(tmp_path: Path) -> Listener:
    return Listener(tmp_path)


def refused(listener: Listener, context: ssl.SSLContext) -> None:
    """The client is not let in: it gets nothing but an end."""

    async def talk(port: int) -> None:
        try:
            reader, writer = await listener.connect(port, context)
            writer.write(b"hello")
            assert await reader.read() == b""
        except (ssl.SSLError, ConnectionError):
            pass

    listener.serving(talk)
    assert listener.said == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_device_of_the_home_talks_to_what_is_behind_which_knows_it(listener: Listener, host: str) -> None:
    context = listener.device("press-3")

    async def talk(port: int) -> None:
        reader, writer = await listener.connect(port, context, host)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"

    listener.serving(talk)
    (made, certificate_id, shown), *rest = listener.said
    assert (made, certificate_id) == ("made", *listener.known)
    assert shown["subject"] == ((("commonName", "press-3"),),)
    assert rest == ["lost"]
    assert listener.failed == []


def test_what_is_sent_arrives_whole_and_in_order_however_large(listener: Listener) -> None:
    context, sent = listener.device(), bytes(range(256)) * 4_000

    async def talk(port: int) -> None:
        reader, writer = await listener.connect(port, context)
        writer.write(sent)
        assert await reader.readexactly(len(sent)) == sent

    listener.serving(talk)


def test_a_goodbye_does_not_overtake_what_came_before_it(listener: Listener) -> None:
    context, listener.behind = listener.device(), Dozing

    async def talk(port: int) -> None:
        _, writer = await listener.connect(port, context)
        writer.write(bytes(300_000))
        writer.close()
        while "lost" not in listener.said:
            await asyncio.sleep(0)

    listener.serving(talk)
    assert sum(listener.said[:-1]) == 300_000


def test_a_client_that_does_not_read_is_noticed(listener: Listener) -> None:
    context = listener.device()

    async def talk(port: int) -> None:
        reader, writer = await listener.connect(port, context)
        writer.write(b"big")
        while "paused" not in listener.said:
            await asyncio.sleep(0.01)
        assert len(await reader.readexactly(30_000_000)) == 30_000_000
        while "resumed" not in listener.said:
            await asyncio.sleep(0.01)

    listener.serving(talk)


def test_an_end_is_said_as_tls_has_it(listener: Listener) -> None:
    context = listener.device()

    async def talk(port: int) -> None:
        reader, writer = await listener.connect(port, context)
        writer.write(b"close")
        assert await reader.read() == b""  # asyncio raises where the end is not said

    listener.serving(talk)


def test_nobody_gets_in_without_a_certificate(listener: Listener) -> None:
    refused(listener, listener.client())
    assert len(listener.failed) == 1


def test_nobody_gets_in_with_a_certificate_that_nobody_vouches_for(listener: Listener) -> None:
    key = an_ec_key()
    refused(listener, listener.client(text(certificate(key)), key_text(key)))
    assert len(listener.failed) == 1


def test_nobody_gets_in_with_a_certificate_that_is_not_active(listener: Listener) -> None:
    key = an_ec_key()
    pem = listener.authority.issue(name("pump"), key.public_key())
    refused(listener, listener.client(pem, key_text(key), known=False))
    assert listener.failed == []


@pytest.mark.parametrize("begins", [timedelta(days=-91), timedelta(days=1)], ids=["over", "to come"])
def test_nobody_gets_in_with_a_certificate_whose_time_is(listener: Listener, begins: timedelta) -> None:
    key = an_ec_key()
    pem = text(certificate(key, begins=datetime.now(UTC).replace(microsecond=0) + begins))
    trust(listener.context, pem)
    refused(listener, listener.client(pem, key_text(key)))
    assert len(listener.failed) == 1


def test_a_certificate_that_is_registered_without_its_authority_is_trusted_from_then_on(listener: Listener) -> None:
    key = an_ec_key()
    authority = an_ec_key()
    issuer = certificate(authority, common_name="somebody else")
    pem = text(certificate(key, issuer=(issuer, authority)))
    context = listener.client(pem, key_text(key))
    refused(listener, context)

    async def talk(port: int) -> None:
        trust(listener.context, pem)
        reader, writer = await listener.connect(port, context)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"

    listener.serving(talk)


def test_what_is_no_certificate_ends_no_chain_and_nothing_else(listener: Listener) -> None:
    for pem in ("", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        trust(listener.context, pem)
    refused(listener, listener.client())


def test_what_is_no_tls_is_ended(listener: Listener) -> None:
    async def talk(port: int) -> None:
        reader, writer = await listener.connect(port)
        writer.write(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04pump")
        await reader.read()

    listener.serving(talk)
    assert (len(listener.failed), listener.said) == (1, [])


def test_who_never_ends_a_handshake_is_let_go(listener: Listener) -> None:
    async def talk(port: int) -> None:
        reader, writer = await listener.connect(port)
        writer.write(b"\x16\x03\x01")
        with suppress(ConnectionError):
            assert await reader.read() == b""

    listener.serving(talk)
    assert listener.failed == ["the handshake took too long"]


def test_old_tls_is_refused(listener: Listener) -> None:
    context = listener.device()
    with pytest.deprecated_call():
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    refused(listener, context)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_certificate_is_looked_at_also_where_a_session_is_resumed(
    listener: Listener, version: ssl.TLSVersion
) -> None:
    context = listener.device()
    context.minimum_version = context.maximum_version = version

    def talk_to(port: int, session: ssl.SSLSession | None) -> tuple[bytes, ssl.SSLSession | None]:
        with (
            suppress(OSError),  # refused, in the handshake or after it
            socket.create_connection(("127.0.0.1", port)) as line,
            context.wrap_socket(line, server_hostname="localhost", session=session) as tls,
        ):
            tls.sendall(b"hello")
            heard = tls.recv(5)
            with suppress(OSError):
                tls.unwrap()  # a session without a goodbye is forgotten by the server
            return heard, tls.session
        return b"", None

    async def talk(port: int) -> None:
        loop = asyncio.get_running_loop()
        heard, session = await loop.run_in_executor(None, talk_to, port, None)
        assert heard == b"hello"
        listener.known.clear()
        heard, _ = await loop.run_in_executor(None, talk_to, port, session)
        assert heard == b""

    listener.serving(talk)


def test_both_names_of_the_protocol_are_known_as_aws_knows_them(listener: Listener) -> None:
    context = listener.device()

    async def talk(port: int) -> None:
        for protocol in ("x-amzn-mqtt-ca", "mqtt"):
            context.set_alpn_protocols([protocol])
            _, writer = await listener.connect(port, context)
            assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == protocol

    listener.serving(talk)


def test_an_address_that_begins_too_many_handshakes_is_not_heard_for_a_while() -> None:
    time = [0.0]
    handshakes = Handshakes(lambda: time[0])

    def one(address: str) -> bool:
        may_begin = handshakes.begin(address)
        if may_begin:
            handshakes.end(address)
        return may_begin

    assert [one("192.0.2.1") for _ in range(HANDSHAKES_AT_ONCE + 1)] == [*[True] * HANDSHAKES_AT_ONCE, False]
    assert one("192.0.2.2")
    time[0] += 1
    assert [one("192.0.2.1") for _ in range(HANDSHAKES_A_SECOND + 1)] == [*[True] * HANDSHAKES_A_SECOND, False]


def test_no_more_addresses_are_remembered_than_there_is_room_for() -> None:
    handshakes = Handshakes(lambda: 0.0)
    for number in range(ADDRESSES_REMEMBERED + 10):
        assert handshakes.begin(str(number))
        handshakes.end(str(number))
    assert len(handshakes._left) == ADDRESSES_REMEMBERED


def test_handshakes_that_are_never_ended_are_bounded_for_each_address_and_for_all() -> None:
    handshakes = Handshakes(lambda: 0.0, most=8)
    assert [handshakes.begin("192.0.2.1") for _ in range(3)] == [True, True, False]
    for last in range(2, 5):
        assert [handshakes.begin(f"192.0.2.{last}") for _ in range(2)] == [True, True]
    assert not handshakes.begin("192.0.2.9")
    handshakes.end("192.0.2.2")
    assert handshakes.begin("192.0.2.9")


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [
        ("2001:db8::1", "2001:db8:0:0:ffff::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
    ],
)
def test_an_ipv6_network_that_one_host_may_have_to_itself_counts_as_one_address(
    one: str, other: str, is_one: bool
) -> None:
    handshakes = Handshakes(lambda: 0.0, most=4)
    assert handshakes.begin(one)
    assert handshakes.begin(other) is not is_one


def test_a_handshake_counts_until_it_is_over_however_it_ends(listener: Listener) -> None:
    listener.handshakes = Handshakes(lambda: 0.0, most=4)
    context = listener.device()

    async def talk(port: int) -> None:
        for _ in range(3):
            _, silent = await listener.connect(port)  # its connection ends before the handshake
            silent.close()
            with suppress(ConnectionError):
                reader, writer = await listener.connect(port)
                writer.write(b"no TLS at all")
                await reader.read()
            reader, writer = await listener.connect(port, context)
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"

    listener.serving(talk)


def test_the_servers_certificate_names_every_way_to_reach_it_and_serves_for_nothing_else(tmp_path: Path) -> None:
    names = ["broker.example", "localhost", "127.0.0.1", "::1"]
    pem, _ = Authority.open(tmp_path, now).issue_server(names)
    parsed = x509.load_pem_x509_certificate(pem.encode())
    alternative = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(each.value) for each in alternative] == names
    usage = parsed.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [each._name for each in usage] == ["serverAuth"]
    assert not parsed.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
