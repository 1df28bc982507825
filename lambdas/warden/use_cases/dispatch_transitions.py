"""Transitions of a log entry become events and episodes, each once, unless nobody wants them any more.

Every step can be done again: a beginning is written where its episode is absent, an end where the episode is active.
"""

from contextlib import suppress
from dataclasses import dataclass

import msgspec

from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.entry import EntryKind, Logged, Reason, Transition
from warden.domain.alarms.violation import Episode, Event, Status
from warden.domain.behaviors.metrics import code_of, kind_of
from warden.domain.behaviors.profile import AlertTarget, Behavior, MetricValue
from warden.domain.errors import Raced
from warden.ports import Key, ThingLog
from warden.storage.catalogue import CatalogueStore
from warden.storage.records import Stored
from warden.storage.violations import Violations, event_key
from warden.use_cases.fence import Fence, Standing
from warden.use_cases.withdraw_alarms import WithdrawAlarms

SILENT_AFTER_MS = 2 * 86_400_000
"""An alarm without a datapoint for this long is invalidated. Source: Developer Guide, Detect concepts."""

ALERT_AGAIN_MS = 600_000
"""After how long an alert that is not known to be delivered is sent again."""

ALERTED_INVALIDATIONS = frozenset({Reason.SILENT, Reason.THING_LEFT})
"""Those that subscribers are told of; deleting or detaching something is a record only."""

ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class _Happened:
    """A transition, and where it stands in which log."""

    thing: str
    logged: Logged
    transition: Transition
    now: int


