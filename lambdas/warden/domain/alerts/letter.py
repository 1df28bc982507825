"""An alert that did not leave in a day, as a dead letter: what it is of, and for people, what was in its way."""

from typing import Annotated

import msgspec

from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.violation import Event
from warden.domain.errors import InvalidRequest


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a dead letter says.

    Attributes:
        violation_id: Of the violation.
        violation_event_type: Of its event.
        violation_event_time: The event's time, epoch ms.
        thing_name: Of the thing.
        security_profile_name: Of the profile.
        alert_target_arn: The topic that it was for.
        role_arn: The role under which it would have been sent.
        attempts: How often it was published.
        error: The last error; empty where there only was no receipt.
    """

    violation_id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    violation_event_type: EventType
    violation_event_time: Annotated[int, msgspec.Meta(ge=0, lt=10**15)]
    thing_name: str = ""
    security_profile_name: str = ""
    alert_target_arn: str = ""
    role_arn: str = ""
    attempts: int = 0
    error: str = ""


def dead_letter(event: Event) -> str:
    """An event's letter, as JSON."""
    assert event.target, "an event without a target is not sent"
    letter = DeadLetter(
        violation_id=event.violation_id,
        violation_event_type=event.type,
        violation_event_time=event.at,
        thing_name=event.thing,
        security_profile_name=event.profile,
        alert_target_arn=event.target.alert_target_arn,
        role_arn=event.target.role_arn,
        attempts=event.sending.attempt,
        error=event.sending.error,
    )
    return msgspec.json.encode(letter).decode()


def read_letter(text: str) -> DeadLetter:
    """A letter again. Raises InvalidRequest where it is none."""
    try:
        return msgspec.json.decode(text, type=DeadLetter)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(f"dead letter: expected an alert's, got {text[:200]!r}: {error}") from error
