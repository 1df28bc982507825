"""The key that page tokens are signed with: one for all processes, for ever."""

from contextlib import suppress

from warden.domain.errors import Raced
from warden.ports import Absent, Item, Key, Table
from warden.storage import keys


def token_key(table: Table, fresh: bytes) -> bytes:
    """The key, which is `fresh` where there was none."""
    key = Key(keys.TOKEN_KEY, keys.TOKEN_KEY)
    if (item := table.get(key, consistent=True)) is None:
        with suppress(Raced):  # another process's is there
            table.put(Item(key, fresh), Absent())
        item = table.get(key, consistent=True)
    assert item
    return item.data
