"""An AWS account whose registry has things and groups, and which are watched by security profiles; moto plays it."""

import json
from collections import Counter
from typing import Any

from tests.core.profiles import BAD, profile
from warden.domain.alarms.entry import Transition
from warden.domain.behaviors.target import Target, ThingFacts
from warden.handlers.parts import Parts
from warden.storage.registered_things import RegisteredThings
from warden.use_cases.attach_security_profile import attach_security_profile
from warden.use_cases.create_security_profile import create_security_profile
from warden.use_cases.dispatch_transitions import DispatchTransitions
from warden.use_cases.ingest_report import IngestReport, Options

QUEUE = "thingwarden-test-registry"


class Account:
    """The registry and what the functions believe of it.

    Attributes:
        calls: Requests to the registry that the functions made, by operation.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.iot = parts.client("iot")
        self.calls = Counter[str]()
        self._reports = 0
        self._queries: set[str] = set()
        self.iot.meta.events.register("before-call.iot", self._count, unique_id="account")
        self.iot.meta.events.register("after-call.iot.DescribeThingGroup", self._describe, unique_id="queries")

    def close(self) -> None:
        self.iot.meta.events.unregister("before-call.iot", unique_id="account")
        self.iot.meta.events.unregister("after-call.iot.DescribeThingGroup", unique_id="queries")

    def _count(self, model: Any, **_: Any) -> None:
        self.calls[model.name] += 1

    def _describe(self, parsed: dict[str, Any], **_: Any) -> None:
        if parsed.get("thingGroupName") in self._queries:
            parsed["queryString"] = "thingName:*"

    # The registry

    def query(self, group: str) -> None:
        """Make a group a dynamic one, which moto does not have."""
        self._queries.add(group)

    def create(self, thing: str, *groups: str) -> str:
        """Returns the thing's id."""
        thing_id: str = self.iot.create_thing(thingName=thing)["thingId"]
        for group in groups:
            self.join(thing, group)
        self.calls.clear()
        return thing_id

    def join(self, thing: str, group: str) -> None:
        self.iot.create_thing_group(thingGroupName=group, thingGroupProperties={"thingGroupDescription": "of the test"})
        self.iot.add_thing_to_thing_group(thingGroupName=group, thingName=thing)
        self.calls.clear()

    def leave(self, thing: str, group: str) -> None:
        self.iot.remove_thing_from_thing_group(thingGroupName=group, thingName=thing)
        self.calls.clear()

    def delete(self, thing: str) -> None:
        for group in self.iot.list_thing_groups_for_thing(thingName=thing)["thingGroups"]:
            self.leave(thing, group["groupName"])  # AWS does that by itself
        self.iot.delete_thing(thingName=thing)
        self.calls.clear()

    def delete_group(self, group: str) -> None:
        for thing in self.iot.list_things_in_thing_group(thingGroupName=group)["things"]:
            self.leave(thing, group)  # AWS does that by itself
        self.iot.delete_thing_group(thingGroupName=group)
        self.calls.clear()

    # Profiles and reports

    def arn(self, target: str) -> str:
        return f"arn:aws:iot:{self.parts.region}:{self.parts.settings.account}:{target}"

    def watch(self, group: str) -> None:
        """Attach a profile to a group that says: few connections."""
        now = self.parts.clock()
        create_security_profile(self.parts.catalogue, profile(group), {}, arn="", now=now)
        target = Target.parse(self.arn(f"thinggroup/{group}"))
        attach_security_profile(self.parts.catalogue, group, target, has_group=lambda _: True, now=now)
        self.parts.catalogues.reload()

    def report(self, thing: str, connections: int = BAD) -> None:
        """A thing reports, and what that raises is recorded."""
        parts = self.parts
        parts.clock.now += 1000  # type: ignore[attr-defined]
        self._reports += 1
        said = {
            "header": {"report_id": self._reports, "version": "1.0"},
            "metrics": {"tcp_connections": {"established_connections": {"total": connections}}},
        }
        log = parts.thing_log
        options = Options(account=parts.settings.account, keep=log.keep)
        ingest = IngestReport(log, log, parts.things, parts.catalogues, options)
        ingest(thing, "json", json.dumps(said).encode(), at=parts.clock())
        self.dispatch(thing)

    def dispatch(self, thing: str) -> None:
        parts = self.parts
        newest = parts.thing_log.load(thing, consistent=True).newest
        assert newest
        dispatch = DispatchTransitions(parts.catalogue, parts.thing_log, parts.violations, keep=parts.thing_log.keep)
        dispatch(thing, newest, now=parts.clock())

    # What the functions believe

    def facts(self, thing: str) -> ThingFacts | None:
        return RegisteredThings(self.parts.log_table).facts([thing], consistent=True).get(thing)

    def groups(self, thing: str) -> tuple[str, ...]:
        facts = self.facts(thing)
        assert facts
        assert facts.registered
        return facts.groups

    def ringing(self, thing: str) -> bool:
        newest = self.parts.thing_log.load(thing, consistent=True).newest
        assert newest
        return any(alarm.ringing for alarm in newest.entry.state.alarms)

    def last_transitions(self, thing: str) -> tuple[Transition, ...]:
        newest = self.parts.thing_log.load(thing, consistent=True).newest
        assert newest
        return newest.entry.transitions
