"""The next entry of a thing's log: what a report, or something else that happened, makes of the newest one.

All of it is pure: the same newest entry and the same report give the same next entry, its violation ids included, so
that whatever was interrupted can be done again.
"""

from collections.abc import Callable, Mapping
from enum import Enum

import msgspec

from warden.domain.alarms.alarm import Alarm, EventType, step
from warden.domain.alarms.entry import (
    AT_REST,
    REPORTS_REMEMBERED,
    Entry,
    EntryKind,
    Logged,
    Reason,
    State,
    Transition,
    violation_id,
)
from warden.domain.behaviors.catalogue import Catalogue
from warden.domain.behaviors.metrics import Datapoint
from warden.domain.behaviors.plan import LiveBehavior, Plan, Verdict
from warden.domain.behaviors.target import ThingFacts
from warden.domain.behaviors.windows import slack


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """A metrics report as it came in.

    Attributes:
        thing: The thing's name, from the topic.
        report_id: The report's.
        digest: Of its payload.
        points: What it says, by metric code.
        at: When it came, epoch ms.
    """

    thing: str
    report_id: int
    digest: bytes
    points: dict[str, Datapoint]
    at: int


class Place(Enum):
    """Where a report belongs, looked for in this order."""

    DUPLICATE = "it has been counted already"
    LATE = "newer reports have overtaken it"
    TOO_SOON = "it follows the report before it too soon"
    NEXT = "it is the newest"


def place(arrival: Arrival, state: State, facts: ThingFacts, *, min_interval: int) -> Place:
    """Where a report belongs.

    Args:
        arrival: The report.
        state: The thing's.
        facts: What the registry says of it.
        min_interval: Milliseconds that reports have to be apart, 0 for no minimum.
    """
    if (arrival.report_id, arrival.digest) in state.recent:
        return Place.DUPLICATE
    if arrival.at < state.report_at or arrival.at < facts.id_since:
        return Place.LATE
    if min_interval and state.report_at and arrival.at - state.report_at < min_interval - slack(min_interval):
        return Place.TOO_SOON
    return Place.NEXT


def current(newest: Logged | None, facts: ThingFacts, *, now: int, keep: int) -> tuple[State, tuple[Transition, ...]]:
    """The state that counts now, and the ends of the violations of one that counts no longer.

    A state is void where it is expired or belongs to another thing of the same name: everything starts from rest,
    but the epoch and the reports to recognise are kept.

    Args:
        newest: The thing's newest entry.
        facts: What the registry says of it now.
        now: Epoch ms.
        keep: Milliseconds that entries count for.
    """
    if newest is None:
        return AT_REST, ()
    entry, state = newest.entry, newest.entry.state
    if entry.thing_id != facts.thing_id:
        reason = Reason.THING_DELETED if entry.thing_id else Reason.THING_REGISTERED
    elif entry.pos + keep <= now:
        reason = Reason.SILENT
    else:
        return state, ()
    ended = tuple(_invalidated(alarm, reason, now) for alarm in state.alarms if alarm.ringing)
    return State(epoch=state.epoch, recent=state.recent), ended


def report(
    arrival: Arrival, newest: Logged | None, facts: ThingFacts, catalogue: Catalogue, *, account: str, keep: int
) -> Entry:
    """The entry of a report that is the newest.

    Args:
        arrival: The report.
        newest: The thing's newest entry.
        facts: What the registry says of the thing.
        catalogue: The profiles; of the state's epoch or a later one.
        account: AWS account.
        keep: Milliseconds that entries count for.
    """
    state, ended = current(newest, facts, now=arrival.at, keep=keep)
    seq = newest.seq + 1 if newest else 1
    plan = catalogue.plan_for(facts)
    verdict = plan.judge(arrival.points, state.windows, arrival.at)
    alarms: tuple[Alarm, ...] = ()
    transitions: tuple[Transition, ...] = ()
    if verdict.violated or state.alarms:
        alarms, transitions = step_alarms(
            arrival,
            state.alarms,
            plan,
            verdict,
            catalogue=catalogue,
            account=account,
            thing_id=facts.thing_id,
            seq=seq,
        )
    return Entry(
        kind=EntryKind.REPORT,
        at=arrival.at,
        pos=max(arrival.at, newest.entry.pos) if newest else arrival.at,
        thing_id=facts.thing_id,
        report_id=arrival.report_id,
        digest=arrival.digest,
        points=_kept(arrival.points, plan),
        transitions=ended + transitions,
        state=State(
            epoch=catalogue.epoch,
            report_at=arrival.at,
            alarms=alarms,
            windows=verdict.windows,
            recent=_remembered(state, arrival),
        ),
    )


