"""What the product stands in: the registry of its things, those who take its alerts, and a writer that overtakes it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from warden.domain.alarms.entry import Entry
from warden.domain.behaviors.profile import AlertTarget
from warden.domain.behaviors.target import ThingFacts
from warden.storage.thing_log import TableThingLog


class Registry:
    """Port Things."""

    def __init__(self) -> None:
        self.things: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.parents: dict[str, str | None] = {}

    def ask(self, thing: str, *, now: int) -> ThingFacts:
        thing_id, groups = self.things.get(thing, ("", ()))
        above = {parent for group in groups for parent in self._above(group)}
        return ThingFacts(thing_id, groups, answered_at=now, above=tuple(sorted(above.difference(groups))))

    def _above(self, group: str) -> Iterator[str]:
        if parent := self.parents.get(group):
            yield parent
            yield from self._above(parent)


class Subscribers:
    """Port Alerts."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def publish(self, target: AlertTarget, message: str) -> None:  # noqa: ARG002
        self.told.append(json.loads(json.loads(message)["default"]))

    def settle(self) -> None:
        pass


class OvertakenLog(TableThingLog):
    """Port ThingLog; before an append, another writer may go first."""

    first: Callable[[], object] | None = None

    def append(self, thing: str, entry: Entry, *, after: int) -> None:
        first, self.first = self.first, None
        if first:
            first()
        super().append(thing, entry, after=after)