class DispatchTransitions:
    """Records what log entries did to violations.

    Args:
        catalogue: The security profiles.
        log: The things' logs.
        violations: Episodes and events.
        keep: Milliseconds that log entries count for.
    """

    def __init__(self, catalogue: CatalogueStore, log: ThingLog, violations: Violations, *, keep: int) -> None:
        self._catalogue = catalogue
        self._log = log
        self._violations = violations
        self._fence = Fence(catalogue, log)
        self._withdraw = WithdrawAlarms(log, keep=keep)

    def __call__(self, thing: str, logged: Logged, *, now: int) -> list[Key]:
        """Deal with an entry's transitions, in order.

        Args:
            thing: The thing's name.
            logged: Its entry.
            now: Epoch ms.

        Returns: Where the events are whose alerts may still have to be sent.
        """
        events: list[Key] = []
        for transition in logged.entry.transitions:
            happened = _Happened(thing, logged, transition, now)
            events += self._begin(happened) if transition.type is EventType.IN_ALARM else self._end(happened)
        return events

    def _begin(self, happened: _Happened) -> list[Key]:
        transition = happened.transition
        for _ in range(ATTEMPTS):
            stored = self._violations.episode(transition.violation_id)
            if stored is None:
                with suppress(Raced):  # another has written it, or is only about to: the next look tells
                    self._record_beginning(happened)
                continue
            if stored.record.status is Status.DROPPED:
                self._put_to_rest(happened)
                return []
            return [event_key(transition.violation_id, transition.at, transition.type)]
        raise Raced(f"{transition.violation_id}: others were at work {ATTEMPTS} times")

    def _record_beginning(self, happened: _Happened) -> None:
        transition = happened.transition
        wanted = self._standing(happened)
        behavior, target = self._evaluated(transition)
        event = self._event(happened, behavior, target) if behavior and wanted.live and wanted.covered else None
        episode = Episode(
            violation_id=transition.violation_id,
            status=Status.ACTIVE if event else Status.DROPPED,
            thing=happened.thing,
            thing_id=happened.logged.entry.thing_id,
            profile=transition.profile,
            uid=transition.uid,
            behavior=behavior,
            began=happened.logged.seq,
            started_at=transition.at,
            value=event.value if event else None,
        )
        if event:
            silent_at = transition.at + SILENT_AFTER_MS
            self._violations.begin(episode, event, due=silent_at, alert_due=happened.now + ALERT_AGAIN_MS)
        else:
            self._violations.drop(episode, now=happened.now)

    def _put_to_rest(self, happened: _Happened) -> None:
        """An alarm that rings unheard would never ring again: not after its profile is attached again either."""
        ended = happened.transition.violation_id
        if self._standing(happened).live:
            self._withdraw(
                happened.thing,
                lambda alarm, _: alarm.ringing and alarm.violation_id == ended,
                kind=EntryKind.RETIRE,
                reason=Reason.RETIRED,
                now=happened.now,
            )

    def _end(self, happened: _Happened) -> list[Key]:
        transition = happened.transition
        events = self._beginning_first(happened)
        for _ in range(ATTEMPTS):
            stored = self._violations.episode(transition.violation_id)
            if stored is None or stored.record.status is Status.DROPPED:
                return events
            if stored.record.status is Status.ENDED:
                return [*events, event_key(transition.violation_id, transition.at, transition.type)]
            with suppress(Raced):
                self._record_end(happened, stored)
        raise Raced(f"{transition.violation_id}: others were at work {ATTEMPTS} times")

    def _beginning_first(self, happened: _Happened) -> list[Key]:
        transition = happened.transition
        if self._violations.episode(transition.violation_id):
            return []
        logged = self._log.read(happened.thing, transition.began)
        return [
            key
            for began in (logged.entry.transitions if logged else ())
            if logged and began.type is EventType.IN_ALARM and began.violation_id == transition.violation_id
            for key in self._begin(_Happened(happened.thing, logged, began, happened.now))
        ]

    def _record_end(self, happened: _Happened, stored: Stored[Episode]) -> None:
        transition, episode = happened.transition, stored.record
        standing = self._standing(happened)
        behavior, target = self._evaluated(transition)
        if transition.type is EventType.INVALIDATED:  # nothing was evaluated: what the profile says now counts
            heard = standing.profile is not None and transition.reason in ALERTED_INVALIDATIONS
            behavior, target = standing.behavior, standing.profile.alert_target if standing.profile and heard else None
        behavior = behavior or episode.behavior
        assert behavior, "an active episode has a copy of its behavior"
        wanted = transition.type is EventType.INVALIDATED or (standing.live and standing.covered)
        event = self._event(happened, behavior, target if wanted else None, invalidated=not wanted)
        event = msgspec.structs.replace(
            event,
            thing_id=episode.thing_id,
            verification_state=episode.verification_state,
            verification_state_description=episode.verification_state_description,
        )
        self._violations.end(stored, event, alert_due=happened.now + ALERT_AGAIN_MS)

    def _standing(self, happened: _Happened) -> Standing:
        transition, entry = happened.transition, happened.logged.entry
        return self._fence.standing(
            profile=transition.profile, uid=transition.uid, thing=happened.thing, thing_id=entry.thing_id
        )

    def _evaluated(self, transition: Transition) -> tuple[Behavior | None, AlertTarget | None]:
        """The behavior as it was evaluated, and where its alerts were to go."""
        stored = self._catalogue.version(transition.profile, transition.profile_version)
        if stored is None:
            return None, None
        named = {uid: name for name, uid in stored.record.uids.items()}.get(transition.uid)
        profile = stored.record.profile
        behavior = next((behavior for behavior in profile.behaviors if behavior.name == named), None)
        return behavior, None if behavior and behavior.suppress_alerts else profile.alert_target

    def _event(
        self, happened: _Happened, behavior: Behavior, target: AlertTarget | None, *, invalidated: bool = False
    ) -> Event:
        transition, entry = happened.transition, happened.logged.entry
        kind = EventType.INVALIDATED if invalidated else transition.type
        return Event(
            violation_id=transition.violation_id,
            type=kind,
            at=transition.at,
            reason=Reason.RETIRED if invalidated else transition.reason,
            thing=happened.thing,
            thing_id=entry.thing_id,
            profile=transition.profile,
            uid=transition.uid,
            behavior=behavior,
            value=None if kind is EventType.INVALIDATED else _value(happened, behavior),
            target=target,
        )


def _value(happened: _Happened, behavior: Behavior) -> MetricValue | None:
    """What the behavior was compared with: the window's sum, else the entry's datapoint."""
    count = happened.transition.count
    point = happened.logged.entry.points.get(code_of(behavior.metric or "")) if count is None else count
    return None if point is None else kind_of(behavior).value(point)
