"""Both tables as the stack makes them, in whatever answers for DynamoDB."""

from typing import TYPE_CHECKING

from tests.adapters.conftest import definition
from warden.settings import Settings
from warden.storage import keys

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def make_tables(dynamodb: "DynamoDBClient", settings: Settings) -> None:
    """Tables `log`, with its stream, and `control`, under the names in the settings."""
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    dynamodb.create_table(**definition(keys.LOG, settings.log_table), StreamSpecification=stream)
    dynamodb.create_table(**definition(keys.CONTROL, settings.control_table))
