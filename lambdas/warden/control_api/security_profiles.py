"""Security profiles: create, describe, update, delete, list."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from warden.control_api.context import Context, moment, page_size
from warden.control_api.operations import Judge, Operation
from warden.control_api.tags import given_tags
from warden.control_api.validation import MOST_PROBLEMS, Problem, invalid
from warden.domain.alerts.target import TOPIC, Delivery, role_member
from warden.domain.behaviors.criteria import metric_problem
from warden.domain.behaviors.limits import behavior_problems
from warden.domain.behaviors.profile import Behavior, SecurityProfile
from warden.domain.errors import InvalidRequest, ResourceNotFound
from warden.domain.exports.topic import topic_problem
from warden.storage.catalogue import Head
from warden.use_cases.create_security_profile import create_security_profile
from warden.use_cases.delete_security_profile import delete_security_profile
from warden.use_cases.update_security_profile import current, update_security_profile

DELETIONS: Mapping[str, tuple[str, ...]] = {
    "deleteBehaviors": ("behaviors",),
    "deleteAlertTargets": ("alertTargets",),
    "deleteAdditionalMetricsToRetain": ("additionalMetricsToRetain", "additionalMetricsToRetainV2"),
    "deleteMetricsExportConfig": ("metricsExportConfig",),
}
"""The flags of an update, and the members that each of them removes."""

LONGEST_ERROR = 2048
"""Characters of a validation error. Source: AWS IoT API, `ErrorMessage` of `ValidationError`."""

TOPIC_ARN = re.compile(r"arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")
ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/\S{1,512}")


class SecurityProfiles:
    """The operations on security profiles."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def operations(self) -> Mapping[str, Operation | Judge]:
        """By the operations' names."""
        return {
            "CreateSecurityProfile": self.create,
            "DescribeSecurityProfile": self.describe,
            "UpdateSecurityProfile": self.update,
            "DeleteSecurityProfile": self.delete,
            "ListSecurityProfiles": self.list,
            "ValidateSecurityProfileBehaviors": Judge(self.validate),
        }

    def create(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """CreateSecurityProfile."""
        profile = msgspec.convert(request, SecurityProfile)
        self._check_deliveries(profile)
        tags = given_tags(request)
        arn = self._arn(profile.security_profile_name)
        head = create_security_profile(
            self._context.catalogue, profile, tags, arn=arn, now=self._context.clock(), limits=self._context.limits
        )
        return {"securityProfileName": head.name, "securityProfileArn": arn}

    def describe(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """DescribeSecurityProfile."""
        found = current(self._context.catalogue, request["securityProfileName"])
        return self._described(found.head.record, found.version.record.profile)

    def update(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """UpdateSecurityProfile: a member that is given replaces what was there, one that is not stays."""
        edit, given = _edit(request)
        self._check_deliveries(given)
        head, profile = update_security_profile(
            self._context.catalogue,
            self._context.jobs,
            request["securityProfileName"],
            edit,
            expected_version=request.get("expectedVersion"),
            now=self._context.clock(),
            limits=self._context.limits,
        )
        return self._described(head, profile)

    def delete(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """DeleteSecurityProfile."""
        delete_security_profile(
            self._context.catalogue,
            self._context.jobs,
            request["securityProfileName"],
            expected_version=request.get("expectedVersion"),
            now=self._context.clock(),
        )
        return {}

    def list(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """ListSecurityProfiles."""
        if "dimensionName" in request and "metricName" in request:
            raise InvalidRequest("dimensionName, metricName: expected one of them, got both")
        behind = self._context.place("ListSecurityProfiles", request)
        self._check_used(request)
        names, place = self._context.catalogue.names(after=behind, limit=page_size(request))
        rows = [{"name": name, "arn": self._arn(name)} for name in names if self._uses(name, request)]
        return self._context.page("ListSecurityProfiles", request, "securityProfileIdentifiers", rows, place)

    def validate(self, request: dict[str, Any], problems: Sequence[Problem]) -> Mapping[str, Any]:
        """ValidateSecurityProfileBehaviors: what is wrong with behaviors, also what the model rules out in them."""
        if about_the_list := [problem for problem in problems if len(problem.where) < 2]:
            raise invalid(about_the_list)
        broken = {problem.where[1] for problem in problems}
        readable = [
            (position, msgspec.convert(given, Behavior))
            for position, given in enumerate(request["behaviors"])
            if position not in broken and len(problems) < MOST_PROBLEMS
        ]
        custom, limits = self._context.catalogue.custom().metrics, self._context.limits
        found = [*map(str, problems), *behavior_problems(readable, custom, limits)]
        return {"valid": not found, "validationErrors": [{"errorMessage": told[:LONGEST_ERROR]} for told in found]}

    def _check_used(self, request: Mapping[str, Any]) -> None:
        """Raises ResourceNotFound where a list asks for a metric or a dimension that there is not."""
        metric, dimension, catalogue = request.get("metricName"), request.get("dimensionName"), self._context.catalogue
        if metric is not None and metric_problem(metric, catalogue.custom().metrics):
            raise ResourceNotFound(f"metricName: there is no metric {metric!r}")
        if dimension is not None and catalogue.dimensions.get(dimension) is None:
            raise ResourceNotFound(f"dimensionName: there is no dimension {dimension!r}")

    def _uses(self, name: str, request: Mapping[str, Any]) -> bool:
        """Whether a profile uses the metric or the dimension that a list asks for, where it asks for one."""
        metric, dimension = request.get("metricName"), request.get("dimensionName")
        if metric is None and dimension is None:
            return True
        try:
            profile = current(self._context.catalogue, name).version.record.profile
        except ResourceNotFound:  # deleted since its name was read
            return False
        if metric is not None:
            return metric in profile.retained_metrics()
        return dimension is not None and dimension in profile.dimensions()

    def _check_deliveries(self, profile: SecurityProfile) -> None:
        """Raises InvalidRequest where alerts or metrics cannot go where a profile wants them sent."""
        target, export = profile.alert_target, profile.metrics_export_config
        if target is not None and not TOPIC_ARN.fullmatch(target.alert_target_arn):
            raise InvalidRequest(f"{TOPIC}: expected the ARN of an SNS topic, got {target.alert_target_arn!r}")
        if export is not None and (expected := topic_problem(export.mqtt_topic)):
            raise InvalidRequest(f"metricsExportConfig.mqttTopic: expected {expected}, got {export.mqtt_topic!r}")
        deliveries: list[Delivery] = [to for to in (target, export) if to is not None]
        for to in deliveries:
            if not ROLE_ARN.fullmatch(to.role_arn):
                raise InvalidRequest(f"{role_member(to)}: expected the ARN of an IAM role, got {to.role_arn!r}")
        for to in deliveries:
            self._context.check_delivery(to)

    def _arn(self, name: str) -> str:
        return self._context.arn(f"securityprofile/{name}")

    def _described(self, head: Head, profile: SecurityProfile) -> Mapping[str, Any]:
        return {
            **msgspec.to_builtins(profile),
            "securityProfileArn": self._arn(head.name),
            "version": head.version,
            "creationDate": moment(head.created_at),
            "lastModifiedDate": moment(head.modified_at),
        }


def _edit(request: Mapping[str, Any]) -> tuple[Callable[[SecurityProfile], SecurityProfile], SecurityProfile]:
    """What an update does to a profile, and the members that it gives. Raises InvalidRequest where it removes what it
    gives."""
    removed: set[str] = set()
    for flag, members in DELETIONS.items():
        if request.get(flag):
            for member in members:
                if member in request:
                    raise InvalidRequest(f"{flag}: expected false where {member} is given, got true")
            removed.update(members)
    given = {name: value for name, value in request.items() if name not in DELETIONS}

    def edit(profile: SecurityProfile) -> SecurityProfile:
        kept = {name: value for name, value in msgspec.to_builtins(profile).items() if name not in removed}
        return msgspec.convert({**kept, **given}, SecurityProfile)

    return edit, msgspec.convert(given, SecurityProfile)
