"""A naive evaluator of security profiles: it keeps whole histories, and tells what ought to have come of them.

It is written from the documents and imports nothing of `warden`. Where those approximate, it does exactly what they
say: windows have a slack and are summed in slots of a sixteenth, a late report steps no alarm, and what is judged
silent is what the sweeper finds silent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.model import happenings as h
from tests.model.reading import TRAFFIC, Value, conforms, datapoints

HOUR, DAY = 3_600_000, 86_400_000
SILENT_AFTER = 2 * DAY
REMEMBERED = 16
MOST = 2**64 - 1
PLAUSIBLE = {"bytes": 2**32, "packets": 2**22}


@dataclass(frozen=True)
class Rules:
    """How an account takes reports; times in ms."""

    allow_unregistered: bool = False
    min_interval: int = 0
    keep: int = 14 * DAY
    one_clock: bool = False


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
    says: h.Behavior
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
    life: Life
    thing: str
    thing_id: str
    started_at: int
    last_at: int
    last_value: Value


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


Slots = tuple[tuple[int, int], ...]
"""Time of the first datapoint and sum, oldest first."""


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


class Reference:
    """What ought to have come of a history.

    Attributes:
        events: In no promised order.
        alerts: Those events that subscribers are told of.
        active: Violations that go on.
        replies: To the reports, in the order in which they were taken.
    """

    def __init__(self, rules: Rules, history: Iterable[h.Happening]) -> None:
        self.events: list[Event] = []
        self.alerts: list[Event] = []
        self.active: list[Violation] = []
        self.replies: list[Reply] = []
        self._rules = rules
        self._profiles: dict[str, dict[str, Living]] = {}
        self._targets: dict[str, set[str]] = {}
        self._types: dict[str, str] = {}
        self._registry: list[h.ThingChanged | h.GroupMoved] = []
        self._asked: set[tuple[str, int]] = set()
        self._facts: dict[str, Facts] = {}
        self._logs: dict[str, list[Entry]] = {}
        for number, happening in enumerate(history):
            self._happen(number, happening)
            if not isinstance(happening, h.Waited) or happening.swept:
                self._sweep(happening.now)

    def _happen(self, number: int, happening: h.Happening) -> None:
        match happening:
            case h.ProfilePut():
                self._put(number, happening)
            case h.ProfileDeleted(_, name):
                del self._profiles[name], self._targets[name]
            case h.Attached(_, name, target):
                self._targets[name].add(target)
            case h.Detached(_, name, target):
                self._targets[name].discard(target)
            case h.MetricDefined(_, metric, None):
                del self._types[metric]
            case h.MetricDefined(_, metric, str(metric_type)):
                self._types[metric] = metric_type
            case h.ThingChanged() | h.GroupMoved():
                self._registry.append(happening)
            case h.Asked(now, thing):
                self._asked.add((thing, now))
            case h.Heard(now, thing, asked_at):
                self._asked.remove((thing, asked_at))
                self._learn(thing, self._answer(thing, until=asked_at, stamped=asked_at))
                self._leave(thing, now)
            case h.Reported():
                self.replies.append(self._take(happening))
            case h.Crossed(_, first, second):
                crossed = self._place(first) in {"next", "late"}
                self.replies += map(self._take, (second, first) if crossed else (first, second))
            case h.Waited(now, _, True):
                self._expire(now)

    # Behaviors

    def _put(self, number: int, put: h.ProfilePut) -> None:
        self._targets.setdefault(put.profile, set())
        before, self._profiles[put.profile] = self._profiles.get(put.profile, {}), {}
        for says in put.behaviors:
            life, since, was = Life(put.profile, says["name"], says.get("metric"), put.now), number, {}
            if old := before.get(life.name):
                was = old.says
                if life.metric == old.life.metric and ("criteria" in says) == ("criteria" in was):
                    life = old.life
                    since = old.criteria_since if says.get("criteria") == was.get("criteria") else number
            self._profiles[put.profile][life.name] = Living(life, says, since)

    def _lives(self) -> dict[Life, Living]:
        return {each.life: each for profile in self._profiles.values() for each in profile.values()}

    def _covers(self, life: Life, facts: Facts) -> bool:
        kind = "all/registered-things" if facts.thing_id else "all/unregistered-things"
        reached = {"all/things", kind, *(f"thinggroup/{group}" for group in facts.groups)}
        return not reached.isdisjoint(self._targets[life.profile])

    def _applying(self, facts: Facts) -> list[Living]:
        return [each for each in self._lives().values() if self._covers(each.life, facts)]

    def _judging(self, facts: Facts) -> list[Living]:
        return [each for each in self._applying(facts) if "criteria" in each.says]

    # The registry

    def _answer(self, thing: str, *, until: int, stamped: int) -> Facts:
        """What the registry says of a thing, after all its changes until then."""
        thing_id, groups, parents = "", frozenset[str](), dict[str, str | None]()
        for change in self._registry:
            if change.now > until:
                break
            if isinstance(change, h.GroupMoved):
                parents[change.group] = change.parent
            elif change.thing == thing:
                thing_id, groups = change.thing_id, frozenset(change.groups)
        for _ in parents:
            groups |= {parent for group in groups if (parent := parents.get(group))}
        return Facts(thing_id, groups, stamped)

    def _learn(self, thing: str, answer: Facts) -> Facts:
        """Believe an answer, unless one to a later question is known."""
        known = self._facts.get(thing)
        if known and known.answered_at >= answer.answered_at:
            return known
        since = 0 if not known else known.id_since if known.thing_id == answer.thing_id else answer.answered_at
        self._facts[thing] = replace(answer, id_since=since)
        return self._facts[thing]

    def _facts_for(self, report: h.Reported) -> Facts | None:
        known, allowed = self._facts.get(report.thing), self._rules.allow_unregistered
        if known and (known.thing_id or (allowed and report.at - known.answered_at < HOUR)):
            return known
        answer = self._answer(report.thing, until=report.now, stamped=report.at)
        return self._learn(report.thing, answer) if answer.thing_id or allowed else None

    def _leave(self, thing: str, now: int) -> None:
        """Alarms of what does not cover a thing any more, or of another thing of its name, are put to rest."""
        facts, log = self._facts[thing], self._logs.get(thing, [])
        if not log:
            return
        lives, state = self._lives(), self._counting(log[-1], facts, now)
        left = [life for life in state.alarms if life in lives and not self._covers(life, facts)]
        if self._end_void(log[-1], facts, now) or left:
            self._rest(thing, left, facts, now, alert=True)

    # What holds of a thing

    def _is_void(self, entry: Entry, facts: Facts, now: int) -> bool:
        return entry.thing_id != facts.thing_id or entry.pos + self._rules.keep <= now

    def _counting(self, entry: Entry | None, facts: Facts, now: int) -> State:
        """What holds now after an entry: of one that counts no longer, only which reports there were."""
        if entry is None or self._is_void(entry, facts, now):
            return State(recent=entry.state.recent if entry else ())
        return entry.state

    def _end_void(self, entry: Entry | None, facts: Facts, now: int) -> bool:
        """End the violations of a state that counts no longer. Returns whether any alarm rang in it."""
        if entry is None or not self._is_void(entry, facts, now):
            return False
        ringing = [alarm.violation for alarm in entry.state.alarms.values() if alarm.violation]
        for violation in ringing:
            self._end(violation, "alarm-invalidated", now, alert=entry.thing_id == facts.thing_id)
        return bool(ringing)

    def _rest(self, thing: str, resting: Iterable[Life], facts: Facts, now: int, *, alert: bool) -> None:
        """Something is noted in a thing's log that puts alarms to rest."""
        state = self._counting(self._logs[thing][-1], facts, now)
        for life in resting:
            if violation := state.alarms[life].violation:
                self._end(violation, "alarm-invalidated", now, alert=alert)
        alarms = {life: alarm for life, alarm in state.alarms.items() if life not in resting}
        self._append(thing, facts, now, replace(state, alarms=alarms))

    def _append(self, thing: str, facts: Facts, at: int, state: State, *of_report: Any) -> None:
        log = self._logs.setdefault(thing, [])
        log.append(Entry(at, max([at, *(each.pos for each in log)]), facts.thing_id, state, *of_report))

    def _expire(self, now: int) -> None:
        def is_kept(since: int) -> bool:
            return (since + self._rules.keep) // 1000 > now // 1000

        self._logs = {thing: [each for each in log if is_kept(each.pos)] for thing, log in self._logs.items()}
        known = self._facts.items()
        self._facts = {thing: facts for thing, facts in known if facts.thing_id or is_kept(facts.answered_at)}

    # Violations

    def _begin(self, life: Life, thing: str, facts: Facts, at: int, value: Value) -> Violation:
        violation = Violation(life, thing, facts.thing_id, at, at, value)
        self.active.append(violation)
        self._tell(violation, "in-alarm", at, value, alert=True)
        return violation

    def _end(self, violation: Violation, how: str, at: int, value: Value | None = None, *, alert: bool) -> None:
        if violation in self.active:
            self.active.remove(violation)
            self._tell(violation, how, at, value, alert=alert)

    def _tell(self, violation: Violation, how: str, at: int, value: Value | None, *, alert: bool) -> None:
        life = violation.life
        self.events.append(Event(violation.thing, life.profile, life.name, how, at, value))
        living = self._lives().get(life)
        if alert and living and not living.says.get("suppressAlerts"):
            self.alerts.append(self.events[-1])

    def _sweep(self, now: int) -> None:
        """End what nothing stands for any more, and what was heard nothing of for two days."""
        for violation in [*self.active]:
            life, thing, facts = violation.life, violation.thing, self._facts.get(violation.thing)
            facts = facts or Facts("", frozenset(), 0)
            log = self._logs.get(thing, [])
            alarm = self._counting(log[-1], facts, now).alarms.get(life) if log else None
            stands = life in self._lives() and self._covers(life, facts) and violation.thing_id == facts.thing_id
            silent = alarm is None or alarm.seen_at + SILENT_AFTER <= now
            if alarm and life in self._lives() and (silent or not stands):
                self._rest(thing, [life], facts, now, alert=stands)
            elif silent or not stands:
                self._end(violation, "alarm-invalidated", now, alert=stands)

    # Reports

    def _take(self, report: h.Reported) -> Reply:
        place = self._place(report)
        if place in {"throttled", "not a thing"}:
            return Reply(place)
        points, dropped = datapoints(report.body, self._types)
        if place != "duplicate":
            facts, log = self._facts[report.thing], self._logs.get(report.thing, [])
            now = max(self._time(report), log[-1].pos if log and place == "late" else 0)
            self._end_void(log[-1] if log else None, facts, now)
            (self._take_next if place == "next" else self._take_late)(report, points, facts, now)
        return Reply("accepted", tuple(dropped), len(dropped))

    def _time(self, report: h.Reported) -> int:
        log = self._logs.get(report.thing)
        return max(report.at, log[-1].pos) if self._rules.one_clock and log else report.at

    def _place(self, report: h.Reported) -> str:
        log, key = self._logs.get(report.thing, []), _key(report)
        if report.again and any(entry.report == key for entry in log):
            return "duplicate"
        facts = self._facts_for(report)
        if facts is None:
            return "not a thing"
        at = self._time(report)
        state = self._counting(log[-1] if log else None, facts, at)
        if key in state.recent:
            return "duplicate"
        if at < state.report_at or at < facts.id_since:
            return "duplicate" if any(entry.report == key for entry in log if entry.pos >= at) else "late"
        least = self._rules.min_interval - slack(self._rules.min_interval)
        return "throttled" if state.report_at and at - state.report_at < least else "next"

    def _take_next(self, report: h.Reported, points: dict[str, Value], facts: Facts, at: int) -> None:
        log = self._logs.get(report.thing)
        state = self._counting(log[-1] if log else None, facts, at)
        silent = at - state.report_at > HOUR
        # What is known from before is what the newest entry has: one that is no report hides the report before it.
        before = log[-1].traffic if log and state.report_at else {}
        judged = {m: v for m, v in points.items() if not is_fault(m, v, before.get(m, 0), silent=silent)}
        plan, windows, alarms = self._judging(facts), {}, {}
        for window in {each.window for each in plan if each.window}:
            slots = state.windows.get(window, ())
            windows[window] = summed(slots, at, judged[window[0]]["count"], window[1]) if window[0] in judged else slots
        lives = self._lives()
        for life in {**state.alarms, **{each.life: each for each in plan}}:
            if living := lives.get(life):
                applies = living in plan
                alarm = state.alarms.get(life) or Alarm(living.criteria_since)
                if alarm.criteria_since != living.criteria_since:
                    alarm = replace(alarm, criteria_since=living.criteria_since, verdicts=())
                if applies and life.metric in judged:
                    value = _compared(living, judged, windows)
                    alarm = self._step(alarm, living, report.thing, facts, at, value)
                if not alarm.at_rest and (alarm.violation or applies):
                    alarms[life] = alarm
        recent = (_key(report), *state.recent)[:REMEMBERED]
        self._append(
            report.thing, facts, at, State(at, alarms, windows, recent), _key(report), self._traffic(judged, facts)
        )

    def _step(self, alarm: Alarm, living: Living, thing: str, facts: Facts, at: int, value: Value) -> Alarm:
        violated = not conforms(living.says["criteria"], value)
        alarm = replace(alarm, verdicts=(*alarm.verdicts, violated), seen_at=at)
        needed = living.count("Clear" if alarm.violation else "Alarm")
        turns = alarm.verdicts[-needed:] == (not alarm.violation,) * needed
        if turns and alarm.violation:
            self._end(alarm.violation, "alarm-cleared", at, value, alert=True)
            return replace(alarm, verdicts=(), violation=None)
        if turns:
            return replace(alarm, verdicts=(), violation=self._begin(living.life, thing, facts, at, value))
        if alarm.violation and violated:
            alarm.violation.last_at, alarm.violation.last_value = at, value
        return alarm

    def _take_late(self, report: h.Reported, points: dict[str, Value], facts: Facts, now: int) -> None:
        log, at = self._logs.get(report.thing, []), self._time(report)
        state = self._counting(log[-1] if log else None, facts, now)
        judged = {m: v for m, v in points.items() if not is_fault(m, v, 0, silent=False)}
        plan, windows, told = self._judging(facts), dict(state.windows), list[tuple[Life, int]]()
        before = next((entry for entry in reversed(log) if entry.pos <= at), None)
        after = next((entry for entry in log if entry.pos > at), None)
        if at >= facts.id_since:
            for window in {each.window for each in plan if each.window}:
                if windows.get(window) and window[0] in judged:
                    windows[window] = summed_late(windows[window], at, judged[window[0]]["count"], window[1])
            was = self._counting(before, facts, at)
            sums = {
                w: summed(was.windows.get(w, ()), at, judged[w[0]]["count"], w[1])
                for each in plan
                if (w := each.window) and w[0] in judged
            }
            for living in plan:
                life = living.life
                if not after or life.metric not in judged or life in was.alarms or life in after.state.alarms:
                    continue
                value = _compared(living, judged, sums)
                heard_of = any((life, after.at) in entry.told for entry in log)
                born = life.born <= at and living.count("Alarm") == 1
                if born and not heard_of and not conforms(living.says["criteria"], value):
                    violation = self._begin(life, report.thing, facts, at, value)
                    self._end(violation, "alarm-cleared", after.at, value, alert=True)
                    told += [(life, at), (life, after.at)]
        alarms = {life: alarm for life, alarm in state.alarms.items() if life in self._lives()}
        recent = (_key(report), *state.recent)[:REMEMBERED]
        state = replace(state, alarms=alarms, windows=windows, recent=recent)
        self._append(report.thing, facts, at, state, _key(report), self._traffic(judged, facts), tuple(told))

    def _traffic(self, points: Mapping[str, Value], facts: Facts) -> dict[str, int]:
        kept = TRAFFIC.keys() & {each.says.get("metric") for each in self._applying(facts)}
        return {metric: value["count"] for metric, value in points.items() if metric in kept}


