"""DynamoDB's documented limits, checked before anything is asked of a table, so that every table refuses alike.

Source: Amazon DynamoDB Developer Guide, "Quotas in Amazon DynamoDB" and "DynamoDB item sizes and formats". Text is
measured in bytes of UTF-8; what has none (a lone surrogate) is refused too. Whole numbers are kept to 64 bits, which
is stricter than DynamoDB's 38 digits. Everything here raises `InvalidWrite`.
"""

from collections.abc import Sequence

from warden.ports import AtVersion, Condition, IndexKey, InvalidWrite, Item, Key, Put, Write
from warden.storage.keys import TableDesign

MAX_PARTITION_KEY = 2048
MAX_SORT_KEY = 1024
MAX_ITEM = 400 * 1024
MAX_PAGE = 1024 * 1024
MAX_TRANSACTION_PARTS = 100
MAX_TRANSACTION = 4 * 1024 * 1024
MAX_BATCH_GET = 100

_INT64 = 2**63
_KEY_NAMES = len("pk") + len("sk")


def check_key(key: Key) -> None:
    """An item's primary key."""
    _part("pk", key.pk, MAX_PARTITION_KEY)
    _part("sk", key.sk, MAX_SORT_KEY)


def check_item(item: Item, design: TableDesign) -> int:
    """An item of a table, and its size in bytes as DynamoDB counts it: names and values of all attributes."""
    size = (
        _KEY_NAMES
        + _part("pk", item.key.pk, MAX_PARTITION_KEY)
        + _part("sk", item.key.sk, MAX_SORT_KEY)
        + len("version")
        + _number("version", item.version)
        + len("data")
        + len(item.data)
    )
    if item.expires_at is not None:
        size += len("expires_at") + _number("expires_at", item.expires_at)
    for index, (partition, sort) in item.indexes.items():
        _index(index, design)
        size += _part(index, partition, MAX_PARTITION_KEY) + _part(index, sort, MAX_SORT_KEY)
        size += 2 * len(index) + len("_sort")
    for feed in item.feeds:
        if feed not in design.feeds:
            raise InvalidWrite(f"table {design.name} has no feed {feed!r}")
        size += len(feed) + 1
    if size > MAX_ITEM:
        raise InvalidWrite(f"{item.key}: an item of {size} bytes, at most {MAX_ITEM} are allowed")
    return size


def check_condition(condition: Condition | None) -> None:
    """A condition's version must be one that an item can have."""
    if isinstance(condition, AtVersion):
        _number("version", condition.version)


def check_transaction(writes: Sequence[Write], design: TableDesign) -> None:
    """The parts of one transaction: how many, how big, and no two for one key."""
    if not 1 <= len(writes) <= MAX_TRANSACTION_PARTS:
        raise InvalidWrite(f"a transaction of {len(writes)} parts, not 1 to {MAX_TRANSACTION_PARTS}")
    keys = {key_of(write) for write in writes}
    if len(keys) < len(writes):
        raise InvalidWrite("a transaction with two parts for one key")
    size = sum(_checked(write, design) for write in writes)
    if size > MAX_TRANSACTION:
        raise InvalidWrite(f"a transaction of {size} bytes, at most {MAX_TRANSACTION} are allowed")


def key_of(write: Write) -> Key:
    """What a part of a transaction is about."""
    return write.item.key if isinstance(write, Put) else write.key


def check_query(pk: str, *, first: str | None, last: str | None, limit: int | None, after: str | None) -> None:
    """The arguments of a query. `after` must lie within the bounds: DynamoDB refuses it elsewhere."""
    _part("pk", pk, MAX_PARTITION_KEY)
    for name, bound in (("first", first), ("last", last), ("after", after)):
        if bound is not None:
            _part(name, bound, MAX_SORT_KEY)
    if after is not None and not ((first is None or first <= after) and (last is None or after <= last)):
        raise InvalidWrite(f"after {after!r} is not between {first!r} and {last!r}")
    if limit is not None and not 1 <= limit < 2**31:
        raise InvalidWrite(f"limit {limit} is not 1 or more")


def check_index_query(
    design: TableDesign,
    index: str,
    partition: str,
    *,
    first: str | None,
    last: str | None,
    limit: int | None,
    after: IndexKey | None,
) -> None:
    """The arguments of a query of an index."""
    _index(index, design)
    check_query(partition, first=first, last=last, limit=limit, after=None if after is None else after.sort)
    if after is not None:
        check_key(after.key)


def is_empty(first: str | None, last: str | None) -> bool:
    """Whether nothing can lie between two bounds; DynamoDB refuses such a pair, the port answers with nothing.

    Python compares text by code points, which is the order of its bytes of UTF-8.
    """
    return first is not None and last is not None and first > last


def _checked(write: Write, design: TableDesign) -> int:
    check_condition(write.condition)
    if isinstance(write, Put):
        return check_item(write.item, design)
    check_key(write.key)
    return _KEY_NAMES + _length(write.key.pk) + _length(write.key.sk)


def _index(name: str, design: TableDesign) -> None:
    if name not in design.indexes:
        raise InvalidWrite(f"table {design.name} has no index {name!r}")


def _part(name: str, text: str, most: int) -> int:
    length = _length(text)
    if not 1 <= length <= most:
        raise InvalidWrite(f"{name} has {length} bytes, not 1 to {most}")
    return length


def _length(text: str) -> int:
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidWrite(f"{text!r} is not text that UTF-8 can hold") from error


def _number(name: str, number: int) -> int:
    """A number's size: a byte for two digits, and one or two more."""
    if not -_INT64 <= number < _INT64:
        raise InvalidWrite(f"{name} {number} has more than 64 bits")
    return (len(str(abs(number))) + 1) // 2 + 1 + (number < 0)
