"""What people see of violations: those that are active, and what happened to any."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from warden.domain.alarms.advance import current
from warden.domain.alarms.violation import Episode, Event, Status
from warden.domain.behaviors.metrics import code_of, kind_of
from warden.domain.behaviors.profile import Behavior, MetricValue
from warden.domain.behaviors.target import ThingFacts
from warden.ports import ThingLog
from warden.storage.catalogue import CatalogueStore
from warden.storage.records import Stored
from warden.storage.violations import Place, Violations
from warden.use_cases.fence import Fence

ROWS_READ = 1000
"""Records that one page looks at: what a filter leaves out must not keep a caller waiting."""

R = TypeVar("R", Episode, Event)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which violations; None lets all pass.

    Attributes:
        thing: Name of the thing.
        profile: Name of the security profile.
        criteria_type: STATIC, STATISTICAL or MACHINE_LEARNING.
        suppressed: Whether the behavior's alerts are suppressed.
        verification_state: What people said of it.
    """

    thing: str | None = None
    profile: str | None = None
    criteria_type: str | None = None
    suppressed: bool | None = None
    verification_state: str | None = None

    def passes(self, record: Episode | Event) -> bool:
        """Whether a violation is one of them."""
        behavior = record.behavior
        return (
            self.thing in (None, record.thing)
            and self.profile in (None, record.profile)
            and self.criteria_type in (None, criteria_type(behavior))
            and self.suppressed in (None, bool(behavior and behavior.suppress_alerts))
            and self.verification_state in (None, record.verification_state)
        )


@dataclass(frozen=True, slots=True)
class ActiveViolation:
    """A violation that goes on, and when and with what the thing last violated the behavior."""

    episode: Episode
    last_at: int
    last_value: MetricValue | None


def criteria_type(behavior: Behavior | None) -> str:
    """The kind of a behavior's threshold, in AWS's words."""
    criteria = behavior.criteria if behavior else None
    if criteria and criteria.ml_detection_config:
        return "MACHINE_LEARNING"
    return "STATISTICAL" if criteria and criteria.statistical_threshold else "STATIC"


class ListViolations:
    """Lists, newest first.

    Args:
        catalogue: The security profiles.
        log: The things' logs.
        violations: Episodes and events.
        keep: Milliseconds that log entries count for.
    """

    def __init__(self, catalogue: CatalogueStore, log: ThingLog, violations: Violations, *, keep: int) -> None:
        self._log = log
        self._violations = violations
        self._fence = Fence(catalogue, log)
        self._keep = keep

    def active(
        self, filters: Filters, *, behind: Place | None, limit: int, now: int
    ) -> tuple[list[ActiveViolation], Place | None]:
        """Violations that go on, and still matter at this moment: their behavior lives and covers the thing.

        Args:
            filters: Which.
            behind: Where the page before ended.
            limit: How many at most.
            now: Epoch ms.

        Returns: A page, and where to go on; None where nothing follows.
        """
        rows = self._violations.active(thing=filters.thing, profile=filters.profile, behind=behind)
        return _page(rows, limit, lambda episode: self._shown(episode, filters, now))

    def events(
        self, filters: Filters, *, start: int, end: int, behind: Place | None, limit: int
    ) -> tuple[list[Event], Place | None]:
        """What happened to violations from epoch ms `start` to `end`, both included; the rest as in `active`."""
        rows = self._violations.events(
            start=start, end=end, thing=filters.thing, profile=filters.profile, behind=behind
        )
        return _page(rows, limit, lambda event: event if filters.passes(event) else None)

    def _shown(self, episode: Episode, filters: Filters, now: int) -> ActiveViolation | None:
        if episode.status is not Status.ACTIVE or not filters.passes(episode):
            return None
        standing = self._fence.of(episode)
        return self._last_seen(episode, now) if standing.live and standing.covered else None

    def _last_seen(self, episode: Episode, now: int) -> ActiveViolation:
        """The last violation from the thing's newest entry: a thing that stays in violation costs no second write."""
        known = self._log.load(episode.thing, consistent=True)
        state, _ = current(known.newest, known.facts or ThingFacts(""), now=now, keep=self._keep)
        ringing = (alarm for alarm in state.alarms if alarm.violation_id == episode.violation_id)
        alarm = next(ringing, None)
        logged = self._log.read(episode.thing, alarm.violated) if alarm else None
        behavior = episode.behavior
        if not (alarm and logged and behavior):
            return ActiveViolation(episode, episode.started_at, episode.value)
        point = logged.entry.points.get(code_of(behavior.metric or "")) if alarm.count is None else alarm.count
        value = episode.value if point is None else kind_of(behavior).value(point)
        return ActiveViolation(episode, logged.entry.at, value)


def _page(
    rows: Iterable[tuple[Place, Stored[R]]], limit: int, shown: Callable[[R], T | None]
) -> tuple[list[T], Place | None]:
    found: list[T] = []
    left = iter(rows)
    for number, (place, stored) in enumerate(left, 1):
        if (row := shown(stored.record)) is not None:
            found.append(row)
        if len(found) == limit or number == ROWS_READ:
            return found, place if next(left, None) else None
    return found, None
