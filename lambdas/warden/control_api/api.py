"""All operations of the control API that this release has."""

from collections.abc import Mapping

from warden.control_api.context import Context
from warden.control_api.operations import Operation
from warden.control_api.security_profiles import SecurityProfiles
from warden.control_api.targets import Targets
from warden.control_api.violations import Violations


def operations(context: Context) -> Mapping[str, Operation]:
    """By the operations' names."""
    families = (SecurityProfiles(context), Targets(context), Violations(context))
    return {name: operation for family in families for name, operation in family.operations().items()}
