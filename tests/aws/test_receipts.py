"""Handler `receipts`: what is none of ours is dropped and counted, what fails for a fault of ours comes again."""

import base64
import json
from typing import Any

import pytest

from tests.aws.alert_account import Account, profile, with_queues
from tests.aws.alert_engine import sqs_event
from tests.aws.conftest import DAY, REGION, Clock, Lines
from warden.domain.alerts.message import trial_publication
from warden.handlers.parts import Clients, Parts
from warden.handlers.receipts import Receipts
from warden.settings import Settings
from warden.storage.delivery_rules import ANSWER_KEPT_MS, Trials

TRIAL = "0" * 16 + "5" * 16


@pytest.fixture
def parts(aws: Clients, settings: Settings, clock: Clock) -> Parts:
    return Parts(with_queues(settings), region=REGION, clients=aws, clock=clock)


@pytest.fixture
def account(parts: Parts, aws: Clients, clock: Clock) -> Account:
    account = Account(parts, aws, clock)
    account.fleet.watch("pump", as_=profile("pump"))
    account.violate("pump")
    return account


def published(account: Account) -> dict[str, Any]:
    """What the one alert says, as its receipt brings it back."""
    ((_, payload),) = account.engine.publications()
    found: dict[str, Any] = json.loads(payload)
    return found


def changed(whole: dict[str, Any], **members: Any) -> str:
    return json.dumps(whole | {"default": json.dumps(json.loads(whole["default"]) | members)})


def error(whole: dict[str, Any], rule: str) -> str:
    payload = base64.b64encode(json.dumps(whole).encode()).decode()
    return json.dumps({"ruleName": rule, "base64OriginalPayload": payload, "failures": []})


def test_what_a_hostile_device_makes_up_ends_nothing_and_opens_nothing(account: Account, metrics: Lines) -> None:
    whole = published(account)
    before = [stored.record for stored in account.parts.violations.waiting()]
    forged = [
        "",
        "{",
        json.dumps(["receipt"]),
        json.dumps({"thingName": "pump"}),
        json.dumps(whole | {"attempt": 2}),
        json.dumps(whole | {"attempt": -1}),
        changed(whole, violationId="f" * 32),
        changed(whole, violationEventTime=1),
        changed(whole, violationEventType="alarm-cleared"),
        changed(whole, test=True),
        error(whole, "thingwarden_test_metrics"),
        error(whole, "thingwarden_prod_alert_x"),
    ]
    metrics()
    assert account.receipts(sqs_event(*forged)) == {"batchItemFailures": []}
    assert [stored.record for stored in account.parts.violations.waiting()] == before
    (line,) = metrics()
    assert (line["AlertReceiptForeign"], line["AlertReceiptStale"]) == ([11.0], [1.0])


def test_one_message_that_fails_comes_again_alone(account: Account, metrics: Lines) -> None:
    whole = published(account)
    account.fleet.watch("press", as_=profile("press"))
    account.violate("press")
    other = published(account)
    refused = json.loads(other["default"])["violationId"]

    def fail(params: dict[str, Any], **_: object) -> Any:
        if refused in json.dumps(params["body"].decode()):
            said = {"Code": "ThrottlingException", "Message": "slow down"}
            return type("Http", (), {"status_code": 400})(), {
                "Error": said,
                "ResponseMetadata": {"HTTPStatusCode": 400},
            }
        return None

    metrics()
    event = sqs_event(json.dumps(whole), json.dumps(other))
    account.clients("dynamodb").meta.events.register("before-call", fail)
    try:
        answer = account.receipts(event)
        assert account.receipts(sqs_event(json.dumps(other))) == {
            "batchItemFailures": [{"itemIdentifier": "message-0"}]
        }
    finally:
        account.clients("dynamodb").meta.events.unregister("before-call", fail)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
    assert account.waiting == 1
    first, second = metrics()
    assert (first["AlertReceipt"], first["ReceiptFailed"]) == ([1.0], [1.0])
    assert (second["ReceiptFailed"], "AlertReceipt" in second) == ([1.0], False)
    assert account.receipts(sqs_event(json.dumps(other))) == {"batchItemFailures": []}
    assert account.waiting == 0


def test_an_alert_is_closed_by_the_receipt_that_comes_in_one_batch_with_another_attempts(account: Account) -> None:
    first = published(account)
    account.sweep()
    second = published(account)
    assert (first["attempt"], second["attempt"]) == (1, 2)
    account.receipts(sqs_event(json.dumps(second), json.dumps(first), json.dumps(second)))
    assert account.waiting == 0


def test_the_answer_to_a_test_is_kept_for_an_hour(account: Account, parts: Parts, clock: Clock) -> None:
    trial = json.loads(trial_publication("pump", TRIAL, at=clock()))
    trials = Trials(parts.control_table)
    assert (trials.received(TRIAL), trials.error(TRIAL)) == (False, None)
    account.receipts(sqs_event(json.dumps(trial), error(trial, "thingwarden_test_alert_x")))
    assert (trials.received(TRIAL), trials.error(TRIAL)) == (True, "no failure named")
    answers = parts.control_table.query(f"TRIAL#{TRIAL}").items
    assert {item.expires_at for item in answers} == {(clock() + ANSWER_KEPT_MS) // 1000}
    assert account.waiting == 1


def test_a_receipt_of_an_event_that_is_gone_is_dropped(account: Account, parts: Parts) -> None:
    whole = published(account)
    (stored,) = parts.violations.waiting()
    parts.control_table.delete(stored.key)
    account.clock.now += DAY
    assert Receipts(parts)(sqs_event(json.dumps(whole))) == {"batchItemFailures": []}
    assert parts.violations.event(stored.key) is None
