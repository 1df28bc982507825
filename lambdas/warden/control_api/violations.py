"""Violations: those that are active, and their events."""

from collections.abc import Mapping
from typing import Any

import msgspec

from warden.control_api.context import Context, milliseconds, moment, page_size
from warden.control_api.operations import Operation
from warden.domain.alarms.violation import Episode, Event
from warden.domain.errors import InvalidRequest
from warden.use_cases.list_violations import ActiveViolation, Filters

DAY_MS = 86_400_000


class Violations:
    """The operations on violations."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def operations(self) -> Mapping[str, Operation]:
        """By the operations' names."""
        return {"ListActiveViolations": self.list_active, "ListViolationEvents": self.list_events}

    def list_active(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """ListActiveViolations, newest beginning first."""
        found, place = self._context.violations.active(
            _filters(request),
            behind=self._context.place("ListActiveViolations", request),
            limit=page_size(request),
            now=self._context.clock(),
        )
        rows = [_active(violation) for violation in found]
        return self._context.page("ListActiveViolations", request, "activeViolations", rows, place)

    def list_events(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """ListViolationEvents, newest first; both times are included."""
        start, end = milliseconds(request["startTime"]), milliseconds(request["endTime"])
        if start > end:
            raise InvalidRequest(
                f"startTime: expected a time not after endTime {request['endTime'].isoformat()}, "
                f"got {request['startTime'].isoformat()}"
            )
        now = self._context.clock()
        found, place = self._context.violations.events(
            _filters(request),
            start=max(start, now - self._context.event_days * DAY_MS),
            end=min(end, now + DAY_MS),  # there may be some of a time to come, where the clock was set back
            behind=self._context.place("ListViolationEvents", request),
            limit=page_size(request),
        )
        rows = [_event(event) for event in found]
        return self._context.page("ListViolationEvents", request, "violationEvents", rows, place)


def _filters(request: Mapping[str, Any]) -> Filters:
    return Filters(
        thing=request.get("thingName"),
        profile=request.get("securityProfileName"),
        criteria_type=request.get("behaviorCriteriaType"),
        suppressed=request.get("listSuppressedAlerts"),
        verification_state=request.get("verificationState"),
    )


def _common(record: Episode | Event) -> dict[str, Any]:
    return {
        "violationId": record.violation_id,
        "thingName": record.thing,
        "securityProfileName": record.profile,
        "behavior": record.behavior.as_alerted() if record.behavior else None,
        "verificationState": record.verification_state,
    }


def _active(violation: ActiveViolation) -> dict[str, Any]:
    episode = violation.episode
    return _common(episode) | {
        "verificationStateDescription": episode.verification_state_description,
        "lastViolationValue": msgspec.to_builtins(violation.last_value) if violation.last_value else None,
        "lastViolationTime": moment(violation.last_at),
        "violationStartTime": moment(episode.started_at),
    }


def _event(event: Event) -> dict[str, Any]:
    return _common(event) | {
        "violationEventType": event.type.value,
        "violationEventTime": moment(event.at),
        "metricValue": msgspec.to_builtins(event.value) if event.value else None,
    }
