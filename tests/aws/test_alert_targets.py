"""CreateSecurityProfile and UpdateSecurityProfile: which alert targets are taken, and what is said of the others."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.aws.alert_account import ALERT_ROLE, RULES, TOPIC, trusting, with_queues
from tests.aws.conftest import ACCOUNT, BEGINNING, REGION, Clock
from tests.aws.iam_answers import ADMINS, CALLER, USUAL, Answers, checking, get_role, simulate
from tests.contract.iot import call, error_of, service_model
from warden.adapters.sqlite import SqliteTable
from warden.control_api.api import operations
from warden.control_api.context import Context
from warden.control_api.paging import Pager
from warden.control_api.router import Router
from warden.domain.behaviors.profile import AlertTarget
from warden.domain.errors import InvalidRequest, Unavailable
from warden.handlers.alert_path import check_delivery
from warden.handlers.parts import Clients, Parts
from warden.settings import Settings
from warden.storage import keys
from warden.storage.catalogue import CatalogueStore
from warden.storage.jobs import Jobs
from warden.storage.thing_log import TableThingLog
from warden.storage.violations import Violations

TARGET = {"SNS": {"alertTargetArn": TOPIC, "roleArn": ALERT_ROLE}}
BEHAVIOR = {
    "name": "b",
    "metric": "aws:num-established-tcp-connections",
    "criteria": {"comparisonOperator": "less-than", "value": {"count": 9}},
}


@pytest.fixture
def parts(aws: Clients, settings: Settings, clock: Clock) -> Parts:
    return Parts(with_queues(settings), region=REGION, clients=aws, clock=clock)


@pytest.fixture
def rules(aws: Clients) -> Callable[[], list[str]]:
    return lambda: [rule["ruleName"] for rule in aws("iot").list_topic_rules()["rules"]]


def check(
    parts: Parts, answers: Answers, *, topic: str = TOPIC, role: str = ALERT_ROLE, caller: str = CALLER, **changed: Any
) -> None:
    target = AlertTarget(alert_target_arn=topic, role_arn=role)
    with checking(parts, answers, **changed) as asked:
        check_delivery(asked)(target, caller_arn=caller, now=parts.clock())


def refusal(parts: Parts, answers: Answers, **given: Any) -> str:
    with pytest.raises(InvalidRequest) as raised:
        check(parts, answers, **given)
    return str(raised.value)


def test_a_target_that_will_do_has_its_rule_ready(parts: Parts, rules: Callable[[], list[str]]) -> None:
    check(parts, USUAL)
    assert len(rules()) == 1
    check(parts, USUAL)
    assert len(rules()) == 1


def test_a_rule_that_is_gone_is_made_again_when_its_role_is_named_again(
    parts: Parts, aws: Clients, rules: Callable[[], list[str]]
) -> None:
    check(parts, USUAL)
    (name,) = rules()
    aws("iot").delete_topic_rule(ruleName=name)
    check(parts, USUAL)
    assert rules() == [name]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"topic": TOPIC.replace(REGION, "eu-west-1")}, f"Region {REGION}"),
        ({"topic": f"{TOPIC}.fifo"}, "standard topic"),
        ({"topic": f"{TOPIC}{'x' * 210}"}, "at most 210 characters"),
        ({"role": "arn:aws:iam::999999999999:role/thingwarden/test/a"}, "role of this account"),
        ({"role": f"arn:aws:iam::{ACCOUNT}:role/other"}, f"arn:aws:iam::{ACCOUNT}:role/thingwarden/test/*"),
    ],
    ids=["Region", "FIFO", "name", "account", "pattern"],
)
def test_what_can_be_told_from_the_arns_is_told_before_anybody_is_asked(
    parts: Parts, rules: Callable[[], list[str]], given: dict[str, str], said: str
) -> None:
    found = refusal(parts, [], **given)
    assert said in found
    assert repr(next(iter(given.values()))) in found
    assert rules() == []


# The caller


def test_a_caller_who_may_not_pass_the_role_is_refused(parts: Parts, rules: Callable[[], list[str]]) -> None:
    for decision in ("implicitDeny", "explicitDeny"):
        found = refusal(parts, [get_role(ADMINS), simulate(decision)])
        assert f"{ADMINS} needs iam:PassRole on '{ALERT_ROLE}', with iam:PassedToService iot.amazonaws.com" in found
    assert rules() == []


def test_a_user_is_asked_about_by_its_own_arn(parts: Parts) -> None:
    user = f"arn:aws:iam::{ACCOUNT}:user/team/ann"
    check(parts, [simulate(principal=user), get_role(ALERT_ROLE)], caller=user)


@pytest.mark.parametrize(
    ("caller", "why"),
    [
        (f"arn:aws:iam::{ACCOUNT}:root", "the root user has no policies"),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/ann", "a federated user's permissions"),
        ("", "use a role or an IAM user"),
    ],
)
def test_whoever_cannot_be_asked_about_is_refused_with_the_reason(parts: Parts, caller: str, why: str) -> None:
    assert why in refusal(parts, [], caller=caller)


def test_a_caller_whose_role_is_gone_is_refused(parts: Parts) -> None:
    assert "the role is gone" in refusal(parts, [("get_role", {"RoleName": "Admins"}, "NoSuchEntity")])


def test_the_check_of_the_caller_can_be_switched_off(parts: Parts, rules: Callable[[], list[str]]) -> None:
    check(parts, [get_role(ALERT_ROLE)], caller="", check_pass_role=False)
    assert len(rules()) == 1


# The role


def test_a_role_pinned_to_security_profiles_is_refused_with_the_statement_to_change(
    parts: Parts, rules: Callable[[], list[str]]
) -> None:
    pinned = f"arn:aws:iot:{REGION}:{ACCOUNT}:securityprofile/*"
    found = refusal(parts, [*USUAL[:2], get_role(ALERT_ROLE, trusting(pinned))])
    assert found.startswith(f"alertTargets.SNS.roleArn: AWS IoT cannot use '{ALERT_ROLE}'")
    changed = json.loads(found[found.index("{") :])
    assert changed["Condition"]["ArnLike"]["aws:SourceArn"] == [pinned, RULES]
    assert rules() == []
    check(parts, [*USUAL[:2], get_role(ALERT_ROLE, {"Version": "2012-10-17", "Statement": [changed]})])


def test_a_role_that_is_not_there_is_refused(parts: Parts) -> None:
    asked = {"RoleName": "thingwarden-test-alerts"}
    assert "there is none" in refusal(parts, [*USUAL[:2], ("get_role", asked, "NoSuchEntity")])


def test_a_role_of_that_name_at_another_path_is_another_one(parts: Parts) -> None:
    elsewhere = f"arn:aws:iam::{ACCOUNT}:role/elsewhere/thingwarden-test-alerts"
    found = refusal(parts, [*USUAL[:2], get_role(elsewhere)])
    assert f"the role of that name is {elsewhere!r}" in found


@pytest.mark.parametrize("name", ["a" * 65, "a role".replace(" ", "!"), ""])
def test_what_cannot_be_a_roles_name_is_no_role(parts: Parts, name: str) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/thingwarden/test/{name}"
    assert "there is none" in refusal(parts, [], role=role, check_pass_role=False)


def test_where_this_deployment_may_not_ask_it_says_so(parts: Parts) -> None:
    found = refusal(parts, [("get_role", {"RoleName": "Admins"}, "AccessDenied")])
    assert "this deployment lacks a permission: looking at role Admins" in found
    method, asked, _ = simulate()
    found = refusal(parts, [get_role(ADMINS), (method, asked, "AccessDenied")])
    assert f"this deployment lacks a permission: asking whether {ADMINS} may pass a role" in found


def test_where_iam_is_throttled_the_call_may_be_tried_again(parts: Parts) -> None:
    with pytest.raises(Unavailable):
        check(parts, [("get_role", {"RoleName": "Admins"}, "Throttling")])


def test_where_aws_iot_refuses_the_role_its_own_words_are_told(parts: Parts, aws: Clients) -> None:
    def refuse(**_: object) -> Any:
        said = "iot.amazonaws.com is unable to assume role (sts:AssumeRole) on resource: " + ALERT_ROLE
        error = {"Code": "InvalidRequestException", "Message": said}
        return type("Http", (), {"status_code": 400})(), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}

    aws("iot").meta.events.register("before-call.iot.CreateTopicRule", refuse)
    try:
        found = refusal(parts, USUAL)
    finally:
        aws("iot").meta.events.unregister("before-call.iot.CreateTopicRule", refuse)
    assert found.startswith(f"alertTargets.SNS.roleArn: AWS IoT cannot use '{ALERT_ROLE}': iot.amazonaws.com is unable")


# Through the API


@pytest.fixture
def tables() -> Iterator[tuple[SqliteTable, SqliteTable]]:
    with closing(SqliteTable(":memory:", keys.LOG)) as log, closing(SqliteTable(":memory:", keys.CONTROL)) as control:
        yield log, control


def api(tables: tuple[SqliteTable, SqliteTable], answers: list[str]) -> Router:
    """The control API, whose check takes the roles on the list."""

    def checked(target: AlertTarget) -> None:
        if target.role_arn not in answers:
            raise InvalidRequest("alertTargets.SNS.roleArn: another one")

    log = TableThingLog(tables[0])
    context = Context(
        account=ACCOUNT,
        region=REGION,
        partition="aws",
        catalogue=CatalogueStore(tables[1]),
        jobs=Jobs(tables[1]),
        violations=Violations(tables[1]),
        log=log,
        keep=log.keep,
        has_group=lambda _: True,
        child_groups=lambda _: (),
        event_days=30,
        datapoint_days=14,
        pager=Pager(b"k" * 32),
        clock=lambda: BEGINNING,
        check_delivery=checked,
    )
    return Router(service_model(), operations(context))


def test_a_profile_is_created_and_updated_only_with_a_target_that_will_do(
    tables: tuple[SqliteTable, SqliteTable],
) -> None:
    taken: list[str] = []
    at = api(tables, taken)
    given = {"securityProfileName": "p", "behaviors": [BEHAVIOR], "alertTargets": TARGET}
    assert error_of(at, "create_security_profile", **given)["Error"] == {
        "Code": "InvalidRequestException",
        "Message": "alertTargets.SNS.roleArn: another one",
    }
    assert call(at, "list_security_profiles")["securityProfileIdentifiers"] == []
    taken.append(ALERT_ROLE)
    call(at, "create_security_profile", **given)
    taken.clear()
    call(at, "update_security_profile", securityProfileName="p", securityProfileDescription="not about alerts")
    error = error_of(at, "update_security_profile", securityProfileName="p", alertTargets=TARGET)
    assert error["Error"]["Message"] == "alertTargets.SNS.roleArn: another one"
    assert call(at, "describe_security_profile", securityProfileName="p")["version"] == 2
