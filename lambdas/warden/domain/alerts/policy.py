"""Whether a role's trust policy lets a service assume the role on behalf of some resource.

Three answers: yes, no, and None for what cannot be told from here, such as a condition key whose value only AWS knows.
Source: IAM User Guide, Policy evaluation logic and JSON policy elements: Condition operators.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from warden.domain.alerts.target import is_like

Answer = bool | None
Context = Mapping[str, str]
"""Condition keys, in lower case, and what they are in the request."""

ASSUME: Final = "sts:AssumeRole"


def trusts(document: Any, service: str, context: Context) -> bool:
    """Whether a trust policy surely lets a service assume its role.

    Args:
        document: The policy, decoded from its JSON.
        service: The service principal.
        context: The request's condition keys; what is not in it is unknown.
    """
    found = [(statement.get("Effect"), applies(statement, service, context)) for statement in statements(document)]
    denied = any(answer is not False for effect, answer in found if effect == "Deny")
    return not denied and any(answer is True for effect, answer in found if effect == "Allow")


def statements(document: Any) -> list[Mapping[str, Any]]:
    """A policy's statements."""
    given = document.get("Statement", ()) if isinstance(document, Mapping) else ()
    return [statement for statement in listed(given) if isinstance(statement, Mapping)]


def applies(statement: Mapping[str, Any], service: str, context: Context) -> Answer:
    """Whether a statement is about a service's assuming the role, in this context."""
    conditions = (answer for _, _, answer in judged(statement, context))
    return _all([names(statement, service), *conditions])


def names(statement: Mapping[str, Any], service: str) -> Answer:
    """Whether a statement is about a service's assuming the role, whatever its conditions."""
    return _all([_names_principal(statement, service), _names_action(statement)])


def _names_principal(statement: Mapping[str, Any], service: str) -> Answer:
    if "Principal" in statement:
        principal = statement["Principal"]
        if isinstance(principal, Mapping):
            if service in listed(principal.get("Service", ())):
                return True
            return None if "*" in listed(principal.get("AWS", ())) else False
        return None  # "*": whether that means services is AWS's to say
    excluded = statement.get("NotPrincipal")
    return False if isinstance(excluded, Mapping) and service in listed(excluded.get("Service", ())) else None


def _names_action(statement: Mapping[str, Any]) -> bool:
    negated = "NotAction" in statement
    patterns = listed(statement.get("NotAction" if negated else "Action", ()))
    return negated is not any(is_like(ASSUME.lower(), str(pattern).lower()) for pattern in patterns)


def judged(statement: Mapping[str, Any], context: Context) -> Iterator[tuple[str, str, Answer]]:
    """Each condition of a statement: its operator, its key, and whether it holds."""
    conditions = statement.get("Condition", {})
    for operator, tests in conditions.items() if isinstance(conditions, Mapping) else [("Condition", conditions)]:
        if not isinstance(tests, Mapping):
            yield operator, "", None
            continue
        for key, values in tests.items():
            yield operator, key, _holds(operator, key, [str(value) for value in listed(values)], context)


def _holds(operator: str, key: str, values: list[str], context: Context) -> Answer:
    name = operator.lower().removeprefix("forallvalues:").removeprefix("foranyvalue:").removesuffix("ifexists")
    actual = context.get(key.lower())
    if actual is None:
        return None
    if name == "null":
        return any(value.lower() == "false" for value in values)
    negated = name.replace("not", "", 1) in OPERATORS and name not in OPERATORS
    same = OPERATORS.get(name.replace("not", "", 1) if negated else name)
    if same is None or any("${" in value for value in values):
        return None
    return any(same(actual, value) for value in values) is not negated


def _is_arn_like(arn: str, pattern: str) -> bool:
    """Each of an ARN's six parts is compared by itself; ArnEquals does the same."""
    parts, patterns = arn.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(patterns) and all(map(is_like, parts, patterns))


OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "stringequals": lambda actual, value: actual == value,
    "stringequalsignorecase": lambda actual, value: actual.lower() == value.lower(),
    "stringlike": is_like,
    "arnequals": _is_arn_like,
    "arnlike": _is_arn_like,
}
"""The positive comparisons that are understood; each has a negative one, with Not in its name."""


def listed(given: Any) -> list[Any]:
    """What a policy gives as one value or as several."""
    return list(given) if isinstance(given, list | tuple) else [given]


def _all(answers: Iterable[Answer]) -> Answer:
    found = list(answers)
    if False in found:
        return False
    return None if None in found else True
