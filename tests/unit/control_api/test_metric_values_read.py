"""ListMetricValues reads little more than it tells, however long a thing has reported."""

from typing import Any

import pytest

from tests.contract.account import DAY, HOUR, MINUTE, NOW
from warden.adapters.sqlite import SqliteTable
from warden.domain.alarms.entry import Entry, EntryKind, State
from warden.ports import Item, Key, Page
from warden.storage import keys
from warden.storage.catalogue import CatalogueStore
from warden.storage.thing_log import TableThingLog
from warden.use_cases.list_metric_values import ListMetricValues

PORTS = "aws:listening-tcp-ports"


class Counted:
    """A table that counts the items it gives."""

    def __init__(self, table: SqliteTable) -> None:
        self._table = table
        self.items = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def get(self, key: Key, *, consistent: bool = False) -> Item | None:
        self.items += 1  # looked for, whether it is there or not
        return self._table.get(key, consistent=consistent)

    def query(self, pk: str, **how: Any) -> Page:
        page = self._table.query(pk, **how)
        self.items += max(1, len(page.items))
        return page


REPORTS, EVERY = 14 * 288, 5 * MINUTE
TO_FIND = 2 * (2 + 13)  # the first and the last of a range: both ends, and the halving of 4,032 in between


@pytest.fixture(scope="module")
def fortnight() -> tuple[Counted, ListMetricValues]:
    """Fourteen days of reports each five minutes, of which every hundredth has bytes, of one thing among others."""
    file = SqliteTable(":memory:", keys.LOG)
    log = TableThingLog(file)
    with file.batch():
        for seq in range(REPORTS):
            at = NOW + seq * EVERY
            points: dict[str, Any] = {"tp": frozenset({seq + 1})} | ({"bi": seq} if seq % 100 == 0 else {})
            entry = Entry(kind=EntryKind.REPORT, at=at, pos=at, thing_id="id", state=State(report_at=at), points=points)
            log.append("pump", entry, after=seq)
            if seq < 50:
                log.append("pump2", entry, after=seq)
    counted = Counted(file)
    catalogue = CatalogueStore(SqliteTable(":memory:", keys.CONTROL))
    return counted, ListMetricValues(catalogue, TableThingLog(counted), keep=14 * DAY)  # type: ignore[arg-type]


def read(
    fortnight: tuple[Counted, ListMetricValues], metric: str, start: int, end: int, *, limit: int = 25
) -> tuple[list[int], list[int]]:
    """All pages from report `start` to report `end`: how many datapoints each has, and how many items it read."""
    counted, lists = fortnight
    found, items, behind = [], [], 0
    while True:
        counted.items = 0
        page, more = lists(
            "pump",
            metric,
            start=NOW + start * EVERY,
            end=NOW + end * EVERY,
            behind=behind,
            limit=limit,
            now=NOW + REPORTS * EVERY - EVERY,
        )
        found.append(len(page))
        items.append(counted.items)
        if more is None:
            return found, items
        behind = more


def test_an_hour_of_a_fortnight_reads_that_hour_and_the_time_in_which_late_reports_may_come(
    fortnight: tuple[Counted, ListMetricValues],
) -> None:
    found, items = read(fortnight, PORTS, 2000, 2011)
    assert found == [12]
    assert items[0] <= 12 + 2 * HOUR // EVERY + TO_FIND


@pytest.mark.parametrize("limit", [1, 25, 50, 250])
def test_a_page_of_a_fortnight_reads_little_more_than_a_page(
    fortnight: tuple[Counted, ListMetricValues], limit: int
) -> None:
    found, items = read(fortnight, PORTS, 0, 10 * limit - 1, limit=limit)
    assert sum(found) == 10 * limit
    assert max(items) < limit + 50 + TO_FIND


def test_a_fortnight_in_pages_reads_each_entry_about_once(fortnight: tuple[Counted, ListMetricValues]) -> None:
    found, items = read(fortnight, PORTS, 0, REPORTS, limit=250)
    assert sum(found) == REPORTS
    assert len(found) <= REPORTS // 250 + 2
    assert sum(items) <= REPORTS + 2 * HOUR // EVERY + len(items) * TO_FIND


def test_a_metric_that_is_seldom_reported_comes_in_short_pages(fortnight: tuple[Counted, ListMetricValues]) -> None:
    found, items = read(fortnight, "aws:all-bytes-in", 0, REPORTS, limit=250)
    assert sum(found) == REPORTS // 100 + 1
    assert max(items) <= 1000 + TO_FIND
    assert len(found) <= 6


def test_a_thing_that_has_just_begun_to_report_is_read_from_its_first_entry(
    fortnight: tuple[Counted, ListMetricValues],
) -> None:
    counted, lists = fortnight
    counted.items = 0
    found, more = lists("pump2", PORTS, start=0, end=NOW + DAY, behind=0, limit=250, now=NOW + DAY)
    assert (len(found), more) == (50, None)
    assert counted.items <= 50 + TO_FIND


def test_nothing_is_read_of_a_thing_that_never_reported(fortnight: tuple[Counted, ListMetricValues]) -> None:
    counted, lists = fortnight
    counted.items = 0
    assert lists("nobody", PORTS, start=0, end=NOW, behind=0, limit=250, now=NOW) == ([], None)
    assert counted.items <= 6
