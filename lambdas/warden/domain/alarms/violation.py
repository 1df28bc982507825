"""A violation as people see it: an episode, the events of its beginning and its end, and what an alert says.

Source: AWS IoT API, `ViolationEvent` and `ActiveViolation`; the alert's form is that of messages AWS has sent.
"""

from enum import StrEnum
from typing import Any

import msgspec

from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.entry import Reason
from warden.domain.alerts.sending import Sending
from warden.domain.behaviors.profile import AlertTarget, Behavior, MetricValue


class Status(StrEnum):
    """Where an episode stands; a dropped one was never told to anyone."""

    ACTIVE = "active"
    ENDED = "ended"
    DROPPED = "dropped"


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """One violation, from its beginning to its end.

    Attributes:
        violation_id: Its id.
        status: Where it stands.
        thing: The thing's name.
        thing_id: The registry's id of it; empty where it was not registered.
        profile: Name of the security profile.
        uid: Of the behavior.
        behavior: A copy of it, as it was when the violation began.
        began: Sequence of the thing's log entry that raised it.
        started_at: Epoch ms.
        value: What violated it first.
        looked_at: Whether its thing's log was found without the alarm once already.
        quiet: Whether it was ended without telling subscribers: then nothing of it is sent any more.
        verification_state: What people said of it.
        verification_state_description: Their words.
    """

    schema: int = 1
    violation_id: str
    status: Status
    thing: str
    thing_id: str
    profile: str
    uid: str
    behavior: Behavior | None
    began: int
    started_at: int
    value: MetricValue | None = None
    looked_at: bool = False
    quiet: bool = False
    verification_state: str = "UNKNOWN"
    verification_state_description: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """The beginning or the end of a violation.

    Attributes:
        violation_id: Of the violation.
        type: Which it was.
        at: When, epoch ms.
        reason: Why.
        thing: The thing's name.
        thing_id: The registry's id of it.
        profile: Name of the security profile.
        uid: Of the behavior.
        behavior: A copy of it, as it was evaluated.
        value: The datapoint; None where there was none.
        target: Where its alert goes; None where nothing is to be sent, or everything was for certain.
        verification_state: Of the violation, at the time.
        sending: How far its alert is, where receipts tell.
        verification_state_description: What people said of the violation.
        announce_due: When the account's event bus has to be told, or told again, epoch ms; 0 where it was, or where
            there is none.
    """

    schema: int = 1
    violation_id: str
    type: EventType
    at: int
    reason: Reason
    thing: str
    thing_id: str
    profile: str
    uid: str
    behavior: Behavior
    value: MetricValue | None = None
    target: AlertTarget | None = None
    verification_state: str = "UNKNOWN"
    sending: Sending = Sending()
    verification_state_description: str | None = None
    announce_due: int = 0


def alert_message(event: Event, *, truncated: bool = False) -> str:
    """What an alert says of an event: JSON, with AWS's members in AWS's order.

    Args:
        event: The event.
        truncated: Whether its value is only a part of what was reported, which is then said.
    """
    said: dict[str, Any] = {
        "violationEventTime": event.at,
        "thingName": event.thing,
        "behavior": event.behavior.as_alerted(),
        "violationEventType": event.type.value,
    }
    if event.value is not None:
        said["metricValue"] = msgspec.to_builtins(event.value)
    if truncated:
        said["metricValueTruncated"] = True
    said |= {
        "violationId": event.violation_id,
        "securityProfileName": event.profile,
        "verificationState": event.verification_state,
    }
    return msgspec.json.encode(said).decode()
