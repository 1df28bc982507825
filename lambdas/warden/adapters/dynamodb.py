"""Port `Table` on a DynamoDB table.

An item has attributes pk, sk (S), version (N), data (B), expires_at (N, the table's time to
live), and for each index `x` that it is in, `x` and `x_sort` (S). Index `x` is a global secondary index of that name
on these two, projecting keys only, so it is sparse.

get, query, query_index, put, delete and transact are one request each, get_many one for each 100 keys; botocore
repeats a request that failed on the way, as the client is configured. Such a repeated put or delete can meet its own
first try: it then raises Raced although it took effect, and whoever reads again finds its own write. A repeated
transaction cannot, since botocore gives each call a ClientRequestToken.
"""

import random
import time
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    ClientError,
    ConnectionError,  # noqa: A004 (botocore's own)
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
)

from warden.adapters import limits
from warden.domain.errors import Raced, Throttled, Unavailable
from warden.ports import Absent, AtVersion, Condition, Delete, IndexKey, IndexPage, Item, Key, Page, Put, Write
from warden.storage.keys import TableDesign

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_TRANSPORT = (ConnectionError, HTTPClientError, IncompleteReadError, ResponseStreamingError)
_RACED = frozenset({"ConditionalCheckFailedException", "TransactionConflictException"})
_THROTTLED = frozenset(
    {"ThrottlingException", "Throttling", "ProvisionedThroughputExceededException", "RequestLimitExceeded"}
)
_RACED_PARTS = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
_THROTTLED_PARTS = frozenset({"ThrottlingError", "ProvisionedThroughputExceeded"})

_FRUITLESS_ROUNDS = 5
_FIRST_WAIT_SECONDS = 0.05


class DynamoTable:
    """A `Table` in DynamoDB.

    Args:
        client: A low-level client; its configuration says how often and how long requests are tried.
        table_name: Name or ARN.
        design: What the table holds.
        sleep: How get_many waits before it asks again for what was left out, in seconds.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table_name: str,
        design: TableDesign,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._name = table_name
        self._design = design
        self._sleep = sleep

    def get(self, key: Key, *, consistent: bool = False) -> Item | None:
        """See `Table.get`."""
        limits.check_key(key)
        with _answers():
            answer = self._client.get_item(TableName=self._name, Key=_key(key), ConsistentRead=consistent)
        return self._item(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Iterable[Key], *, consistent: bool = False) -> dict[Key, Item]:
        """See `Table.get_many`. Raises Throttled where nothing more is answered in several rounds."""
        waiting = iter(dict.fromkeys(keys))
        found: dict[Key, Item] = {}
        while chunk := list(islice(waiting, limits.MAX_BATCH_GET)):
            for key in chunk:
                limits.check_key(key)
            found.update((item.key, item) for item in self._get_chunk(chunk, consistent=consistent))
        return found

    def query(
        self,
        pk: str,
        *,
        first: str | None = None,
        last: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        after: str | None = None,
        consistent: bool = False,
    ) -> Page:
        """See `Table.query`. A page that is full may have a `last` although nothing follows."""
        limits.check_query(pk, first=first, last=last, limit=limit, after=after)
        if limits.is_empty(first, last):
            return Page(())
        request = self._query(("pk", pk), ("sk", first, last), descending=descending, limit=limit)
        if after is not None:
            request["ExclusiveStartKey"] = _key(Key(pk, after))
        with _answers():
            answer = self._client.query(**request, ConsistentRead=consistent)
        end = answer.get("LastEvaluatedKey")
        return Page([self._item(found) for found in answer["Items"]], end["sk"]["S"] if end else None)

    def query_index(
        self,
        index: str,
        partition: str,
        *,
        first: str | None = None,
        last: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        after: IndexKey | None = None,
    ) -> IndexPage:
        """See `Table.query_index`."""
        limits.check_index_query(self._design, index, partition, first=first, last=last, limit=limit, after=after)
        if limits.is_empty(first, last):
            return IndexPage(())
        sort = f"{index}_sort"
        request = self._query((index, partition), (sort, first, last), descending=descending, limit=limit)
        if after is not None:
            request["ExclusiveStartKey"] = {**_key(after.key), index: {"S": partition}, sort: {"S": after.sort}}
        with _answers():
            answer = self._client.query(**request, IndexName=index)
        rows = [_index_key(found, sort) for found in answer["Items"]]
        end = answer.get("LastEvaluatedKey")
        return IndexPage(rows, _index_key(end, sort) if end else None)

    def put(self, item: Item, condition: Condition | None = None) -> None:
        """See `Table.put`."""
        limits.check_item(item, self._design)
        limits.check_condition(condition)
        with _answers():
            self._client.put_item(TableName=self._name, Item=_attributes(item), **_expression(condition))

    def delete(self, key: Key, condition: Condition | None = None) -> None:
        """See `Table.delete`."""
        limits.check_key(key)
        limits.check_condition(condition)
        with _answers():
            self._client.delete_item(TableName=self._name, Key=_key(key), **_expression(condition))

    def transact(self, writes: Sequence[Write]) -> None:
        """See `Table.transact`."""
        limits.check_transaction(writes, self._design)
        with _answers():
            self._client.transact_write_items(TransactItems=[self._part(write) for write in writes])

    def _get_chunk(self, keys: Sequence[Key], *, consistent: bool) -> Iterator[Item]:
        """The items of at most 100 keys. DynamoDB leaves out what is over 16 MB, and what it has no capacity for."""
        asked: list[Any] = [_key(key) for key in keys]
        fruitless = 0
        while asked:
            request: Any = {self._name: {"Keys": asked, "ConsistentRead": consistent}}
            with _answers():
                answer = self._client.batch_get_item(RequestItems=request)
            for found in answer["Responses"].get(self._name, ()):
                yield self._item(found)
            left = list(answer["UnprocessedKeys"].get(self._name, {"Keys": []})["Keys"])
            fruitless = fruitless + 1 if len(left) == len(asked) else 0
            if fruitless == _FRUITLESS_ROUNDS:
                raise Throttled(f"DynamoDB answered none of {len(left)} keys, asked {fruitless} times")
            if left:
                self._sleep(random.uniform(0, _FIRST_WAIT_SECONDS * 2**fruitless))  # noqa: S311 (no secret)
            asked = left

    def _query(
        self,
        partition: tuple[str, str],
        bounds: tuple[str, str | None, str | None],
        *,
        descending: bool,
        limit: int | None,
    ) -> dict[str, Any]:
        """What both kinds of query ask: (attribute, value) and (attribute, smallest, largest)."""
        name, first, last = bounds
        values = {":pk": partition[1], ":first": first, ":last": last}
        expression = "#pk = :pk"
        if first is not None and last is not None:
            expression += " AND #sk BETWEEN :first AND :last"
        elif first is not None:
            expression += " AND #sk >= :first"
        elif last is not None:
            expression += " AND #sk <= :last"
        names = {"#pk": partition[0], "#sk": name}
        request: dict[str, Any] = {
            "TableName": self._name,
            "KeyConditionExpression": expression,
            "ExpressionAttributeNames": {used: names[used] for used in names if used in expression},
            "ExpressionAttributeValues": {name: {"S": value} for name, value in values.items() if value is not None},
            "ScanIndexForward": not descending,
        }
        if limit is not None:
            request["Limit"] = limit
        return request

    def _part(self, write: Write) -> Any:
        condition = _expression(write.condition)
        if isinstance(write, Put):
            return {"Put": {"TableName": self._name, "Item": _attributes(write.item), **condition}}
        kind = "Delete" if isinstance(write, Delete) else "ConditionCheck"
        return {kind: {"TableName": self._name, "Key": _key(write.key), **condition}}

    def _item(self, found: Mapping[str, Any]) -> Item:
        return _item(found, self._design)


def streamed_item(image: Mapping[str, Any], design: TableDesign) -> Item:
    """The item in a record of a table's stream, as Lambda gets it: JSON, whose binary values are base64."""
    return _item({**image, "data": {"B": b64decode(image["data"]["B"])}}, design)


