"""The queue of what to ask the registry about: events, through AWS IoT rules, and what we send ourselves.

A message is a JSON object: `{"topic": …}` is an event's, `{"walk": …}` what is left of a walk through a group's
violations.
"""

from functools import cache
from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from warden.domain.errors import Unavailable
from warden.domain.registry import events
from warden.domain.registry.events import RegistryChange
from warden.use_cases.walk_group import Walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_sqs import SQSClient

LONGEST_DELAY_SECONDS = 900
"""SQS's."""


class _Message(msgspec.Struct, frozen=True, omit_defaults=True):
    topic: str | None = None
    walk: Walk | None = None


_decode = msgspec.json.Decoder(_Message).decode


def read(body: str) -> RegistryChange | Walk | None:
    """What a message asks for; None where it is none that we know. A device can send any topic, and nothing else."""
    try:
        message = _decode(body)
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return None
    return message.walk if message.topic is None else events.parse(message.topic)


class RegistryQueue:
    """Sends messages to the queue.

    Args:
        client: Makes a boto3 client of `sqs` at its first use.
        url: The queue's.
    """

    def __init__(self, client: "Callable[[], SQSClient]", url: str) -> None:
        self._client = cache(client)
        self._url = url

    def send(self, walk: Walk, *, delay_seconds: int = 0) -> None:
        """Queue what is left of a walk. Raises Unavailable."""
        body = msgspec.json.encode(_Message(walk=walk)).decode()
        try:
            self._client().send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=delay_seconds)
        except (ClientError, BotoCoreError) as error:
            raise Unavailable(f"SQS: {error}") from error
