"""Domain values as a table's items: one binary attribute each, with the version that a write is conditional on."""

from collections.abc import Callable, Mapping
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from warden.domain.errors import NewerSchema
from warden.ports import Absent, AtVersion, Condition, Item, Key, Table

SCHEMA: Final = 1
"""Of all records. It rises where a reader of the release before could misread one; that release is then taught the
new schema first, so that an update can be taken back."""


class HasSchema(Protocol):
    """A record that says how it is encoded. Members are only ever added, with a default."""

    @property
    def schema(self) -> int:
        """The schema that it was written by."""
        ...


R = TypeVar("R", bound=HasSchema)

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
        kind: Their type.
    """

    def __init__(self, kind: type[R]) -> None:
        self._decode = msgspec.msgpack.Decoder(kind).decode

    def read(self, item: Item) -> Stored[R]:
        """A record from its item. Raises NewerSchema."""
        return Stored(item.key, decoded(item, self._decode, _decode_stamp), item.version)

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


class _Stamp(msgspec.Struct):
    """A record of any type, as far as its schema."""

    schema: int = 1


_decode_stamp = msgspec.msgpack.Decoder(_Stamp).decode


def decoded(item: Item, decode: Callable[[bytes], R], stamp: Callable[[bytes], HasSchema]) -> R:
    """The record in an item.

    Args:
        item: The item.
        decode: Decodes a record that this release knows.
        stamp: Decodes no more than the schema, of any record.

    Raises: NewerSchema, for a record of a schema that this release does not know, whether or not it could be read.
    """
    try:
        record = decode(item.data)
    except msgspec.ValidationError:
        _check_schema(item, stamp(item.data))
        raise
    _check_schema(item, record)
    return record


def _check_schema(item: Item, record: HasSchema) -> None:
    if record.schema > SCHEMA:
        raise NewerSchema(f"{'/'.join(item.key)} has schema {record.schema}, this release knows {SCHEMA}: update it")


def unchanged(stored: Stored[R] | None) -> Condition:
    """Condition: nobody has written it since it was read, or found absent."""
    return stored.unchanged if stored else Absent()
