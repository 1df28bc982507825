"""Violations: those that are active, and their events."""

from collections.abc import Mapping
from typing import Any

import msgspec

from warden.control_api.context import Context, milliseconds, moment, page_size
from warden.control_api.http import REASONS_HEADER
from warden.control_api.operations import Answer, Operation
from warden.domain.alarms.violation import Episode, Event
from warden.domain.errors import InvalidRequest, ResourceNotFound
from warden.use_cases.list_metric_values import ListMetricValues
from warden.use_cases.list_violations import ActiveViolation, Filters, ListViolations
from warden.use_cases.update_security_profile import current
from warden.use_cases.verify_violation import verify_violation

DAY_MS = 86_400_000


class Violations:
    """The operations on violations."""

    def __init__(self, context: Context) -> None:
        self._context = context
        catalogue, log = context.catalogue, context.log
        self._lists = ListViolations(catalogue, log, context.violations, keep=context.keep)
        self._metric_values = ListMetricValues(catalogue, log, keep=context.datapoint_days * DAY_MS)

    def operations(self) -> Mapping[str, Operation]:
        """By the operations' names."""
        return {
            "ListActiveViolations": self.list_active,
            "ListViolationEvents": self.list_events,
            "PutVerificationStateOnViolation": self.verify,
            "ListMetricValues": self.list_metric_values,
        }

    def list_active(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """ListActiveViolations, newest beginning first."""
        behind = self._context.place("ListActiveViolations", request)
        if (profile := request.get("securityProfileName")) is not None:
            current(self._context.catalogue, profile)
        found, place = self._lists.active(
            _filters(request),
            behind=behind,
            limit=page_size(request),
            now=self._context.clock(),
        )
        rows = [_active(violation) for violation in found]
        return self._context.page("ListActiveViolations", request, "activeViolations", rows, place)

    def list_events(self, request: dict[str, Any]) -> Answer:
        """ListViolationEvents, newest first; both times are included. A header says why each happened."""
        start, end = _span(request)
        now = self._context.clock()
        found, place = self._lists.events(
            _filters(request),
            start=max(start, now - self._context.event_days * DAY_MS),
            end=min(end, now + DAY_MS),  # there may be some of a time to come, where the clock was set back
            behind=self._context.place("ListViolationEvents", request),
            limit=page_size(request),
        )
        rows = [_event(event) for event in found]
        members = self._context.page("ListViolationEvents", request, "violationEvents", rows, place)
        return Answer(members, {REASONS_HEADER: ",".join(event.reason for event in found)})

    def verify(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """PutVerificationStateOnViolation."""
        verify_violation(
            self._context.violations,
            request["violationId"],
            state=request["verificationState"],
            description=request.get("verificationStateDescription"),
        )
        return {}

    def list_metric_values(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """ListMetricValues, in the order in which the reports were counted; both times are included."""
        start, end = _span(request)
        place = self._context.place("ListMetricValues", request)
        dimension = request.get("dimensionName")
        if dimension is not None and self._context.catalogue.dimensions.get(dimension) is None:
            raise ResourceNotFound(f"dimensionName: there is no dimension {dimension!r}")
        found, behind = self._metric_values(
            request["thingName"],
            request["metricName"],
            start=start,
            end=end,
            behind=int(place or 0),
            limit=page_size(request),
            now=self._context.clock(),
        )
        rows = [{"timestamp": moment(datum.at), "value": msgspec.to_builtins(datum.value)} for datum in found]
        more = None if behind is None else str(behind)
        return self._context.page("ListMetricValues", request, "metricDatumList", rows, more)


def _span(request: Mapping[str, Any]) -> tuple[int, int]:
    """StartTime and endTime as epoch ms. Raises InvalidRequest where the first is after the second."""
    start, end = milliseconds(request["startTime"]), milliseconds(request["endTime"])
    if start > end:
        raise InvalidRequest(
            f"startTime: expected a time not after endTime {request['endTime'].isoformat()}, "
            f"got {request['startTime'].isoformat()}"
        )
    return start, end


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
        "verificationStateDescription": record.verification_state_description,
    }


def _active(violation: ActiveViolation) -> dict[str, Any]:
    episode = violation.episode
    return _common(episode) | {
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
