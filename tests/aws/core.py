"""What feeds the dispatch path in tests: profiles, a registry, reports, and the violations that come of them."""

import json
from collections import Counter
from typing import Any

from tests.aws.streams import TableStream
from tests.core.outside import Outside, Registry, Topics
from tests.core.profiles import BAD, GOOD, group, profile
from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.violation import Status
from warden.domain.behaviors.profile import SecurityProfile
from warden.domain.behaviors.target import Target
from warden.handlers.parts import Clients, Parts
from warden.ports import Item, Key
from warden.storage import keys
from warden.storage.catalogue import CatalogueCache
from warden.storage.thing_log import Outbox
from warden.storage.violations import Violations
from warden.use_cases.attach_security_profile import attach_security_profile
from warden.use_cases.create_security_profile import create_security_profile
from warden.use_cases.deliver_alerts import DeliverAlerts
from warden.use_cases.ingest_report import IngestReport, Options


class Fleet:
    """Things that report, over both tables in moto.

    Attributes:
        topics: What subscribers of alerts got.
        stream: Of table `log`.
    """

    def __init__(self, parts: Parts, clients: Clients, *, announces: bool = False) -> None:
        if not announces:  # `deliver` tells no event bus of them: they would be due for ever
            parts.violations = Violations(parts.control_table, event_days=parts.settings.event_days)
        self.parts = parts
        self.registry = Registry()
        self.topics = Topics(Outside())
        self.stream = TableStream(clients, parts.settings.log_table)
        self.outbox = Outbox(parts.log_table)
        self.deliver = DeliverAlerts(parts.catalogue, parts.thing_log, parts.violations, self.topics)
        self._reports = Counter[str]()
        options = Options(account=parts.settings.account, keep=parts.thing_log.keep)
        catalogues = CatalogueCache(parts.catalogue, poll_ms=None)
        self._catalogues = catalogues
        self._ingest = IngestReport(parts.thing_log, parts.thing_log, self.registry, catalogues, options)

    def watch(self, name: str, *things: str, as_: SecurityProfile | None = None) -> None:
        """A group of things, the one of the same name where none is named, with a profile of its own."""
        for thing in things or (name,):
            self.registry.create(thing, name)
        now = self.parts.clock()
        create_security_profile(self.parts.catalogue, as_ or profile(name), {}, arn="", now=now)
        target = Target.parse(group(name))
        attach_security_profile(self.parts.catalogue, name, target, has_group=lambda _: True, now=now)
        self.reload()

    def reload(self) -> None:
        """The evaluator learns what the profiles are."""
        self._catalogues.reload()

    def report(self, thing: str, connections: int, *, after: int = 1000, **custom: Any) -> None:
        """A thing reports, some ms after what happened last; also custom metrics, by name, as a report has them."""
        self.parts.clock.now += after  # type: ignore[attr-defined]
        self._reports[thing] += 1
        report = {
            "header": {"report_id": self._reports[thing], "version": "1.0"},
            "metrics": {"tcp_connections": {"established_connections": {"total": connections}}},
            "custom_metrics": {name: [value] for name, value in custom.items()},
        }
        self._ingest(thing, "json", json.dumps(report).encode(), at=self.parts.clock())

    def violate(self, *things: str) -> None:
        for thing in things:
            self.report(thing, BAD)

    def conform(self, *things: str) -> None:
        for thing in things:
            self.report(thing, GOOD)

    # What came of it

    def active(self) -> list[str]:
        """Things with a violation that goes on."""
        found = self.parts.violations.active(thing=None, profile=None, behind=None)
        return sorted(stored.record.thing for _, stored in found if stored.record.status is Status.ACTIVE)

    def events(self) -> list[tuple[str, EventType]]:
        """Thing and type of all events, oldest first."""
        now = self.parts.clock()
        found = self.parts.violations.events(
            start=now - 30 * 86_400_000, end=now, thing=None, profile=None, behind=None
        )
        return [(event.record.thing, event.record.type) for _, event in found][::-1]

    def alerts(self) -> list[EventType]:
        return [alert.type for alert in self.topics.arrived]

    def marked(self) -> list[tuple[str, int]]:
        """Thing and sequence of the entries that dispatch still has to deal with, those it failed at included."""
        far = 10**15 - 1
        return [(marked.thing, marked.seq) for marked in self.outbox.waiting(before=far, now=far, limit=10_000)]

    # What goes wrong

    def spoil(self, name: str) -> Item:
        """Make what profile `name` says unreadable: its violations cannot be dispatched. Returns it as it was."""
        key = Key(keys.join("PROFILE", name), "V#000000001")
        item = self.parts.control_table.get(key, consistent=True)
        assert item
        self.parts.control_table.put(Item(key, b"\xc1", item.version))
        return item
