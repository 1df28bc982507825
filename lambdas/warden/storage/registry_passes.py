"""How far a comparison with the registry has come, so that an interrupted one goes on, and when one was last done."""

from typing import Final

import msgspec

from warden.domain.errors import Raced
from warden.ports import Delete, Key, Put, Table
from warden.storage import keys
from warden.storage.records import Records, Stored, unchanged


class Superseded(Exception):
    """Somebody else works at the pass now; nothing failed."""


class InThings(msgspec.Struct, frozen=True, tag=True):
    """It reads the registry's things; `token` is the next page's, None for the first."""

    token: str | None = None


class InGroups(msgspec.Struct, frozen=True, tag=True):
    """It reads the groups' members.

    Attributes:
        page: Token of the page of groups that it is at.
        group: The group that it is at, or read last, of those in order.
        token: Of the next page of that group's members; None for the first.
        above: The groups that this group is below; None where its members are read.
    """

    page: str | None = None
    group: str = ""
    token: str | None = None
    above: tuple[str, ...] | None = None


class InProjection(msgspec.Struct, frozen=True, tag=True):
    """It reads what we believe; `after` is the place in the shard's index: sort text and key."""

    shard: int = 0
    after: tuple[str, str, str] | None = None


class InDoubt(msgspec.Struct, frozen=True, tag=True):
    """It asks about the things of parts that differ; parts before `bucket` are done."""

    bucket: int = 0


class InDynamicGroups(msgspec.Struct, frozen=True, tag=True):
    """It compares dynamic groups; those up to `group`, in order, are done."""

    group: str = ""


Place = InThings | InGroups | InProjection | InDoubt | InDynamicGroups


class RegistryPass(msgspec.Struct, frozen=True, kw_only=True):
    """A pass that has not ended.

    Attributes:
        id: When it was begun or taken over, epoch ms; the newest counts.
        began: When its first page was asked for, epoch ms.
        saved_at: When this was stored, epoch ms.
        place: How far it is.
        sums: What the registry has and we do not know or the other way round, as `Sums.to_bytes`.
    """

    schema: int = 1
    id: int
    began: int
    saved_at: int
    place: Place
    sums: bytes = b""


class LastPass(msgspec.Struct, frozen=True, kw_only=True):
    """The last pass that came to its end: when it began and when it ended, epoch ms."""

    schema: int = 1
    began: int
    ended: int


class Members(msgspec.Struct, frozen=True, kw_only=True):
    """A dynamic group's members as they were at its last comparison, as `Sums.to_bytes`."""

    schema: int = 1
    sums: bytes


_passes, _last, _members = Records(RegistryPass), Records(LastPass), Records(Members)

ALL: Final = "all"
DYNAMIC: Final = "dynamic"


class RegistryPasses:
    """Where passes are kept, one of each name at a time.

    Args:
        table: Table `control`.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def current(self, name: str) -> Stored[RegistryPass] | None:
        """The pass that has not ended."""
        return _passes.get(self._table, _pass_key(name))

    def save(self, name: str, new: RegistryPass, replaces: Stored[RegistryPass] | None) -> Stored[RegistryPass]:
        """Store how far a pass is. Raises Superseded where somebody else works at it."""
        item = _passes.item(_pass_key(name), new, replaces)
        ours = Stored(item.key, new, item.version)
        try:
            self._table.put(item, unchanged(replaces))
        except Raced as error:
            if self.current(name) != ours:  # else it was our own write, whose answer was lost
                raise Superseded from error
        return ours

    def finish(self, name: str, stored: Stored[RegistryPass], *, now: int) -> None:
        """Store that a pass came to its end. Raises Superseded where somebody else works at it."""
        last = LastPass(began=stored.record.began, ended=now)
        done = _last.item(_last_key(name), last)
        try:
            self._table.transact([Delete(stored.key, stored.unchanged), Put(done)])
        except Raced as error:
            raise Superseded from error

    def last(self, name: str) -> LastPass | None:
        """The last pass that came to its end; None before the first: until then some things are unknown."""
        stored = _last.get(self._table, _last_key(name))
        return stored.record if stored else None

    def members(self, group: str) -> Stored[Members] | None:
        """A dynamic group's members."""
        return _members.get(self._table, _members_key(group))

    def save_members(self, group: str, sums: bytes, replaces: Stored[Members] | None) -> None:
        """Store a dynamic group's members. Raises Raced where somebody else has."""
        self._table.put(_members.item(_members_key(group), Members(sums=sums), replaces), unchanged(replaces))


def _pass_key(name: str) -> Key:
    return Key(keys.join("PASS", name), "PASS")


def _last_key(name: str) -> Key:
    return Key(keys.join("PASS", name), "LAST")


def _members_key(group: str) -> Key:
    return Key(keys.join("MEMBERS", group), "MEMBERS")
