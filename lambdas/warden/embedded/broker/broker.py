"""The MQTT broker: who is connected, and the seams to the program around it.

QoS 0 and 1, persistent sessions, wills and retained messages, with AWS IoT Core's semantics and quotas.
Source: MQTT 3.1.1; MQTT 5; AWS IoT Developer Guide, MQTT and Reserved topics; AWS IoT Core quotas.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from warden.embedded.broker import door
from warden.embedded.broker.connection import Connection, Reason
from warden.embedded.broker.entrance import Entrance
from warden.embedded.broker.events import Event
from warden.embedded.broker.herald import Herald
from warden.embedded.broker.limits import NO_LIMITS, Limits, Meter, Turnstile
from warden.embedded.broker.message import Room
from warden.embedded.broker.packets import (
    Code,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Puback,
    Publish,
    Subscribe,
    Unsubscribe,
)
from warden.embedded.broker.properties import NO_PROPERTIES, Properties
from warden.embedded.broker.publication import Publication
from warden.embedded.broker.requests import Requests, Ways, nothing
from warden.embedded.broker.retained import Retained
from warden.embedded.broker.rights import Authorise, PeerOf, Rights, everything_allowed, peer_of_socket
from warden.embedded.broker.router import Router
from warden.embedded.broker.sessions import Sessions
from warden.embedded.broker.stats import Stats
from warden.embedded.broker.wills import LastWill, Wills

SWEEP_SECONDS = 1.0
MOST_CONNECTIONS = 500_000  # AWS IoT Core quotas

REAUTHORISED_AT_ONCE = 50
"""Clients, before others have a turn: each takes some look-ups, and its policies have to be filled in."""


def _epoch_ms() -> int:
    return time.time_ns() // 1_000_000


class Broker:
    """Serves MQTT clients on the running loop.

    A client's rights are asked for in four places, each before it has any effect: at CONNECT in `Entrance`, for
    PUBLISH and SUBSCRIBE in `Requests`, and for each message that it is sent in `Router`.

    Args:
        take: Shown each message that a client publishes. True where it is taken over: then it is neither routed nor
            acknowledged here. Raising closes the client's connection, and nothing is acknowledged.
        log: For a line on each connection that did not end in order, and on what clients had no right to.
        authorise: Says what a client that connects may do, or None where it may not. The right to its will is asked
            of what it answers.
        tell: Told of each event, on the loop's thread.
        most: How many connections there may be.
        limits: What clients are held to in a second; AWS's are `limits.AWS_LIMITS`.
        ways: What to do where AWS's documents leave it open.
        first_version: Of clients that an earlier process may have numbered, see `events.Versions`.
        clock: Seconds, never going back.
        wall: Epoch milliseconds, for what is told.

    Attributes:
        stats: What was counted.
        retained: The retained messages.
    """

    def __init__(
        self,
        *,
        take: Callable[[Publication], bool],
        log: logging.Logger,
        authorise: Authorise = everything_allowed,
        tell: Callable[[Event], None] = lambda _: None,
        most: int = MOST_CONNECTIONS,
        limits: Limits = NO_LIMITS,
        ways: Ways = Ways(),  # noqa: B008 (it is frozen)
        first_version: int = 0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], int] = _epoch_ms,
    ) -> None:
        self.stats = Stats()
        self.clock = clock
        self.paused = False
        self._log = log
        self._most = most
        self._limits = limits
        self.retained = Retained(clock)
        self._wills = Wills(self._publish_will)
        self._room = Room()
        self._sessions = Sessions(self._wills.ended, stats=self.stats, room=self._room)
        self._router = Router(take, self._sessions, self.retained, self.stats, clock=clock, wall=wall)
        self._herald = Herald(tell, self.publish, log=log, wall=wall, stats=self.stats)
        self._router.herald = self._herald
        turnstile = Turnstile(limits)
        self._entrance = Entrance(
            authorise,
            self._sessions,
            self._wills,
            self._router,
            self._herald,
            stats=self.stats,
            turnstile=turnstile,
            clock=clock,
            first_version=first_version,
        )
        self._connections: set[Connection] = set()
        self._unflushed: list[Connection] = []
        self._servers: list[asyncio.Server] = []
        self._sweep: asyncio.TimerHandle | None = None
        requests = Requests(
            self._sessions, self._router, self._herald, self.stats, ways=ways, turnstile=turnstile, clock=clock
        )
        self._handlers: dict[type[Packet], Callable[[Connection, Any], None]] = {
            Connect: self._entrance.connect,
            Publish: requests.publish,
            Puback: requests.puback,
            Subscribe: requests.subscribe,
            Unsubscribe: requests.unsubscribe,
            Pingreq: requests.pingreq,
            Disconnect: requests.disconnect,
        }

    # For the program around the broker.

    async def listen(self, host: str, port: int) -> int:
        """Take connections, in plain text. Returns the port, which was chosen where 0 was asked for."""
        server = await door.listen(self.protocol, host, port)
        self._servers.append(server)
        return door.port_of(server)

    def protocol(self, peer_of: PeerOf = peer_of_socket) -> Connection:
        """A connection for a transport, which whoever has that is to make.

        Its `connection_made` belongs after a TLS handshake: it asks `peer_of`, once. Of the transport it uses write,
        close, abort, pause_reading, resume_reading, get_write_buffer_size, set_write_buffer_limits.
        """
        limited = self._limits != NO_LIMITS
        return Connection(self, peer_of, Meter(self._limits) if limited else None)

    async def close(self) -> None:
        """Take no more connections and end those that are there, without their wills and without waiting for any."""
        for server in self._servers:
            server.close()
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in list(self._connections):
            connection.will = None
            connection.close(Reason.SERVER_INITIATED_DISCONNECT)
        await asyncio.sleep(0)  # the loop tells each connection that it is lost

    def publish(
        self,
        topic: str,
        payload: bytes,
        qos: int = 0,
        *,
        retain: bool = False,
        properties: Properties = NO_PROPERTIES,
    ) -> None:
        """Send a message of our own to those who subscribed to it; `take` is not shown it."""
        self._router.publish(self._router.message(topic, payload, retain=retain, properties=properties), qos)

    @property
    def is_full(self) -> bool:
        """Whether there is no room for one more connection."""
        return len(self._connections) >= self._most

    @property
    def kept_bytes(self) -> int:
        """Bytes of the messages that wait for clients, or for their acknowledgements."""
        return self._room.taken

    def clients(self) -> int:
        """How many clients are connected."""
        return sum(connection.session is not None for connection in self._connections)

    async def reauthorise(self, are_concerned: Callable[[Rights], bool] = lambda _: True) -> int:
        """Ask again what clients may do whose rights may have changed; whoever may no longer connect is disconnected.

        So is a client of whom it cannot be said. Others are served in between.

        Returns: How many were disconnected.
        """
        concerned = [each for each in self._connections if each.connect is not None and are_concerned(each.rights)]
        ended = 0
        for start in range(0, len(concerned), REAUTHORISED_AT_ONCE):
            ended += sum(not self._keep(each) for each in concerned[start : start + REAUTHORISED_AT_ONCE])
            await asyncio.sleep(0)
        return ended

    def _keep(self, connection: Connection) -> bool:
        """Whether a client may go on, with the rights that it has now."""
        if connection not in self._connections or connection.connect is None:
            return True  # it left meanwhile
        try:
            rights = self._entrance.rights_of(connection.peer, connection.connect)
        except Exception as error:  # noqa: BLE001 (nobody keeps rights that he may have lost)
            self.failed(connection, error)
            connection.close(Reason.SERVER_ERROR, repr(error))
            return False
        if rights is None:
            connection.close(Reason.AUTH_ERROR, "it may no longer connect")
            return False
        connection.rights = rights
        return True

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
        """Do what time alone brings about: silent clients, sessions and wills; done once a second by itself."""
        now = self.clock()
        self._sessions.expire(now)
        self._wills.sweep(now)
        if self._limits != NO_LIMITS:
            for connection in list(self._connections):
                self.writable(connection)
        # Who is connected cannot be heard while nobody is. Who came meanwhile and could not be let in has to go: that
        # it left by itself cannot be noticed either, and its next try adds another.
        may_be_silent = [each for each in self._connections if not (self.paused and each.session)]
        for connection in [each for each in may_be_silent if each.is_overdue(now)]:
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
        if self.is_full:
            self.stats.refused += 1
            told = "%s is turned away: there are %d connections, and no descriptors for more"
            self._log.warning(told, connection.peer.address, len(self._connections))
            connection.close(Reason.SERVER_INITIATED_DISCONNECT)
            return
        self._connections.add(connection)
        if self._sweep is None:
            self._sweep_later()

    def received(self, connection: Connection, packet: Packet) -> None:
        """See `Owner`."""
        handler = self._handlers.get(type(packet))
        if handler is None:
            why = f"{type(packet).__name__} from a client"
            connection.close(Reason.CLIENT_ERROR, why, Code.PROTOCOL_ERROR)
        else:
            handler(connection, packet)

    def writable(self, connection: Connection) -> None:
        """See `Owner`."""
        if connection.session is not None:
            self._router.send_queued(connection.session)

    def failed(self, connection: Connection, error: Exception) -> None:
        """See `Owner`."""
        self.stats.failed += 1
        self._log.error("serving %s failed", connection.peer.address, exc_info=error)

    def closed(self, connection: Connection, reason: Reason, why: str) -> None:
        """See `Owner`."""
        self._connections.discard(connection)
        if reason is Reason.CLIENT_ERROR:
            self.stats.malformed += 1
        session, will = connection.session, connection.will
        client_id = session.client_id if session is not None else ""
        if reason not in (Reason.CLIENT_INITIATED_DISCONNECT, Reason.SERVER_INITIATED_DISCONNECT):
            was_nobody = session is None and reason is Reason.CONNECTION_LOST  # who asked whether somebody is here
            level = logging.DEBUG if was_nobody else logging.INFO
            self._log.log(level, "client %r at %s closed: %s %s", client_id, connection.peer.address, reason, why)
        if session is None:
            return
        self._entrance.leave(connection)
        if will is not None and connection.connect is not None:
            self._wills.leave(session, LastWill(will, connection.peer, connection.connect), self.clock())
        self._herald.disconnected(connection, reason)

    def _publish_will(self, last: LastWill) -> None:
        """Publish a will, where its client might still connect with it: that may have changed since it did."""
        will, client_id = last.will, last.connect.client_id
        try:
            if self._entrance.rights_of(last.peer, last.connect) is not None:
                self._router.accept(Publication(will.topic, will.payload, will.qos, client_id, nothing), will)
        except Exception:  # noqa: BLE001 (nobody is left to be told)
            self._log.exception("publishing the will of client %r failed", client_id)

    def flush_soon(self, connection: Connection) -> None:
        """See `Owner`."""
        if not self._unflushed:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unflushed.append(connection)

    def _flush(self) -> None:
        connections, self._unflushed = self._unflushed, []
        for connection in connections:
            connection.flush()
