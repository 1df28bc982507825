"""Tags: AWS IoT has one set of operations for those of all its resources, of which some are Device Defender's."""

import re

_OURS = re.compile(
    r"arn:[^:]*:iot:[^:]*:[^:]*:(securityprofile|custommetric|dimension|mitigationaction|scheduledaudit)/.*"
)


def is_device_defenders(arn: object) -> bool:
    """Whether a resource is one of Device Defender's. Source: Service Authorization Reference, AWS IoT."""
    return isinstance(arn, str) and _OURS.fullmatch(arn) is not None
