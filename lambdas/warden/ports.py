"""What the use cases need of the world, as Protocols. Adapters implement them; nothing here does anything.

A port raises only what `domain.errors` names: `Raced` where a condition did not hold, `Throttled` where the other
side asked us to slow down, `Unavailable` where it could not be asked.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from warden.domain.alarms.entry import Entry, Logged
from warden.domain.alerts.rule import DeliveryRule
from warden.domain.behaviors.profile import AlertTarget
from warden.domain.behaviors.target import ThingFacts


class Key(NamedTuple):
    """An item's primary key; both parts are not empty, at most 2,048 and 1,024 bytes of UTF-8."""

    pk: str
    sk: str


@dataclass(frozen=True, slots=True)
class Item:
    """What a table keeps under a key: at most 400 KB, as DynamoDB counts it.

    Attributes:
        key: Its primary key.
        data: Everything that no index needs, opaque to the table.
        version: What `AtVersion` compares.
        indexes: Index name to (partition, sort); absent from an index that is not named.
        expires_at: Epoch seconds from which on the table may drop it, later or never; None keeps it.
        feeds: The table's feeds that are told of this put; not read back.
    """

    key: Key
    data: bytes = b""
    version: int = 1
    indexes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    expires_at: int | None = None
    feeds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Absent:
    """Condition: no item has this key."""


@dataclass(frozen=True, slots=True)
class Present:
    """Condition: an item has this key."""


@dataclass(frozen=True, slots=True)
class AtVersion:
    """Condition: an item has this key, and this version."""

    version: int


Condition = Absent | Present | AtVersion


@dataclass(frozen=True, slots=True)
class Put:
    """Write of a transaction: the item replaces what is there."""

    item: Item
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Write of a transaction: nothing is there afterwards; an absent item is no error."""

    key: Key
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """Part of a transaction that writes nothing: the condition must hold."""

    key: Key
    condition: Condition


Write = Put | Delete | Check


@dataclass(frozen=True, slots=True)
class Page:
    """Some items of a partition, in the order asked for.

    Attributes:
        items: At most 1 MB and at most `limit` of them; may be empty although more follow.
        last: Where to go on (`after`), or None where nothing follows.
    """

    items: Sequence[Item]
    last: str | None = None


class IndexKey(NamedTuple):
    """One row of an index: where it sorts, and the item it leads to."""

    sort: str
    key: Key


@dataclass(frozen=True, slots=True)
class IndexPage:
    """Some rows of an index, in the order asked for; `last` as in `Page`."""

    rows: Sequence[IndexKey]
    last: IndexKey | None = None


class InvalidWrite(ValueError):
    """A request that no table takes: an empty or too long key, an item over 400 KB, a transaction of more than
    100 parts or over 4 MB, or with two parts for one key. A mistake of ours, never a device's."""


class Table(Protocol):
    """A key-value table with DynamoDB's promises and limits, and no more than these.

    Reads are eventually consistent unless asked otherwise, indexes always. Writes of one call are atomic; an item
    that expired may still be returned. Any call may raise Throttled or Unavailable, a write also when it took effect
    and only its answer was lost. Keys compare as UTF-8 bytes.
    """

    def get(self, key: Key, *, consistent: bool = False) -> Item | None:
        """The item under a key."""
        ...

    def get_many(self, keys: Iterable[Key], *, consistent: bool = False) -> dict[Key, Item]:
        """The items under any number of keys; what does not exist is left out. Repeated keys are asked once."""
        ...

    def query(
        self,
        pk: str,
        *,
        first: str | None = None,
        last: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        after: str | None = None,
        consistent: bool = False,
    ) -> Page:
        """Items of a partition whose sort key lies between `first` and `last`, both included.

        Args:
            pk: The partition.
            first: Smallest sort key, None for no bound.
            last: Largest sort key, None for no bound.
            descending: Largest sort key first.
            limit: Items a page has at most, 1 or more.
            after: `Page.last` of the page before.
            consistent: Whether every write that was answered before must be seen.
        """
        ...

    def query_index(
        self,
        index: str,
        partition: str,
        *,
        first: str | None = None,
        last: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        after: IndexKey | None = None,
    ) -> IndexPage:
        """Rows of an index's partition, as `query`; rows of one sort text are in no promised order."""
        ...

    def put(self, item: Item, condition: Condition | None = None) -> None:
        """Store an item. Raises Raced where the condition does not hold."""
        ...

    def delete(self, key: Key, condition: Condition | None = None) -> None:
        """Remove what is under a key; an absent item is no error unless the condition says so."""
        ...

    def transact(self, writes: Sequence[Write]) -> None:
        """Do all of 1 to 100 writes or none. Raises Raced where a condition does not hold, or another
        transaction was at work on one of the keys."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept about a thing.

    Attributes:
        facts: What the registry last said; None where it was never asked.
        newest: The newest entry of its log; None where there is none.
    """

    facts: ThingFacts | None
    newest: Logged | None


