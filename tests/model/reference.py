"""A naive evaluator of security profiles: it keeps whole histories, and tells what ought to have come of them.

It is written from the documents and imports nothing of `warden`. Where those approximate, it does exactly what they
say: windows have a slack and are summed in slots of a sixteenth, a late report steps no alarm, and what is judged
silent is what the sweeper finds silent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tests.model import happenings as h
from tests.model.memberships import Memberships
from tests.model.reading import DAY, HOUR, TRAFFIC, Value, conforms, datapoints, is_fault
from tests.model.records import Alarm, Entry, Event, Facts, Life, Living, Reply, Rules, State, Untold, Violation
from tests.model.windows import Slots, slack, summed, summed_late, total

SILENT_AFTER = 2 * DAY
LOOK_AGAIN = HOUR // 4
REMEMBERED = 16


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
        self._puts = 0
        self._types: dict[str, str] = {}
        self._untold: list[Untold] = []
        self._memberships = Memberships(rules)
        self._asked: set[tuple[str, int]] = set()
        self._logs: dict[str, list[Entry]] = {}
        for happening in history:
            self._happen(happening)
            if not isinstance(happening, h.Waited) or happening.swept:
                self._dispatch()
                self._sweep(happening.now)
                self._dispatch()

    def _happen(self, happening: h.Happening) -> None:  # noqa: C901, PLR0912 (a line for each word)
        match happening:
            case h.ProfilePut():
                self._put(happening)
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
                self._memberships.change(happening)
            case h.Asked(now, thing):
                self._asked.add((thing, now))
            case h.Heard(now, thing, asked_at):
                self._asked.remove((thing, asked_at))
                self._memberships.learn(thing, asked_at=asked_at)
                self._leave(thing, now)
            case h.Reported():
                self.replies.append(self._take(happening))
            case h.Crossed(_, first, second):
                crossed = self._place(first) in {"next", "late"}
                self.replies += map(self._take, (second, first) if crossed else (first, second))
            case h.AtOnce(_, happenings):
                for each in happenings:
                    self._happen(each)
            case h.Waited(now, _, True):
                self._expire(now)

    # Behaviors

    def _put(self, put: h.ProfilePut) -> None:
        self._puts += 1
        self._targets.setdefault(put.profile, set())
        before, self._profiles[put.profile] = self._profiles.get(put.profile, {}), {}
        for says in put.behaviors:
            life = Life(put.profile, says["name"], says.get("metric"), put.now)
            since, old = self._puts, before.get(life.name)
            if old and life.metric == old.life.metric and ("criteria" in says) == ("criteria" in old.says):
                life = old.life
                since = old.criteria_since if says.get("criteria") == old.says.get("criteria") else self._puts
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

    def _leave(self, thing: str, now: int) -> None:
        """Alarms of what does not cover a thing any more, or of another thing of its name, are put to rest."""
        facts, log = self._memberships.of(thing), self._logs.get(thing, [])
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
        self._memberships.expire(now)
        self._logs = {thing: [e for e in log if self._rules.keeps(e.pos, now)] for thing, log in self._logs.items()}

    # Violations

    def _begin(self, life: Life, thing: str, facts: Facts, at: int, value: Value) -> Violation:
        violation = Violation(life, thing, facts.thing_id, at, at, value)
        self._untold.append(Untold(violation, "in-alarm", at, value, alert=self._is_heard(life)))
        return violation

    def _end(self, violation: Violation, how: str, at: int, value: Value | None = None, *, alert: bool) -> None:
        self._untold.append(Untold(violation, how, at, value, alert=alert))

    def _dispatch(self) -> None:
        """Tell what has begun or ended, unless it is not wanted any more: a beginning is then never told, an end is
        then no return to what is normal."""
        while self._untold:
            each = self._untold.pop(0)
            violation, stands = each.violation, self._stands(each.violation)
            if each.how == "in-alarm" and stands:
                self.active.append(violation)
                self._tell(each)
            elif each.how == "in-alarm":
                self._put_to_rest(violation, each.at, alert=False)
            elif violation in self.active:
                self.active.remove(violation)
                is_told = stands or each.how == "alarm-invalidated"
                self._tell(each if is_told else Untold(violation, "alarm-invalidated", each.at))

    def _tell(self, untold: Untold) -> None:
        violation, life = untold.violation, untold.violation.life
        self.events.append(Event(violation.thing, life.profile, life.name, untold.how, untold.at, untold.value))
        if untold.alert and self._is_heard(life):
            self.alerts.append(self.events[-1])

    def _is_heard(self, life: Life) -> bool:
        living = self._lives().get(life)
        return living is not None and not living.says.get("suppressAlerts")

    def _stands(self, violation: Violation) -> bool:
        """Whether the behavior lives, and covers the thing that was meant."""
        life, facts = violation.life, self._memberships.of(violation.thing)
        return life in self._lives() and self._covers(life, facts) and violation.thing_id == facts.thing_id

    def _put_to_rest(self, violation: Violation, now: int, *others: Life, alert: bool) -> bool:
        """Put the alarm of a behavior that lives to rest, where it rings, and others. Returns whether it did."""
        life, thing, facts = violation.life, violation.thing, self._memberships.of(violation.thing)
        alarm = self._counting(self._logs[thing][-1], facts, now).alarms.get(life) if self._logs.get(thing) else None
        rings = alarm is not None and alarm.violation is violation and life in self._lives()
        if rings:
            self._rest(thing, {life, *others}, facts, now, alert=alert)
        return rings

    def _silent(self, thing: str, facts: Facts, now: int) -> list[Life]:
        """What rings of a thing and was heard nothing of for two days."""
        alarms = self._counting(self._logs[thing][-1], facts, now).alarms
        silent = (life for life, alarm in alarms.items() if alarm.violation and alarm.seen_at + SILENT_AFTER <= now)
        return [life for life in silent if life in self._lives() and self._covers(life, facts)]

    def _sweep(self, now: int) -> None:
        """End what nothing stands for any more, and what was heard nothing of for two days."""
        for violation in self.active:
            life, thing, facts = violation.life, violation.thing, self._memberships.of(violation.thing)
            log, stands = self._logs.get(thing), self._stands(violation)
            alarm = self._counting(log[-1], facts, now).alarms.get(life) if log else None
            is_silent = alarm.seen_at + SILENT_AFTER <= now if alarm else self._is_lost(violation, facts, now)
            others = self._silent(thing, facts, now) if log and stands else ()
            if (is_silent or not stands) and not self._put_to_rest(violation, now, *others, alert=stands):
                self._end(violation, "alarm-invalidated", now, alert=stands)

    def _is_lost(self, violation: Violation, facts: Facts, now: int) -> bool:
        """Whether no log can end a violation that rings in none any more. One that began anew has a while to tell."""
        log = self._logs.get(violation.thing)
        if violation.missed_at is None and log and not self._is_void(log[-1], facts, now):
            violation.missed_at = now
        return violation.missed_at is None or violation.missed_at + LOOK_AGAIN <= now

    # Reports

    def _take(self, report: h.Reported) -> Reply:
        place = self._place(report)
        if place in {"throttled", "not a thing"}:
            return Reply(place)
        points, dropped = datapoints(report.body, self._types)
        if place != "duplicate":
            facts, log = self._memberships.of(report.thing), self._logs.get(report.thing, [])
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
        facts = self._memberships.facts_for(report)
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
        first = not (log and state.report_at)
        told = bool(log and log[-1].report and log[-1].at == state.report_at)  # else what it said is not at hand
        silent = first or (told and at - state.report_at > HOUR)
        before = log[-1].traffic if log and told else {}
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
                    alarm = self._step(alarm, living, value, report.thing, facts, at=at)
                if not alarm.at_rest and (alarm.violation or applies):
                    alarms[life] = alarm
        recent = (_key(report), *state.recent)[:REMEMBERED]
        self._append(
            report.thing, facts, at, State(at, alarms, windows, recent), _key(report), self._traffic(judged, facts)
        )

    def _step(self, alarm: Alarm, living: Living, value: Value, thing: str, facts: Facts, *, at: int) -> Alarm:
        violated = not conforms(living.says["criteria"], value)
        alarm = replace(alarm, verdicts=(*alarm.verdicts, violated), seen_at=at)
        needed = living.count("Clear" if alarm.violation else "Alarm")
        turns = alarm.verdicts[-needed:] == (not alarm.violation,) * needed
        if turns and alarm.violation:
            self._end(alarm.violation, "alarm-cleared", at, value, alert=self._is_heard(living.life))
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
                    self._end(violation, "alarm-cleared", after.at, value, alert=self._is_heard(life))
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
    return {"count": total(windows[window])} if window else points[living.says["metric"]]
