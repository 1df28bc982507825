"""What goes to EventBridge, and what becomes of it when EventBridge does not take it."""

import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from tests.aws.conftest import BEGINNING, REGION
from warden.adapters.events import MAX_DETAIL_BYTES, EventBus
from warden.domain.errors import Throttled, Unavailable

OF_AN_ENTRY = 262_144  # EventBridge, "Calculating PutEvents event entry size"


@pytest.fixture
def client() -> Any:
    return boto3.client(
        "events",
        region_name=REGION,
        aws_access_key_id="nobody",
        aws_secret_access_key="nothing",
        config=Config(retries={"total_max_attempts": 1}),
    )


def put(client: Any, detail: dict[str, Any], answer: dict[str, Any] | None = None) -> dict[str, Any]:
    """The entry that is sent."""
    sent: list[dict[str, Any]] = []
    client.meta.events.register("before-parameter-build.events", lambda params, **_: sent.extend(params["Entries"]))
    with Stubber(client) as stubber:
        stubber.add_response("put_events", answer or {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})
        EventBus(lambda: client).put("API Call", detail, at=BEGINNING)
    [entry] = sent
    return entry


def test_an_event_says_what_happened_and_when(client: Any) -> None:
    entry = put(client, {"thingName": "größe ☃"})

    assert (entry["Source"], entry["DetailType"]) == ("thingwarden", "API Call")
    assert entry["Time"] == datetime.fromtimestamp(BEGINNING / 1000, UTC)
    assert json.loads(entry["Detail"]) == {"thingName": "größe ☃"}
    assert "EventBusName" not in entry


def test_the_largest_detail_makes_no_entry_that_is_too_large(client: Any) -> None:
    text = "x" * (MAX_DETAIL_BYTES - len('{"a":""}'))
    entry = put(client, {"a": text})

    size = 14 + sum(len(entry[member].encode()) for member in ("Source", "DetailType", "Detail"))
    assert OF_AN_ENTRY - 4096 < size <= OF_AN_ENTRY
    with pytest.raises(ValueError, match=f"at most {MAX_DETAIL_BYTES} bytes"):
        put(client, {"a": text + "x"})


@pytest.mark.parametrize(
    ("code", "kind"), [("ThrottlingException", Throttled), ("InternalFailure", Unavailable)], ids=str
)
def test_an_entry_that_was_not_taken_is_an_error(client: Any, code: str, kind: type[Exception]) -> None:
    answer = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": code, "ErrorMessage": "no"}]}

    with pytest.raises(kind, match=code) as caught:
        put(client, {}, answer)

    assert type(caught.value) is kind


def test_a_refused_or_unanswered_call_is_an_error(client: Any) -> None:
    with Stubber(client) as stubber:
        stubber.add_client_error("put_events", "AccessDeniedException")
        with pytest.raises(Unavailable, match="AccessDenied"):
            EventBus(lambda: client).put("Flooding", {}, at=BEGINNING)

    closed = boto3.client(
        "events",
        region_name=REGION,
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="nobody",
        aws_secret_access_key="nothing",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
        EventBus(lambda: closed).put("Flooding", {}, at=BEGINNING)