class ThingLog(Protocol):
    """All that happened to each thing, in order, one entry each. The newest holds all that evaluation needs."""

    def load(self, thing: str, *, consistent: bool = False) -> Known:
        """A thing's facts and its newest entry, in one read. The newest entry counts even when it is expired."""
        ...

    def append(self, thing: str, entry: Entry, *, after: int) -> None:
        """Store the entry that follows sequence `after`, 0 for the first. Raises Raced where one follows already."""
        ...

    def read(self, thing: str, seq: int) -> Logged | None:
        """One entry, read consistently; None where it has expired or never was."""
        ...

    def recent(self, thing: str, limit: int) -> Iterable[Logged]:
        """The newest entries, newest first, at most `limit`, read consistently."""
        ...

    def since(self, thing: str, at: int) -> Iterable[Logged]:
        """Entries in order, read consistently: from the last one before epoch ms `at` on, to the newest."""
        ...

    def between(self, thing: str, start: int, end: int, *, behind: int = 0, limit: int) -> Iterable[Logged]:
        """Entries in order, read consistently: those that were counted from epoch ms `start` to `end`, both included,
        and have a sequence above `behind`; at most `limit`."""
        ...

    def forget(self, thing: str) -> int:
        """Erase a thing's entries and what the registry said of it. Returns how many items that were."""
        ...


class Registrations(Protocol):
    """What the registry last said of each thing, kept beside its log."""

    def record_facts(self, thing: str, answer: ThingFacts) -> ThingFacts:
        """Store what the registry answered, whole, unless a later answer is there. Returns what is then stored."""
        ...


class Things(Protocol):
    """The registry of things."""

    def ask(self, thing: str, *, now: int) -> ThingFacts:
        """What the registry says of a thing, stamped with `now`, epoch ms, a moment before the question.
        A thing that it does not have has no id and no groups."""
        ...


class Alerts(Protocol):
    """The way to the subscribers of a profile's alerts."""

    def publish(self, target: AlertTarget, message: str) -> None:
        """Hand a message to the target's topic: JSON with a text for each protocol, see `domain.alerts.message`. Raises
        Unavailable where it was not taken."""
        ...

    def settle(self) -> None:
        """Return once everything that was published before survives a crash of this machine's processes."""
        ...


class RulePublisher(Protocol):
    """The way that leads through AWS IoT rules."""

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish to an MQTT topic, at least once. Returns also where no rule takes it. Raises Unavailable."""
        ...


class TopicRules(Protocol):
    """The AWS IoT rules that carry alerts and exported metrics. Any call may raise Unavailable, or InvalidRequest where
    AWS IoT refuses it for ever."""

    def create(self, rule: DeliveryRule) -> None:
        """Make a rule, unless it is there."""
        ...

    def is_intact(self, rule: DeliveryRule) -> bool:
        """Whether a rule is there, enabled, and does what it was made for."""
        ...

    def delete(self, rule: DeliveryRule) -> None:
        """Remove a rule; one that is not there is no error."""
        ...


class DeadAlerts(Protocol):
    """Where alerts go that did not leave."""

    def put(self, letter: str) -> None:
        """Keep a dead letter. Raises Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """A role: its ARN, which has its path, and its trust policy, decoded from its JSON."""

    arn: str
    trust: Any


class Roles(Protocol):
    """The account's roles, and what is allowed. Any call may raise Unavailable, or InvalidRequest where this
    deployment may not ask."""

    def find(self, name: str) -> RoleFacts | None:
        """The role that has a name; None where none has it."""
        ...

    def may_pass(self, principal: str, role: str) -> bool:
        """Whether the policies of a user or a role, given by its ARN, let it pass a role to AWS IoT."""
        ...
