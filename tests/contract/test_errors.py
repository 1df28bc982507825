"""An error has the name and status that AWS's model gives it, and stock clients do with it what they should."""

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest
from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.retries import standard

from tests.contract.iot import call, error_of, plugged, router, service_model
from tests.contract.requests import least
from warden.control_api.http import HttpRequest
from warden.control_api.operations import NAMES
from warden.domain import errors

PROFILE = {"securityProfileName": "gateways"}
REJECTIONS = [
    errors.InvalidRequest("m"),
    errors.ResourceNotFound("m"),
    errors.ResourceAlreadyExists("m", resource_id="i", resource_arn="a"),
    errors.VersionConflict("m"),
    errors.LimitExceeded("m"),
]


def raising(error: Exception, name: str = "DescribeSecurityProfile") -> Any:
    def operation(_: dict[str, Any]) -> Mapping[str, Any]:
        raise error

    return router(**{name: operation})


def example(name: str) -> dict[str, Any]:
    """Some input that the operation takes."""
    given: dict[str, Any] = least(service_model().operation_model(name).input_shape)
    return given


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("error", REJECTIONS, ids=lambda error: type(error).__name__)
def test_a_rejection_is_the_models_error_or_an_invalid_request(name: str, error: errors.Rejected) -> None:
    told = error_of(raising(error, name), xform_name(name), **example(name))
    declared = {shape.name: shape for shape in service_model().operation_model(name).error_shapes}
    code = f"{type(error).__name__}Exception"
    code = code if code in declared else "InvalidRequestException"
    status = service_model().shape_for(code).metadata["error"]["httpStatusCode"]
    assert (told["Error"], told["ResponseMetadata"]["HTTPStatusCode"]) == ({"Code": code, "Message": "m"}, status)


