"""The alarm of one thing and one behavior: how datapoints raise and clear it.

Source: AWS IoT API, `BehaviorCriteria`: consecutiveDatapointsToAlarm and consecutiveDatapointsToClear.
"""

from enum import StrEnum

import msgspec


class EventType(StrEnum):
    """What happened to a violation, in AWS's words."""

    IN_ALARM = "in-alarm"
    CLEARED = "alarm-cleared"
    INVALIDATED = "alarm-invalidated"


class Alarm(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An alarm that is not at rest: it rings, or some datapoints in a row argue for it.

    Attributes:
        uid: Of its behavior.
        profile: The behavior's profile.
        criteria_version: The profile version whose criteria the streak was counted by.
        ringing: Whether its violation is going on.
        streak: Datapoints in a row that argue against `ringing`.
        violation_id: Of the violation going on; empty where none is.
        began: Sequence of the log entry that raised it.
        violated: Sequence of the last log entry that violated the behavior.
        count: What a windowed behavior was compared with in that entry.
        seen_at: When its last datapoint came, epoch ms.
    """

    uid: str
    profile: str
    criteria_version: int
    ringing: bool = False
    streak: int = 0
    violation_id: str = ""
    began: int = 0
    violated: int = 0
    count: int | None = None
    seen_at: int = 0


def step(*, ringing: bool, streak: int, violated: bool, to_alarm: int, to_clear: int) -> tuple[bool, int]:
    """Advance an alarm by one datapoint.

    Args:
        ringing: Whether it rings.
        streak: Datapoints in a row, so far, that argue against `ringing`.
        violated: Whether this one violates the behavior.
        to_alarm: Violating datapoints in a row that raise it, 1 to 10.
        to_clear: Conforming datapoints in a row that clear it, 1 to 10.

    Returns: Whether it rings afterwards, and the streak.
    """
    if violated is ringing:
        return ringing, 0
    if streak + 1 < (to_clear if ringing else to_alarm):
        return ringing, streak + 1
    return not ringing, 0
