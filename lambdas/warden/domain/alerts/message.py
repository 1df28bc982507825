"""What is published into an alert rule: one JSON for all protocols of an SNS topic.

`default` is AWS's message, which queues and functions get; `email` and `sms` are for people. SNS ignores keys that
name no protocol, and the rule's receipt is the same JSON: so `attempt` comes back with it.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.violation import Event, alert_message
from warden.domain.alerts.offending import Element, elements, offending
from warden.domain.alerts.texts import email, sms

MOST_BYTES: Final = 131_072
"""Of a publication. Source: AWS General Reference, AWS IoT Core message broker limits."""

MOST_DEFAULT_BYTES: Final = 102_400
"""Of AWS's message in it: escaped, it grows, and the texts go beside it."""

TEST_PREFIX: Final = "0" * 16
"""Begins the violation ids of tests, and no others but by an accident of 1 in 2^64."""

_encode = msgspec.json.Encoder().encode


def publication(event: Event, attempt: int) -> bytes:
    """What an attempt publishes of an event, at most 128 KB."""

    def fits(message: str) -> bool:
        return len(_publication(event, message, attempt)) <= MOST_BYTES and _is_short(message)

    return _publication(event, _fitting(event, fits), attempt)


def announcement(event: Event, *, account: str, region: str) -> dict[str, Any]:
    """What EventBridge is told of an event: AWS's message, at most 100 KB, and where and why it happened.

    Detail type `Violation Event`. Members beside the message's: `accountId`, `region`, `eventId`, which is the same
    however often the event is told, and `reason`, one of `Reason`.
    """
    said: dict[str, Any] = msgspec.json.decode(_fitting(event, _is_short))
    about = {"accountId": account, "region": region, "eventId": f"{event.violation_id}:{event.type}"}
    return {**said, **about, "reason": event.reason.value}


def _fitting(event: Event, fits: Callable[[str], bool]) -> str:
    """An event's message. A list of values that is too long is cut: those that violate the behavior come first, as
    many as fit, and `metricValueTruncated` says so."""
    whole = alert_message(event)
    if fits(whole):
        return whole
    wrong = offending(event.behavior, event.value)
    others = set(wrong)
    ordered = (*wrong, *(each for each in elements(event.value) if each not in others))
    few, too_many = 0, len(ordered)
    while too_many - few > 1:
        tried = (few + too_many) // 2
        few, too_many = (tried, too_many) if fits(_cut(event, ordered[:tried])) else (few, tried)
    return _cut(event, ordered[:few])


def _cut(event: Event, kept: tuple[Element, ...]) -> str:
    assert event.value, "only a list of values is too long"
    member = next(iter(event.value.members()))
    value = msgspec.structs.replace(event.value, **{member: kept})
    return alert_message(msgspec.structs.replace(event, value=value), truncated=True)


def _publication(event: Event, message: str, attempt: int) -> bytes:
    return _encode({"default": message, "email": email(event), "sms": sms(event), "attempt": attempt})


def _is_short(message: str) -> bool:
    return len(message.encode()) <= MOST_DEFAULT_BYTES


def trial_publication(profile: str, violation_id: str, *, at: int) -> bytes:
    """What `warden test-alert` publishes: AWS's message in form, and marked as a test in every text.

    Args:
        profile: Name of the security profile.
        violation_id: `TEST_PREFIX` and 16 random hex digits.
        at: Epoch ms.
    """
    said: dict[str, Any] = {
        "violationEventTime": at,
        "thingName": "test-alert",
        "behavior": {"name": "test-alert"},
        "violationEventType": EventType.IN_ALARM.value,
        "violationId": violation_id,
        "securityProfileName": profile,
        "verificationState": "UNKNOWN",
        "test": True,
    }
    text = f"TEST of the alerts of security profile {profile}: nothing is wrong. Test {violation_id[-8:]}"
    default = _encode(said).decode()
    return _encode({"default": default, "email": f"{text}\n", "sms": text[:140], "attempt": 1})
