"""The security profile that watches this machine, and what it has found."""

import json
from typing import Any

from inbox import Alert, Inbox
from normal import Normal, other_behaviors
from stage import Stage

PROFILE = "demo"


class Watch:
    """A security profile on a thing group, whose alerts go to an inbox.

    Args:
        iot: From boto3.
        inbox: Where alerts go.
        normal: What the machine may listen on.

    Attributes:
        normal: What it may listen on now.
    """

    def __init__(self, iot: Any, inbox: Inbox, normal: Normal) -> None:
        self._iot = iot
        self._inbox = inbox
        self.normal = normal

    @property
    def behavior(self) -> str:
        """The name of the behavior about listening."""
        name: str = self.normal.behavior["name"]
        return name

    def begin(self, group_arn: str) -> None:
        """Create the profile and attach it."""
        behaviors = [self.normal.behavior, *other_behaviors()]
        self._iot.create_security_profile(
            securityProfileName=PROFILE, behaviors=behaviors, alertTargets=self._inbox.target
        )
        self._iot.attach_security_profile(securityProfileName=PROFILE, securityProfileTargetArn=group_arn)

    def described(self) -> dict[str, Any]:
        """What DescribeSecurityProfile returns."""
        found: dict[str, Any] = self._iot.describe_security_profile(securityProfileName=PROFILE)
        return found

    def change(self, normal: Normal, stage: Stage) -> None:
        """Have something else for normal from now on."""
        self.normal = normal
        stage.call(f"iot.update_security_profile(…)   {json.dumps(normal.behavior['criteria']['value'])}")
        behaviors = [normal.behavior, *other_behaviors()]
        self._iot.update_security_profile(securityProfileName=PROFILE, behaviors=behaviors)

    def active(self, thing: str) -> list[dict[str, Any]]:
        """What ListActiveViolations returns about that behavior."""
        found = self._iot.list_active_violations(thingName=thing)["activeViolations"]
        return [each for each in found if each["behavior"]["name"] == self.behavior]

    def alert(self, event: str) -> Alert | None:
        """The next alert of that behavior and such an event, if it is there."""
        return self._inbox.take(self.behavior, event)

    def others(self) -> str:
        """Which other alerts have come, in words; empty where none has."""
        return self._inbox.describe()
