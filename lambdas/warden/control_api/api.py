"""All operations of the control API that this release has."""

from collections.abc import Mapping
from typing import Protocol

from warden.control_api.context import Context
from warden.control_api.definitions import CustomMetrics, Dimensions
from warden.control_api.operations import Judge, Operation
from warden.control_api.security_profiles import SecurityProfiles
from warden.control_api.tags import Tags
from warden.control_api.targets import Targets
from warden.control_api.violations import Violations


class Family(Protocol):
    """Operations on one kind of thing."""

    def operations(self) -> Mapping[str, Operation | Judge]:
        """By the operations' names."""
        ...


def operations(context: Context) -> Mapping[str, Operation | Judge]:
    """By the operations' names."""
    families: tuple[Family, ...] = (
        SecurityProfiles(context),
        Targets(context),
        Violations(context),
        CustomMetrics(context),
        Dimensions(context),
        Tags(context),
    )
    return {name: operation for family in families for name, operation in family.operations().items()}
