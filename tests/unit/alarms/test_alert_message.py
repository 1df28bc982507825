"""What subscribers of an alert read, member for member as AWS has sent it."""

import json
from typing import Any

import msgspec
import pytest

from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.entry import Reason
from warden.domain.alarms.violation import Event, alert_message
from warden.domain.behaviors.profile import AlertTarget, Behavior, MetricValue

PORTS = msgspec.convert(
    {
        "name": "Listening TCP Ports",
        "metric": "aws:listening-tcp-ports",
        "criteria": {"comparisonOperator": "in-port-set", "value": {"ports": [8888]}},
    },
    Behavior,
)
BYTES = msgspec.convert(
    {
        "name": "BytesOut",
        "metric": "aws:all-bytes-out",
        "criteria": {
            "comparisonOperator": "less-than",
            "value": {"count": 9000},
            "durationSeconds": 600,
            "consecutiveDatapointsToAlarm": 2,
            "consecutiveDatapointsToClear": 3,
        },
        "suppressAlerts": False,
    },
    Behavior,
)
PORTS_SAID = {
    "name": "Listening TCP Ports",
    "metric": "aws:listening-tcp-ports",
    "criteria": {
        "comparisonOperator": "in-port-set",
        "value": {"ports": [8888]},
        "consecutiveDatapointsToAlarm": 1,
        "consecutiveDatapointsToClear": 1,
    },
}


def said(behavior: Behavior, kind: EventType, value: MetricValue | None, **more: Any) -> dict[str, Any]:
    event = Event(
        violation_id="9c0d5c6f4a1b4e37b8c0f4d1a2e3b7aa",
        type=kind,
        at=1_790_000_712_345,
        reason=Reason.DATAPOINT,
        thing="camera-3",
        thing_id="id-1",
        profile="cameras",
        uid="u.0",
        behavior=behavior,
        value=value,
        target=AlertTarget(alert_target_arn="arn", role_arn="role"),
        **more,
    )
    message: dict[str, Any] = json.loads(alert_message(event))
    return message


def test_a_violation_that_begins() -> None:
    assert said(PORTS, EventType.IN_ALARM, MetricValue(ports=(443, 8888))) == {
        "violationEventTime": 1_790_000_712_345,
        "thingName": "camera-3",
        "behavior": PORTS_SAID,
        "violationEventType": "in-alarm",
        "metricValue": {"ports": [443, 8888]},
        "violationId": "9c0d5c6f4a1b4e37b8c0f4d1a2e3b7aa",
        "securityProfileName": "cameras",
        "verificationState": "UNKNOWN",
    }


def test_a_violation_that_is_cleared_shows_the_value_that_conforms() -> None:
    message = said(BYTES, EventType.CLEARED, MetricValue(count=0))
    assert (message["violationEventType"], message["metricValue"]) == ("alarm-cleared", {"count": 0})
    assert message["behavior"] == {
        "name": "BytesOut",
        "metric": "aws:all-bytes-out",
        "criteria": {
            "comparisonOperator": "less-than",
            "value": {"count": 9000},
            "durationSeconds": 600,
            "consecutiveDatapointsToAlarm": 2,
            "consecutiveDatapointsToClear": 3,
        },
        "suppressAlerts": False,
    }


def test_a_violation_that_is_invalidated_has_no_value() -> None:
    assert said(PORTS, EventType.INVALIDATED, None) == {
        "violationEventTime": 1_790_000_712_345,
        "thingName": "camera-3",
        "behavior": PORTS_SAID,
        "violationEventType": "alarm-invalidated",
        "violationId": "9c0d5c6f4a1b4e37b8c0f4d1a2e3b7aa",
        "securityProfileName": "cameras",
        "verificationState": "UNKNOWN",
    }


def test_the_members_come_in_the_order_in_which_aws_sends_them() -> None:
    assert list(said(PORTS, EventType.IN_ALARM, MetricValue(ports=(1,)))) == [
        "violationEventTime",
        "thingName",
        "behavior",
        "violationEventType",
        "metricValue",
        "violationId",
        "securityProfileName",
        "verificationState",
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (MetricValue(cidrs=("192.0.2.1", "2001:db8::1")), {"cidrs": ["192.0.2.1", "2001:db8::1"]}),
        (MetricValue(ports=()), {"ports": []}),
        (MetricValue(count=2**64 - 1), {"count": 2**64 - 1}),
    ],
)
def test_a_value_has_the_member_of_its_kind(value: MetricValue, shown: dict[str, Any]) -> None:
    assert said(PORTS, EventType.IN_ALARM, value)["metricValue"] == shown


def test_what_people_said_of_a_violation_is_said() -> None:
    message = said(PORTS, EventType.CLEARED, None, verification_state="TRUE_POSITIVE")
    assert message["verificationState"] == "TRUE_POSITIVE"


def test_where_the_alert_goes_and_ids_of_our_own_are_not_said() -> None:
    message = json.dumps(said(PORTS, EventType.IN_ALARM, MetricValue(ports=(1,))))
    assert not any(secret in message for secret in ("arn", "role", "u.0", "id-1"))
