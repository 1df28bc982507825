"""What listing violations reads as there are more of them: items and index rows of a page, counted at the Table port.

SQLite in memory, one shard, as on one machine; a page is of 25, as by default.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from warden.adapters.sqlite import SqliteTable
from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.entry import Reason
from warden.domain.alarms.violation import Episode, Event, Status
from warden.domain.behaviors.profile import Behavior, Criteria, MetricValue, SecurityProfile
from warden.domain.behaviors.target import Target
from warden.ports import Table
from warden.storage import keys
from warden.storage.catalogue import CatalogueStore
from warden.storage.thing_log import TableThingLog
from warden.storage.violations import Violations
from warden.use_cases.attach_security_profile import attach_security_profile
from warden.use_cases.create_security_profile import create_security_profile
from warden.use_cases.list_violations import Filters, ListViolations

STEPS = (100, 1_000, 10_000, 100_000)
START, LATER, DAY = 1_790_000_000_000, 60_000, 86_400_000
PAGE = 25


class Counting:
    """A Table that counts what its reads bring."""

    def __init__(self, table: SqliteTable) -> None:
        self._table = table
        self.rows = 0

    def get(self, *args: Any, **kwargs: Any) -> Any:
        self.rows += 1
        return self._table.get(*args, **kwargs)

    def get_many(self, *args: Any, **kwargs: Any) -> Any:
        return self._seen(self._table.get_many(*args, **kwargs))

    def query(self, *args: Any, **kwargs: Any) -> Any:
        page = self._table.query(*args, **kwargs)
        self.rows += len(page.items)
        return page

    def query_index(self, *args: Any, **kwargs: Any) -> Any:
        page = self._table.query_index(*args, **kwargs)
        self.rows += len(page.rows)
        return page

    def _seen(self, found: Any) -> Any:
        self.rows += len(found)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)


@dataclass(frozen=True)
class Furnished:
    """A profile of one behavior that all things are to keep, and where violations of it go."""

    profile: str
    uid: str
    behavior: Behavior
    catalogue: CatalogueStore
    violations: Violations


def furnish(control: Table, name: str, *, now: int) -> Furnished:
    """Make the profile, attached to all things."""
    catalogue = CatalogueStore(control)
    behavior = Behavior(
        name="ports",
        metric="aws:listening-tcp-ports",
        criteria=Criteria(comparison_operator="in-port-set", value=MetricValue(ports=(22,))),
    )
    profile = SecurityProfile(security_profile_name=name, behaviors=(behavior,))
    create_security_profile(catalogue, profile, {}, arn="", now=now)
    everything = Target.parse("arn:aws:iot:us-east-1:000000000000:all/things")
    attach_security_profile(catalogue, name, everything, has_group=lambda _: True, now=now)
    head = catalogue.head(name)
    assert head
    return Furnished(name, head.record.live["ports"].uid, behavior, catalogue, Violations(control, shards=1))


def violate(there: Furnished, number: int, *, at: int) -> None:
    """Put the nth violation on record, as one that nobody has to look at for a day."""
    common: dict[str, Any] = {
        "violation_id": f"{number:032x}",
        "thing": f"thing-{number}",
        "thing_id": "",
        "profile": there.profile,
        "uid": there.uid,
        "behavior": there.behavior,
        "value": MetricValue(ports=(443,)),
    }
    episode = Episode(**common, status=Status.ACTIVE, began=1, started_at=at)
    event = Event(**common, type=EventType.IN_ALARM, at=at, reason=Reason.DATAPOINT)
    there.violations.begin(episode, event, due=at + DAY, alert_due=at + DAY)


def main() -> None:
    """Print what the first page and a page in the middle read."""
    control, log = Counting(SqliteTable(":memory:", keys.CONTROL)), SqliteTable(":memory:", keys.LOG)
    there = furnish(control, "bench", now=START)  # type: ignore[arg-type]
    lists = ListViolations(there.catalogue, TableThingLog(log), there.violations, keep=14 * DAY)
    print("violations   first page of active   page in the middle   first page of events   of one thing")
    done = 0
    for step in STEPS:
        for number in range(done, step):
            violate(there, number, at=START + number)
        done = step
        print(f"{step:>10,}", *(f"{rows:>20}" for rows in _pages(control, lists, step)))


def _pages(control: Counting, lists: ListViolations, there: int) -> Iterator[int]:
    middle = f"{keys.moment(START + there // 2)}#"
    for behind in (None, middle):
        control.rows = 0
        found, _ = lists.active(Filters(), behind=behind, limit=PAGE, now=START + LATER)
        assert len(found) == PAGE
        yield control.rows
    for thing in (None, "thing-7"):
        control.rows = 0
        lists.events(Filters(thing=thing), start=START, end=START + there, behind=None, limit=PAGE)
        yield control.rows


if __name__ == "__main__":
    main()
