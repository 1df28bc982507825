"""Whether an alert role lets AWS IoT use it for a rule, and what to change where it does not.

AWS tells its users to pin alert roles to `…:securityprofile/NAME`. Here alerts leave through an AWS IoT rule.
Source: AWS IoT Developer Guide, Granting an AWS IoT rule the access it requires.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

from warden.domain.alerts.policy import ASSUME, judged, listed, names, statements, trusts
from warden.domain.alerts.target import Home

SERVICE: Final = "iot.amazonaws.com"
ACCOUNT_KEY, ARN_KEY = "aws:SourceAccount", "aws:SourceArn"

Statement = Mapping[str, Any]


def trust_problem(document: Any, home: Home, rule: str) -> str | None:
    """What is wrong with a role's trust policy, with the statement to use; None where AWS IoT may assume the role.

    Args:
        document: The policy, decoded from its JSON.
        home: Where the rule is.
        rule: Its name.
    """
    context = {ACCOUNT_KEY.lower(): home.account, ARN_KEY.lower(): home.iot_arn(f"rule/{rule}")}
    if trusts(document, SERVICE, context):
        return None
    found = [statement for statement in statements(document) if names(statement, SERVICE) is True]
    denying = [statement for statement in found if statement.get("Effect") == "Deny"]
    allowing = [statement for statement in found if statement.get("Effect") == "Allow"]
    if any(all(answer is True for *_, answer in judged(each, context)) for each in allowing) or denying:
        return f"a statement with Effect Deny keeps {SERVICE} from assuming it, or may do so; {_to_use(home)}"
    if not allowing:
        return f"its trust policy has no statement that lets {SERVICE} assume it; {_to_use(home)}"
    return _narrow(allowing[0], home, context)


def _narrow(statement: Statement, home: Home, context: Mapping[str, str]) -> str:
    """What to say of a statement whose conditions do not hold."""
    failing = [(operator, key) for operator, key, answer in judged(statement, context) if answer is not True]
    why = ", ".join(f"{operator} {key}" for operator, key in failing)
    widened = _widened(statement, failing, home)
    if widened and trusts({"Statement": [widened]}, SERVICE, context):
        return (
            f"its trust policy does not let {SERVICE} assume it for an AWS IoT rule, through which alerts leave "
            f"({why}): allow {home.iot_arn('rule/*')} as well, by changing the statement to {_text(widened)}"
        )
    return f"it cannot be told that its trust policy lets {SERVICE} assume it ({why}); {_to_use(home)}"


def _widened(statement: Statement, failing: list[tuple[str, str]], home: Home) -> Statement | None:
    """The statement, with a rule's ARN and this account added to its conditions; None where these are others."""
    changed = deepcopy(dict(statement))
    conditions = changed.get("Condition", {})
    for operator, key in failing:
        kind = operator.lower().removesuffix("ifexists")
        if key.lower() == ARN_KEY.lower() and kind in ("arnlike", "arnequals", "stringlike"):
            conditions[operator][key] = [*listed(conditions[operator][key]), home.iot_arn("rule/*")]
        elif key.lower() == ARN_KEY.lower() and kind == "stringequals":
            values = listed(conditions[operator].pop(key))
            like = conditions.setdefault("ArnLike", {})
            like[key] = [*listed(like.get(key, [])), *values, home.iot_arn("rule/*")]
            conditions = {name: tests for name, tests in conditions.items() if tests}
            changed["Condition"] = conditions
        elif key.lower() == ACCOUNT_KEY.lower() and kind in ("stringequals", "stringlike"):
            conditions[operator][key] = [*listed(conditions[operator][key]), home.account]
        else:
            return None
    return changed


def _to_use(home: Home) -> str:
    return f"a statement that does: {_text(statement_to_use(home))}"


def statement_to_use(home: Home) -> Statement:
    """The trust statement of an alert role, as the stack's own has it."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": SERVICE},
        "Action": ASSUME,
        "Condition": {
            "StringEquals": {ACCOUNT_KEY: home.account},
            "ArnLike": {ARN_KEY: home.iot_arn("rule/*")},
        },
    }


def _text(statement: Statement) -> str:
    return json.dumps(statement)
