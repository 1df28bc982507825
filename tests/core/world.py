"""The core in a box: both tables, some evaluators and dispatchers, a registry, topics, and a clock; no broker, no HTTP.

Everything outside the use cases can be struck by faults, and before any call to it another step can go first. What
the tables really hold is read behind the faults' back, and so is what ought to be.
"""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from tests.core.outside import Outside, Registry, Step, Topics
from tests.core.profiles import ACCOUNT
from tests.faults import Crash, Fault, FaultyFile, FaultyTable
from warden.adapters.sqlite import SqliteTable
from warden.domain.alarms.alarm import Alarm, EventType
from warden.domain.alarms.entry import Logged, Transition, digest
from warden.domain.alarms.violation import Episode, Event
from warden.domain.behaviors.catalogue import Catalogue
from warden.domain.behaviors.profile import SecurityProfile
from warden.domain.behaviors.target import Target, ThingFacts
from warden.domain.errors import ReportRejected, RequestRejected, Unavailable
from warden.ports import IndexKey, Key, Known, ThingLog
from warden.storage import keys
from warden.storage.catalogue import CatalogueCache, CatalogueStore
from warden.storage.jobs import Jobs
from warden.storage.thing_log import DAY_MS, OUTBOX_SHARDS, TableThingLog, decode
from warden.storage.violations import Violations, event_key
from warden.use_cases.attach_security_profile import attach_security_profile, detach_security_profile
from warden.use_cases.create_security_profile import create_security_profile
from warden.use_cases.delete_security_profile import delete_security_profile
from warden.use_cases.deliver_alerts import DeliverAlerts
from warden.use_cases.dispatch_transitions import DispatchTransitions
from warden.use_cases.ingest_report import IngestReport, Options
from warden.use_cases.invalidate_silent import InvalidateSilent
from warden.use_cases.list_violations import Filters, ListViolations
from warden.use_cases.record_registry_answer import RecordRegistryAnswer
from warden.use_cases.retire_violations import RetireViolations
from warden.use_cases.sweep import Sweep
from warden.use_cases.update_security_profile import update_security_profile

BEGINNING = 1_800_000_000_000
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, DAY_MS


@dataclass(frozen=True)
class Sent:
    """A report on its way: as often as it is delivered, its payload and its time are the same."""

    thing: str
    report_id: int
    payload: bytes
    at: int

    @property
    def known_as(self) -> tuple[int, bytes]:
        return self.report_id, digest(self.payload)


class Parts:
    """What one process has of the use cases, over tables that may be faulty, and perhaps another way to the logs."""

    def __init__(
        self,
        world: "World",
        log_table: FaultyTable | SqliteTable,
        table: FaultyTable | SqliteTable,
        way: Callable[[TableThingLog], ThingLog] = lambda log: log,
    ) -> None:
        stored = TableThingLog(log_table)
        log = way(stored)
        self.log = log
        self.catalogue = CatalogueStore(table)
        self.jobs = Jobs(table)
        self.violations = Violations(table, shards=2)
        keep = stored.keep
        self.dispatch = DispatchTransitions(self.catalogue, log, self.violations, keep=keep)
        self.deliver = DeliverAlerts(self.catalogue, log, self.violations, world.topics)
        self.silent = InvalidateSilent(self.catalogue, log, self.violations, keep)
        self.retire = RetireViolations(self.catalogue, log, self.violations, self.jobs, keep)
        self.sweep = Sweep(self.jobs, log, self.dispatch, self.deliver, self.silent, self.retire)
        self.lists = ListViolations(self.catalogue, log, self.violations, keep=keep)
        self.answered = RecordRegistryAnswer(log, stored, CatalogueCache(self.catalogue, poll_ms=None), keep=keep)
        self.caches = [CatalogueCache(self.catalogue, poll_ms=None) for _ in range(world.evaluators)]
        self.evaluators = [IngestReport(log, stored, world.registry, cache, world.options) for cache in self.caches]


