"""What the functions are told by their environment: infra writes it with `environment`, handlers read it back."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from warden.domain.behaviors.limits import AWS_QUOTAS, Limits

PREFIX = "WARDEN_"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One deployment's settings, the same for all its functions.

    Attributes:
        stage: `[a-z][a-z0-9]{0,15}`.
        account: AWS account, 12 digits.
        partition: `aws`, or another one's name.
        log_table: Name of table `log`.
        control_table: Name of table `control`.
        metrics_prefix: First level of the own metrics topics.
        reserved_topic: Whether reports on AWS's reserved topics are taken too.
        allow_unregistered_devices: Whether names that the registry does not have may report.
        min_report_interval_seconds: How far a thing's reports have to be apart, 0 for no minimum.
        replies: Which reports are answered.
        datapoint_days: How long datapoints are listed; the log that holds them is kept for 4 at least.
        event_days: How long events and ended violations are kept.
        registry_calls_per_second: What one container of a function may ask of the registry.
        flag_counter_resets: See `domain.behaviors.spikes`.
        limits: How much there may be of what.
        behavior_dimension: Whether violations are counted by behavior, too.
        role_arns: Patterns of the alert roles that profiles may name, with `*` for any characters.
        check_pass_role: Whether the caller of the API needs iam:PassRole on an alert role it names.
        registry_queue_url: Of the queue of registry events; only for the function that reads it.
        stack_id: The stack's ARN: AWS IoT rules made by the functions carry it as a tag.
        rule_role_arn: The role under which alert rules send receipts.
        receipts_queue_url: Where alert rules send receipts, and what failed.
        dead_alerts_queue_url: Where alerts go that did not leave in a day.
        heartbeat_topic_arn: Where the probe thing's alerts go; only for the function `heartbeat`.
        heartbeat_role_arn: The alert role of the probe thing's profile; only for the function `heartbeat`.
    """

    stage: str
    account: str
    partition: str = "aws"
    log_table: str
    control_table: str
    metrics_prefix: str = "warden"
    reserved_topic: bool = True
    allow_unregistered_devices: bool = False
    min_report_interval_seconds: int = 300
    replies: Literal["all", "rejected"] = "all"
    datapoint_days: int = 14
    event_days: int = 30
    registry_calls_per_second: float = 10.0
    flag_counter_resets: bool = True
    limits: Limits = AWS_QUOTAS
    behavior_dimension: bool = False
    role_arns: tuple[str, ...] = ()
    check_pass_role: bool = True
    registry_queue_url: str = ""
    stack_id: str = ""
    rule_role_arn: str = ""
    receipts_queue_url: str = ""
    dead_alerts_queue_url: str = ""
    heartbeat_topic_arn: str = ""
    heartbeat_role_arn: str = ""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """The settings in `env`. Raises msgspec.ValidationError, which names the one that is missing or wrong."""
        given: dict[str, Any] = {
            name.removeprefix(PREFIX).lower(): value for name, value in env.items() if name.startswith(PREFIX)
        }
        for name, read in _READERS.items():
            if name in given:
                given[name] = read(given[name])
        return msgspec.convert(given, cls, strict=False)

    def environment(self) -> dict[str, str]:
        """What `from_env` reads; empty texts, which Lambda takes for unset, are left out."""
        texts = {name: _text(value) for name, value in msgspec.structs.asdict(self).items()}
        return {f"{PREFIX}{name.upper()}": text for name, text in texts.items() if text}


_READERS: Mapping[str, Callable[[str], Any]] = {"role_arns": str.split, "limits": msgspec.json.decode}


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(value)
    if isinstance(value, Limits):
        return msgspec.json.encode(value).decode()
    return str(value).lower() if isinstance(value, bool) else str(value)
