"""The routes that API Gateway authorises by, and what the managed policies open of them."""

from fnmatch import fnmatchcase

import pytest

from tests.contract.iot import service_model
from warden.control_api.operations import NAMES
from warden.control_api.routes import is_read_only, policies, route_key, routes

CHANGING = ("POST", "PUT", "PATCH", "DELETE")


def resource(operation: str) -> str:
    """The end of an operation's ARN of execute-api, for a policy: labels are stars."""
    method, path = routes()[operation]
    return method + "/".join("*" if segment.startswith("{") else segment for segment in path.split("/"))


def invoked(operation: str) -> str:
    """The end of the ARN that a call of an operation is authorised as."""
    method, path = routes()[operation]
    return method + "/".join("a:name" if segment.startswith("{") else segment for segment in path.split("/"))


@pytest.mark.parametrize("operation", NAMES)
def test_an_operations_route_is_boto3s(operation: str) -> None:
    http = service_model().operation_model(operation).http

    assert routes()[operation] == (http["method"], http["requestUri"])
    assert route_key(service_model().operation_model(operation)) == f"{http['method']} {http['requestUri']}"


def test_no_two_operations_share_a_route() -> None:
    assert len(set(routes().values())) == len(routes()) == len(NAMES) == 63


def test_each_policy_holds_the_one_before_and_the_last_holds_all() -> None:
    assert list(policies()) == ["read-only", "operator", "admin"]
    assert policies()["read-only"] < policies()["operator"] < policies()["admin"] == set(NAMES)


def test_who_may_only_read_can_change_nothing() -> None:
    assert {name for name in policies()["read-only"] if not name.startswith(("List", "Describe", "Get"))} == {
        "ValidateSecurityProfileBehaviors"
    }
    assert {name for name in NAMES if routes()[name][0] == "GET"} < policies()["read-only"]
    changing = {name for name in NAMES if routes()[name][0] in CHANGING and is_read_only(name)}
    assert changing == {
        "ValidateSecurityProfileBehaviors",
        "ListAuditFindings",
        "ListAuditSuppressions",
        "DescribeAuditSuppression",
    }


def test_an_operator_deals_with_findings_and_defines_nothing() -> None:
    assert policies()["operator"] - policies()["read-only"] == {
        "PutVerificationStateOnViolation",
        "StartOnDemandAuditTask",
        "CancelAuditTask",
        "StartAuditMitigationActionsTask",
        "CancelAuditMitigationActionsTask",
        "StartDetectMitigationActionsTask",
        "CancelDetectMitigationActionsTask",
    }


@pytest.mark.parametrize("policy", ["read-only", "operator", "admin"])
def test_a_star_in_a_policy_opens_no_other_operation(policy: str) -> None:
    allowed = policies()[policy]
    patterns = [resource(operation) for operation in allowed]

    opened = {name for name in NAMES if any(fnmatchcase(invoked(name), pattern) for pattern in patterns)}

    assert opened == allowed
