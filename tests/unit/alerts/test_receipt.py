"""What may be on the receipts' queue: receipts, errors, and whatever a hostile device makes of them."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.alerts.given import AT, ID, event
from warden.domain.alarms.alarm import EventType
from warden.domain.alerts.message import publication, trial_publication
from warden.domain.alerts.receipt import Receipt, parse

PREFIX = "thingwarden_prod_alert_"
RULE = PREFIX + "a" * 26


SECRET = "0s" * 13
TOPIC = f"{SECRET}/2/123456789012/alerts"


def error(payload: bytes, *, rule: str = RULE, topic: str = TOPIC, failures: Any = None) -> str:
    """What AWS IoT's error action sends."""
    failed = {
        "failedAction": "SnsAction",
        "failedResource": "arn:aws:sns:eu-west-1:123456789012:alerts",
        "errorMessage": "Failed to publish.\nUser is not authorized",
    }
    return json.dumps(
        {
            "ruleName": rule,
            "topic": topic,
            "cloudwatchTraceId": "1-2-3",
            "clientId": "n/a",
            "base64OriginalPayload": base64.b64encode(payload).decode(),
            "failures": [failed] if failures is None else failures,
        }
    )


def test_a_receipt_is_what_was_published() -> None:
    found = parse(publication(event(), 3).decode(), PREFIX)
    assert found == Receipt(ID, EventType.IN_ALARM, AT, 3)


def test_a_receipt_that_the_rules_engine_wrote_anew_is_the_same() -> None:
    anew = json.dumps(json.loads(publication(event(), 3)), indent=1, sort_keys=True)
    assert parse(anew, PREFIX) == Receipt(ID, EventType.IN_ALARM, AT, 3)


def test_an_error_names_the_attempt_and_what_failed_in_one_line() -> None:
    found = parse(error(publication(event(), 2)), PREFIX)
    assert found
    assert (found.violation_id, found.attempt) == (ID, 2)
    assert found.error == (
        "SnsAction arn:aws:sns:eu-west-1:123456789012:alerts: Failed to publish.\\nUser is not authorized"
    )


@pytest.mark.parametrize("topic", [TOPIC, f"$aws/rules/{RULE}/{TOPIC}"], ids=["as the rule sees it", "whole"])
@pytest.mark.parametrize("quoted", [TOPIC, f"$aws/rules/{RULE}/{TOPIC}"], ids=["as the rule sees it", "whole"])
def test_an_error_says_neither_the_rules_name_nor_its_secret(topic: str, quoted: str) -> None:
    """The message has the form of the example in AWS IoT's Developer Guide, Error handling (error action)."""
    failure = {
        "failedAction": "SnsAction",
        "failedResource": "arn:aws:sns:eu-west-1:123456789012:alerts",
        "errorMessage": "Failed to publish to SNS. The error received was User: arn:aws:sts::123456789012:"
        f"assumed-role/alerts/{RULE} is not authorized (Service: AmazonSNS; Status Code: 403; Error Code: "
        f"AuthorizationError; Request ID: 9DF5416B9B47B9AF). Message arrived on: {quoted}, Action: sns, "
        "Target: arn:aws:sns:eu-west-1:123456789012:alerts",
    }

    found = parse(error(publication(event(), 2), topic=topic, failures=[failure]), PREFIX)

    assert found
    assert found.error
    assert SECRET not in found.error
    assert "a" * 26 not in found.error
    assert "assumed-role/alerts/(hidden) is not authorized" in found.error
    assert "(hidden)/2/123456789012/alerts, Action: sns" in found.error


@pytest.mark.parametrize("topic", ["", "/", f"$aws/rules/{RULE}/"])
def test_a_topic_without_a_secret_hides_nothing_else(topic: str) -> None:
    found = parse(error(publication(event(), 2), topic=topic), PREFIX)
    assert found
    assert found.error
    assert found.error.endswith("Failed to publish.\\nUser is not authorized")


def test_an_error_without_a_failure_is_one_all_the_same() -> None:
    found = parse(error(publication(event(), 2), failures=[]), PREFIX)
    assert found
    assert found.error


def test_the_answer_to_a_test_is_known_as_one() -> None:
    found = parse(trial_publication("p", "0" * 16 + "a" * 16, at=5).decode(), PREFIX)
    assert found
    assert found.is_test
    assert not Receipt(ID, EventType.IN_ALARM, AT, 3).is_test


def changed(**members: Any) -> str:
    """A receipt with other members in AWS's message."""
    whole = json.loads(publication(event(), 1))
    return json.dumps(whole | {"default": json.dumps(json.loads(whole["default"]) | members)})


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        json.dumps({"default": "x", "attempt": 1}),
        json.dumps({"default": "{}", "attempt": 1}),
        changed(violationId="../VIO"),
        changed(violationId=ID.upper()),
        changed(violationEventTime=-1),
        changed(violationEventTime=10**15),
        changed(violationEventTime="1"),
        changed(violationEventType="deleted"),
        changed(test=True),
        changed(violationId="0" * 32),
        json.dumps(json.loads(publication(event(), 1)) | {"attempt": 0}),
        json.dumps(json.loads(publication(event(), 1)) | {"attempt": "1"}),
        error(publication(event(), 1), rule="thingwarden_dev_alert_" + "a" * 26),
        error(publication(event(), 1), rule="other"),
        error(b"no JSON"),
        error(publication(event(), 1)).replace('"base64OriginalPayload": "', '"base64OriginalPayload": "*'),
        '{"default":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"default": "\\ud800", "attempt": 1}',
        "\udc80",
    ],
)
def test_what_is_none_of_ours_is_nothing(body: str) -> None:
    assert parse(body, PREFIX) is None


@given(st.text() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps))
def test_no_message_raises(body: str) -> None:
    assert parse(body, PREFIX) is None


@given(st.binary())
def test_no_payload_of_an_error_raises(payload: bytes) -> None:
    assert parse(error(payload), PREFIX) is None
