"""Every error that the model declares for an operation is what it answers in the case that the error is for.

A table that fails stands behind InternalFailure and Throttling; the rest is provoked by what a caller can ask for.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore import xform_name
from moto import mock_aws

from tests.contract.account import Account, Strike, arn
from tests.contract.examples import GROUP, LONG, NAME, OPERATIONS, PERIOD, TAGS, furnish
from tests.contract.iot import service_model
from tests.contract.requests import breaches, least, written
from tests.faults import Fault
from warden.adapters.aws_iot import IotThings
from warden.domain.behaviors.limits import Limits

INVALID, NOT_FOUND, EXISTS = "InvalidRequestException", "ResourceNotFoundException", "ResourceAlreadyExistsException"
CONFLICT, EXCEEDED = "VersionConflictException", "LimitExceededException"
FAILED, THROTTLED = "InternalFailureException", "ThrottlingException"
STATUS = {INVALID: 400, NOT_FOUND: 404, EXISTS: 409, CONFLICT: 409, EXCEEDED: 410, FAILED: 500, THROTTLED: 400}
FAULTS = {FAILED: Fault.UNAVAILABLE, THROTTLED: Fault.THROTTLED}

NOBODY, NOWHERE = {"securityProfileName": "nobody"}, {"securityProfileTargetArn": arn("thinggroup/nowhere")}
TOKEN = {"clientRequestToken": "another"}
NO_TOPICS: dict[str, Any] = {"stringValues": ["#"]}

PROVOKED: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("CreateSecurityProfile", EXISTS): {"securityProfileName": NAME},
    ("UpdateSecurityProfile", NOT_FOUND): NOBODY,
    ("UpdateSecurityProfile", CONFLICT): {"securityProfileName": NAME, "expectedVersion": 2},
    ("DescribeSecurityProfile", NOT_FOUND): NOBODY,
    ("DeleteSecurityProfile", CONFLICT): {"securityProfileName": NAME, "expectedVersion": 2},
    ("ListSecurityProfiles", NOT_FOUND): {"dimensionName": "nothing"},
    ("AttachSecurityProfile", NOT_FOUND): {"securityProfileName": NAME, **NOWHERE},
    ("AttachSecurityProfile", EXCEEDED): {
        "securityProfileName": "third",
        "securityProfileTargetArn": arn("all/unregistered-things"),
    },
    ("DetachSecurityProfile", NOT_FOUND): {**NOBODY, "securityProfileTargetArn": arn("all/things")},
    ("ListTargetsForSecurityProfile", NOT_FOUND): NOBODY,
    ("ListSecurityProfilesForTarget", NOT_FOUND): NOWHERE,
    ("ListActiveViolations", NOT_FOUND): NOBODY,
    ("ListMetricValues", NOT_FOUND): {"thingName": "pump", "metricName": "nothing", **PERIOD},
    ("CreateCustomMetric", EXISTS): {"metricName": NAME, "metricType": "number", **TOKEN},
    ("CreateCustomMetric", EXCEEDED): {"metricName": "more", "metricType": "number", **TOKEN},
    ("UpdateCustomMetric", NOT_FOUND): {"metricName": "nothing", "displayName": "d"},
    ("DescribeCustomMetric", NOT_FOUND): {"metricName": "nothing"},
    ("CreateDimension", EXISTS): {"name": NAME, "type": "TOPIC_FILTER", **NO_TOPICS, **TOKEN},
    ("CreateDimension", EXCEEDED): {"name": "more", "type": "TOPIC_FILTER", **NO_TOPICS, **TOKEN},
    ("UpdateDimension", NOT_FOUND): {"name": "nothing", **NO_TOPICS},
    ("DescribeDimension", NOT_FOUND): {"name": "nothing"},
    ("TagResource", NOT_FOUND): {"resourceArn": arn("dimension/nothing"), "tags": TAGS},
    ("TagResource", EXCEEDED): {"resourceArn": arn(f"securityprofile/{LONG}"), "tags": [{"Key": "k", "Value": "v"}]},
    ("UntagResource", NOT_FOUND): {"resourceArn": arn("custommetric/nothing"), "tagKeys": ["k"]},
    ("ListTagsForResource", NOT_FOUND): {"resourceArn": arn("securityprofile/nothing")},
}
RACED = {("AttachSecurityProfile", CONFLICT)}
"""What a caller provokes by being forestalled alone."""

DECLARED = [(name, error.name) for name in OPERATIONS for error in service_model().operation_model(name).error_shapes]
ITS_OWN = [each for each in DECLARED if each[1] not in {INVALID, *FAULTS}]


def _short(error: str) -> str:
    return error.removesuffix("Exception")


@pytest.fixture(scope="module")
def strike() -> Strike:
    return Strike()


@pytest.fixture(scope="module")
def account(strike: Strike) -> Iterator[Account]:
    """A furnished account that is full: it can have no more of anything."""
    with mock_aws():
        client = boto3.client("iot", region_name="us-east-1")
        client.create_thing_group(thingGroupName=GROUP)
        registry = IotThings(lambda: client)
        full = Limits(profiles_per_target=3, custom_metrics=6, dimensions=3)
        made = Account(limits=full, has_group=registry.has_group, child_groups=registry.below, wrap=strike)
        furnish(made)
        for name in ("filler-1", "filler-2"):
            made("create_security_profile", securityProfileName=name)
            made(
                "attach_security_profile",
                securityProfileName=name,
                securityProfileTargetArn=arn("all/unregistered-things"),
            )
        yield made
        made.close()


def test_every_error_that_is_declared_is_provoked() -> None:
    assert set(ITS_OWN) == PROVOKED.keys() | RACED
    assert not PROVOKED.keys() & RACED


@pytest.mark.parametrize(("name", "error"), PROVOKED, ids=_short)
def test_an_error_is_told_with_its_status_and_what_it_is_about(account: Account, name: str, error: str) -> None:
    given = PROVOKED[name, error]

    code, status, message = account.refusal(xform_name(name), **given)

    assert (code, status) == (error, STATUS[error])
    assert message.split(": ")[0] in given


@pytest.mark.parametrize("name", [name for name, error in DECLARED if error == INVALID])
def test_an_invalid_request_is_refused(account: Account, name: str) -> None:
    operation = service_model().operation_model(name)
    first = next(breaches(operation))
    answer = account.handle(written(operation, first.given))
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (400, INVALID)


@pytest.mark.parametrize(
    ("name", "error"), [each for each in DECLARED if each[1] in FAULTS], ids=lambda text: text.removesuffix("Exception")
)
def test_a_table_that_fails_is_told_as_what_stock_clients_repeat(
    account: Account, strike: Strike, name: str, error: str
) -> None:
    given = least(service_model().operation_model(name).input_shape) | OPERATIONS[name].least

    with strike.of(FAULTS[error]):
        code, status, message = account.refusal(xform_name(name), **given)

    assert (code, status) == (error, STATUS[error])
    assert "try again" in message


@pytest.mark.parametrize("name", ["UpdateSecurityProfile", "DeleteDimension", "TagResource"])
def test_a_change_that_others_always_forestall_is_throttled(account: Account, strike: Strike, name: str) -> None:
    given = least(service_model().operation_model(name).input_shape) | OPERATIONS[name].least
    given |= {"tags": TAGS[1:2]} if name == "TagResource" else {}
    with strike.of(Fault.RACED):
        code, status, _ = account.refusal(xform_name(name), **given)
    assert (code, status) == (THROTTLED, 400)


def test_an_attachment_that_others_always_forestall_is_a_conflict(account: Account, strike: Strike) -> None:
    given = {"securityProfileName": "third", "securityProfileTargetArn": arn(f"thinggroup/{GROUP}")}
    with strike.of(Fault.RACED):
        code, status, message = account.refusal("attach_security_profile", **given)
    assert (code, status) == (CONFLICT, STATUS[CONFLICT])
    assert message.startswith("securityProfileName: others changed 'third'")


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("CreateSecurityProfile", "securityprofile"),
        ("CreateCustomMetric", "custommetric"),
        ("CreateDimension", "dimension"),
    ],
)
def test_what_exists_already_is_told_with_its_id_and_arn(account: Account, name: str, resource: str) -> None:
    told = account.error(xform_name(name), **PROVOKED[name, EXISTS])
    assert (told["resourceId"], told["resourceArn"]) == (NAME, arn(f"{resource}/{NAME}"))


def test_a_profile_that_is_not_there_cannot_be_attached_either(account: Account) -> None:
    code, status, message = account.refusal(
        "attach_security_profile", **NOBODY, securityProfileTargetArn=arn("all/things")
    )
    assert (code, status, message.split(": ")[0]) == (NOT_FOUND, 404, "securityProfileName")