class World:
    """Everything, and a driver that does again what was not answered."""

    possible = frozenset(Fault) - {Fault.LATE}  # nobody asks another process

    def __init__(
        self,
        *,
        seed: int = 0,
        evaluators: int = 2,
        min_interval: int = 0,
        allow_unregistered: bool = False,
        one_clock: bool = False,
    ) -> None:
        rng = random.Random(seed)
        self.now = BEGINNING
        self.evaluators = evaluators
        self.outside = Outside()
        self.registry = Registry()
        self.topics = Topics(self.outside)
        self.options = Options(
            account=ACCOUNT,
            keep=14 * DAY,
            min_interval=min_interval,
            allow_unregistered=allow_unregistered,
            one_clock=one_clock,
        )
        self.files = SqliteTable(":memory:", keys.LOG, stream=keys.OUTBOX), SqliteTable(":memory:", keys.CONTROL)
        log_file, control_file = self.files
        self.tables = FaultyFile(log_file, self.outside, rng=rng), FaultyTable(control_file, self.outside, rng=rng)
        self.true = Parts(self, *self.files)
        self.sent: list[Sent] = []
        self.unanswered: list[Sent] = []
        self.counted: set[Sent] = set()
        self.lost: set[Sent] = set()  # acknowledged, and not in the log when its process had died
        self.untold: list[tuple[str, ThingFacts]] = []
        self.dealt_with: set[IndexKey] = set()
        self._profiles: Catalogue | None = None
        self.restart()

    def restart(self) -> None:
        """A process died: what it knew is gone."""
        self.topics.lose()
        self.parts = Parts(self, *self.tables)

    def close(self) -> None:
        for file in self.files:
            file.close()

    def attempt(self, step: Step) -> bool:
        """Do a step. Returns whether it was answered; a process that died is started again."""
        try:
            step()
        except Crash:
            self.restart()
            return False
        except Unavailable:
            return False
        return True

    def insist(self, step: Step) -> None:
        """Do a step until it is answered."""
        for _ in range(200):
            if self.attempt(step):
                return
        raise AssertionError(f"{step} is never answered")

    # Reports

    def say(
        self, thing: str, connections: int | None = None, *, bytes_out: int | None = None, at: int | None = None
    ) -> Sent:
        """A thing sends a report: how many connections it has, how much it has sent since the last one."""
        report_id = len(self.sent) + 1
        metrics: dict[str, object] = {}
        if connections is not None:
            metrics["tcp_connections"] = {"established_connections": {"total": connections}}
        if bytes_out is not None:
            metrics["network_stats"] = {"bytes_out": bytes_out}
        payload = json.dumps({"header": {"report_id": report_id, "version": "1.0"}, "metrics": metrics}).encode()
        sent = Sent(thing, report_id, payload, self.now if at is None else at)
        self.sent.append(sent)
        self.unanswered.append(sent)
        return sent

    def take(self, sent: Sent, evaluator: int = 0) -> None:
        """Deliver a report, perhaps again."""
        with suppress(ReportRejected):
            self.parts.evaluators[evaluator](sent.thing, "json", sent.payload, at=sent.at)
            self.counted.add(sent)
        if sent in self.unanswered:
            self.unanswered.remove(sent)

    def take_all(self, *sent: Sent) -> None:
        """Deliver reports that came at the same time."""
        for each in sent:
            self.take(each)

    def report(
        self,
        thing: str,
        connections: int | None = None,
        *,
        bytes_out: int | None = None,
        at: int | None = None,
        evaluator: int = 0,
    ) -> Sent:
        sent = self.say(thing, connections, bytes_out=bytes_out, at=at)
        self.take(sent, evaluator)
        return sent

    def read_catalogue(self, evaluator: int) -> None:
        """An evaluator's poll finds that the profiles have changed."""
        self.parts.caches[evaluator].reload()

    # Profiles

    def create(self, profile: SecurityProfile, *arns: str) -> None:
        with suppress(RequestRejected):
            create_security_profile(self.parts.catalogue, profile, {}, arn="arn", now=self.now)
        for arn in arns:
            self.attach(profile.security_profile_name, arn)

    def update(self, profile: SecurityProfile) -> None:
        name = profile.security_profile_name
        with suppress(RequestRejected):
            update_security_profile(
                self.parts.catalogue, self.parts.jobs, name, lambda _: profile, expected_version=None, now=self.now
            )

    def delete(self, name: str) -> None:
        delete_security_profile(self.parts.catalogue, self.parts.jobs, name, expected_version=None, now=self.now)

    def attach(self, name: str, arn: str) -> None:
        with suppress(RequestRejected):
            target = Target.parse(arn)
            attach_security_profile(self.parts.catalogue, name, target, has_group=lambda _: True, now=self.now)

    def detach(self, name: str, arn: str) -> None:
        with suppress(RequestRejected):
            detach_security_profile(self.parts.catalogue, self.parts.jobs, name, Target.parse(arn), now=self.now)

    # The registry

    def change(self, thing: str, change: Step) -> None:
        """The registry changes, and says so some time later; a moment passes, since answers are told apart by it."""
        self.now += 1
        change()
        self.untold.append((thing, self.registry.ask(thing, now=self.now)))
        self.now += 1

    def tell(self, position: int = 0) -> None:
        """One of the registry's answers is heard."""
        if self.untold:
            thing, answer = self.untold[position % len(self.untold)]
            self.parts.answered(thing, answer, now=self.now)
            self.untold.remove((thing, answer))
            self.now += 1

    def change_and_tell(self, thing: str, change: Step) -> None:
        self.change(thing, change)
        self.tell(-1)

    # The outbox

    def outbox(self) -> list[tuple[str, Logged]]:
        """Marked entries, each thing's in order."""
        return [(keys.split(row.key.pk)[1], self._entry(row.key)) for row in self._marked()]

    def _marked(self) -> list[IndexKey]:
        shards = (
            self.files[0].query_index(keys.OUTBOX, keys.join("OUTBOX", shard)).rows for shard in range(OUTBOX_SHARDS)
        )
        return sorted(row for rows in shards for row in rows)

    def _entry(self, key: Key) -> Logged:
        item = self.files[0].get(key)
        assert item
        return decode(item)

    def fresh(self) -> list[tuple[str, Logged]]:
        """What dispatch may see next: the first entry of each thing that it has not dealt with."""
        first: dict[str, Logged] = {}
        for row in self._marked():
            thing = keys.split(row.key.pk)[1]
            if row not in self.dealt_with and thing not in first:
                first[thing] = self._entry(row.key)
        return list(first.items())

    def dispatch(self, thing: str, logged: Logged) -> None:
        """An entry is handed to a dispatcher, perhaps again."""
        self.parts.deliver(self.parts.dispatch(thing, logged, now=self.now), now=self.now)
        key = Key(keys.thing(thing), keys.entry(logged.seq))
        self.dealt_with.add(IndexKey(keys.moment(logged.entry.pos), key))

    def pump(self) -> None:
        """Dispatch all that is marked, each entry until it is answered."""
        while fresh := self.fresh():
            for thing, logged in fresh:
                self.insist(lambda thing=thing, logged=logged: self.dispatch(thing, logged))  # type: ignore[misc]

    def sweep(self) -> int:
        return self.parts.sweep(now=self.now)

    def settle_down(self) -> None:
        """Everything heals: what was not answered is done again, and the sweeper does its rounds."""
        self.outside.faults, self.topics.down = None, False
        while self.untold:
            self.tell()
        for sent in [*self.unanswered]:
            if sent.at > self.now - DAY:
                self.take(sent)
        for _ in range(6):
            self.pump()
            self.sweep()
            self.now += 16 * MINUTE
        self.pump()

    # What is true

    def known(self, thing: str) -> Known:
        return self.true.log.load(thing)

    def log(self, thing: str) -> list[Logged]:
        found = self.files[0].query(keys.thing(thing), first=keys.ENTRY_PREFIX, last=keys.last(keys.ENTRY_PREFIX))
        return [decode(item) for item in found.items]

    def names(self) -> list[str]:
        return sorted({sent.thing for sent in self.sent} | set(self.registry.things))

    def transitions(self) -> Iterator[tuple[str, Logged, Transition]]:
        for thing, logged in self.outbox():
            for transition in logged.entry.transitions:
                yield thing, logged, transition

    def profiles(self) -> Catalogue:
        epoch = self.true.catalogue.epoch()
        if self._profiles is None or self._profiles.epoch != epoch:
            self._profiles = self.true.catalogue.load()
        return self._profiles

    def muted(self) -> set[str]:
        """Behaviors whose alerts go nowhere now."""
        found = set()
        for uid, live in self.profiles().behaviors.items():
            version = self.true.catalogue.version(live.profile, live.profile_version)
            if live.behavior.suppress_alerts or (version and version.record.profile.alert_target is None):
                found.add(uid)
        return found

    def episode(self, violation_id: str) -> Episode | None:
        stored = self.true.violations.episode(violation_id)
        return stored.record if stored else None

    def active(self) -> list[Episode]:
        """Episodes that are kept as active, shown or not."""
        return [stored.record for _, stored in self.true.violations.active(thing=None, profile=None, behind=None)]

    def listed(self, thing: str | None = None) -> list[Episode]:
        found, _ = self.true.lists.active(Filters(thing=thing), behind=None, limit=1000, now=self.now)
        return [violation.episode for violation in found]

    def events(self, thing: str | None = None) -> list[Event]:
        """All events, oldest first."""
        found = self.true.violations.events(
            start=BEGINNING - DAY, end=self.now + DAY, thing=thing, profile=None, behind=None
        )
        return sorted(
            (stored.record for _, stored in found), key=lambda event: (event.at, event.type is not EventType.IN_ALARM)
        )

    def told(self, thing: str | None = None) -> list[tuple[str, EventType]]:
        """Violation and type of all events, oldest first."""
        return [(event.violation_id, event.type) for event in self.events(thing)]

    def event(self, violation_id: str, at: int, kind: EventType) -> Event | None:
        stored = self.true.violations.event(event_key(violation_id, at, kind))
        return stored.record if stored else None

    def ringing(self, thing: str) -> list[Alarm]:
        known = self.known(thing)
        return [alarm for alarm in known.newest.entry.state.alarms if alarm.ringing] if known.newest else []

    def alerts(self) -> list[EventType]:
        return [alert.type for alert in self.topics.arrived]
