"""What security profiles refer to by name: custom metrics and dimensions, beside the profiles' heads."""

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

from warden.ports import Absent, Delete, Key, Put, Table, Write
from warden.storage import keys
from warden.storage.records import Records, Stored


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """What is common to all kinds.

    Attributes:
        name: Its name.
        created_at: Epoch ms.
        modified_at: Epoch ms.
        token: The clientRequestToken that created it.
        tags: Its tags.
    """

    schema: int = 1
    name: str
    created_at: int
    modified_at: int
    token: str
    tags: dict[str, str] = {}


class CustomMetric(Definition, frozen=True, kw_only=True):
    """A custom metric; datapoints from before it was created are of another one of its name.

    Attributes:
        metric_type: AWS's metricType; never changes.
        display_name: For people.
    """

    metric_type: str
    display_name: str | None = None


class Dimension(Definition, frozen=True, kw_only=True):
    """A dimension: topic filters that narrow a cloud-side metric.

    Attributes:
        type: AWS's type; never changes.
        string_values: MQTT topic filters.
    """

    type: str
    string_values: tuple[str, ...]


D = TypeVar("D", bound=Definition)


class Definitions(Generic[D]):
    """The definitions of one kind. All reading is consistent; writes are parts of a change of the catalogue.

    Args:
        table: Table `control`.
        kind: Of their keys.
        records: Their records.
    """

    def __init__(self, table: Table, kind: str, records: Records[D]) -> None:
        self._table = table
        self._kind = kind
        self._records = records

    def get(self, name: str) -> Stored[D] | None:
        """The definition of a name."""
        return self._records.get(self._table, self._key(name))

    def all(self) -> Iterator[D]:
        """Every definition, in order of their names' keys."""
        after: str | None = None
        while True:
            found, after = self.page(after=after)
            yield from found
            if after is None:
                return

    def page(self, *, after: str | None, limit: int | None = None) -> tuple[list[D], str | None]:
        """Some definitions behind a place, and the place to go on from where there may be more."""
        page = self._table.query(
            keys.CATALOGUE,
            first=f"{self._kind}#",
            last=keys.last(f"{self._kind}#"),
            after=after,
            limit=limit + 1 if limit else None,  # the one too many tells whether any follow
            consistent=True,
        )
        found = [self._records.read(item).record for item in page.items[:limit]]
        more = self._key(found[-1].name).sk if limit and len(page.items) > limit else page.last
        return found, more

    def put(self, definition: D, replaces: Stored[D] | None) -> Write:
        """Write of a definition, unless it was written since it was read, or found absent."""
        item = self._records.item(self._key(definition.name), definition, replaces)
        return Put(item, replaces.unchanged if replaces else Absent())

    def delete(self, stored: Stored[D]) -> Write:
        """Write that removes a definition, unless it was written since it was read."""
        return Delete(stored.key, stored.unchanged)

    def _key(self, name: str) -> Key:
        return Key(keys.CATALOGUE, keys.join(self._kind, name))


def custom_metrics(table: Table) -> Definitions[CustomMetric]:
    """The custom metrics."""
    return Definitions(table, "METRIC", Records(CustomMetric))


def dimensions(table: Table) -> Definitions[Dimension]:
    """The dimensions."""
    return Definitions(table, "DIMENSION", Records(Dimension))