def _key(report: h.Reported) -> tuple[int, str]:
    return report.report_id, repr(report.body)


def _compared(living: Living, points: Mapping[str, Value], windows: Mapping[tuple[str, int], Slots]) -> Value:
    window = living.window
    return {"count": min(sum(each for _, each in windows[window]), MOST)} if window else points[living.says["metric"]]


def slack(duration: int) -> int:
    return min(30_000, duration // 10)


def summed(slots: Slots, at: int, value: int, duration: int) -> Slots:
    """A window's slots after one more datapoint."""
    slots = tuple(slot for slot in slots if slot[0] > at - duration + slack(duration))
    if slots and at - slots[-1][0] < duration // 16:
        return (*slots[:-1], (slots[-1][0], slots[-1][1] + value))
    return (*slots, (at, value))


def summed_late(slots: Slots, at: int, value: int, duration: int) -> Slots:
    """The same, where newer datapoints are there already: it counts in a slot nearby, the older one first."""
    newest = slots[-1][0]
    if at >= newest:
        return summed(slots, at, value, duration)
    if at <= newest - duration + slack(duration):
        return slots
    near = [slot for slot in slots if abs(at - slot[0]) < duration // 16]
    older, newer = [slot for slot in near if slot[0] <= at], [slot for slot in near if slot[0] > at]
    joined = (older[-1:] or newer[:1] or [None])[0]
    if joined is None:
        return tuple(sorted([*slots, (at, value)]))
    return tuple((slot[0], slot[1] + value) if slot is joined else slot for slot in slots)


def is_fault(metric: str, value: Value, before: int, *, silent: bool) -> bool:
    """Whether a difference is none: its counter was set back, or reported whole after a silence."""
    if metric not in TRAFFIC:
        return False
    count = value["count"]
    jumps = silent and count > PLAUSIBLE[TRAFFIC[metric].split("_")[0]] and count > 100 * before
    return count >= 2**63 or jumps
