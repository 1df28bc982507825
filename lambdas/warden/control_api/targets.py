"""What security profiles are attached to."""

from collections.abc import Mapping
from typing import Any

from warden.control_api.context import Context, page_size
from warden.control_api.operations import Operation
from warden.domain.behaviors.target import GROUP_PREFIX, Target
from warden.domain.errors import Raced, ResourceNotFound, VersionConflict
from warden.use_cases.attach_security_profile import attach_security_profile, detach_security_profile, parse_target
from warden.use_cases.update_security_profile import current


class Targets:
    """The operations on targets of security profiles."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def operations(self) -> Mapping[str, Operation]:
        """By the operations' names."""
        return {
            "AttachSecurityProfile": self.attach,
            "DetachSecurityProfile": self.detach,
            "ListTargetsForSecurityProfile": self.list_targets,
            "ListSecurityProfilesForTarget": self.list_profiles,
        }

    def attach(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """AttachSecurityProfile. What loses every race is a VersionConflict: the model has no other use for it here."""
        name = request["securityProfileName"]
        try:
            attach_security_profile(
                self._context.catalogue,
                name,
                self._target(request),
                has_group=self._context.has_group,
                limits=self._context.limits,
                now=self._context.clock(),
            )
        except Raced as error:
            raise VersionConflict(f"securityProfileName: others changed {name!r} or its targets each time") from error
        return {}

    def detach(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """DetachSecurityProfile."""
        detach_security_profile(
            self._context.catalogue,
            self._context.jobs,
            request["securityProfileName"],
            self._target(request),
            now=self._context.clock(),
        )
        return {}

    def list_targets(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """ListTargetsForSecurityProfile."""
        head = current(self._context.catalogue, request["securityProfileName"]).head.record
        arns = [attachment.arn for attachment in self._context.catalogue.targets(head)]
        page, place = self._slice("ListTargetsForSecurityProfile", request, arns)
        rows = [{"arn": arn} for arn in page]
        return self._context.page("ListTargetsForSecurityProfile", request, "securityProfileTargets", rows, place)

    def list_profiles(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """ListSecurityProfilesForTarget: of the target itself; recursive, also of a thing group's child groups."""
        target = self._target(request)
        arns = [target.arn]
        if target.group and request.get("recursive"):
            arns += [self._context.arn(f"{GROUP_PREFIX}{name}") for name in self._context.child_groups(target.group)]
        mappings = [f"{arn} {head.name}" for arn in arns for head in self._context.catalogue.attached_to(arn)]
        if target.group and not mappings and not self._context.has_group(target.group):
            raise ResourceNotFound(f"securityProfileTargetArn: there is no thing group {target.group!r}")
        page, place = self._slice("ListSecurityProfilesForTarget", request, mappings)
        rows = [
            {
                "securityProfileIdentifier": {"name": name, "arn": self._context.arn(f"securityprofile/{name}")},
                "target": {"arn": arn},
            }
            for arn, name in (mapping.split(" ") for mapping in page)
        ]
        return self._context.page(
            "ListSecurityProfilesForTarget", request, "securityProfileTargetMappings", rows, place
        )

    def _target(self, request: Mapping[str, Any]) -> Target:
        arn = request["securityProfileTargetArn"]
        return parse_target(arn, region=self._context.region, account=self._context.account)

    def _slice(self, operation: str, request: Mapping[str, Any], rows: list[str]) -> tuple[list[str], str | None]:
        """The rows behind the place that a request names, and the place behind them where more follow."""
        place = self._context.place(operation, request)
        behind = sorted(row for row in rows if place is None or row > place)
        size = page_size(request)
        return behind[:size], behind[size - 1] if len(behind) > size else None
