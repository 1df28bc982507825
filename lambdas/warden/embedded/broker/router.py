"""From those who publish to those who are subscribed, and the seam to what takes messages over.

Source: MQTT 3.1.1 and MQTT 5, sections 3.3 and 4; AWS IoT Developer Guide, MQTT.
"""

import dataclasses
from collections.abc import Callable
from math import ceil

from warden.embedded.broker.connection import Connection
from warden.embedded.broker.encode import encode
from warden.embedded.broker.herald import Herald
from warden.embedded.broker.message import Message
from warden.embedded.broker.packets import (
    MQTT_5,
    NO_LOCAL,
    QOS,
    RETAIN_AS_PUBLISHED,
    RETAIN_HANDLING,
    SEND_NO_RETAINED,
    SEND_RETAINED_IF_NEW,
    Publish,
    Will,
)
from warden.embedded.broker.properties import NO_PROPERTIES, Properties
from warden.embedded.broker.publication import Publication
from warden.embedded.broker.retained import Retained, RetainedMessage
from warden.embedded.broker.session import Session
from warden.embedded.broker.sessions import Sessions
from warden.embedded.broker.stats import Stats
from warden.embedded.broker.topics import is_reserved


class Router:
    """Sends messages to subscribers; what each may receive is asked for each message.

    Args:
        take: Shown each message of a client first, see `Broker`.
        clock: Seconds, never going back.
        wall: Epoch milliseconds.
    """

    herald: Herald  # set by the broker: either needs the other

    def __init__(
        self,
        take: Callable[[Publication], bool],
        sessions: Sessions,
        retained: Retained,
        stats: Stats,
        *,
        clock: Callable[[], float],
        wall: Callable[[], int],
    ) -> None:
        self._take = take
        self._sessions = sessions
        self._retained = retained
        self._stats = stats
        self._clock = clock
        self._wall = wall

    def accept(self, publication: Publication, packet: Publish | Will, sender: Session | None = None) -> bool:
        """Have a client's message or will taken over, or else route and acknowledge it.

        Returns: False where its topic is reserved and nobody took it: AWS IoT has no such message.
        """
        if self._take(publication):
            return True
        if is_reserved(publication.topic):
            return False
        topic, payload = publication.topic, publication.payload
        message = self.message(topic, payload, retain=packet.retain, properties=packet.properties)
        self.publish(message, publication.qos, sender)
        publication.acknowledge()
        return True

    def message(self, topic: str, payload: bytes, *, retain: bool, properties: Properties) -> Message:
        """A message to publish, with those of its properties that are the receivers' business."""
        if properties is NO_PROPERTIES:  # most have none
            return Message(topic, payload, retain)
        if properties.topic_alias or properties.will_delay is not None:  # what is between the client and us
            properties = dataclasses.replace(properties, topic_alias=None, will_delay=None)
        expiry = properties.message_expiry
        expires_at = None if expiry is None else self._clock() + expiry
        return Message(topic, payload, retain, properties, expires_at)

    def publish(self, message: Message, qos: int, sender: Session | None = None) -> None:
        """Send a message to those who are subscribed to its topic, and keep it where it is to be retained."""
        if message.retain:
            self._retain(message, qos)
        plain = dataclasses.replace(message, retain=False) if message.retain else message
        frames: dict[int, bytes] = {}
        for session, options in tuple(self._sessions.subscribed(message.topic).items()):
            sent = plain
            if options > QOS:  # more than a QoS was asked for, which is rare
                if options & NO_LOCAL and session is sender:
                    continue
                sent = message if options & RETAIN_AS_PUBLISHED else plain
            if qos and options & QOS:
                self._deliver(session, sent)
            else:
                self._send(session, sent, frames)

    def send_retained(self, session: Session, topic_filter: str, options: int, *, is_new: bool) -> None:
        """Send a subscriber what is retained; as in AWS IoT, only to a filter without wildcards."""
        handling = options & RETAIN_HANDLING
        if handling == SEND_NO_RETAINED or (handling == SEND_RETAINED_IF_NEW and not is_new):
            return
        kept = self._retained.get(topic_filter)  # no topic has a wildcard
        if kept is None:
            return
        message = Message(kept.topic, kept.payload, True, kept.properties, kept.expires_at)
        if kept.qos and options & QOS:
            self._deliver(session, message)
        else:
            self._send(session, message, {})

    def send_queued(self, session: Session) -> None:
        """Send what waits for a client, as far as the client is ready for it."""
        connection = session.connection
        while connection is not None and not connection.slow and session.has_next():
            if connection.meter is not None and not connection.meter.may_publish(self._clock()):
                return  # until the next sweep
            message, packet_id, dup = session.next()
            if self._may_send(connection, message):
                frame = self._frame(connection.level, message, packet_id, dup=dup)
                if len(frame) <= connection.largest:
                    connection.send(frame)
                    self._stats.sent += 1
                    continue
                self._stats.dropped += 1
            session.acknowledged(packet_id)  # as good as

    def _retain(self, message: Message, qos: int) -> None:
        kept = RetainedMessage(
            message.topic, message.payload, qos, self._wall(), message.properties, message.expires_at
        )
        if not self._retained.put(kept):
            self._stats.unretained += 1

    def _send(self, session: Session, message: Message, frames: dict[int, bytes]) -> None:
        """A message of QoS 0 that is not expired: now or never. `frames` has what was encoded for others."""
        connection = session.connection
        if connection is None:
            return
        if connection.slow or (connection.meter is not None and not connection.meter.may_publish(self._clock())):
            self._stats.dropped += 1
        elif not connection.rights.may_receive(message.topic):
            self._withhold(connection, message)
        else:
            kind = -connection.level if message.retain else connection.level
            frame = frames.get(kind)
            if frame is None:
                frame = frames[kind] = self._frame(connection.level, message)
            if len(frame) <= connection.largest:
                connection.send(frame)
                self._stats.sent += 1
            else:
                self._stats.dropped += 1

    def _deliver(self, session: Session, message: Message) -> None:
        """A message of QoS 1: kept until the client acknowledges it."""
        queued = session.queue(message)
        if not queued and (expired := session.drop_expired(self._clock())):
            self._stats.expired += expired
            queued = session.queue(message)
        if queued:
            self.send_queued(session)
        else:
            self._stats.dropped += 1

    def _may_send(self, connection: Connection, message: Message) -> bool:
        if message.expires_at is not None and message.expires_at <= self._clock():
            self._stats.expired += 1
            return False
        if not connection.rights.may_receive(message.topic):
            self._withhold(connection, message)
            return False
        return True

    def _withhold(self, connection: Connection, message: Message) -> None:
        self._stats.withheld += 1
        self.herald.denied(connection, "receive", message.topic)

    def _frame(self, level: int, message: Message, packet_id: int = 0, *, dup: bool = False) -> bytes:
        properties = self._left(message) if level == MQTT_5 else NO_PROPERTIES
        qos = 1 if packet_id else 0
        packet = Publish(message.topic, message.payload, qos, packet_id, message.retain, dup, properties)
        return encode(packet, level)

    def _left(self, message: Message) -> Properties:
        """A message's properties, with what is left of its time."""
        if message.expires_at is None:
            return message.properties
        left = max(1, ceil(message.expires_at - self._clock()))
        return dataclasses.replace(message.properties, message_expiry=left)
