"""Violations on a Table: an episode each, and an event for its beginning and its end.

Beginning and end are transactions of two on the episode's key, so that a violation begins once and ends once,
whoever writes it.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec

from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.violation import Episode, Event, Status
from warden.domain.alerts.sending import Sending
from warden.ports import Absent, IndexKey, Item, Key, Put, Table, Write
from warden.storage import keys
from warden.storage.records import Records, Stored

DAY_MS: Final = 86_400_000

PAGE_ROWS: Final = 250
GET_ROWS: Final = 50


_episodes, _events = Records(Episode), Records(Event)
R = TypeVar("R", Episode, Event)


Place = str
"""Where a row stands in a list; rows behind it sort below it."""


def episode_key(violation_id: str) -> Key:
    """Where an episode is."""
    return Key(keys.join("VIO", violation_id), "VIO")


def event_key(violation_id: str, at: int, kind: EventType) -> Key:
    """Where an event is."""
    return Key(keys.join("VIO", violation_id), keys.join("EV", keys.moment(at), kind))


def _rewrite(records: Records[R], item: Item, stored: Stored[R], record: R) -> Write:
    """Write of a record in place of the one that was read, found and due as before."""
    put = records.item(item.key, record, stored, indexes=item.indexes, expires_at=item.expires_at)
    return Put(put, stored.unchanged)


def day_of(at: int) -> str:
    """The UTC day of a time, as the events' lists are cut."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d")


