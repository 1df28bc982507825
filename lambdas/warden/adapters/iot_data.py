"""Replies to devices, over AWS IoT Core's data plane."""

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from warden.domain.errors import Unavailable
from warden.domain.reports import DECODERS
from warden.domain.reports.topics import RESERVED_PREFIX, MetricsTopic

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_iot_data import IoTDataPlaneClient

_PLAIN_NAME: Final = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
_BUSY: Final = 429


class NotPublished(Unavailable):
    """A reply did not leave."""


class _Refused(NotPublished):
    """AWS IoT Core would refuse the same message again."""


class IotReplies:
    """Sends replies; below the own prefix where AWS refuses them on its reserved topics.

    Nobody but AWS has been seen to publish there. Who is refused once is refused always, so that costs one request a
    container. Only a refusal of the topic as such is remembered: where the own one was taken, and the thing's name and
    the format, which any device may choose, are not what was wrong.

    Args:
        client: Makes a boto3 client of `iot-data` at its first use.
        own_prefix: First level of the own metrics topics.

    Attributes:
        moved: Why replies go to the own prefix; empty as long as they do not.
    """

    def __init__(self, client: "Callable[[], IoTDataPlaneClient]", *, own_prefix: str) -> None:
        self._client = cache(client)
        self._own_prefix = own_prefix
        self.moved = ""

    def send(self, topic: MetricsTopic, verdict: str, reply: bytes) -> None:
        """Publish a reply, `accepted` or `rejected`, to the report on a topic. Raises NotPublished."""
        there = f"{topic.topic}/{verdict}"
        if not topic.topic.startswith(f"{RESERVED_PREFIX}/"):
            return self._publish(there, reply)
        own = f"{self._own_prefix}/things/{topic.thing}/defender/metrics/{topic.format}/{verdict}"
        if self.moved:
            return self._publish(own, reply)
        try:
            self._publish(there, reply)
        except _Refused as refusal:
            self._publish(own, reply)
            if _PLAIN_NAME.fullmatch(topic.thing) and topic.format in DECODERS:
                self.moved = str(refusal)

    def _publish(self, topic: str, payload: bytes) -> None:
        try:
            self._client().publish(topic=topic, qos=0, payload=payload)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            kind = _Refused if 400 <= status < 500 and status != _BUSY else NotPublished
            raise kind(f"iot-data: {error}") from error
        except BotoCoreError as error:
            raise NotPublished(f"iot-data: {error}") from error
