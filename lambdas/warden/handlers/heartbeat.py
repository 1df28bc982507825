"""A probe thing whose alarm goes the whole way, by the clock: report, rule, evaluation, violation, alert, subscriber.

Each time it reports the other of two states, so that each time one alert has to come back: the beginning of a
violation, then its end. Back here, it is counted as metric `Heartbeat`, whose absence is an alarm.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from warden.domain.behaviors.profile import AlertTarget, Behavior, Criteria, MetricValue, SecurityProfile
from warden.domain.behaviors.target import Target
from warden.handlers.parts import Parts
from warden.handlers.telemetry import metrics
from warden.use_cases.attach_security_profile import attach_security_profile
from warden.use_cases.create_security_profile import create_security_profile

log = Logger()

METRIC: Final = "aws:listening-tcp-ports"
EXPECTED, UNEXPECTED = 22, 23


class Heartbeat:
    """Sends the probe's reports, and takes its alerts.

    Args:
        parts: The container's.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._name = f"thingwarden-{parts.settings.stage}-heartbeat"  # of the thing, its group, and the profile

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Take alerts, where the event is a batch of SQS; else send the next report."""
        if "Records" in event:
            self._take(event["Records"])
        else:
            self._prepare()
            self._report()

    def _take(self, records: list[Mapping[str, Any]]) -> None:
        arrived = sum(self._is_the_probes(record["body"]) for record in records)
        with metrics(self._parts.settings.stage) as told:
            told.add_metric("Heartbeat", MetricUnit.Count, arrived)

    def _is_the_probes(self, body: str) -> bool:
        try:
            message = json.loads(json.loads(body)["Message"])
            return bool(message["thingName"] == self._name and message["securityProfileName"] == self._name)
        except (ValueError, KeyError, TypeError):
            log.warning("a message on the heartbeat's queue is no alert")
            return False

    def _prepare(self) -> None:
        """The probe is a member of its group, and the group has its profile; all of it stays from the first time."""
        parts = self._parts
        parts.client("iot").add_thing_to_thing_group(thingGroupName=self._name, thingName=self._name)
        stored = parts.catalogue.head(self._name)
        if stored and not stored.record.deleted and parts.catalogue.targets(stored.record):
            return
        now = parts.clock()
        arn = f"arn:{parts.settings.partition}:iot:{parts.region}:{parts.settings.account}"
        if stored is None or stored.record.deleted:
            create_security_profile(
                parts.catalogue, self._profile(), {}, arn=f"{arn}:securityprofile/{self._name}", now=now
            )
        attach_security_profile(
            parts.catalogue,
            self._name,
            Target.parse(f"{arn}:thinggroup/{self._name}"),
            has_group=lambda _: True,
            now=now,
        )

    def _profile(self) -> SecurityProfile:
        settings = self._parts.settings
        criteria = Criteria(comparison_operator="in-port-set", value=MetricValue(ports=(EXPECTED,)))
        return SecurityProfile(
            security_profile_name=self._name,
            security_profile_description="Thingwarden's heartbeat: the probe violates it every other time",
            behaviors=(Behavior(name="Heartbeat", metric=METRIC, criteria=criteria),),
            alert_targets={
                "SNS": AlertTarget(alert_target_arn=settings.heartbeat_topic_arn, role_arn=settings.heartbeat_role_arn)
            },
        )

    def _report(self) -> None:
        active = self._parts.violations.active(thing=self._name, profile=None, behind=None)
        port = EXPECTED if next(active, None) else UNEXPECTED
        report = {
            "header": {"report_id": self._parts.clock(), "version": "1.0"},
            "metrics": {"listening_tcp_ports": {"ports": [{"port": port}], "total": 1}},
        }
        self._parts.client("iot-data").publish(
            topic=f"{self._parts.settings.metrics_prefix}/things/{self._name}/defender/metrics/json",
            qos=1,
            payload=json.dumps(report).encode(),
        )


@cache
def _heartbeat() -> Heartbeat:
    return Heartbeat(Parts.from_env())


def handler(event: Mapping[str, Any], context: object) -> None:  # noqa: ARG001 (what Lambda calls)
    """One beat, or the alerts of the last one."""
    _heartbeat()(event)
