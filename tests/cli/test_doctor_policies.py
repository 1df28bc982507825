"""Which AWS IoT policies reach topic rules whose names nobody should know."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warden.cli.doctor.publishing import covers, intersect, reaches
from warden.domain.alerts.target import Home

HOME = Home("aws", "us-east-1", "123456789012")
RULE = "thingwarden_prod_alert_q7w2kz9x4m1t8r5v3b6n0c2y7d"
TOPIC = "arn:aws:iot:us-east-1:123456789012:topic"


def policy(*statements: tuple[str, Any, Any]) -> str:
    made = [{"Effect": effect, "Action": action, "Resource": resource} for effect, action, resource in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": made})


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        pytest.param("iot:Publish", "*", id="any resource"),
        pytest.param("iot:*", "*", id="any action"),
        pytest.param("*", "*", id="anything"),
        pytest.param("iot:Pub*", f"{TOPIC}/*", id="any topic, by a wildcard in the action"),
        pytest.param("IOT:publish", f"{TOPIC}/$aws/*", id="any reserved topic, in other letters"),
        pytest.param("iot:Publish", f"{TOPIC}/$aws/rules/*", id="any rule"),
        pytest.param("iot:Publish", f"{TOPIC}/$aws/rules/thingwarden_prod_*", id="any rule of ours"),
        pytest.param("iot:Publish", f"{TOPIC}/$aws/rules/*/telemetry", id="any rule, with one topic"),
        pytest.param("iot:Publish", f"{TOPIC}/$aws/rules/{'?' * len(RULE)}/*", id="any rule with a name so long"),
        pytest.param("iot:Publish", f"{TOPIC}/${{iot:ClientId}}/rules/*", id="a variable that may be $aws"),
        pytest.param("iot:Publish", f"{TOPIC}/${{$}}aws/rules/*", id="an escaped $"),
        pytest.param("iot:Publish", "arn:aws:iot:*:*:topic/*", id="any Region and account"),
        pytest.param(["iot:Connect", "iot:Publish"], [f"{TOPIC}/a", f"{TOPIC}/$aws/*"], id="one of several"),
    ],
)
def test_a_policy_that_reaches_any_rule_is_named_by_its_pattern(action: Any, resource: Any) -> None:
    found = reaches(policy(("Allow", action, resource)), HOME, RULE)
    assert found == (resource if isinstance(resource, str) else resource[-1])


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(policy(("Allow", "iot:Connect", "*")), id="another action"),
        pytest.param(policy(("Allow", "iot:Publish", f"{TOPIC}/warden/things/*")), id="other topics"),
        pytest.param(
            policy(("Allow", "iot:Publish", f"{TOPIC}/$aws/rules/thingwarden_prod_metrics/*")), id="the metrics rule"
        ),
        pytest.param(policy(("Allow", "iot:Publish", f"{TOPIC}/$aws/things/*")), id="other reserved topics"),
        pytest.param(policy(("Allow", "iot:Publish", "arn:aws:iot:eu-west-1:123456789012:topic/*")), id="elsewhere"),
        pytest.param(policy(("Deny", "iot:Publish", "*")), id="only a Deny"),
        pytest.param(
            policy(("Allow", "iot:*", "*"), ("Deny", "iot:Publish", f"{TOPIC}/$aws/rules/*")), id="all but the rules"
        ),
        pytest.param(
            policy(("Allow", "iot:Publish", f"{TOPIC}/$aws/rules/*/x"), ("Deny", "iot:*", f"{TOPIC}/$aws/*")),
            id="denied with more",
        ),
        pytest.param("not JSON", id="no JSON"),
        pytest.param("[]", id="no policy"),
    ],
)
def test_a_policy_that_reaches_none_is_not(document: str) -> None:
    assert reaches(document, HOME, RULE) is None


@pytest.mark.parametrize(
    "deny",
    [
        pytest.param(("Deny", "iot:Publish", f"{TOPIC}/$aws/rules/other/*"), id="another rule's Deny"),
        pytest.param(("Deny", "iot:Subscribe", "*"), id="another action's Deny"),
        pytest.param(("Deny", "iot:Publish", f"{TOPIC}/${{iot:ClientId}}*"), id="a Deny for some clients"),
    ],
)
def test_a_deny_helps_only_where_it_covers_what_is_allowed(deny: tuple[str, str, str]) -> None:
    assert reaches(policy(("Allow", "iot:Publish", "*"), deny), HOME, RULE) == "*"


PATTERNS = st.text("ab*?", max_size=8)


@given(PATTERNS, PATTERNS, st.text("ab", max_size=6))
def test_patterns_that_match_one_text_meet(one: str, other: str, text: str) -> None:
    if covers(one, text) and covers(other, text):
        assert intersect(one, other)
        assert intersect(other, one)


@given(PATTERNS, st.text("ab", max_size=6))
def test_a_pattern_meets_a_text_just_where_it_covers_it(pattern: str, text: str) -> None:
    assert intersect(pattern, text) is covers(pattern, text)
