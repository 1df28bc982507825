"""A role's statements, and whether they allow what a function needs. Source: IAM User Guide, Policy evaluation logic.

Only what the stack writes is known here; a Deny, or another condition than equality, is an error.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.infra.conftest import statements
from tests.infra.deployed import Deployed
from tests.infra.iam.calls import Need


@dataclass(frozen=True)
class Grant:
    """One action on one resource, as a statement allows it.

    Attributes:
        action: Without wildcards.
        resource: An ARN with wildcards.
        when: Values that condition keys must have.
    """

    action: str
    resource: str
    when: tuple[tuple[str, str], ...] = ()

    def allows(self, need: Need) -> bool:
        """Whether it is enough for a need."""
        return (
            self.action.lower() == need.action.lower()
            and bool(_pattern(self.resource).fullmatch(need.resource))
            and {*self.when} <= {*need.context}
        )

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"


def grants(deployed: Deployed, function: str) -> set[Grant]:
    """All that a function's role allows."""
    role = deployed.functions[function]["Role"]["Fn::GetAtt"][0]
    return {grant for statement in statements(deployed.template, role) for grant in _grants(statement, deployed)}


def _grants(statement: Mapping[str, Any], deployed: Deployed) -> Iterator[Grant]:
    assert {*statement} <= {"Effect", "Action", "Resource", "Condition"}, statement
    assert statement["Effect"] == "Allow", statement
    when = _equalities(statement.get("Condition", {}))
    for action in statement["Action"]:
        assert "*" not in action, action
        for resource in statement["Resource"]:
            yield Grant(action, deployed.text(resource), when)


def _equalities(condition: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    assert {*condition} <= {"StringEquals"}, condition
    return tuple(condition.get("StringEquals", {}).items())


@cache
def _pattern(resource: str) -> re.Pattern[str]:
    """IAM's wildcards: any characters, slashes too, and any one."""
    return re.compile(re.escape(resource).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def missing(needs: set[Need], allowed: set[Grant]) -> Sequence[str]:
    """What is needed and not allowed."""
    return sorted(
        f"{need.action} on {need.resource}" for need in needs if not any(grant.allows(need) for grant in allowed)
    )


def unused(needs: set[Need], allowed: set[Grant]) -> Sequence[str]:
    """What is allowed and nothing needs."""
    return sorted(str(grant) for grant in allowed if not any(grant.allows(need) for need in needs))
