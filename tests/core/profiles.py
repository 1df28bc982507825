"""Security profiles that the core is tested with."""

from warden.domain.behaviors.profile import AlertTarget, Behavior, Criteria, MetricValue, SecurityProfile

ACCOUNT = "000000000000"
EVERYTHING = f"arn:aws:iot:us-east-1:{ACCOUNT}:all/things"
REGISTERED = f"arn:aws:iot:us-east-1:{ACCOUNT}:all/registered-things"
UNREGISTERED = f"arn:aws:iot:us-east-1:{ACCOUNT}:all/unregistered-things"

CONNECTIONS, BYTES_OUT = "aws:num-established-tcp-connections", "aws:all-bytes-out"
BAD, GOOD = 99, 1


def group(name: str) -> str:
    return f"arn:aws:iot:us-east-1:{ACCOUNT}:thinggroup/{name}"


def topic(name: str) -> AlertTarget:
    return AlertTarget(alert_target_arn=f"arn:aws:sns:us-east-1:{ACCOUNT}:{name}", role_arn="arn:aws:iam::role/r")


def few_connections(
    limit: int = 10,
    *,
    name: str = "few-connections",
    to_alarm: int = 1,
    to_clear: int = 1,
    suppress: bool | None = None,
) -> Behavior:
    """`BAD` connections violate it, `GOOD` do not."""
    return Behavior(
        name=name,
        metric=CONNECTIONS,
        criteria=Criteria(
            comparison_operator="less-than",
            value=MetricValue(count=limit),
            consecutive_datapoints_to_alarm=to_alarm,
            consecutive_datapoints_to_clear=to_clear,
        ),
        suppress_alerts=suppress,
    )


def little_traffic(limit: int = 1000, *, seconds: int = 300, name: str = "little-traffic") -> Behavior:
    """What a thing sends in some seconds, all reports together."""
    return Behavior(
        name=name,
        metric=BYTES_OUT,
        criteria=Criteria(comparison_operator="less-than", value=MetricValue(count=limit), duration_seconds=seconds),
    )


def profile(name: str, *behaviors: Behavior, to: str | None = "alerts") -> SecurityProfile:
    return SecurityProfile(
        security_profile_name=name,
        behaviors=behaviors or (few_connections(),),
        alert_targets={"SNS": topic(to)} if to else {},
    )
