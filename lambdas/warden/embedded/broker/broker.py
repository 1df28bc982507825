"""The MQTT broker: what each packet of a client does, and the seam to what takes reports in.

QoS 0 and 1, persistent sessions and wills, with AWS IoT Core's semantics and quotas; no retained messages.
Source: MQTT 3.1.1; AWS IoT Developer Guide, MQTT and Reserved topics; AWS IoT Core quotas.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

from warden.embedded.broker.connection import Connection, Reason
from warden.embedded.broker.encode import encode, encode_puback, encode_publish
from warden.embedded.broker.packets import (
    REFUSED,
    Connack,
    ConnackCode,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Will,
)
from warden.embedded.broker.publication import Publication
from warden.embedded.broker.session import Message, Session, Sessions
from warden.embedded.broker.topics import is_reserved, is_within_limits, may_subscribe

MAX_CLIENT_ID_BYTES = 128  # AWS IoT Core quotas
MAX_FILTERS = 8  # AWS IoT Core quotas, subscriptions per subscribe request
SWEEP_SECONDS = 1.0
BACKLOG = 1024

_PINGRESP = encode(Pingresp())


@dataclass(slots=True)
class Stats:
    """Counts since the start.

    Attributes:
        connections: Connections taken.
        received: PUBLISH packets that clients sent.
        sent: PUBLISH packets sent to clients.
        dropped: Messages lost to a subscriber that is slow, or has too much waiting.
        malformed: Connections closed for what their client sent.
        silent: Connections closed because their client said nothing for too long.
        failed: Connections closed for a fault of ours.
    """

    connections: int = 0
    received: int = 0
    sent: int = 0
    dropped: int = 0
    malformed: int = 0
    silent: int = 0
    failed: int = 0


class Broker:
    """Serves MQTT clients on the running loop.

    A client's rights are decided in four places, each before it has any effect: `_connect`, `_publish`, `_subscribe`
    and, for what it receives, `publish`.

    Args:
        take: Shown each message that a client publishes. True where it is taken over: then it is neither routed nor
            acknowledged here. Raising closes the client's connection, and nothing is acknowledged.
        log: For a line on each connection that did not end in order.
        clock: Seconds, never going back.
    """

    def __init__(
        self,
        *,
        take: Callable[[Publication], bool],
        log: logging.Logger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stats = Stats()
        self.clock = clock
        self.paused = False
        self._take = take
        self._log = log
        self._sessions = Sessions()
        self._connections: set[Connection] = set()
        self._unflushed: list[Connection] = []
        self._servers: list[asyncio.Server] = []
        self._sweep: asyncio.TimerHandle | None = None
        self._handlers: dict[type[Packet], Callable[[Connection, Any], None]] = {
            Connect: self._connect,
            Publish: self._publish,
            Puback: self._puback,
            Subscribe: self._subscribe,
            Unsubscribe: self._unsubscribe,
            Pingreq: self._pingreq,
            Disconnect: self._disconnect,
        }

    # For the program around the broker.

    async def listen(self, host: str, port: int) -> int:
        """Take connections, in plain text. Returns the port, which was chosen where 0 was asked for."""
        server = await asyncio.get_running_loop().create_server(lambda: Connection(self), host, port, backlog=BACKLOG)
        self._servers.append(server)
        if self._sweep is None:
            self._sweep_later()
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Take no more connections and end those that are there, without their wills and without waiting for any."""
        for server in self._servers:
            server.close()
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in list(self._connections):
            connection.close(Reason.SERVER_INITIATED_DISCONNECT)
        await asyncio.sleep(0)  # the loop tells each connection that it is lost

    def publish(self, topic: str, payload: bytes, qos: int = 0) -> None:
        """Send a message of our own to those who subscribed to it; `take` is not shown it."""
        message, frame = Message(topic, payload), b""
        for session, granted in self._sessions.subscribed(topic).items():
            if qos and granted:
                self._deliver(session, message)
            else:
                frame = frame or encode_publish(topic, payload)
                self._send(session, frame)

    def pause(self) -> None:
        """Read nothing from any client, until `resume`. What was read already is still dealt with."""
        self.paused = True
        for connection in self._connections:
            connection.govern_reading()

    def resume(self) -> None:
        """Read again."""
        self.paused = False
        for connection in self._connections:
            connection.govern_reading()

    def sweep(self) -> None:
        """Close the connections of silent clients and forget expired sessions; done once a second by itself."""
        now = self.clock()
        self._sessions.expire(now)
        if self.paused:  # nobody is heard
            return
        for connection in [each for each in self._connections if each.is_overdue(now)]:
            self.stats.silent += 1
            connection.close(Reason.MQTT_KEEP_ALIVE_TIMEOUT)

    def _sweep_later(self) -> None:
        self._sweep = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep_again)

    def _sweep_again(self) -> None:
        self._sweep_later()
        self.sweep()

    # For connections (`connection.Owner`).

    def opened(self, connection: Connection) -> None:
        """See `Owner`."""
        self.stats.connections += 1
        self._connections.add(connection)

    def received(self, connection: Connection, packet: Packet) -> None:
        """See `Owner`."""
        handler = self._handlers.get(type(packet))
        if handler is None:
            _refuse(connection, f"{type(packet).__name__} from a client")
        else:
            handler(connection, packet)

    def writable(self, connection: Connection) -> None:
        """See `Owner`."""
        if connection.session is not None:
            self._send_queued(connection.session)

    def failed(self, connection: Connection, error: Exception) -> None:
        """See `Owner`."""
        self.stats.failed += 1
        self._log.error("handling a packet of %s failed", connection.address, exc_info=error)

    def closed(self, connection: Connection, reason: Reason, why: str) -> None:
        """See `Owner`."""
        self._connections.discard(connection)
        client_id = ""
        if connection.session is not None:
            client_id = connection.session.client_id
            self._sessions.leave(connection.session, self.clock())
        if reason is Reason.CLIENT_ERROR:
            self.stats.malformed += 1
        if reason not in (Reason.CLIENT_INITIATED_DISCONNECT, Reason.SERVER_INITIATED_DISCONNECT):
            self._log.info("client %r at %s closed: %s %s", client_id, connection.address, reason, why)
            if connection.will is not None:
                self._publish_will(client_id, connection.will)

    def flush_soon(self, connection: Connection) -> None:
        """See `Owner`."""
        if not self._unflushed:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unflushed.append(connection)

    def _flush(self) -> None:
        connections, self._unflushed = self._unflushed, []
        for connection in connections:
            connection.flush()

    # What each packet does.

    def _connect(self, connection: Connection, packet: Connect) -> None:
        if not _is_client_id(packet):
            connection.send(encode(Connack(code=ConnackCode.IDENTIFIER_REJECTED)))
            _refuse(connection, f"client id {packet.client_id!r:.150}")
        elif packet.will is not None and not is_within_limits(packet.will.topic):
            _refuse(connection, "the will's topic is too long")
        else:
            self._accept(connection, packet)

    def _accept(self, connection: Connection, packet: Connect) -> None:
        client_id = packet.client_id or uuid4().hex
        older = self._sessions.get(client_id)
        if older is not None and older.connection is not None:
            older.connection.close(Reason.DUPLICATE_CLIENTID)
        session, present = self._sessions.open(client_id, clean=packet.clean)
        session.connect(connection)
        connection.accept(session, packet.will, packet.keep_alive)
        connection.send(encode(Connack(session_present=present)))
        self._send_queued(session)

    def _publish(self, connection: Connection, packet: Publish) -> None:
        self.stats.received += 1
        if not is_within_limits(packet.topic):
            _refuse(connection, "a topic is too long")
            return
        acknowledge = partial(connection.send, encode_puback(packet.packet_id)) if packet.qos else _nothing
        client_id = _client_id(connection)
        publication = Publication(packet.topic, packet.payload, packet.qos, client_id, acknowledge, packet.dup)
        if not self._take_or_route(publication):
            connection.close(Reason.FORBIDDEN_ACCESS, f"publish on {packet.topic!r}")

    def _take_or_route(self, publication: Publication) -> bool:
        """False where the topic is reserved and nobody took the message: AWS IoT closes the connection then."""
        if self._take(publication):
            return True
        if is_reserved(publication.topic):
            return False
        self.publish(publication.topic, publication.payload, publication.qos)
        publication.acknowledge()
        return True

    def _publish_will(self, client_id: str, will: Will) -> None:
        publication = Publication(will.topic, will.payload, will.qos, client_id, _nothing)
        try:
            self._take_or_route(publication)
        except Exception:  # noqa: BLE001 (nobody is left to be told)
            self._log.exception("publishing the will of client %r failed", client_id)

    def _puback(self, connection: Connection, packet: Puback) -> None:
        session = _session(connection)
        session.acknowledged(packet.packet_id)
        self._send_queued(session)

    def _subscribe(self, connection: Connection, packet: Subscribe) -> None:
        if len(packet.filters) > MAX_FILTERS:
            _refuse(connection, f"{len(packet.filters)} filters in one SUBSCRIBE")
            return
        session = _session(connection)
        codes = tuple(
            qos if may_subscribe(topic_filter) and self._sessions.subscribe(session, topic_filter, qos) else REFUSED
            for topic_filter, qos in packet.filters
        )
        connection.send(encode(Suback(packet.packet_id, codes)))

    def _unsubscribe(self, connection: Connection, packet: Unsubscribe) -> None:
        for topic_filter in packet.filters:
            self._sessions.unsubscribe(_session(connection), topic_filter)
        connection.send(encode(Unsuback(packet.packet_id)))

    def _pingreq(self, connection: Connection, _: Pingreq) -> None:
        connection.send(_PINGRESP)

    def _disconnect(self, connection: Connection, _: Disconnect) -> None:
        connection.close(Reason.CLIENT_INITIATED_DISCONNECT)

    # To subscribers.

    def _send(self, session: Session, frame: bytes) -> None:
        """A message of QoS 0: now or never."""
        connection = session.connection
        if connection is None:
            return
        if connection.slow:
            self.stats.dropped += 1
            return
        connection.send(frame)
        self.stats.sent += 1

    def _deliver(self, session: Session, message: Message) -> None:
        """A message of QoS 1: kept until the client acknowledges it."""
        if session.queue(message):
            self._send_queued(session)
        else:
            self.stats.dropped += 1

    def _send_queued(self, session: Session) -> None:
        connection = session.connection
        while connection is not None and not connection.slow and (frame := session.next_frame()):
            connection.send(frame)
            self.stats.sent += 1


def _refuse(connection: Connection, why: str) -> None:
    connection.close(Reason.CLIENT_ERROR, why)


def _is_client_id(packet: Connect) -> bool:
    """Whether a client may have the id it wants; without one it gets one, for a clean session only."""
    if not packet.client_id:
        return packet.clean
    return not packet.client_id.startswith("$") and len(packet.client_id.encode()) <= MAX_CLIENT_ID_BYTES


def _session(connection: Connection) -> Session:
    assert connection.session is not None
    return connection.session


def _client_id(connection: Connection) -> str:
    return _session(connection).client_id


def _nothing() -> None:
    """The acknowledgement of a QoS 0 message."""
