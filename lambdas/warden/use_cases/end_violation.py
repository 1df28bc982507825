"""An active violation is ended from outside its thing's log: nothing in that log will."""

from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.entry import Reason
from warden.domain.alarms.violation import Episode, Event, Status
from warden.ports import Key
from warden.storage.records import Stored
from warden.storage.violations import Violations, event_key
from warden.use_cases.dispatch_transitions import ALERT_AGAIN_MS, ALERTED_INVALIDATIONS
from warden.use_cases.fence import Standing


def end_violation(
    violations: Violations, stored: Stored[Episode], standing: Standing, *, reason: Reason, now: int
) -> list[Key]:
    """Close an episode as invalidated.

    Args:
        violations: Where it is kept.
        stored: The episode, active.
        standing: Of its behavior.
        reason: Why.
        now: Epoch ms.

    Returns: Where the event is whose alert may have to be sent.

    Raises: Raced, where another was at work on it: it may be active still.
    """
    episode = stored.record
    if episode.status is not Status.ACTIVE or episode.behavior is None:
        return []
    target = standing.profile.alert_target if standing.profile and reason in ALERTED_INVALIDATIONS else None
    event = Event(
        violation_id=episode.violation_id,
        type=EventType.INVALIDATED,
        at=now,
        reason=reason,
        thing=episode.thing,
        thing_id=episode.thing_id,
        profile=episode.profile,
        uid=episode.uid,
        behavior=standing.behavior or episode.behavior,
        target=target,
        verification_state=episode.verification_state,
        verification_state_description=episode.verification_state_description,
    )
    violations.end(stored, event, alert_due=now + ALERT_AGAIN_MS)
    return [event_key(event.violation_id, event.at, event.type)]
