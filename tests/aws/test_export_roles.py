"""CreateSecurityProfile and UpdateSecurityProfile: which roles metrics may be exported under, and who may name them.

They are checked as those of alerts are: `test_alert_targets` has what is said of each that will not do.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.aws.alert_account import ALERT_ROLE, trusting, with_queues
from tests.aws.conftest import ACCOUNT, REGION, Clock
from tests.aws.iam_answers import ADMINS, CALLER, USUAL, Answers, checking, get_role, simulate
from tests.contract.iot import call, error_of
from warden.domain.behaviors.profile import MetricsExportConfig
from warden.domain.errors import InvalidRequest
from warden.handlers.alert_path import check_delivery
from warden.handlers.api import Api
from warden.handlers.parts import Clients, Parts
from warden.settings import Settings

ROLE = "metricsExportConfig.roleArn"
THEIR_RULES = f"arn:aws:iot:{REGION}:{ACCOUNT}:rule/thingwarden_test_{{}}_*"


@pytest.fixture
def parts(aws: Clients, settings: Settings, clock: Clock) -> Parts:
    return Parts(with_queues(settings), region=REGION, clients=aws, clock=clock)


@pytest.fixture
def rules(aws: Clients) -> Callable[[], list[str]]:
    return lambda: [rule["ruleName"] for rule in aws("iot").list_topic_rules()["rules"]]


def check(parts: Parts, answers: Answers, *, role: str = ALERT_ROLE) -> None:
    to = MetricsExportConfig(mqtt_topic="exports", role_arn=role)
    with checking(parts, answers) as asked:
        check_delivery(asked)(to, caller_arn=CALLER, now=parts.clock())


def test_an_export_that_will_do_has_a_rule_of_its_own_ready(parts: Parts, rules: Callable[[], list[str]]) -> None:
    for _ in range(2):
        check(parts, USUAL)
    (rule,) = rules()
    assert rule.startswith("thingwarden_test_export_")


@pytest.mark.parametrize(
    ("answers", "role", "said"),
    [
        pytest.param([], f"arn:aws:iam::{ACCOUNT}:role/other", "that this deployment may pass", id="pattern"),
        pytest.param(
            [get_role(ADMINS), simulate("implicitDeny")], ALERT_ROLE, f"{ADMINS} needs iam:PassRole on", id="caller"
        ),
        pytest.param(
            [*USUAL[:2], ("get_role", {"RoleName": "thingwarden-test-alerts"}, "NoSuchEntity")],
            ALERT_ROLE,
            "there is none",
            id="no role",
        ),
        pytest.param(
            [*USUAL[:2], get_role(ALERT_ROLE, trusting(THEIR_RULES.format("alert")))],
            ALERT_ROLE,
            "AWS IoT cannot use",
            id="a role pinned to the rules of alerts",
        ),
    ],
)
def test_a_role_that_will_not_do_is_refused_by_the_members_name_and_makes_no_rule(
    parts: Parts, rules: Callable[[], list[str]], answers: Answers, role: str, said: str
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        check(parts, answers, role=role)
    assert str(raised.value).startswith(f"{ROLE}: ")
    assert said in str(raised.value)
    assert rules() == []


def test_a_role_pinned_to_the_rules_of_exports_will_do(parts: Parts) -> None:
    check(parts, [*USUAL[:2], get_role(ALERT_ROLE, trusting(THEIR_RULES.format("export")))])


def test_a_profile_is_created_and_updated_only_with_an_export_that_will_do(parts: Parts) -> None:
    def refuse(to: object) -> None:
        assert to == MetricsExportConfig(mqtt_topic="exports", role_arn=ALERT_ROLE)
        raise InvalidRequest(f"{ROLE}: another one")

    taking, refusing = (Api(parts, checked).router for checked in (lambda _: None, refuse))
    export: dict[str, Any] = {"metricsExportConfig": {"mqttTopic": "exports", "roleArn": ALERT_ROLE}}
    call(taking, "create_security_profile", securityProfileName="p")
    for method, name in (("create_security_profile", "q"), ("update_security_profile", "p")):
        error = error_of(refusing, method, securityProfileName=name, **export)["Error"]
        assert error == {"Code": "InvalidRequestException", "Message": f"{ROLE}: another one"}
    (listed,) = call(taking, "list_security_profiles")["securityProfileIdentifiers"]
    assert "metricsExportConfig" not in call(taking, "describe_security_profile", securityProfileName=listed["name"])
