"""The messages that exported metrics leave in.

Source: AWS IoT Device Defender Developer Guide, Detect metrics export and its JSON schema. That `timestamp` is in
milliseconds, and is when the report came, is our reading.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from warden.domain.alarms.entry import Entry
from warden.domain.behaviors.export import Export

MOST_BYTES: Final = 102_400
"""Of a message; the broker's most is 128 KB."""

HEAD, TAIL = b'{"version":"1.0","metrics":[', b"]}"
MOST_ITEM_BYTES: Final = MOST_BYTES - len(HEAD) - len(TAIL)
ITEM_VERSION: Final = 1
"""Of several items for one thing, metric and timestamp the highest counts; a report's are never corrected."""

_encode = msgspec.json.Encoder().encode


def items(thing: str, entry: Entry, export: Export) -> Iterator[bytes]:
    """What of a log entry is exported, one JSON object for each metric that it has a datapoint of.

    A list that is too long for a message is cut, and `metricValueTruncated` says so.

    Args:
        thing: Name of the entry's thing.
        entry: The entry.
        export: What the profile exports.
    """
    for name, value in export.values(entry.points, entry.state.epoch):
        item = {"name": name, "thing": thing, "value": value, "version": ITEM_VERSION, "timestamp": entry.at}
        encoded = _encode(item)
        yield encoded if len(encoded) <= MOST_ITEM_BYTES else _cut(item)


def _cut(item: dict[str, Any]) -> bytes:
    ((member, elements),) = item["value"].items()
    few, too_many, found = 0, len(elements), b""
    while too_many - few > 1:
        tried = (few + too_many) // 2
        encoded = _encode({**item, "value": {member: elements[:tried]}, "metricValueTruncated": True})
        if len(encoded) <= MOST_ITEM_BYTES:
            few, found = tried, encoded
        else:
            too_many = tried
    return found


def messages(items: Iterable[bytes]) -> Iterator[bytes]:
    """Items in as few messages as they fit in, in their order."""
    held: list[bytes] = []
    size = 0
    for item in items:
        if held and size + len(item) > MOST_ITEM_BYTES:
            yield _message(held)
            held, size = [], 0
        held.append(item)
        size += len(item) + 1
    if held:
        yield _message(held)


def _message(held: list[bytes]) -> bytes:
    return HEAD + b",".join(held) + TAIL
