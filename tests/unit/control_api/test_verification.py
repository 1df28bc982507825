"""PutVerificationStateOnViolation: what people say of a violation is seen wherever the violation is."""

from typing import Any

import pytest

from tests.contract.account import MINUTE, NOW, Account, arn, behavior, listening

PERIOD = {"startTime": 0, "endTime": NOW / 1000 + 86_400}
STATES = ["FALSE_POSITIVE", "BENIGN_POSITIVE", "TRUE_POSITIVE", "UNKNOWN"]


@pytest.fixture
def violations(account: Account) -> list[str]:
    """Two violations of two things that listen on port 23, which begin with it. Returns: Their ids."""
    ports = behavior("aws:listening-tcp-ports", "in-port-set", {"ports": [22]})
    account("create_security_profile", securityProfileName="p", behaviors=[ports])
    account("attach_security_profile", securityProfileName="p", securityProfileTargetArn=arn("all/things"))
    for thing in ("pump", "valve"):
        account.report(thing, listening(23))
    found = account("list_active_violations")["activeViolations"]
    return [each["violationId"] for each in sorted(found, key=lambda each: str(each["thingName"]))]


def active(account: Account, **filters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = account("list_active_violations", **filters)["activeViolations"]
    return found


def events(account: Account, **filters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = account("list_violation_events", **PERIOD, **filters)["violationEvents"]
    return found


def said(record: dict[str, Any]) -> tuple[Any, Any]:
    return record["verificationState"], record.get("verificationStateDescription")


def verify(account: Account, violation: str, state: str, description: str | None = None) -> None:
    more = {} if description is None else {"verificationStateDescription": description}
    account("put_verification_state_on_violation", violationId=violation, verificationState=state, **more)


@pytest.mark.parametrize("state", STATES)
def test_a_state_is_listed_with_the_active_violation_and_with_its_event(
    account: Account, violations: list[str], state: str
) -> None:
    before = active(account, thingName="pump"), events(account, thingName="pump")

    verify(account, violations[0], state, "seen on site: é")

    for records, older in zip(
        (active(account, thingName="pump"), events(account, thingName="pump")), before, strict=True
    ):
        assert [said(record) for record in records] == [(state, "seen on site: é")]
        changed = {"verificationState": state, "verificationStateDescription": "seen on site: é"}
        assert records == [older[0] | changed]
    assert [said(record) for record in active(account, thingName="valve")] == [("UNKNOWN", None)]


def test_both_lists_filter_by_it(account: Account, violations: list[str]) -> None:
    verify(account, violations[0], "FALSE_POSITIVE")
    for listed in (active, events):
        assert [each["violationId"] for each in listed(account, verificationState="FALSE_POSITIVE")] == violations[:1]
        assert [each["violationId"] for each in listed(account, verificationState="UNKNOWN")] == violations[1:]
        assert listed(account, verificationState="TRUE_POSITIVE") == []
        assert listed(account, verificationState="FALSE_POSITIVE", thingName="valve") == []


def test_it_is_on_the_event_of_the_later_end_too(account: Account, violations: list[str]) -> None:
    verify(account, violations[0], "TRUE_POSITIVE", "broken in")
    account.now += 5 * MINUTE

    account.report("pump", listening(22))

    assert active(account, thingName="pump") == []
    found = events(account, verificationState="TRUE_POSITIVE")
    assert [each["violationEventType"] for each in found] == ["alarm-cleared", "in-alarm"]
    assert [said(each) for each in found] == [("TRUE_POSITIVE", "broken in")] * 2


def test_a_violation_that_has_ended_can_be_verified_with_both_its_events(
    account: Account, violations: list[str]
) -> None:
    account.now += 5 * MINUTE
    account.report("pump", listening(22))

    verify(account, violations[0], "BENIGN_POSITIVE")

    assert [said(each) for each in events(account, thingName="pump")] == [("BENIGN_POSITIVE", None)] * 2


def test_the_last_word_counts_and_a_description_that_is_left_out_is_taken_away(
    account: Account, violations: list[str]
) -> None:
    verify(account, violations[0], "TRUE_POSITIVE", "first")
    verify(account, violations[0], "FALSE_POSITIVE")
    assert said(active(account, thingName="pump")[0]) == ("FALSE_POSITIVE", None)
    assert said(events(account, thingName="pump")[0]) == ("FALSE_POSITIVE", None)
    verify(account, violations[0], "FALSE_POSITIVE", "")
    assert said(active(account, thingName="pump")[0]) == ("FALSE_POSITIVE", "")


def test_it_stays_while_the_violation_goes_on(account: Account, violations: list[str]) -> None:
    verify(account, violations[0], "TRUE_POSITIVE", "known")
    account.now += 5 * MINUTE
    account.report("pump", listening(24))
    [found] = active(account, thingName="pump")
    assert said(found) == ("TRUE_POSITIVE", "known")
    assert found["lastViolationValue"] == {"ports": [24]}


def test_another_violation_of_the_same_behavior_starts_unverified(account: Account, violations: list[str]) -> None:
    verify(account, violations[0], "TRUE_POSITIVE")
    for port in (22, 23):
        account.now += 5 * MINUTE
        account.report("pump", listening(port))
    [found] = active(account, thingName="pump")
    assert found["violationId"] != violations[0]
    assert said(found) == ("UNKNOWN", None)


@pytest.mark.parametrize("violation", ["nothing", "0" * 32, "a" * 128])
@pytest.mark.usefixtures("violations")
def test_a_violation_that_there_is_not_is_an_invalid_request(account: Account, violation: str) -> None:
    """AWS declares no ResourceNotFoundException for it."""
    code, status, message = account.refusal(
        "put_verification_state_on_violation", violationId=violation, verificationState="UNKNOWN"
    )
    assert (code, status) == ("InvalidRequestException", 400)
    assert message.startswith("violationId: ")
    assert violation in message
