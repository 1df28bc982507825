"""The alarms of one thing, stepped by one report."""

from collections.abc import Mapping

import msgspec

from warden.domain.alarms.alarm import Alarm, EventType, step
from warden.domain.alarms.arrival import Arrival
from warden.domain.alarms.entry import Reason, Transition, violation_id
from warden.domain.behaviors.catalogue import Catalogue
from warden.domain.behaviors.plan import LiveBehavior, Plan, Verdict


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
            elif alarm.ringing or (alarm.streak and position is not None):  # what does not apply counts for nothing
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
