"""What waits for export leaves for the broker, and is forgotten only then."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.core.profiles import CONNECTIONS, few_connections
from warden.adapters.sqlite import SqliteTable
from warden.domain.alarms.entry import AT_REST, Entry, EntryKind
from warden.domain.behaviors.profile import MetricsExportConfig, SecurityProfile
from warden.domain.errors import Unavailable
from warden.embedded.exporter import AT_ONCE, Exporter
from warden.ports import Key
from warden.storage import keys
from warden.storage.catalogue import CatalogueCache, CatalogueStore
from warden.storage.thing_log import TableThingLog
from warden.use_cases.create_security_profile import create_security_profile

AT = 1_800_000_000_000
TOPIC = "exports/fleet"


class Exporting:
    """A log that is exported, and a broker.

    Attributes:
        heard: Topic and values of each message.
        down: Whether the broker takes nothing.
    """

    def __init__(self) -> None:
        self.heard: list[tuple[str, list[int]]] = []
        self.down = False
        self.table, self._control = SqliteTable(":memory:", keys.LOG), SqliteTable(":memory:", keys.CONTROL)
        self.log = TableThingLog(self.table)
        store = CatalogueStore(self._control)
        create_security_profile(
            store,
            SecurityProfile(
                security_profile_name="pumps",
                behaviors=(msgspec.structs.replace(few_connections(), export_metric=True),),
                metrics_export_config=MetricsExportConfig(mqtt_topic=TOPIC, role_arn="arn:aws:iam::1:role/r"),
            ),
            {},
            arn="",
            now=AT,
        )
        self.exporter = Exporter(self.table, CatalogueCache(store, poll_ms=None), self._publish, lambda: AT)

    def close(self) -> None:
        self.table.close()
        self._control.close()

    def report(self, thing: str, connections: int) -> None:
        points: dict[str, Any] = {"nc": connections}
        entry = Entry(
            kind=EntryKind.REPORT, at=AT, pos=AT, thing_id="id", state=AT_REST, points=points, exports=("pumps",)
        )
        self.log.append(thing, entry, after=0)

    def _publish(self, topic: str, payload: bytes, qos: int) -> None:
        if self.down:
            raise Unavailable("the broker is down")
        assert qos == 1
        items = json.loads(payload)["metrics"]
        assert {item["name"] for item in items} == {CONNECTIONS}
        self.heard.append((topic, [item["value"]["count"] for item in items]))


@pytest.fixture
def exporting() -> Iterator[Exporting]:
    made = Exporting()
    yield made
    made.close()


def test_what_left_is_forgotten(exporting: Exporting) -> None:
    for number in range(3):
        exporting.report(f"pump-{number}", number)
    assert exporting.exporter.export_some()
    assert not exporting.exporter.export_some()
    assert exporting.heard == [(TOPIC, [0, 1, 2])]


def test_what_the_broker_did_not_take_leaves_the_next_time(exporting: Exporting) -> None:
    """A crash at that moment would leave no less behind."""
    exporting.report("pump", 7)
    exporting.down = True
    with pytest.raises(Unavailable):
        exporting.exporter.export_some()
    exporting.down = False
    assert exporting.exporter.export_some()
    assert exporting.heard == [(TOPIC, [7])]


def test_an_entry_that_was_forgotten_since_keeps_nothing_else_waiting(exporting: Exporting) -> None:
    exporting.report("gone", 1)
    exporting.report("pump", 2)
    exporting.table.delete(Key(keys.thing("gone"), keys.entry(1)))
    assert exporting.exporter.export_some()
    assert exporting.heard == [(TOPIC, [2])]


def test_reports_wait_for_no_more_than_one_batch(exporting: Exporting) -> None:
    for number in range(AT_ONCE + 1):
        exporting.report(f"pump-{number}", number)
    assert [exporting.exporter.export_some() for _ in range(3)] == [True, True, False]
    assert [len(values) for _, values in exporting.heard] == [AT_ONCE, 1]
