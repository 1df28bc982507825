"""Which alert targets a profile may name on AWS, and who may name them."""

import pytest

from tests.unit.alerts.given import ACCOUNT, REGION, ROLE, TOPIC
from warden.domain.alerts.caller import Role, User, caller
from warden.domain.alerts.rule import LONGEST_TOPIC_NAME, DeliveryRule
from warden.domain.alerts.target import Home, delivery_problems, is_like
from warden.domain.behaviors.profile import AlertTarget

HOME = Home("aws", REGION, ACCOUNT)
PATTERNS = (f"arn:aws:iam::{ACCOUNT}:role/thingwarden/prod/*", f"arn:aws:iam::{ACCOUNT}:role/ours/a-*")


def problems(topic: str = TOPIC, role: str = ROLE) -> list[str]:
    return list(delivery_problems(AlertTarget(alert_target_arn=topic, role_arn=role), HOME, PATTERNS))


@pytest.mark.parametrize(
    ("topic", "role"),
    [
        (TOPIC, ROLE),
        (TOPIC, f"arn:aws:iam::{ACCOUNT}:role/ours/a-1"),
        (f"arn:aws:sns:{REGION}:{ACCOUNT}:{'t' * LONGEST_TOPIC_NAME}", ROLE),
        (f"arn:aws:sns:{REGION}:999999999999:alerts", ROLE),
    ],
    ids=["the stack's", "of another pattern", "the longest name", "a topic of another account"],
)
def test_alerts_can_go_there(topic: str, role: str) -> None:
    assert problems(topic, role) == []


@pytest.mark.parametrize(
    ("topic", "role", "said"),
    [
        (f"arn:aws:sns:us-east-1:{ACCOUNT}:alerts", ROLE, f"expected a topic in Region {REGION}"),
        (f"arn:aws-cn:sns:{REGION}:{ACCOUNT}:alerts", ROLE, "expected a topic in partition aws"),
        (f"{TOPIC}.fifo", ROLE, "expected a standard topic"),
        (
            f"arn:aws:sns:{REGION}:{ACCOUNT}:{'t' * (LONGEST_TOPIC_NAME + 1)}",
            ROLE,
            "expected a topic name of at most 210 characters, got 211",
        ),
        (TOPIC, "arn:aws:iam::999999999999:role/thingwarden/prod/alerts", "expected a role of this account"),
        (TOPIC, f"arn:aws:iam::{ACCOUNT}:role/alerts", f"{PATTERNS[0]} or {PATTERNS[1]}"),
    ],
    ids=["Region", "partition", "FIFO", "name", "account", "patterns"],
)
def test_a_refusal_names_member_value_and_what_is_allowed(topic: str, role: str, said: str) -> None:
    (found,) = problems(topic, role)
    member, wrong = ("alertTargetArn", topic) if role == ROLE else ("roleArn", role)
    assert found.startswith(f"alertTargets.SNS.{member}: ")
    assert said in found
    assert repr(wrong) in found


def test_the_longest_topic_fits_behind_a_rules_name_after_years_of_attempts() -> None:
    rule = DeliveryRule(role_arn=ROLE, name="r", secret="s" * 26, created_at=1)
    topic = rule.alert_topic(99_999, f"arn:aws:sns:{REGION}:{ACCOUNT}:{'t' * LONGEST_TOPIC_NAME}")
    assert topic == f"$aws/rules/r/{'s' * 26}/99999/{ACCOUNT}/{'t' * LONGEST_TOPIC_NAME}"
    assert len(topic.removeprefix("$aws/rules/r/")) <= 256
    assert topic.removeprefix("$aws/rules/r/").count("/") <= 7


@pytest.mark.parametrize(
    ("text", "pattern", "like"),
    [
        ("role/a", "role/*", True),
        ("role/a", "role/?", True),
        ("role/ab", "role/?", False),
        ("role/", "role/*", True),
        ("xrole/a", "role/*", False),
        ("role/[a]", "role/[a]", True),
        ("role/a", "role/[a]", False),
        ("role.a", "role?a", True),
        ("a" * 100, "*a" * 60 + "b", False),
    ],
)
def test_patterns_are_those_of_iam(text: str, pattern: str, like: bool) -> None:
    assert is_like(text, pattern) is like


@pytest.mark.parametrize(
    ("arn", "who"),
    [
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/me@example.com", Role("Admin")),
        (f"arn:aws:iam::{ACCOUNT}:user/team/ann", User(f"arn:aws:iam::{ACCOUNT}:user/team/ann")),
    ],
)
def test_a_caller_is_a_user_or_the_role_behind_a_session(arn: str, who: object) -> None:
    assert caller(arn, ACCOUNT) == who


@pytest.mark.parametrize(
    ("arn", "why"),
    [
        (f"arn:aws:iam::{ACCOUNT}:root", "root user"),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/ann", "federated user"),
        ("arn:aws:sts::999999999999:assumed-role/Admin/x", "another account"),
        ("arn:aws:iam::999999999999:user/ann", "another account"),
        (f"arn:aws:sts::{ACCOUNT}:self", "use a role or an IAM user"),
        ("", "use a role or an IAM user"),
        ("anonymous", "use a role or an IAM user"),
    ],
)
def test_who_cannot_be_asked_about_is_told_why(arn: str, why: str) -> None:
    found = caller(arn, ACCOUNT)
    assert isinstance(found, str)
    assert why in found
