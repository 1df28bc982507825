"""What an e-mail and an SMS say of an event: the same facts as the JSON, for people."""

from datetime import UTC, datetime

from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.entry import Reason
from warden.domain.alarms.violation import Event
from warden.domain.alerts import shown

LONGEST_SMS = 140

TITLES = {
    EventType.IN_ALARM: ("In alarm", "violates"),
    EventType.CLEARED: ("Alarm cleared", "is back to"),
    EventType.INVALIDATED: ("Alarm invalidated", "can no longer be judged by"),
}
WHY = {
    Reason.SILENT: "the thing has reported nothing of it for two days",
    Reason.THING_LEFT: "the security profile no longer applies to the thing",
}
SHORT = {EventType.IN_ALARM: "ALARM", EventType.CLEARED: "CLEARED", EventType.INVALIDATED: "INVALIDATED"}


def email(event: Event) -> str:
    """The e-mail's body: one fact a line, no link, nothing in it that a device could have put there as text but the
    thing's name."""
    title, verb = TITLES[event.type]
    thing, behavior = shown.name(event.thing), shown.name(event.behavior.name)
    facts = {
        "Thing": thing,
        "Security profile": shown.name(event.profile),
        "Behavior": f"{behavior} ({event.behavior.metric})",
        **_values(event),
        "Time": _time(event.at, "milliseconds"),
        "Violation": event.violation_id,
        "Verification": event.verification_state,
    }
    lines = [f"{label + ':':<18}{fact}" for label, fact in facts.items()]
    return "\n".join([f'{title}: "{thing}" {verb} "{behavior}".', "", *lines, ""])


def _values(event: Event) -> dict[str, str]:
    if event.type is EventType.INVALIDATED:
        return {"Why": WHY.get(event.reason, event.reason.value)}
    return {"Seen": shown.seen(event.behavior, event.value), "Normal": shown.normal(event.behavior)}


def sms(event: Event) -> str:
    """The SMS: at most 140 characters, all of them ASCII, so that it is sent as one; long names are cut."""
    behavior, profile = shown.name(event.behavior.name), shown.name(event.profile)
    head, tail = f"{SHORT[event.type]} ", f" {_time(event.at, 'seconds')} id {event.violation_id[:8]}"
    said = [f"{shown.name(event.thing)}:", f"{profile}/{behavior}"]
    said += [f"{label.lower()} {fact}" for label, fact in _values(event).items()]
    return head + " ".join(_fitting([_ascii(part) for part in said], LONGEST_SMS - len(head + tail))) + tail


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()


def _fitting(parts: list[str], room: int) -> list[str]:
    """Parts, the longest cut until all of them and the spaces between fit."""
    kept = [len(part) for part in parts]
    while sum(kept) + len(kept) - 1 > room:
        kept[kept.index(max(kept))] -= 1
    return [part if size == len(part) else part[: size - 2] + ".." for part, size in zip(parts, kept, strict=True)]


def _time(at: int, precision: str) -> str:
    moment = datetime.fromtimestamp(at / 1000, UTC).isoformat(" ", precision)
    return moment.removesuffix("+00:00") + " UTC"
