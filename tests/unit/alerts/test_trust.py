"""Which roles AWS IoT may use for a rule, and what the one who may not use is told to change."""

import json
from typing import Any

import pytest

from tests.unit.alerts.given import ACCOUNT, REGION
from warden.domain.alerts.target import Home
from warden.domain.alerts.trust import statement_to_use, trust_problem

HOME = Home("aws", REGION, ACCOUNT)
RULE = "thingwarden_prod_alert_" + "x" * 26
RULES = f"arn:aws:iot:{REGION}:{ACCOUNT}:rule/*"
PROFILES = f"arn:aws:iot:{REGION}:{ACCOUNT}:securityprofile/*"


def statement(condition: Any = None, **members: Any) -> dict[str, Any]:
    given = {"Effect": "Allow", "Principal": {"Service": "iot.amazonaws.com"}, "Action": "sts:AssumeRole", **members}
    given = {name: value for name, value in given.items() if value is not None}
    return given if condition is None else given | {"Condition": condition}


def problem(*statements: dict[str, Any]) -> str | None:
    return trust_problem({"Version": "2012-10-17", "Statement": list(statements)}, HOME, RULE)


def proposed(said: str) -> dict[str, Any]:
    """The statement that a refusal ends with."""
    found: dict[str, Any] = json.loads(said[said.index("{") :])
    return found


