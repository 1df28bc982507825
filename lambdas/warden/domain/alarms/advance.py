"""The next entry of a thing's log: what a report, or something else that happened, makes of the newest one.

All of it is pure: the same newest entry and the same report give the same next entry, its violation ids included, so
that whatever was interrupted can be done again.
"""

from collections.abc import Callable

import msgspec

from warden.domain.alarms.alarm import Alarm, EventType
from warden.domain.alarms.arrival import Arrival
from warden.domain.alarms.entry import AT_REST, Entry, EntryKind, Logged, Reason, State, Transition
from warden.domain.alarms.stepping import step_alarms
from warden.domain.behaviors.catalogue import Catalogue
from warden.domain.behaviors.spikes import SILENT_MS, implausible
from warden.domain.behaviors.target import ThingFacts


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
    arrival: Arrival,
    newest: Logged | None,
    facts: ThingFacts,
    catalogue: Catalogue,
    *,
    account: str,
    keep: int,
    flag_counter_resets: bool = True,
) -> Entry:
    """The entry of a report that is the newest.

    Args:
        arrival: The report.
        newest: The thing's newest entry.
        facts: What the registry says of the thing.
        catalogue: The profiles; of the state's epoch or a later one.
        account: AWS account.
        keep: Milliseconds that entries count for.
        flag_counter_resets: Whether datapoints that are a counter's fault are judged by nothing.
    """
    state, ended = current(newest, facts, now=arrival.at, keep=keep)
    flagged = _flagged(arrival, newest, state) if flag_counter_resets else ()
    judged = arrival.without(flagged)
    seq = newest.seq + 1 if newest else 1
    plan = catalogue.plan_for(facts)
    verdict = plan.judge(judged.points, state.windows, arrival.at)
    alarms: tuple[Alarm, ...] = ()
    transitions: tuple[Transition, ...] = ()
    if verdict.violated or state.alarms:
        alarms, transitions = step_alarms(
            judged,
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
        points=plan.kept(arrival.points),
        flagged=flagged,
        exports=plan.exporting(arrival.points),
        transitions=ended + transitions,
        state=State(
            epoch=catalogue.epoch,
            report_at=arrival.at,
            alarms=alarms,
            windows=verdict.windows,
            recent=state.remembering(arrival.report_id, arrival.digest),
        ),
    )


def _flagged(arrival: Arrival, newest: Logged | None, state: State) -> tuple[str, ...]:
    """Codes of a report's datapoints that are a counter's fault. Where something else was logged since the report
    before, nothing tells a jump from a busy device, and it is believed."""
    if newest is None or not state.report_at:
        return implausible(arrival.points, {}, silent=True)
    last = newest.entry
    silent = arrival.at - state.report_at > SILENT_MS and last.kind is EntryKind.REPORT and not last.late
    before = {code: point for code, point in last.points.items() if code not in last.flagged} if silent else {}
    return implausible(arrival.points, before, silent=silent)


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
