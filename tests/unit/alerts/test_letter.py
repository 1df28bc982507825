"""A dead letter says what it is of, and is read again."""

import json

import pytest

from tests.unit.alerts.given import AT, ID, ROLE, TOPIC, event
from warden.domain.alarms.alarm import EventType
from warden.domain.alerts.letter import dead_letter, read_letter
from warden.domain.alerts.sending import Sending
from warden.domain.errors import InvalidRequest


def test_a_letter_names_the_event_and_what_was_in_its_way() -> None:
    letter = dead_letter(event(sending=Sending(attempt=144, error="no such topic")))
    assert json.loads(letter) == {
        "violationId": ID,
        "violationEventType": "in-alarm",
        "violationEventTime": AT,
        "thingName": "camera-3",
        "securityProfileName": "cameras",
        "alertTargetArn": TOPIC,
        "roleArn": ROLE,
        "attempts": 144,
        "error": "no such topic",
    }
    read = read_letter(letter)
    assert (read.violation_id, read.violation_event_type, read.violation_event_time) == (ID, EventType.IN_ALARM, AT)


@pytest.mark.parametrize("text", ["", "{}", "[" * 100_000, '{"violationId": "x"}', "\udc80"])
def test_what_is_no_letter_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="dead letter: expected an alert's"):
        read_letter(text)
