"""DynamoDB's documented limits: what is within is taken by all three tables, what is beyond is refused alike."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.adapters.conftest import DESIGN, NewTable, definition
from warden.ports import Absent, AtVersion, Check, Delete, IndexKey, InvalidWrite, Item, Key, Put, Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY = Key("P", "a")
FULL = 400 * 1024
# Of a text of one, two, three and four bytes a character, as much as fits a length of bytes.
CHARACTERS = ["a", "é", "\ufffd", "\U00010000"]


def _bytes_of(character: str, length: int) -> str:
    size = len(character.encode())
    return character * (length // size) + "a" * (length % size)


def _sized(size: int, **rest: Any) -> Item:
    """An item of so many bytes: 2 + 1 + 2 + 1 for the keys, 7 + 2 for the version, 4 for the name of data."""
    return Item(KEY, bytes(size - 19), **rest)


@pytest.mark.parametrize("character", CHARACTERS, ids=["one byte", "two bytes", "three bytes", "four bytes"])
def test_the_longest_keys_are_taken_and_one_byte_more_is_refused(table: Table, character: str) -> None:
    longest = Key(_bytes_of(character, 2048), _bytes_of(character, 1024))
    item = Item(longest, b"x", indexes={"due": longest})
    table.put(item)
    assert table.get(longest, consistent=True) == item
    assert [item.key for item in table.query(longest.pk).items] == [longest]
    assert list(table.query_index("due", longest.pk).rows) == [IndexKey(longest.sk, longest)]
    for pk, sk in ((longest.pk + "a", "a"), ("a", longest.sk + "a")):
        for refused in (Item(Key(pk, sk)), Item(KEY, indexes={"due": (pk, sk)})):
            with pytest.raises(InvalidWrite):
                table.put(refused)


@pytest.mark.parametrize(
    "bad", ["", "\ud800", "a" * 2049], ids=["empty", "half of a surrogate pair", "longer than any key"]
)
def test_a_key_that_cannot_be_is_refused_wherever_it_stands(table: Table, bad: str) -> None:
    row = IndexKey("a", KEY)
    calls: list[Callable[[], Any]] = [
        lambda: table.get(Key(bad, "a")),
        lambda: table.get(Key("a", bad)),
        lambda: table.get_many([KEY, Key(bad, "a")]),
        lambda: table.put(Item(Key(bad, "a"))),
        lambda: table.put(Item(Key("a", bad))),
        lambda: table.put(Item(KEY, indexes={"due": (bad, "a")})),
        lambda: table.put(Item(KEY, indexes={"due": ("a", bad)})),
        lambda: table.delete(Key(bad, "a")),
        lambda: table.query(bad),
        lambda: table.query("P", first=bad),
        lambda: table.query("P", last=bad),
        lambda: table.query("P", after=bad),
        lambda: table.query_index("due", bad),
        lambda: table.query_index("due", "D", first=bad),
        lambda: table.query_index("due", "D", after=row._replace(sort=bad)),
        lambda: table.query_index("due", "D", after=row._replace(key=Key("a", bad))),
        lambda: table.transact([Put(Item(Key(bad, "a")))]),
        lambda: table.transact([Delete(Key(bad, "a"))]),
        lambda: table.transact([Check(Key(bad, "a"), Absent())]),
    ]
    for call in calls:
        with pytest.raises(InvalidWrite):
            call()


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda table: table.query("P", limit=0), id="a page of no items"),
        pytest.param(lambda table: table.query_index("due", "D", limit=0), id="a page of no rows"),
        pytest.param(lambda table: table.query("P", first="b", after="a"), id="going on before the range"),
        pytest.param(lambda table: table.query("P", last="b", after="c"), id="going on behind the range"),
        pytest.param(lambda table: table.query_index("nothing", "D"), id="a query of an unknown index"),
        pytest.param(lambda table: table.put(Item(KEY, indexes={"no": ("a", "b")})), id="an item of an unknown index"),
        pytest.param(lambda table: table.put(Item(KEY, version=2**63)), id="a version of more than 64 bits"),
        pytest.param(
            lambda table: table.put(Item(KEY), AtVersion(-(2**63) - 1)), id="a condition of more than 64 bits"
        ),
        pytest.param(lambda table: table.put(Item(KEY, expires_at=2**63)), id="an expiry of more than 64 bits"),
        pytest.param(lambda table: table.transact([]), id="a transaction of nothing"),
        pytest.param(
            lambda table: table.transact([Put(Item(Key("P", f"{n}"))) for n in range(101)]),
            id="a transaction of 101 parts",
        ),
        pytest.param(lambda table: table.transact([Put(Item(KEY)), Check(KEY, Absent())]), id="two parts for one key"),
        pytest.param(
            lambda table: table.transact([Put(Item(Key("P", f"{n}"), bytes(400_000))) for n in range(11)]),
            id="a transaction of over 4 MB",
        ),
    ],
)
def test_a_request_that_dynamodb_refuses_is_refused_before_it_is_made(
    table: Table, call: Callable[[Table], object]
) -> None:
    with pytest.raises(InvalidWrite):
        call(table)
    assert list(table.query("P").items) == []


@pytest.mark.parametrize("new_table", ["sqlite", "dynalite"], indirect=True)  # moto counts base64, a third more
def test_the_biggest_item_is_taken(table: Table) -> None:
    table.put(_sized(FULL))
    assert table.get(KEY, consistent=True) == _sized(FULL)


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(_sized(FULL + 1), id="of data"),
        pytest.param(_sized(FULL - 11, expires_at=0), id="of an expiry"),
        pytest.param(_sized(FULL - 12, indexes={"due": ("a", "b")}), id="of an index"),
    ],
)
def test_one_byte_more_than_the_biggest_item_is_refused(table: Table, item: Item) -> None:
    with pytest.raises(InvalidWrite):
        table.put(item)
    assert table.get(KEY, consistent=True) is None


@pytest.mark.parametrize(
    ("version", "expires_at"), [(1, None), (123456789, 1_700_000_001), (-12, 17)], ids=["small", "large", "negative"]
)
def test_dynalite_draws_the_line_of_400_kb_where_we_draw_it(
    dynalite_client: "DynamoDBClient", on_dynalite: NewTable, version: int, expires_at: int | None
) -> None:
    """Its own check is reached by asking it directly with one byte more than ours lets through."""
    table = on_dynalite()

    def takes(size: int) -> bool:
        try:
            table.put(Item(KEY, bytes(size), version, {"due": ("partition", "sort")}, expires_at))
        except InvalidWrite:
            return False
        return True

    low, high = FULL - 200, FULL
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if takes(middle) else (low, middle)
    attributes: dict[str, Any] = {
        "pk": {"S": KEY.pk},
        "sk": {"S": KEY.sk},
        "version": {"N": str(version)},
        "data": {"B": bytes(high)},
        "due": {"S": "partition"},
        "due_sort": {"S": "sort"},
    } | ({"expires_at": {"N": str(expires_at)}} if expires_at is not None else {})
    dynalite_client.create_table(**definition(DESIGN, name := f"line-{version}"))
    with pytest.raises(ClientError, match="Item size has exceeded the maximum allowed size"):
        dynalite_client.put_item(TableName=name, Item=attributes)
