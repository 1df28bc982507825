"""Who may do what at the embedded broker, on a Table: the control plane writes it, the data plane reads it.

All of it is copied from the registry, key by key, so that the data plane can be started without the control plane, and
reads no more than one client's part when that connects. Source: AWS IoT Developer Guide, AWS IoT Core policies.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple, TypeVar

import msgspec

from warden.ports import Item, Key, Table
from warden.storage import keys
from warden.storage.records import Records

ACCESS = "ACCESS"


class Kind(StrEnum):
    """What a record is about."""

    CERTIFICATE = "CERTIFICATE"
    POLICY = "POLICY"
    THING = "THING"
    GROUP = "GROUP"
    ANCHOR = "ANCHOR"


class Subject(NamedTuple):
    """A record's name: a certificate's id, a policy's, thing's or group's name, the id of a trusted certificate."""

    kind: Kind
    name: str


class Certificate(msgspec.Struct, frozen=True, kw_only=True, tag="CERTIFICATE"):
    """A device's certificate.

    Attributes:
        status: ACTIVE lets it connect, all else does not.
        policies: Names of those that are attached to it.
        things: Names of those that it is attached to.
    """

    schema: int = 1
    status: str
    policies: tuple[str, ...] = ()
    things: tuple[str, ...] = ()


class Policy(msgspec.Struct, frozen=True, kw_only=True, tag="POLICY"):
    """A policy: the document of its default version."""

    schema: int = 1
    document: str


class Thing(msgspec.Struct, frozen=True, kw_only=True, tag="THING"):
    """A thing.

    Attributes:
        type_name: Of its thing type; empty where it has none.
        attributes: By name.
        groups: Names of the thing groups that it is in, and of those above them.
    """

    schema: int = 1
    type_name: str = ""
    attributes: dict[str, str] = {}
    groups: tuple[str, ...] = ()


class Group(msgspec.Struct, frozen=True, kw_only=True, tag="GROUP"):
    """A thing group that has policies: their names."""

    schema: int = 1
    policies: tuple[str, ...] = ()


class Anchor(msgspec.Struct, frozen=True, kw_only=True, tag="ANCHOR"):
    """A certificate that may end a chain: of an authority, or of a device that is registered without one; in PEM."""

    schema: int = 1
    pem: str


Record = Certificate | Policy | Thing | Group | Anchor
Changes = Mapping[Subject, Record | None]
"""What subjects say now; None of those that there are not any more."""

R = TypeVar("R", Certificate, Policy, Thing, Group, Anchor)

_KINDS: Mapping[type[Record], Kind] = {
    Certificate: Kind.CERTIFICATE,
    Policy: Kind.POLICY,
    Thing: Kind.THING,
    Group: Kind.GROUP,
    Anchor: Kind.ANCHOR,
}

_records: Records[Record] = Records(Record)  # type: ignore[arg-type]


class AccessRecords:
    """The records.

    Args:
        table: Table `control`.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, kind: type[R], name: str) -> R | None:
        """What is said of a subject; None where there is none."""
        item = self._table.get(_key(Subject(_KINDS[kind], name)), consistent=True)
        record = _records.read(item).record if item else None
        assert record is None or isinstance(record, kind)
        return record

    def all(self) -> Iterator[tuple[Subject, Record]]:
        """Every subject."""
        after: str | None = None
        while True:
            page = self._table.query(ACCESS, after=after, consistent=True)
            yield from ((_subject(item), _records.read(item).record) for item in page.items)
            after = page.last
            if after is None:
                return

    def anchors(self) -> list[str]:
        """The certificates that may end a chain, in PEM."""
        return [record.pem for subject, record in self.all() if isinstance(record, Anchor)]

    def apply(self, changes: Changes) -> None:
        """Store what subjects say now."""
        for subject, record in changes.items():
            if record is None:
                self._table.delete(_key(subject))
            else:
                self._table.put(_records.item(_key(subject), record))

    def replace(self, whole: Mapping[Subject, Record]) -> frozenset[Subject]:
        """Have these and no others. Returns: The subjects that were others, or are new, or gone."""
        before = dict(self.all())
        changes: dict[Subject, Record | None] = {
            subject: record for subject, record in whole.items() if before.get(subject) != record
        }
        changes |= dict.fromkeys(before.keys() - whole.keys())
        self.apply(changes)
        return frozenset(changes)


def _key(subject: Subject) -> Key:
    return Key(ACCESS, keys.join(*subject))


def _subject(item: Item) -> Subject:
    kind, name = keys.split(item.key.sk)
    return Subject(Kind(kind), name)
