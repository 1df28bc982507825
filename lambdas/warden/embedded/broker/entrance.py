"""CONNECT: who is let in, with which session, and what it is told.

Source: MQTT 3.1.1 and MQTT 5, sections 3.1 and 3.2; AWS IoT Developer Guide, MQTT and Lifecycle events; AWS IoT Core
quotas.
"""

import dataclasses
from collections.abc import Callable
from uuid import uuid4

from warden.embedded.broker.connection import MAX_TOPIC_ALIAS, MAX_UNACKNOWLEDGED, Connection, Reason
from warden.embedded.broker.decode import MAX_PACKET
from warden.embedded.broker.encode import encode
from warden.embedded.broker.events import Versions
from warden.embedded.broker.herald import Herald
from warden.embedded.broker.limits import Turnstile
from warden.embedded.broker.packets import MQTT_5, Code, Connack, ConnackCode, Connect
from warden.embedded.broker.properties import NO_PROPERTIES, Properties
from warden.embedded.broker.rights import Authorise, Peer, Rights
from warden.embedded.broker.router import Router
from warden.embedded.broker.sessions import EXPIRY_SECONDS, MAX_EXPIRY_SECONDS, Sessions
from warden.embedded.broker.stats import Stats
from warden.embedded.broker.topics import is_within_limits
from warden.embedded.broker.wills import Wills

MAX_CLIENT_ID_BYTES = 128  # AWS IoT Core quotas
MIN_KEEP_ALIVE_SECONDS, MAX_KEEP_ALIVE_SECONDS = 30, 1_200  # AWS IoT Core quotas; the most is the default, too
_FIXED_HEADER = 5


class Entrance:
    """Lets clients in.

    Args:
        authorise: Says what a client may do, if it may connect at all.
        turnstile: Says whether it is too often that somebody does.
        clock: Seconds, never going back.
        first_version: See `Versions`.
    """

    def __init__(
        self,
        authorise: Authorise,
        sessions: Sessions,
        wills: Wills,
        router: Router,
        herald: Herald,
        *,
        stats: Stats,
        turnstile: Turnstile,
        clock: Callable[[], float],
        first_version: int,
    ) -> None:
        self._authorise = authorise
        self._sessions = sessions
        self._wills = wills
        self._router = router
        self._herald = herald
        self._stats = stats
        self._turnstile = turnstile
        self._clock = clock
        self._versions = Versions(first_version, clock() + EXPIRY_SECONDS)

    def connect(self, connection: Connection, packet: Connect) -> None:
        """Accept a client, or refuse it: then nobody else notices."""
        if not _is_client_id(packet):
            refused = ConnackCode.IDENTIFIER_REJECTED if packet.level != MQTT_5 else Code.CLIENT_IDENTIFIER_NOT_VALID
            connection.send(encode(Connack(code=refused), packet.level))
            connection.close(Reason.CLIENT_ERROR, f"client id {packet.client_id!r:.150}")
            return
        if packet.will is not None and not is_within_limits(packet.will.topic):
            _refuse_5(connection, packet, Code.TOPIC_NAME_INVALID)
            connection.close(Reason.CLIENT_ERROR, "the will's topic is too long")
            return
        named = packet
        if not packet.client_id or packet.password is not None:
            named = dataclasses.replace(packet, client_id=packet.client_id or uuid4().hex, password=None)
        rights = self.rights_of(connection.peer, named)
        if rights is None:
            _refuse_5(connection, packet, Code.NOT_AUTHORIZED)
            self._herald.connect_failed(connection, named.client_id)
            connection.close(Reason.AUTH_ERROR, f"client {named.client_id!r} may not connect")
            return
        if not self._turnstile.may_connect(named.client_id, self._clock()):
            self._stats.throttled += 1
            _refuse_5(connection, packet, Code.QUOTA_EXCEEDED)
            connection.close(Reason.THROTTLED, f"client {named.client_id!r} connects too often, or all do")
            return
        self._accept(connection, named, rights, assigned=not packet.client_id)

    def rights_of(self, peer: Peer, packet: Connect) -> Rights | None:
        """What a client may do now, or None where it may not be connected, or not with its will."""
        rights = self._authorise(peer, packet)
        will = packet.will
        if rights is None or (will is not None and not rights.may_publish(will.topic, retain=will.retain)):
            return None
        return rights

    def leave(self, connection: Connection) -> None:
        """An accepted connection is over."""
        session = connection.session
        assert session is not None
        now = self._clock()
        until = now + max(EXPIRY_SECONDS, session.expiry_seconds)
        self._versions.end(session.client_id, connection.version_number, until)
        self._sessions.leave(session, now)

    def _accept(self, connection: Connection, packet: Connect, rights: Rights, *, assigned: bool) -> None:
        client_id = packet.client_id
        older = self._sessions.get(client_id)
        if older is not None and older.connection is not None:
            older.connection.close(Reason.DUPLICATE_CLIENTID)
        expiry = _expiry_seconds(packet)
        session, present = self._sessions.open(client_id, clean=packet.clean, expiry_seconds=expiry)
        self._wills.back(session)
        session.connect(connection, packet.properties.receive_maximum or MAX_UNACKNOWLEDGED)
        keep_alive = _keep_alive_seconds(packet)
        connection.accept(session, packet, rights, keep_alive)
        connection.version_number = self._versions.begin(client_id, self._clock())
        told = NO_PROPERTIES
        if packet.level == MQTT_5:
            told = _told(packet, client_id if assigned else None, keep_alive, int(expiry))
        connection.send(encode(Connack(present, properties=told), packet.level))
        self._herald.connected(connection)
        self._router.send_queued(session)


def _refuse_5(connection: Connection, packet: Connect, code: Code) -> None:
    """Tell a client of MQTT 5 why; AWS IoT tells one of 3.1.1 nothing."""
    if packet.level == MQTT_5:
        connection.send(encode(Connack(code=code), MQTT_5))


def _is_client_id(packet: Connect) -> bool:
    """Whether a client may have the id it wants; without one it gets one, in 3.1.1 for a clean session only."""
    if not packet.client_id:
        return packet.clean or packet.level == MQTT_5
    return not packet.client_id.startswith("$") and len(packet.client_id.encode()) <= MAX_CLIENT_ID_BYTES


def _expiry_seconds(packet: Connect) -> float:
    if packet.level == MQTT_5:
        return min(packet.properties.session_expiry or 0, MAX_EXPIRY_SECONDS)
    return 0 if packet.clean else EXPIRY_SECONDS


def _keep_alive_seconds(packet: Connect) -> int:
    asked = packet.keep_alive or MAX_KEEP_ALIVE_SECONDS
    return max(MIN_KEEP_ALIVE_SECONDS, min(asked, MAX_KEEP_ALIVE_SECONDS))


def _told(packet: Connect, assigned_client_id: str | None, keep_alive: int, expiry: int) -> Properties:
    return Properties(
        session_expiry=expiry,
        receive_maximum=MAX_UNACKNOWLEDGED,
        maximum_qos=1,
        retain_available=1,
        maximum_packet_size=MAX_PACKET + _FIXED_HEADER,
        assigned_client_id=assigned_client_id,
        topic_alias_maximum=MAX_TOPIC_ALIAS,
        wildcards_available=1,
        subscription_ids_available=0,
        shared_available=0,
        server_keep_alive=None if keep_alive == packet.keep_alive else keep_alive,
    )
