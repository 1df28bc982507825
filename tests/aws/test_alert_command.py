"""`warden test-alert`: whether a profile's alerts get to their topic, and what is in their way."""

import json
from collections.abc import Callable

import click
import pytest

from tests.aws.alert_account import ALERT_ROLE, Account, profile, trusting, with_queues
from tests.aws.conftest import DAY, REGION, Clock
from tests.cli.running import warden
from tests.surroundings.home import free_port
from warden.cli.test_alert import ERROR_SECONDS, RECEIPT_SECONDS, try_on_aws
from warden.cli.test_alert import Clock as Wait
from warden.domain.behaviors.profile import SecurityProfile
from warden.domain.errors import InvalidRequest, ResourceNotFound
from warden.handlers.alert_path import prepare_delivery_rule
from warden.handlers.parts import Clients, Parts
from warden.settings import Settings
from warden.use_cases.create_security_profile import create_security_profile


@pytest.fixture
def parts(aws: Clients, settings: Settings, clock: Clock) -> Parts:
    return Parts(with_queues(settings), region=REGION, clients=aws, clock=clock)


@pytest.fixture
def account(parts: Parts, aws: Clients, clock: Clock) -> Account:
    account = Account(parts, aws, clock)
    create_security_profile(parts.catalogue, profile("pumps"), {}, arn="", now=clock())
    prepare_delivery_rule(parts)(ALERT_ROLE, look=True, now=clock())
    return account


class Waiting:
    """Time that passes only while somebody waits; in the meantime AWS is at work."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.passed = 0.0
        self._work = work

    def clock(self) -> Wait:
        return Wait(lambda: self.passed, self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.passed += seconds
        self._work()


def run(account: Account, waiting: Waiting, name: str = "pumps") -> None:
    try_on_aws(name, account.parts.settings.control_table, account.clients, waiting.clock())


def test_the_receipt_says_that_the_topic_has_the_message(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    waiting = Waiting(account.go)
    run(account, waiting)
    (message,) = account.heard()
    assert message["test"] is True
    assert message["securityProfileName"] == "pumps"
    said = capsys.readouterr().out
    assert f"Test {message['violationId'][-8:]} is published for arn:aws:sns:" in said
    assert "The receipt came after 2 s, and no error behind it" in said
    assert waiting.passed <= 2 + ERROR_SECONDS


def test_a_rule_that_is_gone_is_told_after_a_minute(account: Account) -> None:
    (rule,) = account.rules()
    account.clients("iot").delete_topic_rule(ruleName=rule["ruleName"])
    waiting = Waiting(account.go)
    with pytest.raises(click.ClickException, match="no receipt came in 60 s") as raised:
        run(account, waiting)
    assert raised.value.exit_code == 1
    assert waiting.passed == RECEIPT_SECONDS
    assert rule["ruleName"] not in str(raised.value)


def test_what_failed_under_the_role_is_told_though_the_receipt_came_first(account: Account) -> None:
    account.clients("iam").update_assume_role_policy(
        RoleName="thingwarden-test-alerts", PolicyDocument=json.dumps(trusting("arn:aws:iot:*:*:securityprofile/*"))
    )
    with pytest.raises(click.ClickException, match=f"unable to assume {ALERT_ROLE}"):
        run(account, Waiting(account.go))
    assert account.heard() == []


def test_a_test_is_of_no_violation(account: Account) -> None:
    run(account, Waiting(account.go))
    now = account.clock()
    assert (
        list(account.parts.violations.events(start=now - DAY, end=now + DAY, thing=None, profile=None, behind=None))
        == []
    )


def test_a_profile_that_sends_nothing_is_told_what_it_lacks(account: Account, parts: Parts) -> None:
    now = account.clock()
    create_security_profile(parts.catalogue, SecurityProfile(security_profile_name="mute"), {}, arn="", now=now)
    with pytest.raises(InvalidRequest, match="'mute' has no alert target"):
        run(account, Waiting(account.go), "mute")
    other = profile("other", role=f"{ALERT_ROLE}-2")
    create_security_profile(parts.catalogue, other, {}, arn="", now=now)
    with pytest.raises(InvalidRequest, match="no alert rule is on record for"):
        run(account, Waiting(account.go), "other")
    with pytest.raises(ResourceNotFound, match="'nobodys'"):
        run(account, Waiting(account.go), "nobodys")


def test_wrong_usage_ends_with_2_and_a_home_that_does_not_answer_with_3() -> None:
    both = warden("test-alert", "p", "--endpoint", "http://127.0.0.1:1", "--stage", "prod")
    assert (both.exit_code, "not both" in both.output) == (2, True)
    assert warden("test-alert", "p", "--stage", "NO").exit_code == 2
    away = warden("test-alert", "p", "--endpoint", f"http://127.0.0.1:{free_port()}")
    assert away.exit_code == 3
