"""ValidateSecurityProfileBehaviors: it answers what is wrong instead of refusing it, all of it, each by its path."""

import json
from typing import Any

import pytest

from tests.contract.account import Account, behavior
from tests.contract.iot import service_model
from tests.contract.requests import written
from warden.domain.behaviors.limits import Limits

FINE = behavior("aws:listening-tcp-ports", "in-port-set", {"ports": [22]})


def errors(account: Account, *behaviors: Any) -> list[str]:
    """What is told of behaviors that botocore would not always send."""
    operation = service_model().operation_model("ValidateSecurityProfileBehaviors")
    answer = account.handle(written(operation, {"behaviors": list(behaviors)}))
    assert answer.status == 200
    told = json.loads(answer.body)
    assert told["valid"] is (not told["validationErrors"])
    return [each["errorMessage"] for each in told["validationErrors"]]


def paths(told: list[str]) -> list[str]:
    return [each.split(": ")[0] for each in told]


def test_behaviors_that_can_be_judged_are_valid(account: Account) -> None:
    assert account("validate_security_profile_behaviors", behaviors=[FINE]) == {"valid": True, "validationErrors": []}
    assert account("validate_security_profile_behaviors", behaviors=[])["valid"] is True


def test_a_range_that_the_model_has_is_told_as_aws_tells_it(account: Account) -> None:
    """AWS's own answer to this: `Behavior X is malformed. consecutiveDatapointsToAlarm 100000 should be in
    range[1,10]`."""
    said = behavior("aws:listening-tcp-ports", "in-port-set", {"ports": [22]}, consecutiveDatapointsToAlarm=100000)
    answer = account("validate_security_profile_behaviors", behaviors=[said])
    assert answer["valid"] is False
    [told] = answer["validationErrors"]
    assert told["errorMessage"] == (
        "behaviors[0].criteria.consecutiveDatapointsToAlarm: expected an integer from 1 to 10, got 100000"
    )


def test_every_problem_of_every_behavior_is_told_what_the_model_rules_out_and_what_not(account: Account) -> None:
    found = errors(
        account,
        FINE,
        {**FINE, "name": "n,1", "metirc": "x", "criteria": {"value": {"ports": [70000, "a"]}}},
        behavior("aws:all-bytes-out", "in-set", {"numbers": [1.0]}, name="two", durationSeconds=301),
        {"metric": "aws:all-bytes-out"},
        behavior("nothing", "less-than", {"count": 1}, name="four"),
        {"name": "five", "metric": "aws:num-messages-sent", "metricDimension": {"dimensionName": "d"}},
        {**FINE, "criteria": {"mlDetectionConfig": {"confidenceLevel": "HIGH"}}, "name": "six"},
    )
    assert sorted(paths(found)) == [
        "behaviors[1].criteria.value.ports[0]",
        "behaviors[1].criteria.value.ports[1]",
        "behaviors[1].metirc",
        "behaviors[1].name",
        "behaviors[2].criteria.comparisonOperator",
        "behaviors[2].criteria.durationSeconds",
        "behaviors[2].criteria.value",
        "behaviors[3].name",
        "behaviors[4].metric",
        "behaviors[5].metric",
        "behaviors[5].metricDimension",
        "behaviors[6].criteria.mlDetectionConfig",
    ]


def test_a_name_that_is_used_again_is_told(account: Account) -> None:
    [told] = errors(account, FINE, FINE)
    assert told == "behaviors: a name is used once, got 'one' 2 times"


def test_whatever_of_behaviors_a_creation_would_refuse_is_told() -> None:
    """Also how many there are, and how many elements their values have."""
    account = Account(limits=Limits(behaviors_per_profile=1, value_elements_per_profile=3))
    behaviors = [FINE, behavior("aws:listening-udp-ports", "in-port-set", {"ports": [1, 2, 3]}, name="two")]

    found = errors(account, *behaviors)

    assert paths(found) == ["behaviors", "behaviors"]
    message = account.refusal("create_security_profile", securityProfileName="p", behaviors=behaviors)[2]
    assert message.split("; ") == found


@pytest.mark.parametrize(
    "behaviors", [None, "a", {"0": FINE}, [{"name": "n"}] * 101], ids=["missing", "a text", "an object", "too many"]
)
def test_what_is_no_list_of_a_hundred_is_refused(account: Account, behaviors: Any) -> None:
    operation = service_model().operation_model("ValidateSecurityProfileBehaviors")
    answer = account.handle(written(operation, {"behaviors": behaviors}))
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (400, "InvalidRequestException")
    assert json.loads(answer.body)["message"].startswith("behaviors: expected a list of at most 100 items, got ")


@pytest.mark.parametrize("odd", [5, "a", [], None, {"name": 5}, {"name": "n", "criteria": 5}], ids=repr)
def test_a_behavior_of_any_form_is_told_of_also_behind_a_hundred_problems(account: Account, odd: Any) -> None:
    """A hundred problems are told; what is behind them is not looked at."""
    assert errors(account, FINE, odd)
    broken = behavior("aws:listening-tcp-ports", "in-port-set", {"ports": [70000] * 150})
    found = errors(account, broken, odd)
    assert paths(found) == [f"behaviors[0].criteria.value.ports[{n}]" for n in range(100)]


def test_a_message_is_no_longer_than_the_model_allows(account: Account) -> None:
    for number in range(10):
        account("create_custom_metric", metricName=f"{number}" * 128, metricType="number")
    [told] = errors(account, behavior("x" * 5000, "less-than", {"number": 1.0}))
    assert len(told) == 2048


def test_nothing_of_it_is_kept(account: Account) -> None:
    account("validate_security_profile_behaviors", behaviors=[FINE])
    assert account("list_security_profiles")["securityProfileIdentifiers"] == []