ACCEPTED = {
    "no condition": statement(),
    "the one to use": statement_to_use(HOME),
    "several services": statement(Principal={"Service": ["lambda.amazonaws.com", "iot.amazonaws.com"]}),
    "every action of sts": statement(Action=["sts:TagSession", "sts:*"]),
    "an action in another case": statement(Action="STS:assumerole"),
    "all but another action": statement(Action=None, NotAction="sts:TagSession"),
    "the rule itself": statement({"ArnEquals": {"aws:SourceArn": f"arn:aws:iot:{REGION}:{ACCOUNT}:rule/{RULE}"}}),
    "one of several ARNs": statement({"ArnLike": {"aws:SourceArn": [PROFILES, RULES]}}),
    "any of the account's IoT": statement({"ArnLike": {"AWS:SourceARN": f"arn:aws:iot:*:{ACCOUNT}:*"}}),
    "by text": statement({"StringLike": {"aws:SourceArn": f"arn:aws:iot:{REGION}:{ACCOUNT}:rule/thingwarden_*"}}),
    "by exact text": statement({"StringEquals": {"aws:SourceArn": f"arn:aws:iot:{REGION}:{ACCOUNT}:rule/{RULE}"}}),
    "if there is one": statement({"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}}),
    "some letter": statement({"StringLike": {"aws:SourceAccount": ACCOUNT[:-1] + "?"}}),
    "not another account": statement({"StringNotEquals": {"aws:SourceAccount": "000000000000"}}),
    "not like profiles": statement({"ArnNotLike": {"aws:SourceArn": PROFILES}}),
    "whatever the case": statement({"StringEqualsIgnoreCase": {"aws:SourceArn": RULES.replace("*", RULE).upper()}}),
    "only with a source": statement({"Null": {"aws:SourceArn": "false"}}),
    "for any value": statement({"ForAnyValue:StringEquals": {"aws:SourceAccount": [ACCOUNT]}}),
}

REFUSED = {
    "another service": statement(Principal={"Service": "lambda.amazonaws.com"}),
    "an account": statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
    "anybody, which may not mean services": statement(Principal="*"),
    "all but somebody": statement(Principal=None, NotPrincipal={"AWS": "x"}),
    "another action": statement(Action="sts:TagSession"),
    "all but this action": statement(Action=None, NotAction="sts:AssumeRole"),
    "another account": statement({"StringEquals": {"aws:SourceAccount": "000000000000"}}),
    "not this account": statement({"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}),
    "profiles only": statement({"ArnLike": {"aws:SourceArn": PROFILES}}),
    "another Region": statement({"ArnLike": {"aws:SourceArn": RULES.replace(REGION, "us-east-1")}}),
    "ARN parts are compared one by one": statement({"ArnLike": {"aws:SourceArn": "arn:*"}}),
    "a star is a letter where texts are equal": statement({"StringEquals": {"aws:SourceArn": RULES}}),
    "only without a source": statement({"Null": {"aws:SourceArn": "true"}}),
    "an operator that nobody knows": statement({"StringMatches": {"aws:SourceArn": RULES}}),
    "a number of an account": statement({"NumericEquals": {"aws:SourceAccount": ACCOUNT}}),
    "a key that is not known": statement({"StringEquals": {"sts:ExternalId": "x"}}),
    "a key that is not known, if it exists": statement({"StringEqualsIfExists": {"aws:SourceOrgID": "o-1"}}),
    "a variable": statement({"StringEquals": {"aws:SourceAccount": "${aws:PrincipalAccount}"}}),
    "not a variable": statement({"StringNotEquals": {"aws:SourceAccount": "${aws:PrincipalAccount}"}}),
    "one of two conditions": statement(
        {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": PROFILES}}
    ),
    "conditions that are none": statement("StringEquals"),
}


@pytest.mark.parametrize("allowing", ACCEPTED.values(), ids=ACCEPTED)
def test_a_role_that_aws_iot_may_assume_for_a_rule_will_do(allowing: dict[str, Any]) -> None:
    assert problem(statement(Principal={"Service": "ec2.amazonaws.com"}), allowing) is None


@pytest.mark.parametrize("refusing", REFUSED.values(), ids=REFUSED)
def test_a_role_that_aws_iot_may_not_assume_is_refused_with_a_statement_that_does(refusing: dict[str, Any]) -> None:
    said = problem(refusing)
    assert said
    assert problem(proposed(said)) is None


def test_a_single_statement_needs_no_list() -> None:
    assert trust_problem({"Statement": statement()}, HOME, RULE) is None


@pytest.mark.parametrize("document", [None, "x", [], {}, {"Statement": ["x"]}, {"Statement": {"Effect": "Allow"}}])
def test_what_is_no_policy_lets_nobody(document: Any) -> None:
    said = trust_problem(document, HOME, RULE)
    assert said
    assert proposed(said) == statement_to_use(HOME)


@pytest.mark.parametrize(
    "denying",
    [
        statement(Effect="Deny"),
        statement({"ArnLike": {"aws:SourceArn": RULES}}, Effect="Deny"),
        statement({"StringEquals": {"aws:SourceOrgID": "o-1"}}, Effect="Deny"),
        statement(Effect="Deny", Principal="*"),
    ],
    ids=["always", "for rules", "perhaps", "to anybody"],
)
def test_a_statement_that_denies_or_may_deny_it_counts(denying: dict[str, Any]) -> None:
    said = problem(statement(), denying)
    assert said
    assert "Effect Deny" in said


def test_a_statement_that_denies_something_else_does_not_count() -> None:
    assert problem(statement(), statement({"ArnLike": {"aws:SourceArn": PROFILES}}, Effect="Deny")) is None


def test_a_role_pinned_to_security_profiles_is_refused_with_its_own_statement_changed() -> None:
    pinned = {
        "Sid": "DeviceDefender",
        **statement({"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": PROFILES}}),
    }
    said = problem(pinned)
    assert said
    assert f"allow {RULES} as well" in said
    changed = json.loads(json.dumps(pinned))
    changed["Condition"]["ArnLike"]["aws:SourceArn"] = [PROFILES, RULES]
    assert proposed(said) == changed
    assert pinned["Condition"]["ArnLike"]["aws:SourceArn"] == PROFILES


def test_a_role_pinned_by_exact_text_is_told_to_compare_arns() -> None:
    exact = PROFILES.replace("*", "cameras")
    said = problem(statement({"StringEquals": {"aws:SourceArn": exact, "aws:SourceAccount": ACCOUNT}}))
    assert said
    assert proposed(said)["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": [exact, RULES]},
    }


def test_what_cannot_be_judged_is_named() -> None:
    said = problem(statement({"NumericEquals": {"aws:SourceAccount": "1"}, "Bool": {"aws:SecureTransport": "true"}}))
    assert said
    assert "NumericEquals aws:SourceAccount, Bool aws:SecureTransport" in said
