"""The things of a fleet as table `log` knows them: what the registry last said of some, and who is registered."""

from collections.abc import Iterable, Iterator

import msgspec

from warden.domain.behaviors.target import ThingFacts
from warden.ports import IndexKey, IndexPage, Key, Table
from warden.storage import keys
from warden.storage.records import decoded

AT_ONCE = 250

_decode = msgspec.msgpack.Decoder(ThingFacts).decode


class RegisteredThings:
    """Reads what was stored of the registry's answers.

    Lists have the things that were ever registered, for as long as their logs are kept: their facts say whether they
    are. They may miss what was stored a moment ago.

    Args:
        table: Table `log`.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def facts(self, things: Iterable[str], *, consistent: bool = False) -> dict[str, ThingFacts]:
        """What the registry last said, by thing; those that it was never asked about are left out. Raises
        NewerSchema."""
        wanted = [Key(keys.thing(thing), keys.THING) for thing in things]
        items = self._table.get_many(wanted, consistent=consistent)
        return {keys.split(key.pk)[1]: decoded(item, _decode, _decode) for key, item in items.items()}

    def page(self, shard: int, after: IndexKey | None) -> tuple[list[str], IndexKey | None]:
        """Some of the things of one of `keys.THING_SHARDS` shards, and where to go on."""
        page = self._table.query_index(keys.THINGS, keys.join("THINGS", shard), limit=AT_ONCE, after=after)
        return _names(page), page.last

    def bucket(self, bucket: int) -> Iterator[list[str]]:
        """The things of one of `keys.THING_BUCKETS` buckets, some at a time."""
        partition, first, last = keys.listed_bucket(bucket)
        after: IndexKey | None = None
        while True:
            page = self._table.query_index(keys.THINGS, partition, first=first, last=last, limit=AT_ONCE, after=after)
            yield _names(page)
            after = page.last
            if after is None:
                return

    def everything(self) -> Iterator[list[str]]:
        """All things, some at a time."""
        for shard in range(keys.THING_SHARDS):
            names, after = self.page(shard, None)
            yield names
            while after:
                names, after = self.page(shard, after)
                yield names


def _names(page: IndexPage) -> list[str]:
    return [keys.split(row.key.pk)[1] for row in page.rows]
