"""Behaviors of custom metrics: each type with its operators and values, and no others."""

from typing import Any

import pytest

from tests.contract.account import Account, behavior

COMPARISONS = ["less-than", "less-than-equals", "greater-than", "greater-than-equals"]
SETS, CIDRS, PORTS = ([f"in-{kind}", f"not-in-{kind}"] for kind in ("set", "cidr-set", "port-set"))
OPERATORS = [*COMPARISONS, *SETS, *CIDRS, *PORTS]
TYPES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "number": (COMPARISONS, {"number": 1.5}),
    "number-list": (SETS, {"numbers": [1.5]}),
    "string-list": (SETS, {"strings": ["root"]}),
    "ip-address-list": (CIDRS, {"cidrs": ["10.0.0.0/8"]}),
}
VALUES: dict[str, Any] = {
    "count": 1, "cidrs": ["10.0.0.0/8"], "ports": [1], "number": 1.5, "numbers": [1.5], "strings": ["root"],
}  # fmt: skip
OF_OTHERS = [
    (kind, member)
    for kind, (_, value) in TYPES.items()
    for member in VALUES
    if member not in value and (kind, member) != ("number", "count")
]


@pytest.fixture
def metrics(account: Account) -> Account:
    """One custom metric of each type, named as it."""
    for kind in TYPES:
        account("create_custom_metric", metricName=kind, metricType=kind)
    return account


def problem(account: Account, said: dict[str, Any]) -> str:
    """What a profile with one behavior is refused for; the same that validation finds; empty where it is taken."""
    found = account("validate_security_profile_behaviors", behaviors=[said])
    if found["valid"]:
        account("create_security_profile", securityProfileName="p", behaviors=[said])
        return ""
    code, status, message = account.refusal("create_security_profile", securityProfileName="p", behaviors=[said])
    assert (code, status) == ("InvalidRequestException", 400)
    assert [each["errorMessage"] for each in found["validationErrors"]] == message.split("; ")
    return message


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("kind", TYPES)
def test_a_type_takes_its_own_operators_and_no_others(metrics: Account, kind: str, operator: str) -> None:
    allowed, value = TYPES[kind]

    found = problem(metrics, behavior(kind, operator, value))

    if operator in allowed:
        assert found == ""
    else:
        assert found.startswith("behaviors[0].criteria.comparisonOperator: ")
        assert repr(operator) in found
        assert all(each in found for each in allowed)


@pytest.mark.parametrize(("kind", "member"), OF_OTHERS, ids=" of ".join)
def test_a_value_of_another_type_is_named(metrics: Account, kind: str, member: str) -> None:
    [operators, value] = TYPES[kind]
    found = problem(metrics, behavior(kind, operators[0], {member: VALUES[member]}))
    assert found.startswith("behaviors[0].criteria.value: ")
    assert f"got {member}" in found
    assert next(iter(value)) in found


@pytest.mark.parametrize("kind", TYPES)
def test_a_value_is_given_once(metrics: Account, kind: str) -> None:
    [operators, value] = TYPES[kind]
    assert "got nothing" in problem(metrics, behavior(kind, operators[0], {}))
    both = problem(metrics, behavior(kind, operators[0], {**value, "ports": [1]}))
    assert both.startswith("behaviors[0].criteria.value: ")


def test_a_number_may_be_compared_with_a_count(metrics: Account) -> None:
    """AWS's agents were documented so."""
    assert problem(metrics, behavior("number", "less-than", {"count": 5})) == ""


@pytest.mark.parametrize("kind", ["number-list", "string-list", "ip-address-list"])
def test_a_list_has_no_duration(metrics: Account, kind: str) -> None:
    [operators, value] = TYPES[kind]
    found = problem(metrics, behavior(kind, operators[0], value, durationSeconds=300))
    assert found.startswith("behaviors[0].criteria.durationSeconds: ")


@pytest.mark.parametrize("seconds", [300, 600, 900, 1800, 3600])
def test_a_number_may_have_a_duration_of_awss(metrics: Account, seconds: int) -> None:
    assert problem(metrics, behavior("number", "less-than", {"number": 5.0}, durationSeconds=seconds)) == ""


@pytest.mark.parametrize("seconds", [0, 1, 301, 7200, -300])
def test_a_duration_that_aws_does_not_have_is_named(metrics: Account, seconds: int) -> None:
    found = problem(metrics, behavior("number", "less-than", {"number": 5.0}, durationSeconds=seconds))
    assert found.startswith("behaviors[0].criteria.durationSeconds: ")
    assert found.endswith(f"got {seconds}")


@pytest.mark.parametrize("count", ["consecutiveDatapointsToAlarm", "consecutiveDatapointsToClear"])
@pytest.mark.parametrize("kind", TYPES)
def test_any_type_takes_consecutive_datapoints(metrics: Account, kind: str, count: str) -> None:
    [operators, value] = TYPES[kind]
    assert problem(metrics, behavior(kind, operators[0], value, **{count: 10})) == ""


def test_an_address_that_is_none_is_named_by_its_place(metrics: Account) -> None:
    said = behavior("ip-address-list", "in-cidr-set", {"cidrs": ["10.0.0.0/8", "10.0.0.0/33"]})
    assert problem(metrics, said).startswith("behaviors[0].criteria.value.cidrs[1]: ")


def test_a_metric_that_is_not_defined_is_named_with_those_that_are(metrics: Account) -> None:
    found = problem(metrics, behavior("nunber", "less-than", {"number": 5.0}))
    assert found.startswith("behaviors[0].metric: ")
    assert "ip-address-list, number, number-list, string-list" in found
    assert found.endswith("got 'nunber'")


@pytest.mark.parametrize(
    ("member", "where"),
    [
        ({"additionalMetricsToRetain": ["aws:all-bytes-out", "other"]}, "additionalMetricsToRetain[1]: "),
        ({"additionalMetricsToRetainV2": [{"metric": "other"}]}, "additionalMetricsToRetainV2[0].metric: "),
        (
            {
                "additionalMetricsToRetainV2": [
                    {"metric": "aws:num-messages-sent", "metricDimension": {"dimensionName": "other"}}
                ]
            },
            "additionalMetricsToRetainV2[0].metricDimension.dimensionName: ",
        ),
    ],
    ids=["a metric, the older way", "a metric", "a dimension"],
)
def test_what_a_profile_retains_has_to_be_defined(metrics: Account, member: dict[str, Any], where: str) -> None:
    code, status, message = metrics.refusal("create_security_profile", securityProfileName="p", **member)
    assert (code, status) == ("InvalidRequestException", 400)
    assert message.startswith(where)
    assert "'other'" in message

    metrics("create_security_profile", securityProfileName="p")
    assert metrics.refusal("update_security_profile", securityProfileName="p", **member)[2].startswith(where)
