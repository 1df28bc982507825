"""What a connected client asks for, and what it is answered.

Source: MQTT 3.1.1 and MQTT 5, sections 3.3 to 3.14; AWS IoT Developer Guide, MQTT and Reserved topics; AWS IoT Core
quotas.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from warden.embedded.broker.connection import MAX_TOPIC_ALIAS, MAX_UNACKNOWLEDGED, Connection, Reason
from warden.embedded.broker.encode import encode
from warden.embedded.broker.herald import Herald
from warden.embedded.broker.limits import Turnstile
from warden.embedded.broker.packets import (
    MQTT_5,
    QOS,
    REFUSED,
    Code,
    Disconnect,
    Malformed,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
)
from warden.embedded.broker.publication import Publication
from warden.embedded.broker.router import Router
from warden.embedded.broker.session import Session
from warden.embedded.broker.sessions import MAX_EXPIRY_SECONDS, Sessions
from warden.embedded.broker.stats import Stats
from warden.embedded.broker.topics import is_shared, is_within_limits, may_subscribe

MAX_FILTERS = 8  # AWS IoT Core quotas, subscriptions per subscribe request

_PINGRESP = encode(Pingresp())


@dataclass(frozen=True, slots=True)
class Ways:
    """Where AWS's documents leave open what a client sees; the defaults are what was reported of it.

    Attributes:
        close_on_denied_subscribe: Whether MQTT 3.1.1's connection is closed, or SUBACK says 0x80.
        close_on_denied_publish: Whether MQTT 5's connection is closed for a message of QoS 0, or goes on without it.
    """

    close_on_denied_subscribe: bool = True
    close_on_denied_publish: bool = True


class Requests:
    """Deals with the packets of accepted clients.

    Args:
        turnstile: Says whether it is too often that somebody subscribes.
        clock: Seconds, never going back.
    """

    def __init__(
        self,
        sessions: Sessions,
        router: Router,
        herald: Herald,
        stats: Stats,
        *,
        ways: Ways,
        turnstile: Turnstile,
        clock: Callable[[], float],
    ) -> None:
        self._turnstile = turnstile
        self._sessions = sessions
        self._router = router
        self._herald = herald
        self._stats = stats
        self._ways = ways
        self._clock = clock

    def publish(self, connection: Connection, packet: Publish) -> None:
        """A message; its acknowledgement is left to whoever takes it."""
        self._stats.received += 1
        topic, session = packet.topic, connection.session
        assert session is not None
        if connection.level == MQTT_5:
            topic = _topic(connection, packet)
        if connection.meter is not None and not connection.meter.may_publish(self._clock()):
            self._discard(connection, packet)
            return
        acknowledge = nothing
        if packet.qos:
            acknowledge = partial(connection.acknowledge, packet.packet_id)
            connection.unacknowledged += 1
            if connection.unacknowledged >= MAX_UNACKNOWLEDGED:
                _hold_back(connection)
        if not is_within_limits(topic):
            self._reject(connection, packet, Reason.CLIENT_ERROR, Code.TOPIC_NAME_INVALID, "a topic is too long")
        elif not connection.rights.may_publish(topic, retain=packet.retain):
            self._deny_publish(connection, packet, topic)
        else:
            publication = Publication(topic, packet.payload, packet.qos, session.client_id, acknowledge, packet.dup)
            if not self._router.accept(publication, packet, session):
                why = f"publish on {topic!r}"
                self._reject(connection, packet, Reason.FORBIDDEN_ACCESS, Code.NOT_AUTHORIZED, why)

    def _discard(self, connection: Connection, packet: Publish) -> None:
        self._stats.discarded += 1
        if packet.qos and connection.level == MQTT_5:
            connection.send(encode(Puback(packet.packet_id, Code.QUOTA_EXCEEDED), MQTT_5))

    def _deny_publish(self, connection: Connection, packet: Publish, topic: str) -> None:
        self._stats.denied += 1
        self._herald.denied(connection, "publish", topic)
        if connection.level == MQTT_5 and not packet.qos and not self._ways.close_on_denied_publish:
            return
        self._reject(connection, packet, Reason.AUTH_ERROR, Code.NOT_AUTHORIZED, f"no right to publish on {topic!r}")

    def _reject(self, connection: Connection, packet: Publish, reason: Reason, code: Code, why: str) -> None:
        """Only MQTT 5 can say no to a message and go on, and only to one of QoS 1."""
        if packet.qos and connection.level == MQTT_5:
            connection.acknowledge(packet.packet_id, code)
        else:
            connection.close(reason, why, code)

    def puback(self, connection: Connection, packet: Puback) -> None:
        """A client has a message."""
        session = session_of(connection)
        session.acknowledged(packet.packet_id)
        self._router.send_queued(session)

    def subscribe(self, connection: Connection, packet: Subscribe) -> None:
        """Subscriptions, taken or refused one by one; what is retained follows the answer."""
        if len(packet.filters) > MAX_FILTERS:
            connection.close(
                Reason.CLIENT_ERROR, f"{len(packet.filters)} filters in one SUBSCRIBE", Code.QUOTA_EXCEEDED
            )
            return
        if not self._turnstile.may_subscribe(self._clock()):
            self._stats.throttled += 1
            code = Code.QUOTA_EXCEEDED if connection.level == MQTT_5 else REFUSED
            connection.send(encode(Suback(packet.packet_id, (code,) * len(packet.filters)), connection.level))
            return
        possible = [each for each, _ in packet.filters if is_within_limits(each)]  # others are refused unread
        denied = [each for each in possible if not connection.rights.may_subscribe(each)]
        for topic_filter in denied:
            self._stats.denied += 1
            self._herald.denied(connection, "subscribe", topic_filter)
        if denied and connection.level != MQTT_5 and self._ways.close_on_denied_subscribe:
            connection.close(Reason.AUTH_ERROR, f"no right to subscribe to {denied[0]!r}")
            return
        session = session_of(connection)
        before = frozenset(session.subscriptions)
        codes = [
            Code.NOT_AUTHORIZED if topic_filter in denied else self._subscribe(session, topic_filter, options)
            for topic_filter, options in packet.filters
        ]
        told = codes if connection.level == MQTT_5 else [min(code, REFUSED) for code in codes]
        connection.send(encode(Suback(packet.packet_id, tuple(told)), connection.level))
        taken = [each for each, code in zip(packet.filters, codes, strict=True) if code < REFUSED]
        for topic_filter, options in taken:
            self._router.send_retained(session, topic_filter, options, is_new=topic_filter not in before)
        if taken:
            self._herald.subscribed(connection, tuple(topic_filter for topic_filter, _ in taken))

    def _subscribe(self, session: Session, topic_filter: str, options: int) -> int:
        """The code of a subscription: the QoS, or why it is refused."""
        if not is_within_limits(topic_filter):
            return Code.TOPIC_FILTER_INVALID
        if is_shared(topic_filter):
            return Code.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED
        if not may_subscribe(topic_filter):
            return Code.TOPIC_FILTER_INVALID
        if not self._sessions.subscribe(session, topic_filter, options):
            return Code.QUOTA_EXCEEDED
        return options & QOS

    def unsubscribe(self, connection: Connection, packet: Unsubscribe) -> None:
        """Subscriptions to forget; no error where there is none."""
        session = session_of(connection)
        gone = tuple(each for each in packet.filters if self._sessions.unsubscribe(session, each))
        connection.send(encode(Unsuback(packet.packet_id, (Code.SUCCESS,) * len(packet.filters)), connection.level))
        if gone:
            self._herald.unsubscribed(connection, gone)

    def pingreq(self, connection: Connection, _: Pingreq) -> None:
        """A client that is only there."""
        connection.send(_PINGRESP)

    def disconnect(self, connection: Connection, packet: Disconnect) -> None:
        """A client that leaves; in MQTT 5 it may ask for its will all the same, and change its session's expiry."""
        session = session_of(connection)
        expiry = packet.properties.session_expiry
        if expiry and not session.expiry_seconds:
            raise Malformed(Code.PROTOCOL_ERROR, "a session that was to end with its connection cannot be kept")
        if expiry is not None:
            session.expiry_seconds = min(expiry, MAX_EXPIRY_SECONDS)
        if packet.code != Code.DISCONNECT_WITH_WILL:
            connection.will = None
        connection.close(Reason.CLIENT_INITIATED_DISCONNECT)


