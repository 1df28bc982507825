"""What a deployer may say: context `thingwarden` of `cdk.json`, or `cdk deploy -c thingwarden='{…}'`."""

import difflib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from warden.domain.behaviors.limits import AWS_QUOTAS, Limits

KEY = "thingwarden"
DEFAULT_STAGE = "prod"

Email = Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Phone = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{5,14}$")]
RoleArn = Annotated[str, Meta(pattern=r"^arn:[^:]+:iam::\d{12}:role/.+$")]
TagKey = Annotated[str, Meta(pattern=r"^(?!aws:).+$", max_length=128)]
Days = Annotated[int, Meta(ge=2, le=90)]


class Capacity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Provisioned capacity of table `log`: units at least and at most, held at 70 % use between them."""

    minimum: Annotated[int, Meta(ge=1)]
    maximum: Annotated[int, Meta(ge=1)]


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One deployment.

    Attributes:
        stage: In every name; two stages live beside each other in one account.
        metrics_prefix: First level of the own metrics topics; `warden`, for other stages than prod `warden-STAGE`.
        reserved_topic: Whether reports on AWS's reserved topics are taken too; true for prod only, since stages of
            one account share them.
        allow_unregistered_devices: Whether names that the registry does not have may report.
        min_report_interval_seconds: How far a thing's reports have to be apart.
        replies: Which reports are answered; answering costs more than everything else that a report takes.
        role_arns: Patterns of the alert roles that profiles may name, beside those below the stack's own path.
        check_pass_role: Whether an API caller needs iam:PassRole on an alert role that it names.
        alert_emails: Get the alerts of the stack's own alert topic, and its operational alarms.
        alert_phones: Get the alerts of the stack's own alert topic as text messages.
        log_capacity: Of table `log`: "on-demand", or provisioned between two bounds.
        datapoint_days: How long datapoints are kept.
        event_days: How long violation events are kept.
        flag_counter_resets: Whether a traffic counter's jump that no network carries is kept but judged by nothing.
        limits: How much there may be of what, by name; AWS's quotas are the defaults.
        behavior_dimension: Whether CloudWatch counts violations by behavior too; each behavior is a metric, which it
            bills.
        registry_calls_per_second: What one container of a function may ask of the account's registry.
        log_table: Stream ARN of an existing table to use instead of making one.
        control_table: Name of an existing table to use instead of making one, such as a restored one.
        permissions_boundary: ARN of a managed policy that bounds every role.
        kms_key_arn: A customer key for tables, queues, topics, logs and the bucket; AWS's keys where it is empty.
        budget_usd: A monthly budget whose overrun is mailed to `alert_emails`; none where it is 0.
        heartbeat_minutes: How often a probe thing's alarm has to arrive; never where it is 0.
        tags: On every resource.
    """

    stage: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9]{0,15}$")] = DEFAULT_STAGE
    metrics_prefix: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]+$", max_length=64)] = ""
    reserved_topic: bool | None = None
    allow_unregistered_devices: bool = False
    min_report_interval_seconds: Annotated[int, Meta(ge=0, le=86_400)] = 300
    replies: Literal["all", "rejected"] = "all"
    role_arns: tuple[RoleArn, ...] = ()
    check_pass_role: bool = True
    alert_emails: tuple[Email, ...] = ()
    alert_phones: tuple[Phone, ...] = ()
    log_capacity: Literal["on-demand"] | Capacity = "on-demand"
    datapoint_days: Days = 14
    event_days: Days = 30
    flag_counter_resets: bool = True
    limits: Limits = AWS_QUOTAS
    behavior_dimension: bool = False
    registry_calls_per_second: Annotated[float, Meta(gt=0, le=1000)] = 10.0
    log_table: Annotated[str, Meta(pattern=r"^$|^arn:[^:]+:dynamodb:[^:]+:\d{12}:table/[^/]+/stream/.+$")] = ""
    control_table: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{0,255}$")] = ""
    permissions_boundary: Annotated[str, Meta(pattern=r"^$|^arn:[^:]+:iam::(\d{12}|aws):policy/.+$")] = ""
    kms_key_arn: Annotated[str, Meta(pattern=r"^$|^arn:[^:]+:kms:[^:]+:\d{12}:key/.+$")] = ""
    budget_usd: Annotated[float, Meta(ge=0)] = 0
    heartbeat_minutes: Annotated[int, Meta(ge=0, le=1440)] = 0
    tags: dict[TagKey, str] = {}


class InvalidOptions(ValueError):
    """The context is not a deployment; the message names the key, the value and what is allowed."""


def read(context: Any) -> Options:
    """The options of a context value: an object, or its JSON text as the command line gives it. Raises
    InvalidOptions."""
    given = _object(context)
    known = Options.__struct_fields__
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            told = f"the nearest one is {near[0]}" if near else f"there are {', '.join(known)}"
            raise InvalidOptions(f"{KEY}.{key}: no such option; {told}")
    try:
        options = msgspec.convert(given, Options)
    except msgspec.ValidationError as error:
        raise InvalidOptions(_told(str(error), given)) from error
    capacity = options.log_capacity
    if isinstance(capacity, Capacity) and capacity.minimum > capacity.maximum:
        raise InvalidOptions(
            f"{KEY}.log_capacity: expected a minimum of at most {capacity.maximum}, got {capacity.minimum}"
        )
    for name in ("alert_emails", "alert_phones"):
        if len(set(given.get(name, ()))) < len(given.get(name, ())):
            raise InvalidOptions(f"{KEY}.{name}: expected each only once, got {given[name]!r}")
    if 0 < options.heartbeat_minutes * 60 < options.min_report_interval_seconds:
        raise InvalidOptions(
            f"{KEY}.heartbeat_minutes: expected 0, or at least min_report_interval_seconds "
            f"({options.min_report_interval_seconds} s), got {options.heartbeat_minutes}"
        )
    if options.budget_usd and not options.alert_emails:
        raise InvalidOptions(f"{KEY}.budget_usd: expected alert_emails to mail its overrun to, got none")
    stage = options.stage
    return msgspec.structs.replace(
        options,
        metrics_prefix=options.metrics_prefix or ("warden" if stage == DEFAULT_STAGE else f"warden-{stage}"),
        reserved_topic=stage == DEFAULT_STAGE if options.reserved_topic is None else options.reserved_topic,
    )


def _object(context: Any) -> Mapping[str, Any]:
    if isinstance(context, str):
        try:
            context = json.loads(context)
        except ValueError as error:
            raise InvalidOptions(f"{KEY}: expected an object as JSON, got {context!r}") from error
    if context is None:
        return {}
    if not isinstance(context, Mapping):
        raise InvalidOptions(f"{KEY}: expected an object, got {context!r}")
    return context


def _told(message: str, given: Mapping[str, Any]) -> str:
    """Msgspec's message, its path as the context has it, and the value that was there."""
    text, _, path = message.partition(" - at `$")
    name = path.rstrip("`")
    key = re.match(r"\.?(\w+)", name)
    value = f", got {given[key[1]]!r}" if key and key[1] in given else ""
    return f"{KEY}{name}: {text}{value}"