class Violations:
    """Episodes and events.

    Args:
        table: Table `control`.
        shards: Partitions that each list is spread over; 1 suffices on one machine.
        event_days: How long events and ended episodes are kept.
        announce: Whether an event bus has to be told of events.
        recorded: Told of each event that was stored.
    """

    def __init__(
        self,
        table: Table,
        *,
        shards: int = 8,
        event_days: int = 30,
        announce: bool = False,
        recorded: Callable[[Event], object] = lambda _: None,
    ) -> None:
        self._table = table
        self._announce = announce
        self._recorded = recorded
        self._shards = shards
        self._event_days = event_days

    def episode(self, violation_id: str) -> Stored[Episode] | None:
        """An episode, read consistently."""
        return _episodes.get(self._table, episode_key(violation_id))

    def event(self, key: Key) -> Stored[Event] | None:
        """An event, read consistently."""
        return _events.get(self._table, key)

    def begin(self, episode: Episode, event: Event, *, due: int, alert_due: int) -> None:
        """Store a violation's beginning. Raises Raced where the episode exists.

        Args:
            episode: Active.
            event: Its first.
            due: When somebody has to see whether the thing went silent, epoch ms.
            alert_due: When the alert has to be sent again where it was not delivered, epoch ms.
        """
        self._table.transact(
            [
                Put(self._episode_item(episode, None, due=due), Absent()),
                self._new_event(event, alert_due),
            ]
        )
        self._recorded(event)

    def drop(self, episode: Episode, *, now: int) -> None:
        """Store that a violation was never to be told. Raises Raced where the episode exists."""
        self._table.put(self._episode_item(episode, None, due=None, ended_at=now), Absent())

    def end(self, stored: Stored[Episode], event: Event, *, alert_due: int) -> None:
        """Store an active violation's end. Raises Raced where the episode was written since it was read."""
        ended = msgspec.structs.replace(stored.record, status=Status.ENDED, quiet=event.target is None)
        self._table.transact(
            [
                Put(self._episode_item(ended, stored, due=None, ended_at=event.at), stored.unchanged),
                self._new_event(event, alert_due),
            ]
        )
        self._recorded(event)

    def look_again(self, stored: Stored[Episode], episode: Episode, *, due: int) -> None:
        """Store when an active episode is to be looked at again."""
        self._table.put(self._episode_item(episode, stored, due=due), stored.unchanged)

    def verify(self, violation_id: str, *, state: str, description: str | None) -> bool:
        """Store what people say of a violation with its episode and with its events.

        Returns: Whether there is such a violation. Raises Raced where any of them was written since it was read.
        """
        page = self._table.query(episode_key(violation_id).pk, consistent=True)  # an episode, two events or three
        said: dict[str, Any] = {"verification_state": state, "verification_state_description": description}
        writes: list[Write] = []
        for item in page.items:
            if item.key != episode_key(violation_id):
                event = _events.read(item)
                writes.append(_rewrite(_events, item, event, msgspec.structs.replace(event.record, **said)))
                continue
            episode = _episodes.read(item)
            if episode.record.status is Status.DROPPED:
                return False
            writes.append(_rewrite(_episodes, item, episode, msgspec.structs.replace(episode.record, **said)))
        if writes:
            self._table.transact(writes)
        return bool(writes)

    def ids_of(self, thing: str) -> Iterator[str]:
        """Ids of a thing's violations that were in a list a moment ago, some of them more than once."""
        for partition in (keys.join("ACTIVE_OF", thing), keys.join("EV_OF", thing)):
            rows = self._rows(keys.BY_THING, partition, "", keys.last(""))
            yield from (keys.split(row.key.pk)[1] for row in rows)

    def forget(self, violation_id: str) -> bool:
        """Erase a violation and its events. Returns whether there was anything."""
        items = self._table.query(episode_key(violation_id).pk, consistent=True).items
        for item in items:
            self._table.delete(item.key)
        return bool(items)

    def delivered(self, stored: Stored[Event]) -> None:
        """Store that nothing is left to send of an event: it was sent, or nobody wants it any more."""
        event = msgspec.structs.replace(stored.record, target=None)
        self._table.put(self._event_item(event, stored, due=None), stored.unchanged)

    def announced(self, stored: Stored[Event], *, due: int = 0) -> None:
        """Store that the event bus was told of an event, or when it has to be told again."""
        event, sending = msgspec.structs.replace(stored.record, announce_due=due), stored.record.sending
        item = self._event_item(event, stored, due=sending.due if sending.waits else None)
        self._table.put(item, stored.unchanged)

    def postpone(self, stored: Stored[Event], *, due: int) -> None:
        """Store when an event's alert is to be sent again."""
        self._table.put(self._event_item(stored.record, stored, due=due), stored.unchanged)

    def put_sending(self, stored: Stored[Event], sending: Sending) -> Stored[Event]:
        """Store how far an event's alert is; it is marked as due while it waits, and not otherwise.

        Returns: The event as it is stored now. Raises Raced where it was written since it was read.
        """
        event = msgspec.structs.replace(stored.record, sending=sending)
        item = self._event_item(event, stored, due=sending.due if sending.waits else None)
        self._table.put(item, stored.unchanged)
        return Stored(stored.key, event, item.version)

    def waiting(self) -> Iterator[Stored[Event]]:
        """Events whose alert had not left a moment ago, in no promised order."""
        for n in range(keys.DUE_SHARDS):
            rows = self._rows(keys.DUE, keys.join("DUE", n), "", keys.last(""))
            events = (row for row in rows if keys.split(row.key.sk)[0] == "EV")
            yield from (stored for _, stored in self._completed(_events, events) if stored.record.target)

    def active(
        self, *, thing: str | None, profile: str | None, behind: Place | None
    ) -> Iterator[tuple[Place, Stored[Episode]]]:
        """Episodes that were active a moment ago, newest beginning first.

        Args:
            thing: Only this thing's.
            profile: Only this security profile's; not looked at where a thing is given.
            behind: Only those behind this place.
        """
        if thing is not None:
            index, partitions = keys.BY_THING, [keys.join("ACTIVE_OF", thing)]
        elif profile is not None:
            index, partitions = keys.BY_PROFILE, [keys.join("ACTIVE", profile, n) for n in range(self._shards)]
        else:
            index, partitions = keys.BY_ALL, [keys.join("ACTIVE", n) for n in range(self._shards)]
        return self._completed(_episodes, self._merged(index, partitions, "", behind or keys.last("")))

    def events(
        self, *, start: int, end: int, thing: str | None, profile: str | None, behind: Place | None
    ) -> Iterator[tuple[Place, Stored[Event]]]:
        """Events from epoch ms `start` to `end`, both included, newest first; the rest as in `active`."""
        first, last = keys.moment(start), min(behind or keys.last(""), keys.last(keys.moment(end) + "#"))
        return self._completed(_events, self._event_rows(start, end, thing, profile, first, last))

    def _event_rows(  # noqa: PLR0917
        self, start: int, end: int, thing: str | None, profile: str | None, first: str, last: str
    ) -> Iterator[IndexKey]:
        if thing is not None:
            yield from self._merged(keys.BY_THING, [keys.join("EV_OF", thing)], first, last)
            return
        index, parts = (keys.BY_ALL, ()) if profile is None else (keys.BY_PROFILE, (profile,))
        for at in range(end - end % DAY_MS, start - start % DAY_MS - 1, -DAY_MS):
            if keys.moment(at) <= last:
                partitions = [keys.join("EV", *parts, day_of(at), n) for n in range(self._shards)]
                yield from self._merged(index, partitions, first, last)

    def _merged(self, index: str, partitions: Sequence[str], first: str, last: str) -> Iterator[IndexKey]:
        """Rows of some partitions as one list, those that sort strictly below `last`, largest first."""
        rows = (self._rows(index, partition, first, last) for partition in partitions)
        return heapq.merge(*rows, key=lambda row: row.sort, reverse=True)

    def _rows(self, index: str, partition: str, first: str, last: str) -> Iterator[IndexKey]:
        after: IndexKey | None = None
        while True:
            page = self._table.query_index(
                index, partition, first=first or None, last=last, descending=True, limit=PAGE_ROWS, after=after
            )
            yield from (row for row in page.rows if row.sort < last)
            after = page.last
            if after is None:
                return

    def _completed(self, records: Records[R], rows: Iterator[IndexKey]) -> Iterator[tuple[Place, Stored[R]]]:
        while chunk := list(islice(rows, GET_ROWS)):
            items = self._table.get_many((row.key for row in chunk), consistent=True)
            yield from ((row.sort, records.read(items[row.key])) for row in chunk if row.key in items)

    def _episode_item(
        self, episode: Episode, replaces: Stored[Episode] | None, *, due: int | None, ended_at: int = 0
    ) -> Item:
        key = episode_key(episode.violation_id)
        indexes: dict[str, tuple[str, str]] = {}
        if episode.status is Status.ACTIVE:
            shard = keys.shard(episode.thing, self._shards)
            sort = f"{keys.moment(episode.started_at)}#{episode.violation_id}"
            indexes = {
                keys.BY_ALL: (keys.join("ACTIVE", shard), sort),
                keys.BY_PROFILE: (keys.join("ACTIVE", episode.profile, shard), sort),
                keys.BY_THING: (keys.join("ACTIVE_OF", episode.thing), sort),
            }
            if due is not None:
                indexes[keys.DUE] = keys.due(episode.thing, due, key)
        return _episodes.item(key, episode, replaces, indexes=indexes, expires_at=self._expires(ended_at))

    def _new_event(self, event: Event, due: int) -> Write:
        event = msgspec.structs.replace(event, announce_due=due if self._announce else 0)
        return Put(self._event_item(event, None, due=due), Absent())

    def _event_item(self, event: Event, replaces: Stored[Event] | None, *, due: int | None) -> Item:
        key = event_key(event.violation_id, event.at, event.type)
        shard, day = keys.shard(event.thing, self._shards), day_of(event.at)
        sort = f"{keys.moment(event.at)}#{event.violation_id}#{event.type}"
        indexes = {
            keys.BY_ALL: (keys.join("EV", day, shard), sort),
            keys.BY_PROFILE: (keys.join("EV", event.profile, day, shard), sort),
            keys.BY_THING: (keys.join("EV_OF", event.thing), sort),
        }
        pending = [event.announce_due] if event.announce_due else []
        if event.target and due is not None:
            pending.append(due)
        if pending:
            indexes[keys.DUE] = keys.due(event.thing, min(pending), key)
        return _events.item(key, event, replaces, indexes=indexes, expires_at=self._expires(event.at))

    def _expires(self, at: int) -> int | None:
        return (at + self._event_days * DAY_MS) // 1000 if at else None