def step_alarms(
    arrival: Arrival,
    alarms: tuple[Alarm, ...],
    plan: Plan,
    verdict: Verdict,
    *,
    catalogue: Catalogue,
    account: str,
    thing_id: str,
    seq: int,
) -> tuple[tuple[Alarm, ...], tuple[Transition, ...]]:
    """Step the alarms of a thing by a report; without a violation, and all at rest, there is nothing to step.

    Args:
        arrival: The report.
        alarms: Those not at rest.
        plan: The behaviors that apply to the thing.
        verdict: What the report means for them.
        catalogue: All behaviors that live.
        account: AWS account.
        thing_id: The thing's id; empty where it is not registered.
        seq: Of the entry that the report becomes.

    Returns: The alarms that are not at rest afterwards, and what began or ended.
    """
    stepped = _Stepped(
        catalogue=catalogue,
        plan=plan,
        sums=verdict.sums,
        account=account,
        identity=thing_id or arrival.thing,
        seq=seq,
        at=arrival.at,
    )
    return stepped.advance(alarms, plan.seen(arrival.points), verdict.violated)


def late_report(
    arrival: Arrival,
    newest: Logged | None,
    facts: ThingFacts,
    catalogue: Catalogue,
    *,
    before: Logged | None,
    after: Logged | None,
    account: str,
    keep: int,
) -> Entry:
    """The entry of a report that newer ones have overtaken.

    It is a datapoint, and counts in the windows that are still open; it steps no alarm. Where it violates a behavior
    that one datapoint alarms, that was born by then and was at rest on both sides of the moment, its entry holds
    the beginning and the end of the violation that was overtaken.

    Args:
        arrival: The report.
        newest: The thing's newest entry.
        facts: What the registry says of the thing.
        catalogue: The profiles; of the state's epoch or a later one.
        before: The entry that precedes the report's moment.
        after: The entry that follows it.
        account: AWS account.
        keep: Milliseconds that entries count for.
    """
    now = max(arrival.at, newest.entry.pos) if newest else arrival.at
    state, ended = current(newest, facts, now=now, keep=keep)
    plan = catalogue.plan_for(facts)
    pairs: tuple[Transition, ...] = ()
    its_own = arrival.at >= facts.id_since  # else it is of another thing, whose name this one has now
    late = plan.count_late(arrival.points, state.windows, arrival.at) if its_own else {}
    if newest and after and its_own:
        was, _ = current(before, facts, now=arrival.at, keep=keep)
        pairs = _overtaken(arrival, facts, plan, seq=newest.seq + 1, was=was, after=after, account=account)
    return Entry(
        kind=EntryKind.REPORT,
        at=arrival.at,
        pos=now,
        thing_id=facts.thing_id,
        report_id=arrival.report_id,
        digest=arrival.digest,
        late=True,
        points=_kept(arrival.points, plan),
        transitions=ended + pairs,
        state=State(
            epoch=catalogue.epoch,
            report_at=state.report_at,
            alarms=tuple(alarm for alarm in state.alarms if alarm.uid in catalogue.behaviors),
            windows={**state.windows, **late},
            recent=_remembered(state, arrival),
        ),
    )


def withdraw(
    newest: Logged,
    facts: ThingFacts,
    *,
    kind: EntryKind,
    reason: Reason,
    ends: Callable[[Alarm], bool],
    now: int,
    keep: int,
) -> Entry | None:
    """The entry that puts some alarms of a thing to rest, without a datapoint.

    Args:
        newest: The thing's newest entry.
        facts: What the registry says of the thing now.
        kind: What the entry records.
        reason: Why the alarms that `ends` names end; those of a void state end for their own.
        ends: Which alarms.
        now: Epoch ms.
        keep: Milliseconds that entries count for.

    Returns: None where there is nothing to withdraw.
    """
    state, ended = current(newest, facts, now=now, keep=keep)
    resting = [alarm for alarm in state.alarms if ends(alarm)]
    if not resting and not ended:
        return None
    return Entry(
        kind=kind,
        at=now,
        pos=max(now, newest.entry.pos),
        thing_id=facts.thing_id,
        state=msgspec.structs.replace(state, alarms=tuple(alarm for alarm in state.alarms if alarm not in resting)),
        transitions=(*ended, *(_invalidated(alarm, reason, now) for alarm in resting if alarm.ringing)),
    )


def _kept(points: dict[str, Datapoint], plan: Plan) -> dict[str, Datapoint]:
    if points.keys() <= plan.retained:
        return points
    return {code: point for code, point in points.items() if code in plan.retained}


def _remembered(state: State, arrival: Arrival) -> tuple[tuple[int, bytes], ...]:
    return ((arrival.report_id, arrival.digest), *state.recent[: REPORTS_REMEMBERED - 1])


