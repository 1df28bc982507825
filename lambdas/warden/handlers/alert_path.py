"""The parts of the paths through delivery rules that several functions share, made of one container's parts."""

import secrets
import string
from collections.abc import Callable

from aws_lambda_powertools.metrics import MetricUnit

from warden.adapters.delivery_rules import IotTopicRules
from warden.adapters.events import EventBus
from warden.adapters.roles import IamRoles
from warden.adapters.rule_alerts import IotRulePublisher, SqsDeadAlerts
from warden.domain.alarms.violation import Event
from warden.domain.alerts.message import announcement
from warden.domain.alerts.target import Home
from warden.handlers.parts import Parts
from warden.handlers.telemetry import metrics
from warden.storage.delivery_rules import DeliveryRules
from warden.use_cases.check_delivery import CheckDelivery
from warden.use_cases.clean_delivery_rules import CleanDeliveryRules
from warden.use_cases.deliver_alerts import Wanted
from warden.use_cases.prepare_delivery_rule import PrepareDeliveryRule
from warden.use_cases.publish_alerts import PublishAlerts

ALPHABET = string.ascii_lowercase + string.digits


def publish_alerts(parts: Parts) -> PublishAlerts:
    """What `dispatch` and `sweep` deliver events with."""
    stage = parts.settings.stage

    def observe(name: str, value: float) -> None:
        with metrics(stage) as told:
            told.add_metric(name, MetricUnit.Seconds if name.endswith("Seconds") else MetricUnit.Count, value)

    return PublishAlerts(
        parts.violations,
        Wanted(parts.catalogue, parts.thing_log, parts.violations),
        prepare_delivery_rule(parts),
        IotRulePublisher(parts.client("iot-data")),
        SqsDeadAlerts(parts.client("sqs"), parts.settings.dead_alerts_queue_url),
        observe,
        _announcer(parts),
    )


def _announcer(parts: Parts) -> Callable[[Event], None]:
    bus = EventBus(lambda: parts.client("events"))

    def announce(event: Event) -> None:
        detail = announcement(event, account=parts.settings.account, region=parts.region)
        bus.put("Violation Event", detail, at=event.at)

    return announce


def check_delivery(parts: Parts, *, check_caller: bool = True) -> CheckDelivery:
    """What the control API checks alert targets with; `check_caller` where it knows who calls it."""
    settings = parts.settings
    return CheckDelivery(
        IamRoles(parts.client("iam")),
        DeliveryRules(parts.control_table),
        prepare_delivery_rule(parts),
        home=home(parts),
        stage=settings.stage,
        role_arns=settings.role_arns,
        check_pass_role=check_caller and settings.check_pass_role,
    )


def clean_delivery_rules(parts: Parts) -> CleanDeliveryRules:
    """What `sweep` removes unneeded rules with, about once an hour."""
    return CleanDeliveryRules(parts.catalogue, parts.violations, DeliveryRules(parts.control_table), topic_rules(parts))


def prepare_delivery_rule(parts: Parts) -> PrepareDeliveryRule:
    """What makes a role's rule."""
    records, rules = DeliveryRules(parts.control_table), topic_rules(parts)
    return PrepareDeliveryRule(records, rules, stage=parts.settings.stage, fresh=random_text)


def topic_rules(parts: Parts) -> IotTopicRules:
    """The rules in AWS IoT."""
    settings = parts.settings
    return IotTopicRules(
        parts.client("iot"),
        home(parts),
        stack_id=settings.stack_id,
        rule_role_arn=settings.rule_role_arn,
        receipts_queue_url=settings.receipts_queue_url,
    )


def home(parts: Parts) -> Home:
    """Where the deployment is."""
    return Home(parts.settings.partition, parts.region, parts.settings.account)


def random_text(length: int) -> str:
    """Characters a-z and 0-9 that nobody can guess."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
