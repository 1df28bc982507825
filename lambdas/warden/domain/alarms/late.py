"""The next entry of a thing's log, where the report that it holds was overtaken by newer ones."""

from collections.abc import Collection

import msgspec

from warden.domain.alarms.advance import current
from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.arrival import Arrival
from warden.domain.alarms.entry import Entry, EntryKind, Logged, Reason, State, Transition, violation_id
from warden.domain.behaviors.catalogue import Catalogue
from warden.domain.behaviors.plan import Plan
from warden.domain.behaviors.spikes import implausible
from warden.domain.behaviors.target import ThingFacts


def late_report(
    arrival: Arrival,
    newest: Logged | None,
    facts: ThingFacts,
    catalogue: Catalogue,
    *,
    before: Logged | None,
    after: Logged | None,
    told: Collection[tuple[str, int]] = (),
    account: str,
    keep: int,
    flag_counter_resets: bool = True,
) -> Entry:
    """The entry of a report that newer ones have overtaken.

    It is a datapoint, and counts in the windows that are still open; it steps no alarm. Where it violates a behavior
    that one datapoint alarms, that was born by then and was at rest on both sides of the moment, its entry holds
    the beginning and the end of the violation that was overtaken; one between the same two entries, and no more.

    Args:
        arrival: The report.
        newest: The thing's newest entry.
        facts: What the registry says of the thing.
        catalogue: The profiles; of the state's epoch or a later one.
        before: The entry that precedes the report's moment.
        after: The entry that follows it.
        told: Beginnings and ends that late reports have told already: (uid, time).
        account: AWS account.
        keep: Milliseconds that entries count for.
        flag_counter_resets: Whether datapoints that are a counter's fault are judged by nothing.
    """
    now = max(arrival.at, newest.entry.pos) if newest else arrival.at
    state, ended = current(newest, facts, now=now, keep=keep)
    plan = catalogue.plan_for(facts)
    flagged = implausible(arrival.points, {}, silent=False) if flag_counter_resets else ()
    judged = arrival.without(flagged)
    pairs: tuple[Transition, ...] = ()
    its_own = arrival.at >= facts.id_since  # else it is of another thing, whose name this one has now
    late = plan.count_late(judged.points, state.windows, arrival.at) if its_own else {}
    if newest and after and its_own:
        was, _ = current(before, facts, now=arrival.at, keep=keep)
        pairs = _overtaken(judged, facts, plan, seq=newest.seq + 1, was=was, after=after, told=told, account=account)
    return Entry(
        kind=EntryKind.REPORT,
        at=arrival.at,
        pos=now,
        thing_id=facts.thing_id,
        report_id=arrival.report_id,
        digest=arrival.digest,
        late=True,
        points=plan.kept(arrival.points),
        flagged=flagged,
        exports=plan.exporting(arrival.points),
        transitions=ended + pairs,
        state=State(
            epoch=catalogue.epoch,
            report_at=state.report_at,
            alarms=tuple(alarm for alarm in state.alarms if alarm.uid in catalogue.behaviors),
            windows={**state.windows, **late},
            recent=state.remembering(arrival.report_id, arrival.digest),
        ),
    )


def _overtaken(
    arrival: Arrival,
    facts: ThingFacts,
    plan: Plan,
    *,
    seq: int,
    was: State,
    after: Logged,
    told: Collection[tuple[str, int]],
    account: str,
) -> tuple[Transition, ...]:
    verdict = plan.judge(arrival.points, was.windows, arrival.at)
    stirring = {alarm.uid for side in (was, after.entry.state) for alarm in side.alarms}
    identity = facts.thing_id or arrival.thing
    pairs: list[Transition] = []
    for position, live in enumerate(plan.behaviors):
        heard_of = (live.uid, after.entry.at) in told
        calm = not heard_of and live.uid not in stirring and live.to_alarm == 1 and live.since <= arrival.at
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
