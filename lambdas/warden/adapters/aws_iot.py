"""The registry of things: AWS IoT Core's, or that of the embedded surroundings."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from warden.domain.behaviors.target import ThingFacts
from warden.domain.errors import Throttled, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_iot import IoTClient


class IotThings:
    """Port Things.

    Args:
        client: A boto3 client, or what makes one at its first use: importing and building one is slow, and most
            reports need none.
    """

    def __init__(self, client: "Callable[[], IoTClient]") -> None:
        self._client = cache(client)

    def ask(self, thing: str, *, now: int) -> ThingFacts:
        """See Things. Two calls and more: DescribeThing, and ListThingGroupsForThing until its last page."""
        with _unavailable():
            try:
                found = self._client().describe_thing(thingName=thing)
                groups = sorted(self._groups(thing))
            except self._client().exceptions.ResourceNotFoundException:
                return ThingFacts("", answered_at=now)
        return ThingFacts(found["thingId"], tuple(groups), answered_at=now)

    def has_group(self, name: str) -> bool:
        """Whether there is a thing group of some name."""
        with _unavailable():
            try:
                self._client().describe_thing_group(thingGroupName=name)
            except self._client().exceptions.ResourceNotFoundException:
                return False
        return True

    def _groups(self, thing: str) -> Iterator[str]:
        pages = self._client().get_paginator("list_thing_groups_for_thing").paginate(thingName=thing)
        for page in pages:
            yield from (group["groupName"] for group in page["thingGroups"])


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ThrottlingException", "RequestLimitExceeded"):
            raise Throttled(str(error)) from error
        raise Unavailable(str(error)) from error
    except BotoCoreError as error:
        raise Unavailable(str(error)) from error