def _item(found: Mapping[str, Any], design: TableDesign) -> Item:
    indexes = {x: (found[x]["S"], found[f"{x}_sort"]["S"]) for x in design.indexes if x in found}
    expires_at = int(found["expires_at"]["N"]) if "expires_at" in found else None
    return Item(_found_key(found), found["data"]["B"], int(found["version"]["N"]), indexes, expires_at)


def _key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def _found_key(found: Mapping[str, Any]) -> Key:
    return Key(found["pk"]["S"], found["sk"]["S"])


def _index_key(found: Mapping[str, Any], sort: str) -> IndexKey:
    return IndexKey(found[sort]["S"], _found_key(found))


def _attributes(item: Item) -> dict[str, Any]:
    attributes = {**_key(item.key), "version": {"N": str(item.version)}, "data": {"B": item.data}}
    if item.expires_at is not None:
        attributes["expires_at"] = {"N": str(item.expires_at)}
    for index, (partition, sort) in item.indexes.items():
        attributes[index] = {"S": partition}
        attributes[f"{index}_sort"] = {"S": sort}
    for feed in item.feeds:
        attributes[feed] = {"S": "1"}
    return attributes


def _expression(condition: Condition | None) -> dict[str, Any]:
    if condition is None:
        return {}
    if isinstance(condition, AtVersion):
        return {
            "ConditionExpression": "#version = :version",
            "ExpressionAttributeNames": {"#version": "version"},
            "ExpressionAttributeValues": {":version": {"N": str(condition.version)}},
        }
    function = "attribute_not_exists" if isinstance(condition, Absent) else "attribute_exists"
    return {"ConditionExpression": f"{function}(pk)"}


@contextmanager
def _answers() -> Iterator[None]:
    """Give DynamoDB's refusals and failures the port's names; what is our own mistake stays botocore's error."""
    try:
        yield
    except _TRANSPORT as error:
        raise Unavailable(f"DynamoDB: {error}") from error
    except ClientError as error:
        kind = _kind(error)
        if kind is None:
            raise
        raise kind(f"DynamoDB: {error}") from error


def _kind(error: ClientError) -> type[Unavailable] | None:
    code = error.response["Error"]["Code"]
    if code in _RACED:
        return Raced
    if code in _THROTTLED:
        return Throttled
    if code == "TransactionCanceledException":
        return _cancelled(error)
    if code == "TransactionInProgressException":  # our first try of it is still at work
        return Unavailable
    return Unavailable if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500 else None


def _cancelled(error: ClientError) -> type[Unavailable] | None:
    """A part that no repetition can help says more than a condition, a condition more than a lack of capacity."""
    response: Mapping[str, Any] = error.response
    reasons = {reason["Code"] for reason in response.get("CancellationReasons", ())} - {"None"}
    if not reasons <= _RACED_PARTS | _THROTTLED_PARTS:
        return None
    if reasons & _RACED_PARTS:
        return Raced
    return Throttled if reasons else None