def _invalidated(alarm: Alarm, reason: Reason, at: int) -> Transition:
    return Transition(
        type=EventType.INVALIDATED,
        violation_id=alarm.violation_id,
        uid=alarm.uid,
        profile=alarm.profile,
        profile_version=alarm.criteria_version,
        reason=reason,
        at=at,
        began=alarm.began,
    )


def _overtaken(
    arrival: Arrival,
    facts: ThingFacts,
    plan: Plan,
    *,
    seq: int,
    was: State,
    after: Logged,
    account: str,
) -> tuple[Transition, ...]:
    verdict = plan.judge(arrival.points, was.windows, arrival.at)
    stirring = {alarm.uid for side in (was, after.entry.state) for alarm in side.alarms}
    identity = facts.thing_id or arrival.thing
    pairs: list[Transition] = []
    for position, live in enumerate(plan.behaviors):
        calm = live.uid not in stirring and live.to_alarm == 1 and live.since <= arrival.at
        if not (verdict.violated >> position & 1 and calm):
            continue
        begins = Transition(
            type=EventType.IN_ALARM,
            violation_id=violation_id(account=account, identity=identity, uid=live.uid, seq=seq, at=arrival.at),
            uid=live.uid,
            profile=live.profile,
            profile_version=live.profile_version,
            reason=Reason.LATE,
            at=arrival.at,
            count=verdict.sums.get(plan.window_of(position)),
        )
        pairs += [begins, msgspec.structs.replace(begins, type=EventType.CLEARED, at=after.entry.at, began=seq)]
    return tuple(pairs)


class _Stepped:
    """The alarms of one thing, stepped by one report."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        plan: Plan,
        sums: Mapping[str, int],
        account: str,
        identity: str,
        seq: int,
        at: int,
    ) -> None:
        self._at = at
        self._catalogue = catalogue
        self._plan = plan
        self._seq = seq
        self._sums = sums
        self._account = account
        self._identity = identity
        self._alarms: list[Alarm] = []
        self._transitions: list[Transition] = []

    def advance(
        self, alarms: tuple[Alarm, ...], seen: int, violated: int
    ) -> tuple[tuple[Alarm, ...], tuple[Transition, ...]]:
        for alarm in alarms:
            live = self._catalogue.behaviors.get(alarm.uid)
            if live is None:
                continue  # its behavior is deleted, whose retirement ends the violation
            if alarm.criteria_version != live.criteria_version:
                alarm = msgspec.structs.replace(alarm, criteria_version=live.criteria_version, streak=0)  # noqa: PLW2901
            position = self._plan.positions.get(alarm.uid)
            bit = 0 if position is None else 1 << position
            if seen & bit and position is not None:
                self._step(alarm, live, position, violated=bool(violated & bit))
                violated &= ~bit
            elif alarm.ringing or alarm.streak:
                self._alarms.append(alarm)
        while violated:
            position = (violated & -violated).bit_length() - 1
            violated &= violated - 1
            live = self._plan.behaviors[position]
            self._step(Alarm(live.uid, live.profile, live.criteria_version), live, position, violated=True)
        return tuple(self._alarms), tuple(self._transitions)

    def _step(self, alarm: Alarm, live: LiveBehavior, position: int, *, violated: bool) -> None:
        ringing, streak = step(
            ringing=alarm.ringing,
            streak=alarm.streak,
            violated=violated,
            to_alarm=live.to_alarm,
            to_clear=live.to_clear,
        )
        count = self._sums.get(self._plan.window_of(position))
        if ringing != alarm.ringing:
            alarm = self._turn(alarm, live, count)
        if ringing and violated:
            alarm = msgspec.structs.replace(alarm, violated=self._seq, count=count)
        if ringing or streak:
            self._alarms.append(msgspec.structs.replace(alarm, streak=streak, seen_at=self._at))

    def _turn(self, alarm: Alarm, live: LiveBehavior, count: int | None) -> Alarm:
        begins = not alarm.ringing
        named = alarm.violation_id
        if begins:
            named = violation_id(
                account=self._account, identity=self._identity, uid=live.uid, seq=self._seq, at=self._at
            )
        self._transitions.append(
            Transition(
                type=EventType.IN_ALARM if begins else EventType.CLEARED,
                violation_id=named,
                uid=live.uid,
                profile=live.profile,
                profile_version=live.profile_version,
                reason=Reason.DATAPOINT,
                at=self._at,
                began=0 if begins else alarm.began,
                count=count,
            )
        )
        return msgspec.structs.replace(alarm, ringing=begins, violation_id=named if begins else "", began=self._seq)
