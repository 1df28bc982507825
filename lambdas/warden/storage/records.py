"""Domain values as a table's items: one binary attribute each, with the version that a write is conditional on."""

from collections.abc import Mapping
from typing import Generic, TypeVar

import msgspec

from warden.ports import Absent, AtVersion, Condition, Item, Key, Table

R = TypeVar("R", bound=msgspec.Struct)

_encode = msgspec.msgpack.Encoder().encode


class Stored(msgspec.Struct, Generic[R], frozen=True):
    """A record as it was read: its item's version is what replacing it is conditional on."""

    key: Key
    record: R
    version: int

    @property
    def unchanged(self) -> Condition:
        """Condition: nobody has written it since."""
        return AtVersion(self.version)


class Records(Generic[R]):
    """The records of one type.

    Args:
        kind: Their type. Members are only ever added, with a default, so that this release and the last read what
            the other wrote.
    """

    def __init__(self, kind: type[R]) -> None:
        self._decode = msgspec.msgpack.Decoder(kind).decode

    def read(self, item: Item) -> Stored[R]:
        """A record from its item."""
        return Stored(item.key, self._decode(item.data), item.version)

    def get(self, table: Table, key: Key) -> Stored[R] | None:
        """A record, read consistently."""
        item = table.get(key, consistent=True)
        return self.read(item) if item else None

    def item(
        self,
        key: Key,
        record: R,
        replaces: Stored[R] | None = None,
        *,
        indexes: Mapping[str, tuple[str, str]] | None = None,
        expires_at: int | None = None,
    ) -> Item:
        """A record's item, one version above what it replaces."""
        version = replaces.version + 1 if replaces else 1
        return Item(key, _encode(record), version, indexes or {}, expires_at)


def unchanged(stored: Stored[R] | None) -> Condition:
    """Condition: nobody has written it since it was read, or found absent."""
    return stored.unchanged if stored else Absent()
