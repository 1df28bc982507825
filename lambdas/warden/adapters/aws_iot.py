"""The registry of things: AWS IoT Core's, or that of the embedded surroundings."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from warden.domain.behaviors.target import ThingFacts
from warden.domain.errors import Throttled, Unavailable
from warden.ports import Things
from warden.use_cases.registry_pages import StaleToken

if TYPE_CHECKING:
    from mypy_boto3_iot import IoTClient

PAGE_ROWS = 250
"""The most that AWS IoT lists at once."""

CALLS_TO_ASK = 2
"""Requests that asking about a thing costs: a thing is in at most ten groups, so they fit one page. Where a group
stands is asked beside that, once in `HIERARCHY_TRUSTED_MS` by each process."""

HIERARCHY_TRUSTED_MS = 300_000
"""How long a group is taken to stand where it stood: it gets another parent only by being deleted and made again."""

GROUPS_REMEMBERED = 10_000


class IotThings:
    """Port Things.

    Args:
        client: A boto3 client, or what makes one at its first use: importing and building one is slow, and most
            reports need none.
        hierarchy_trusted_ms: How long a group is taken to stand where it stood; 0 where a change is in force at once.
    """

    def __init__(self, client: "Callable[[], IoTClient]", *, hierarchy_trusted_ms: int = HIERARCHY_TRUSTED_MS) -> None:
        self._client = cache(client)
        self._hierarchy_trusted_ms = hierarchy_trusted_ms
        self._hierarchy: dict[str, tuple[int, tuple[str, ...]]] = {}

    def ask(self, thing: str, *, now: int) -> ThingFacts:
        """See Things. Two calls and more: DescribeThing, and ListThingGroupsForThing until its last page."""
        with _unavailable():
            try:
                found = self._client().describe_thing(thingName=thing)
                groups = tuple(sorted(self._groups(thing)))
            except self._client().exceptions.ResourceNotFoundException:
                return ThingFacts("", answered_at=now)
        above = {name for group in groups for name in self.above(group, now=now)}
        return ThingFacts(found["thingId"], groups, answered_at=now, above=tuple(sorted(above.difference(groups))))

    def above(self, group: str, *, now: int) -> tuple[str, ...]:
        """The groups that a group was below shortly before epoch ms `now`, at any depth."""
        at, found = self._hierarchy.get(group, (0, ()))
        if not 0 <= now - at < self._hierarchy_trusted_ms:
            with _unavailable():
                found = _above(self._client(), group)
            if len(self._hierarchy) >= GROUPS_REMEMBERED:
                self._hierarchy.clear()
            self._hierarchy[group] = now, found
        return found

    def below(self, group: str) -> list[str]:
        """The groups below a group, at any depth, in the registry's order; none where there is no such group."""
        with _unavailable():
            pages = self._client().get_paginator("list_thing_groups").paginate(parentGroup=group, recursive=True)
            try:
                return [each["groupName"] for page in pages for each in page["thingGroups"]]
            except self._client().exceptions.ResourceNotFoundException:
                return []

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


class PacedThings:
    """Port Things, asked no faster than a share of the registry's quota allows.

    Args:
        things: The registry.
        pace: Called with the number of requests before they are made.
    """

    def __init__(self, things: Things, pace: Callable[[int], None]) -> None:
        self._things = things
        self._pace = pace

    def ask(self, thing: str, *, now: int) -> ThingFacts:
        """See Things. Raises Throttled where the pace does: it waits no longer."""
        self._pace(CALLS_TO_ASK)
        return self._things.ask(thing, now=now)


class IotRegistryPages:
    """Port RegistryPages: one request each.

    Args:
        client: Makes a boto3 client at its first use.
        pace: Called with the number of requests before they are made.
    """

    def __init__(self, client: "Callable[[], IoTClient]", pace: Callable[[int], None]) -> None:
        self._client = cache(client)
        self._pace = pace
        self._dynamic: dict[str, bool] = {}

    def things(self, token: str | None) -> tuple[list[str], str | None]:
        """See RegistryPages."""
        with self._page(token):
            page = self._client().list_things(maxResults=PAGE_ROWS, **_from(token))
        return [thing["thingName"] for thing in page["things"]], page.get("nextToken")

    def groups(self, token: str | None) -> tuple[list[str], str | None]:
        """See RegistryPages."""
        with self._page(token):
            page = self._client().list_thing_groups(maxResults=PAGE_ROWS, **_from(token))
        return [group["groupName"] for group in page["thingGroups"]], page.get("nextToken")

    def members(self, group: str, token: str | None) -> tuple[list[str], str | None]:
        """See RegistryPages."""
        with self._page(token):
            try:
                page = self._client().list_things_in_thing_group(
                    thingGroupName=group, recursive=False, maxResults=PAGE_ROWS, **_from(token)
                )
            except self._client().exceptions.ResourceNotFoundException:
                return [], None
        return page["things"], page.get("nextToken")

    def above(self, group: str) -> tuple[str, ...]:
        """See RegistryPages."""
        self._pace(1)
        with _unavailable():
            return _above(self._client(), group)

    def is_dynamic(self, group: str) -> bool:
        """See RegistryPages. A group's kind is asked for once: only deleting it can change it, and then a full pass
        finds what was missed."""
        if group not in self._dynamic:
            self._pace(1)
            with _unavailable():
                try:
                    found = self._client().describe_thing_group(thingGroupName=group)
                except self._client().exceptions.ResourceNotFoundException:
                    return False
            self._dynamic[group] = "queryString" in found
        return self._dynamic[group]

    @contextmanager
    def _page(self, token: str | None) -> Iterator[None]:
        self._pace(1)
        with _unavailable():
            try:
                yield
            except self._client().exceptions.InvalidRequestException as error:
                if token is None:
                    raise
                raise StaleToken(str(error)) from error


def _above(client: "IoTClient", group: str) -> tuple[str, ...]:
    try:
        metadata = client.describe_thing_group(thingGroupName=group).get("thingGroupMetadata", {})
    except client.exceptions.ResourceNotFoundException:
        return ()
    return tuple(sorted(each["groupName"] for each in metadata.get("rootToParentThingGroups", ())))


def _from(token: str | None) -> Any:
    return {"nextToken": token} if token else {}


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
