"""A table's stream as Lambda hands it to a function: the records that its filter lets through, as JSON."""

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from warden.handlers.parts import Clients
from warden.rules import OUTBOX_FILTER


class TableStream:
    """Reads a table's stream from its beginning, as an event source mapping does.

    Args:
        clients: Gives `dynamodb` and `dynamodbstreams`.
        table: Its name.
        pattern: The filter's.
    """

    def __init__(self, clients: Clients, table: str, pattern: Any = OUTBOX_FILTER) -> None:
        self._pattern = pattern
        self._streams = clients("dynamodbstreams")
        self.arn = clients("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"]
        shards = self._streams.describe_stream(StreamArn=self.arn)["StreamDescription"]["Shards"]
        self._iterator = self._streams.get_shard_iterator(
            StreamArn=self.arn, ShardId=shards[0]["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]

    def read(self, *, filtered: bool = True) -> dict[str, Any]:
        """The event with all that passes the filter and was not read before; perhaps without records."""
        answer = self._streams.get_records(ShardIterator=self._iterator)
        self._iterator = answer["NextShardIterator"]
        return {
            "Records": [
                self._as_sent(record) for record in answer["Records"] if _passes(record, self._pattern) or not filtered
            ]
        }

    def _as_sent(self, record: Mapping[str, Any]) -> dict[str, Any]:
        sent: dict[str, Any] = json.loads(json.dumps({**record, "eventSourceARN": self.arn}, default=_plain))
        return sent


def _passes(record: Any, pattern: Any) -> bool:
    """Whether Lambda's event filter lets a record through, as far as ours goes: literals, `prefix` and `exists`."""
    if isinstance(pattern, Mapping):
        return isinstance(record, Mapping) and all(_passes(record.get(key), each) for key, each in pattern.items())
    return any(_is(record, wanted) for wanted in pattern)


def _is(value: Any, wanted: Any) -> bool:
    match wanted:
        case {"prefix": prefix}:
            return isinstance(value, str) and value.startswith(prefix)
        case {"exists": True}:
            return value is not None
        case str():
            return bool(value == wanted)
        case _:
            raise AssertionError(f"no filter of ours: {wanted!r}")


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    assert isinstance(value, datetime)
    return value.timestamp()


def batch(event: dict[str, Any], *positions: int) -> dict[str, Any]:
    """The event with some of its records only, in that order."""
    return {"Records": [event["Records"][position] for position in positions]}