def _hold_back(connection: Connection) -> None:
    """MQTT 5 tells its clients how many messages may be under way; one of 3.1.1 is read no further for now."""
    if connection.level != MQTT_5:
        connection.govern_reading()
    elif connection.unacknowledged > MAX_UNACKNOWLEDGED:
        raise Malformed(Code.RECEIVE_MAXIMUM_EXCEEDED, f"more than {MAX_UNACKNOWLEDGED} messages under way")


def _topic(connection: Connection, packet: Publish) -> str:
    """A message's topic, by its alias where it has one."""
    alias = packet.properties.topic_alias
    if alias is None:
        return packet.topic
    if alias > MAX_TOPIC_ALIAS:
        raise Malformed(Code.TOPIC_ALIAS_INVALID, f"topic alias {alias}")
    if connection.aliases is None:
        connection.aliases = {}
    if packet.topic and not is_within_limits(packet.topic):  # it is refused, and would be kept
        connection.aliases.pop(alias, None)
        return packet.topic
    if packet.topic:
        connection.aliases[alias] = packet.topic
    elif alias not in connection.aliases:
        raise Malformed(Code.PROTOCOL_ERROR, f"topic alias {alias} stands for nothing")
    return connection.aliases[alias]


def session_of(connection: Connection) -> Session:
    """The session of a connection that was accepted."""
    assert connection.session is not None
    return connection.session


def nothing() -> None:
    """The acknowledgement of a QoS 0 message."""
