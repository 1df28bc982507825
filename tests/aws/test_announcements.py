"""EventBridge is told of every violation event, also where it did not answer at first."""

import json
from typing import Any

import pytest

from tests.aws.alert_account import Account
from tests.aws.conftest import ACCOUNT, MINUTE, REGION
from tests.aws.test_alert_path import account, parts
from warden.handlers.parts import Clients

__all__ = ["account", "parts"]  # fixtures


class Bus:
    """The account's event bus, as the function's client sees it."""

    def __init__(self, clients: Clients) -> None:
        self.told: list[dict[str, Any]] = []
        self.down = False
        clients("events").meta.events.register("before-call.events.PutEvents", self._hear)

    def _hear(self, params: dict[str, Any], **_: object) -> tuple[Any, dict[str, Any]] | None:
        if self.down:
            error = {"Code": "InternalFailure", "Message": "no"}
            return type("Http", (), {"status_code": 500})(), {
                "Error": error,
                "ResponseMetadata": {"HTTPStatusCode": 500},
            }
        self.told += [json.loads(entry["Detail"]) for entry in json.loads(params["body"])["Entries"]]
        return None


@pytest.fixture
def bus(account: Account) -> Bus:
    return Bus(account.clients)


def test_a_violation_event_says_what_the_alert_says_and_where_and_why(account: Account, bus: Bus) -> None:
    account.violate("pump")
    account.go()
    [alert], [told] = account.heard(), bus.told
    added = {"accountId": ACCOUNT, "region": REGION, "reason": "datapoint"}
    assert told == {**alert, **added, "eventId": f"{alert['violationId']}:in-alarm"}


def test_a_bus_that_does_not_answer_holds_up_no_alert_and_is_told_a_minute_later(account: Account, bus: Bus) -> None:
    bus.down = True
    account.violate("pump")
    account.go()
    assert len(account.heard()) == 1
    bus.down = False
    account.clock.now += MINUTE
    due = account.parts.jobs.due(account.clock(), limit=10)
    account.publish([key for key in due if key.sk != "VIO"], now=account.clock())
    assert [each["violationEventType"] for each in bus.told] == ["in-alarm"]
    assert account.parts.jobs.due(account.clock() + 5 * MINUTE, limit=10) == []
