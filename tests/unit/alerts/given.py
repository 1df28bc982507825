"""An event whose alert is to be sent, as the tests need it."""

from typing import Any

from tests.unit.behaviors.given import behavior
from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.entry import Reason
from warden.domain.alarms.violation import Event
from warden.domain.behaviors.profile import AlertTarget, Behavior, MetricValue

ACCOUNT, REGION = "123456789012", "eu-west-1"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/thingwarden/prod/alerts"
ID = "9c0d5c6f4a1b4e37b8c0f4d1a2e3b7aa"
AT = 1_790_000_712_345
PORTS = behavior("aws:listening-tcp-ports", "in-port-set", [8888], name="Listening TCP Ports")


SEEN = MetricValue(ports=(443, 8888))


def event(says: Behavior = PORTS, value: MetricValue | None = SEEN, **more: Any) -> Event:
    given: dict[str, Any] = {
        "violation_id": ID,
        "type": EventType.IN_ALARM,
        "at": AT,
        "reason": Reason.DATAPOINT,
        "thing": "camera-3",
        "thing_id": "id-1",
        "profile": "cameras",
        "uid": "u.0",
        "behavior": says,
        "value": value,
        "target": AlertTarget(alert_target_arn=TOPIC, role_arn=ROLE),
    }
    return Event(**given | more)
