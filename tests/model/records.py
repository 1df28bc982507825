"""What the reference keeps of an account."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.model.happenings import Behavior
from tests.model.reading import DAY, TRAFFIC, Value
from tests.model.windows import Slots


@dataclass(frozen=True)
class Rules:
    """How an account takes reports; times in ms."""

    allow_unregistered: bool = False
    min_interval: int = 0
    keep: int = 14 * DAY
    one_clock: bool = False

    def keeps(self, since: int, now: int) -> bool:
        """Whether the table still has at `now` what it has got at `since`; it counts in seconds."""
        return (since + self.keep) // 1000 > now // 1000


@dataclass(frozen=True, eq=False)
class Life:
    """A behavior from its birth on: as long as it keeps its name and its metric, whatever its criteria."""

    profile: str
    name: str
    metric: str | None
    born: int


@dataclass(frozen=True)
class Living:
    """What a behavior says, and the time of the criteria: how many changes there had been of anything."""

    life: Life
    says: Behavior
    criteria_since: int

    def count(self, what: str) -> int:
        """ConsecutiveDatapointsTo Alarm or Clear."""
        return int(self.says["criteria"].get(f"consecutiveDatapointsTo{what}", 1))

    @property
    def window(self) -> tuple[str, int] | None:
        """Metric and ms that are summed up; None where the datapoint itself is compared."""
        metric = self.says["metric"]
        return (metric, self.says["criteria"]["durationSeconds"] * 1000) if metric in TRAFFIC else None


@dataclass(eq=False)
class Violation:
    """A violation that has begun; `missed_at` is when it was first found to ring nowhere, without an end."""

    life: Life
    thing: str
    thing_id: str
    started_at: int
    last_at: int
    last_value: Value
    missed_at: int | None = None


@dataclass(frozen=True)
class Untold:
    """A violation has begun or ended, which is not recorded yet; `alert`: whether subscribers may hear of it."""

    violation: Violation
    how: str
    at: int
    value: Value | None = None
    alert: bool = False


@dataclass(frozen=True)
class Alarm:
    """All verdicts (violated?) since it turned or its criteria changed; it rings where a violation goes on."""

    criteria_since: int
    verdicts: tuple[bool, ...] = ()
    violation: Violation | None = None
    seen_at: int = 0

    @property
    def at_rest(self) -> bool:
        return self.violation is None and self.verdicts[-1:] != (True,)


@dataclass(frozen=True)
class State:
    """What holds of a thing after an entry."""

    report_at: int = 0
    alarms: Mapping[Life, Alarm] = field(default_factory=dict)
    windows: Mapping[tuple[str, int], Slots] = field(default_factory=dict)
    recent: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Entry:
    """Something that happened to a thing; `traffic` is what is kept and believed of a report's."""

    at: int
    pos: int
    thing_id: str
    state: State
    report: tuple[int, str] | None = None
    traffic: Mapping[str, int] = field(default_factory=dict)
    told: tuple[tuple[Life, int], ...] = ()


@dataclass(frozen=True)
class Facts:
    """What the registry said of a thing: its groups are those that it is in and those above them."""

    thing_id: str
    groups: frozenset[str]
    answered_at: int
    id_since: int = 0


@dataclass(frozen=True)
class Event:
    thing: str
    profile: str
    behavior: str
    type: str
    at: int
    value: Value | None = None


@dataclass(frozen=True)
class Reply:
    """`accepted`, `throttled` or `not a thing`; and the custom metrics that could not be used, with the reasons."""

    outcome: str
    dropped: tuple[tuple[str, str], ...] = ()
    dropped_count: int = 0
