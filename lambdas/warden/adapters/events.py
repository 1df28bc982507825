"""Amazon EventBridge: what happened, for rules of the account's owner."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from warden.domain.errors import Throttled, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "thingwarden"

MAX_DETAIL_BYTES = 260_000
"""An entry has 262,144 bytes with its source, detail type and time (EventBridge, PutEvents entry size)."""

DetailType = Literal["API Call", "Flooding", "Violation Event"]


class EventBus:
    """The account's default event bus.

    Args:
        client: What makes a boto3 client at its first use.
    """

    def __init__(self, client: "Callable[[], EventBridgeClient]") -> None:
        self._client = cache(client)

    def put(self, detail_type: DetailType, detail: Mapping[str, Any], *, at: int) -> None:
        """Put one event: one call of PutEvents.

        Args:
            detail_type: What rules tell events by, beside the source.
            detail: What JSON knows, `MAX_DETAIL_BYTES` at most.
            at: When it happened, epoch ms.

        Raises:
            ValueError: It is too large.
            Unavailable, Throttled: It may not have been taken.
        """
        text = json.dumps(detail, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        data = text.encode(errors="replace")  # half a surrogate pair is valid in JSON, and no text
        if len(data) > MAX_DETAIL_BYTES:
            raise ValueError(f"detail: expected at most {MAX_DETAIL_BYTES} bytes, got {len(data)}")
        try:
            answer = self._client().put_events(
                Entries=[
                    {
                        "Source": SOURCE,
                        "DetailType": detail_type,
                        "Detail": data.decode(),
                        "Time": datetime.fromtimestamp(at / 1000, UTC),
                    }
                ]
            )
        except (ClientError, BotoCoreError) as error:
            raise Unavailable(f"EventBridge: {error}") from error
        if answer["FailedEntryCount"]:
            [entry] = answer["Entries"]
            kind = Throttled if entry.get("ErrorCode") == "ThrottlingException" else Unavailable
            raise kind(f"EventBridge: {entry.get('ErrorCode')}: {entry.get('ErrorMessage')}")