@pytest.mark.parametrize(
    ("name", "error", "code", "status"),
    [
        ("DescribeSecurityProfile", errors.InvalidRequest("m"), "InvalidRequestException", 400),
        ("DescribeSecurityProfile", errors.ResourceNotFound("m"), "ResourceNotFoundException", 404),
        ("CreateSecurityProfile", errors.ResourceAlreadyExists("m"), "ResourceAlreadyExistsException", 409),
        ("UpdateSecurityProfile", errors.VersionConflict("m"), "VersionConflictException", 409),
        ("AttachSecurityProfile", errors.LimitExceeded("m"), "LimitExceededException", 410),
        ("AttachSecurityProfile", errors.Throttled("m"), "ThrottlingException", 400),
        ("UpdateSecurityProfile", errors.Raced("m"), "ThrottlingException", 400),
        ("ListTagsForResource", errors.Unavailable("m"), "InternalFailureException", 500),
        ("ListTagsForResource", ZeroDivisionError("m"), "InternalFailureException", 500),
        ("ListTagsForResource", errors.NotImplemented_("m"), "NotImplementedException", 501),
    ],
)
def test_an_error_has_its_name_and_status(name: str, error: Exception, code: str, status: int) -> None:
    told = error_of(raising(error, name), xform_name(name), **example(name))
    assert (told["Error"]["Code"], told["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


def test_an_error_is_named_in_the_header_and_in_the_body() -> None:
    answer = raising(errors.ResourceNotFound("no such profile")).handle(HttpRequest("GET", "/security-profiles/p"))
    assert answer.status == 404
    assert answer.headers == {
        "Content-Type": "application/json",
        "x-amzn-RequestId": "request-1",
        "x-amzn-ErrorType": "ResourceNotFoundException",
    }
    assert json.loads(answer.body) == {"__type": "ResourceNotFoundException", "message": "no such profile"}


def test_what_exists_already_is_named_by_id_and_arn() -> None:
    error = errors.ResourceAlreadyExists("m", resource_id="gateways", resource_arn="arn:aws:iot:::x")
    told = error_of(raising(error, "CreateSecurityProfile"), "create_security_profile", **PROFILE)
    assert (told["resourceId"], told["resourceArn"]) == ("gateways", "arn:aws:iot:::x")


def test_what_an_error_does_not_know_is_left_out() -> None:
    at = raising(errors.ResourceAlreadyExists("m"), "CreateSecurityProfile")
    answer = at.handle(HttpRequest("POST", "/security-profiles/p"))
    assert json.loads(answer.body) == {"__type": "ResourceAlreadyExistsException", "message": "m"}


def test_a_boto3_client_raises_its_own_exception_class() -> None:
    client, _ = plugged()
    with pytest.raises(client.exceptions.LimitExceededException, match="five profiles"):
        call(
            raising(errors.LimitExceeded("five profiles"), "AttachSecurityProfile"),
            "attach_security_profile",
            securityProfileTargetArn="arn:aws:iot:::x",
            **PROFILE,
        )


class NameTaken(errors.ResourceAlreadyExists):
    """A more special error than AWS has."""


def test_a_more_special_error_is_told_as_the_one_that_aws_has() -> None:
    told = error_of(raising(NameTaken("m"), "CreateSecurityProfile"), "create_security_profile", **PROFILE)
    assert told["Error"]["Code"] == "ResourceAlreadyExistsException"


@pytest.mark.parametrize("name", NAMES)
def test_an_operation_that_is_not_given_says_that_it_is_not_implemented(name: str) -> None:
    told = error_of(router(), xform_name(name), **example(name))
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert told["Error"]["Code"] == "NotImplementedException"
    assert name in told["Error"]["Message"]


@pytest.mark.parametrize(
    "path",
    ["/", "", "/things/x", "/security-profiles/a/b/c", "/security-profiles//targets", "/dimensions/" + "x" * 4_000],
)
def test_a_path_of_no_operation_is_unknown(path: str) -> None:
    answer = router().handle(HttpRequest("GET", path))
    assert (answer.status, json.loads(answer.body)["__type"]) == (404, "UnknownOperationException")


def test_an_unexpected_failure_is_logged_with_its_request_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    told = error_of(raising(KeyError("secret table")), "describe_security_profile", **PROFILE)
    assert "secret" not in told["Error"]["Message"]
    assert "request-1" in told["Error"]["Message"]
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == "DescribeSecurityProfile failed, request request-1"
    assert record.exc_info
    assert isinstance(record.exc_info[1], KeyError)


def test_what_is_not_available_is_logged_and_its_inside_not_told(caplog: pytest.LogCaptureFixture) -> None:
    told = error_of(raising(errors.Unavailable("table t-1 timed out")), "describe_security_profile", **PROFILE)
    assert "t-1" not in told["Error"]["Message"]
    assert "t-1 timed out" in caplog.text


def test_a_result_that_the_model_does_not_have_is_our_failure(caplog: pytest.LogCaptureFixture) -> None:
    at = router(DescribeSecurityProfile=lambda _: {"securityProfileNam": "p"})
    told = error_of(at, "describe_security_profile", **PROFILE)
    assert told["Error"]["Code"] == "InternalFailureException"
    assert "DescribeSecurityProfileResponse has no member securityProfileNam" in caplog.text


def test_an_error_that_a_repetition_may_mend_is_repeated_by_stock_clients_and_no_other() -> None:
    assert _is_retried(errors.Raced("m"))
    assert _is_retried(errors.Throttled("m"))
    assert _is_retried(errors.Unavailable("m"))
    assert not _is_retried(errors.InvalidRequest("m"))
    assert not _is_retried(errors.NotImplemented_("m"))


def _is_retried(error: Exception) -> bool:
    parsed = error_of(raising(error), "describe_security_profile", **PROFILE)
    status = parsed["ResponseMetadata"]["HTTPStatusCode"]
    context = standard.RetryContext(
        attempt_number=1, parsed_response=parsed, http_response=AWSResponse("", status, {}, None)
    )
    checkers = (standard.TransientRetryableChecker(), standard.ThrottledRetryableChecker())
    return any(checker.is_retryable(context) for checker in checkers)
