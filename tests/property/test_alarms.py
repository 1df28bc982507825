"""Alarms of whole histories hold to what is written of them.

A behavior alarms with the n-th violating datapoint in a row and clears with the m-th conforming one; what has no
datapoint changes nothing; changed criteria keep the alarm and start both counts again. Source: AWS IoT API,
`BehaviorCriteria`.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.alarms.given import ACCOUNT, AT, KEEP, MINUTE, Log, arrival, catalogue
from tests.unit.behaviors.given import behavior, live
from warden.domain.alarms.advance import report
from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.entry import Entry

some = settings(max_examples=120, deadline=None)

WATCHED = (
    ("tp", behavior("aws:listening-tcp-ports", "in-port-set", [1], name="Tcp"), {1}, {1, 2}),
    ("up", behavior("aws:listening-udp-ports", "not-in-port-set", [2], name="Udp"), set(), {2}),
    ("nc", behavior("aws:num-established-tcp-connections", "less-than", 5, name="Connections"), 4, 5),
)
"""Metric's code, behavior, a datapoint that conforms, one that violates."""

CONFORMS, VIOLATES, ABSENT = "conforms", "violates", "absent"
counts = st.tuples(st.integers(1, 4) | st.integers(1, 10), st.integers(1, 4) | st.integers(1, 10))
datapoints = st.sampled_from([CONFORMS, VIOLATES, VIOLATES, ABSENT])
steps = st.tuples(
    st.tuples(datapoints, datapoints, datapoints), st.none() | st.tuples(st.integers(0, 2), counts) | st.none()
)


@dataclass
class Naive:
    """An alarm as the documentation tells of it: it looks at its whole history every time."""

    to_alarm: int
    to_clear: int
    ringing: bool = False
    since_turned: list[bool] = field(default_factory=list)

    def datapoint(self, *, violated: bool) -> str | None:
        """The event of a datapoint, if it has one."""
        self.since_turned.append(violated)
        needed, wanted = (self.to_clear, False) if self.ringing else (self.to_alarm, True)
        if self.since_turned[-needed:] != [wanted] * needed:
            return None
        self.ringing, self.since_turned = not self.ringing, []
        return "in-alarm" if self.ringing else "alarm-cleared"

    def change(self, to_alarm: int, to_clear: int) -> None:
        self.to_alarm, self.to_clear, self.since_turned = to_alarm, to_clear, []


class History:
    """A thing's log, and the naive alarms beside it."""

    def __init__(self, given_counts: list[tuple[int, int]]) -> None:
        self.naive = [Naive(*each) for each in given_counts]
        self.criteria_versions = [1, 1, 1]
        self.version = 1
        self.log = Log(self.profiles())
        self.last_datapoint: dict[str, int] = {}

    def profiles(self) -> Any:
        found = []
        for (_, says, _, _), naive, changed in zip(WATCHED, self.naive, self.criteria_versions, strict=True):
            criteria = msgspec.structs.replace(
                says.criteria,
                consecutive_datapoints_to_alarm=naive.to_alarm,
                consecutive_datapoints_to_clear=naive.to_clear,
            )
            found.append(
                live(msgspec.structs.replace(says, criteria=criteria), version=self.version, criteria_version=changed)
            )
        return catalogue(*found, epoch=self.version)

    def change(self, number: int, to_alarm: int, to_clear: int) -> None:
        self.version += 1
        self.criteria_versions[number] = self.version
        self.naive[number].change(to_alarm, to_clear)
        self.log.profiles = self.profiles()

    def report(self, kinds: tuple[str, ...], at: int) -> tuple[Entry, dict[str, str]]:
        """The entry of a report, and the events that are expected of it."""
        points, expected = {}, {}
        for kind, naive, (code, says, good, bad) in zip(kinds, self.naive, WATCHED, strict=True):
            if kind != ABSENT:
                points[code] = bad if kind == VIOLATES else good
                self.last_datapoint[says.name] = at
                if event := naive.datapoint(violated=kind == VIOLATES):
                    expected[says.name] = event
        came = arrival(points, at, report_id=at)
        newest, facts, profiles = self.log.newest, self.log.facts, self.log.profiles
        first, again = (report(came, newest, facts, profiles, account=ACCOUNT, keep=KEEP) for _ in range(2))
        assert first == again, "the same report on the same log is the same entry"
        self.log.append(first)
        assert self.log.entries[-1] == first, "an entry comes back from the table as it was"
        return first, expected


@given(st.lists(counts, min_size=3, max_size=3), st.lists(steps, max_size=40))
@some
def test_alarms_ring_and_clear_as_the_documentation_tells(given_counts: Any, given_steps: Any) -> None:
    history = History(given_counts)
    going_on: dict[str, str] = {}
    ids: set[str] = set()
    for number, (kinds, change) in enumerate(given_steps):
        if change:
            history.change(change[0], *change[1])
        at = AT + number * 5 * MINUTE
        entry, expected = history.report(kinds, at)
        assert {each.uid: each.type.value for each in entry.transitions} == expected
        for each in entry.transitions:
            if each.type is EventType.IN_ALARM:
                assert each.violation_id not in ids, "an id is a violation's own"
                going_on[each.uid] = each.violation_id
                ids.add(each.violation_id)
            else:
                assert each.violation_id == going_on.pop(each.uid), "an end has its beginning's id"
        alarms = {alarm.uid: alarm for alarm in entry.state.alarms}
        assert {uid: alarm.violation_id for uid, alarm in alarms.items() if alarm.ringing} == going_on
        assert all(alarm.ringing or alarm.streak for alarm in alarms.values()), "alarms at rest are not kept"
        for uid, alarm in alarms.items():
            assert alarm.seen_at == history.last_datapoint[uid], "only its own datapoints show that it is alive"
        for naive, (_, says, _, _) in zip(history.naive, WATCHED, strict=True):
            assert naive.ringing is (says.name in going_on)


@given(st.lists(counts, min_size=3, max_size=3), st.lists(steps, max_size=20), st.integers(1, 3))
@some
def test_an_end_names_the_entry_that_holds_its_beginning(given_counts: Any, given_steps: Any, every: int) -> None:
    history = History(given_counts)
    for number, (kinds, _) in enumerate(given_steps):
        entry, _ = history.report(kinds, AT + number * every * MINUTE)
        for each in entry.transitions:
            if each.type is not EventType.IN_ALARM:
                beginning = history.log.logged(each.began).entry
                assert (each.uid, each.violation_id, EventType.IN_ALARM) in {
                    (begun.uid, begun.violation_id, begun.type) for begun in beginning.transitions
                }
