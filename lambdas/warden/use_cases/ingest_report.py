"""A metrics report becomes the next entry of its thing's log."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import msgspec

from warden.domain.alarms.advance import current, report
from warden.domain.alarms.arrival import Arrival, Place, place
from warden.domain.alarms.entry import Entry, Logged, Reason, digest
from warden.domain.alarms.late import late_report
from warden.domain.behaviors.catalogue import Catalogue
from warden.domain.behaviors.metrics import datapoints
from warden.domain.behaviors.target import ThingFacts
from warden.domain.errors import NotAThing, Raced, ReportRejected, TooSoon
from warden.domain.reports import DECODERS
from warden.domain.reports.report import Decoded, Dropped
from warden.domain.reports.topics import name_problem
from warden.ports import Known, Registrations, ThingLog, Things

ATTEMPTS = 20
"""How often a report is done again where other writers were first, before it is left to be delivered again."""

REDELIVERED_AMONG = 512
"""Among how many of a thing's newest entries a report is looked for that its sender says may be there: more than any
client has under way at once (AWS IoT Core takes 100)."""

UNREGISTERED_TRUSTED_MS = 3_600_000
"""How long "not registered" is believed without asking the registry again."""


class Catalogues(Protocol):
    """Where the profiles in force come from."""

    def current(self, at: int) -> Catalogue:
        """The profiles, as fresh as this place promises at epoch ms `at`."""
        ...

    def reload(self) -> Catalogue:
        """The profiles as they are now."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """How reports are taken.

    Attributes:
        account: AWS account.
        keep: Milliseconds that entries count for.
        min_interval: Milliseconds that a thing's reports have to be apart, 0 for no minimum.
        allow_unregistered: Whether names that the registry does not have may report.
        flag_counter_resets: Whether datapoints that are a counter's fault are judged by nothing.
        one_clock: Whether all reports are timed by one clock in the order they came: then a clock that was set back
            makes nothing late.
    """

    account: str
    keep: int
    min_interval: int = 0
    allow_unregistered: bool = False
    flag_counter_resets: bool = True
    one_clock: bool = False


class Outcome(Enum):
    """What became of a report that counts."""

    NEWEST = "it is the newest of its thing"
    LATE = "newer ones had overtaken it; it is in the log, and stepped no alarm"
    DUPLICATE = "it was in the log already"


@dataclass(frozen=True, slots=True)
class Ingested:
    """A report that counts.

    Attributes:
        report_id: The report's.
        outcome: What became of it.
        races: How often another writer was first.
        dropped: What of its custom metrics cannot be used.
        flagged: How many of its datapoints are a counter's fault.
    """

    report_id: int
    outcome: Outcome
    races: int = 0
    dropped: tuple[Dropped, ...] = ()
    flagged: int = 0


class IngestReport:
    """Decode, load, judge, append: one read and one conditional write, whatever the report raises.

    Args:
        log: The things' logs.
        registrations: What the registry last said of the things.
        things: The registry; asked only about things that are not known as registered.
        catalogues: The profiles.
        options: How reports are taken.
        admit: Told of a report whose thing nothing is known of, before the registry is asked; may raise
            ReportRejected.
    """

    def __init__(
        self,
        log: ThingLog,
        registrations: Registrations,
        things: Things,
        catalogues: Catalogues,
        options: Options,
        *,
        admit: Callable[[Arrival], None] = lambda _: None,
    ) -> None:
        self._log = log
        self._registrations = registrations
        self._things = things
        self._catalogues = catalogues
        self._options = options
        self._admit = admit

    def __call__(self, thing: str, fmt: str, payload: bytes, *, at: int, again: bool = False) -> Ingested:
        """What `arrive` and `count` do, one after the other."""
        return self.count(arrive(thing, fmt, payload, at=at), again=again)

    def count(self, arrival: Arrival, *, again: bool = False) -> Ingested:
        """Count one report, once however often it is delivered.

        Args:
            arrival: The report.
            again: Whether its sender says that it may have sent it before, and `at` is not the time of that.

        Raises:
            ReportRejected: It does not count, and never will; the device is to be told why.
            Unavailable: It could not be counted now; deliver it again.
        """
        thing, races = arrival.thing, 0
        if again and self._counted(arrival):
            return Ingested(arrival.report_id, Outcome.DUPLICATE, dropped=self._unused(arrival))
        for attempt in range(ATTEMPTS):
            known = self._log.load(thing, consistent=attempt > 0)
            if attempt == 0 and _void(known, arrival.at, self._options.keep):
                continue  # a stale read may look like that; nothing is declared void on its word
            entry, dropped = self._next(arrival, known)
            if entry is None:
                return Ingested(arrival.report_id, Outcome.DUPLICATE, races, dropped)
            try:
                self._log.append(thing, entry, after=known.newest.seq if known.newest else 0)
            except Raced:
                races += 1
                continue
            outcome = Outcome.LATE if entry.late else Outcome.NEWEST
            return Ingested(arrival.report_id, outcome, races, dropped, len(entry.flagged))
        raise Raced(f"{thing}: others wrote first {races} times")

    def _counted(self, arrival: Arrival) -> bool:
        """Whether a report is in the log already; the newest entry knows only the last few."""
        known_as = (arrival.report_id, arrival.digest)
        recent = self._log.recent(arrival.thing, REDELIVERED_AMONG)
        return any((logged.entry.report_id, logged.entry.digest) == known_as for logged in recent)

    def _unused(self, arrival: Arrival) -> tuple[Dropped, ...]:
        return arrival.using(self._catalogues.current(arrival.at).custom)[1]

    def _next(self, arrival: Arrival, known: Known) -> tuple[Entry | None, tuple[Dropped, ...]]:
        """The entry to append, None for a report that has been counted; and what of the report cannot be used."""
        newest, options = known.newest, self._options
        facts = self._facts(arrival, known.facts)
        if newest and options.one_clock and arrival.at < newest.entry.pos:
            arrival = msgspec.structs.replace(arrival, at=newest.entry.pos)
        state, _ = current(newest, facts, now=arrival.at, keep=options.keep)
        where = place(arrival, state, facts, min_interval=options.min_interval)
        if where is Place.DUPLICATE:
            return None, self._unused(arrival)
        if where is Place.TOO_SOON:
            gap, least = arrival.at - state.report_at, options.min_interval
            raise TooSoon(gap, min_interval=least, report_id=arrival.report_id)
        catalogue = self._catalogue(arrival.at, newest)
        arrival, dropped = arrival.using(catalogue.custom)
        if where is Place.LATE:
            return self._late(arrival, newest, facts, catalogue), dropped
        entry = report(
            arrival,
            newest,
            facts,
            catalogue,
            account=options.account,
            keep=options.keep,
            flag_counter_resets=options.flag_counter_resets,
        )
        return entry, dropped

    def _late(self, arrival: Arrival, newest: Logged | None, facts: ThingFacts, catalogue: Catalogue) -> Entry | None:
        before = after = None
        told: set[tuple[str, int]] = set()
        for logged in self._log.since(arrival.thing, arrival.at):
            if (logged.entry.report_id, logged.entry.digest) == (arrival.report_id, arrival.digest):
                return None
            told.update((each.uid, each.at) for each in logged.entry.transitions if each.reason is Reason.LATE)
            if logged.entry.pos <= arrival.at:
                before = logged
            elif after is None:
                after = logged
        return late_report(
            arrival,
            newest,
            facts,
            catalogue,
            before=before,
            after=after,
            told=told,
            account=self._options.account,
            keep=self._options.keep,
            flag_counter_resets=self._options.flag_counter_resets,
        )

    def _catalogue(self, at: int, newest: Logged | None) -> Catalogue:
        """The profiles, never older than those that the state was evaluated under: only then is a behavior that they
        do not have a deleted one."""
        catalogue = self._catalogues.current(at)
        if newest and catalogue.epoch < newest.entry.state.epoch:
            catalogue = self._catalogues.reload()
        return catalogue

    def _facts(self, arrival: Arrival, facts: ThingFacts | None) -> ThingFacts:
        if facts and facts.registered:
            return facts
        allowed = self._options.allow_unregistered
        if facts and allowed and arrival.at - facts.answered_at < UNREGISTERED_TRUSTED_MS:
            return facts
        if facts is None:
            self._admit(arrival)
        answer = self._things.ask(arrival.thing, now=arrival.at)
        if answer.registered or allowed:
            return self._registrations.record_facts(arrival.thing, answer)
        raise NotAThing(arrival.thing, report_id=arrival.report_id)


def arrive(thing: str, fmt: str, payload: bytes, *, at: int) -> Arrival:
    """Decode a report, without asking anybody.

    Args:
        thing: The thing's name, from the topic.
        fmt: The format, from the topic.
        payload: The report, not trusted.
        at: When it arrived, epoch ms.

    Raises: ReportRejected, where it can never count; the device is to be told why.
    """
    decoded = _decode(thing, fmt, payload)
    report, points = decoded.report, datapoints(decoded)
    return Arrival(thing, report.header.report_id, digest(payload), points, at, report.custom_metrics or {})


def _decode(thing: str, fmt: str, payload: bytes) -> Decoded:
    if problem := name_problem(thing):
        raise ReportRejected(problem)
    decoder = DECODERS.get(fmt)
    if decoder is None:
        raise ReportRejected(f"format {fmt[:32]!r}: expected {' or '.join(DECODERS)}")
    return decoder(payload)


def _void(known: Known, at: int, keep: int) -> bool:
    newest, facts = known.newest, known.facts
    if newest is None:
        return False
    return newest.entry.pos + keep <= at or (facts is not None and facts.thing_id != newest.entry.thing_id)
