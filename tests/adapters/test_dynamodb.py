"""How DynamoTable speaks to DynamoDB: what each refusal means to its caller, and how many requests a call costs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.stub import Stubber

from tests.adapters.conftest import DESIGN, NewTable, client
from warden.adapters.dynamodb import DynamoTable
from warden.domain.errors import Raced, Throttled, Unavailable
from warden.ports import Absent, AtVersion, Item, Key, Put

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY = Key("P", "a")
ITEM = Item(KEY, b"data")


@pytest.fixture(scope="module")
def dynamodb() -> Iterator["DynamoDBClient"]:
    made = client("http://127.0.0.1:9")
    yield made
    made.close()


@pytest.fixture
def stub(dynamodb: "DynamoDBClient") -> Iterator[Stubber]:
    with Stubber(dynamodb) as stub:
        yield stub


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def table(dynamodb: "DynamoDBClient", waits: list[float]) -> DynamoTable:
    return DynamoTable(dynamodb, "tested", DESIGN, sleep=waits.append)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ConditionalCheckFailedException", 400, Raced),
        ("TransactionConflictException", 400, Raced),
        ("ThrottlingException", 400, Throttled),
        ("ProvisionedThroughputExceededException", 400, Throttled),
        ("RequestLimitExceeded", 400, Throttled),
        ("InternalServerError", 500, Unavailable),
        ("ServiceUnavailable", 503, Unavailable),
        ("ValidationException", 400, ClientError),
        ("ResourceNotFoundException", 400, ClientError),
        ("AccessDeniedException", 400, ClientError),
        ("ExpiredTokenException", 400, ClientError),
    ],
)
def test_a_refusal_is_raised_as_what_it_means(
    table: DynamoTable, stub: Stubber, code: str, status: int, kind: type[Exception]
) -> None:
    for method, call in {
        "get_item": lambda: table.get(KEY),
        "batch_get_item": lambda: table.get_many([KEY]),
        "query": lambda: table.query("P"),
        "put_item": lambda: table.put(ITEM, Absent()),
        "delete_item": lambda: table.delete(KEY),
        "transact_write_items": lambda: table.transact([Put(ITEM)]),
    }.items():
        stub.add_client_error(method, code, "said so", status)
        with pytest.raises(kind, match=code) as caught:
            call()
        assert type(caught.value) is kind or kind is ClientError
    stub.add_client_error("query", code, "said so", status)
    with pytest.raises(kind):
        table.query_index("due", "D")


@pytest.mark.parametrize(
    ("reasons", "kind"),
    [
        pytest.param(["None", "ConditionalCheckFailed"], Raced, id="a condition failed"),
        pytest.param(["TransactionConflict"], Raced, id="another transaction"),
        pytest.param(["None", "ThrottlingError"], Throttled, id="throttled"),
        pytest.param(["ProvisionedThroughputExceeded"], Throttled, id="over capacity"),
        pytest.param(["ThrottlingError", "ConditionalCheckFailed"], Raced, id="a condition failed and throttled"),
        pytest.param(["ValidationError", "ConditionalCheckFailed"], ClientError, id="no repetition helps"),
        pytest.param(["None"], ClientError, id="no reason given"),
    ],
)
def test_a_cancelled_transaction_is_raised_as_what_its_reasons_mean(
    table: DynamoTable, stub: Stubber, reasons: list[str], kind: type[Exception]
) -> None:
    fields = {"CancellationReasons": [{"Code": reason} for reason in reasons]}
    stub.add_client_error(
        "transact_write_items", "TransactionCanceledException", "cancelled", 400, modeled_fields=fields
    )
    with pytest.raises(kind):
        table.transact([Put(ITEM)])


def test_a_transaction_still_at_work_may_be_asked_for_again(table: DynamoTable, stub: Stubber) -> None:
    stub.add_client_error("transact_write_items", "TransactionInProgressException", "wait", 400)
    with pytest.raises(Unavailable):
        table.transact([Put(ITEM)])


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (EndpointConnectionError(endpoint_url="x"), Unavailable),
        (ConnectTimeoutError(endpoint_url="x"), Unavailable),
        (ReadTimeoutError(endpoint_url="x"), Unavailable),
        (NoCredentialsError(), NoCredentialsError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BotoCoreError) else "",
)
def test_a_request_that_got_no_answer_is_unavailable(
    dynamodb: "DynamoDBClient", table: DynamoTable, error: BotoCoreError, kind: type[Exception]
) -> None:
    def fail(**_: Any) -> None:
        raise error

    dynamodb.meta.events.register("before-send.dynamodb", fail, unique_id="fail")
    with pytest.raises(kind):
        table.put(ITEM)
    dynamodb.meta.events.unregister("before-send.dynamodb", unique_id="fail")


def test_an_unreachable_endpoint_is_unavailable(table: DynamoTable) -> None:
    with pytest.raises(Unavailable):
        table.get(KEY)


# get_many and what DynamoDB leaves out


def _answer(*keys: Key, left: tuple[Key, ...] = ()) -> dict[str, Any]:
    return {
        "Responses": {"tested": [{**_key(key), "version": {"N": "1"}, "data": {"B": b""}} for key in keys]},
        "UnprocessedKeys": {"tested": {"Keys": [_key(key) for key in left]}} if left else {},
    }


def _key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def _asks(*keys: Key) -> dict[str, Any]:
    return {"RequestItems": {"tested": {"Keys": [_key(key) for key in keys], "ConsistentRead": True}}}


def test_keys_that_were_left_out_are_asked_for_as_long_as_some_are_answered(
    table: DynamoTable, stub: Stubber, waits: list[float]
) -> None:
    keys = [Key("P", f"{n}") for n in range(8)]
    for n in range(8):
        asked = tuple(keys[n:])
        stub.add_response("batch_get_item", _answer(left=asked), _asks(*asked))
        stub.add_response("batch_get_item", _answer(asked[0], left=asked[1:]), _asks(*asked))
    assert table.get_many(keys, consistent=True) == {key: Item(key) for key in keys}
    assert len(waits) == 15
    assert all(0 <= wait <= 0.1 for wait in waits)


def test_keys_that_are_never_answered_are_throttled(table: DynamoTable, stub: Stubber, waits: list[float]) -> None:
    for _ in range(5):
        stub.add_response("batch_get_item", _answer(left=(KEY,)))
    with pytest.raises(Throttled, match="none of 1 keys"):
        table.get_many([KEY])
    assert len(waits) == 4
    assert sum(waits) < 2
    stub.assert_no_pending_responses()


# Requests


@pytest.fixture
def counted(on_moto: NewTable, moto_client: "DynamoDBClient") -> Iterator[tuple[Any, list[str]]]:
    table, requests = on_moto(), []

    def note(model: Any, **_: Any) -> None:
        requests.append(model.name)

    moto_client.meta.events.register("before-call.dynamodb", note, unique_id="count")
    yield table, requests
    moto_client.meta.events.unregister("before-call.dynamodb", unique_id="count")


def test_a_report_costs_one_query_and_one_put(counted: tuple[Any, list[str]]) -> None:
    table, requests = counted
    table.query("T#thing", descending=True, limit=2)
    table.put(Item(Key("T#thing", "LOG#000000000001"), b"entry"), Absent())
    assert requests == ["Query", "PutItem"]


def test_every_other_call_is_one_request_and_a_hundred_keys_are_one(counted: tuple[Any, list[str]]) -> None:
    table, requests = counted
    table.get(KEY)
    table.put(ITEM)
    table.put(ITEM, AtVersion(1))
    table.query_index("due", "D")
    table.transact([Put(ITEM, AtVersion(1))])
    table.delete(KEY)
    table.get_many(Key("P", f"{n}") for n in range(201))
    table.query("P", first="b", last="a")
    singles = ["GetItem", "PutItem", "PutItem", "Query", "TransactWriteItems", "DeleteItem"]
    assert requests == singles + ["BatchGetItem"] * 3


def test_a_transaction_carries_a_token_so_that_a_repetition_is_no_second_one(
    on_moto: NewTable, moto_client: "DynamoDBClient"
) -> None:
    table, tokens = on_moto(), []

    def note(params: dict[str, Any], **_: Any) -> None:
        tokens.append(params["body"])

    moto_client.meta.events.register("before-call.dynamodb.TransactWriteItems", note, unique_id="token")
    table.transact([Put(ITEM)])
    moto_client.meta.events.unregister("before-call.dynamodb.TransactWriteItems", unique_id="token")
    assert b"ClientRequestToken" in tokens[0]
