"""Each function may do what it does, and nothing else: its role against the calls it makes in a life of the stack."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.infra.conftest import EVERYTHING, synthesise
from tests.infra.deployed import FUNCTIONS, Deployed
from tests.infra.iam.calls import PASSED_TO_IOT, Need, arn
from tests.infra.iam.chapters import live
from tests.infra.iam.policy import Grant, grants, missing, unused
from tests.once import once

pytestmark = pytest.mark.unmeasured

Needs = Mapping[str, set[Need]]

LOGS = {
    "logs:CreateLogStream": "Lambda writes the function's log",
    "logs:PutLogEvents": "Lambda writes the function's log",
}
QUEUE = {
    "sqs:ReceiveMessage": "Lambda polls the queue that feeds it",
    "sqs:DeleteMessage": "Lambda deletes what was dealt with",
    "sqs:GetQueueAttributes": "Lambda looks how long the queue is",
}
STREAM = {
    "dynamodb:DescribeStream": "Lambda polls the stream",
    "dynamodb:GetRecords": "Lambda polls the stream",
    "dynamodb:GetShardIterator": "Lambda polls the stream",
    "dynamodb:ListStreams": "Lambda polls the stream",
}
LAMBDAS_OWN = {
    "evaluate": {"sqs:SendMessage": "Lambda's on-failure destination of asynchronous invocations"},
    "dispatch": {
        **STREAM,
        "s3:PutObject": "Lambda's on-failure destination of the stream",
        "s3:ListBucket": "Lambda's on-failure destination of the stream",
    },
    "export": STREAM,
    "receipts": QUEUE,
    "registry": QUEUE,
    "heartbeat": QUEUE,
}
"""What a role allows for the sake of Lambda itself, which acts under it; no code of the function ever calls it."""

ALERT_ROLES = Grant("iam:PassRole", "arn:aws:iam::123456789012:role/thingwarden/test/*", PASSED_TO_IOT)
"""The default `role_arns`, which include the rules' own role; another value of that option does not."""


@pytest.fixture(scope="session")
def deployed() -> Deployed:
    return Deployed(synthesise(**{**EVERYTHING, "registry_calls_per_second": 1000}))


@pytest.fixture(scope="session")
def needs(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Needs:
    """What each function's calls need."""

    def make(folder: Path) -> None:
        (folder / "needs").write_bytes(pickle.dumps(live(deployed, key=str(EVERYTHING["kms_key_arn"])).needs))

    made = once(tmp_path_factory, "calls", make) / "needs"
    found: dict[str, set[Need]] = pickle.loads(made.read_bytes())  # noqa: S301 (this run's own)
    return found


def own(deployed: Deployed, name: str) -> set[Grant]:
    """What a role allows for the sake of the function's code."""
    lambdas = {**LOGS, **LAMBDAS_OWN.get(name, {})}
    return {grant for grant in grants(deployed, name) if grant.action not in lambdas}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_may_do_all_that_it_does(deployed: Deployed, needs: Needs, name: str) -> None:
    assert missing(needs[name], own(deployed, name)) == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_may_do_nothing_that_it_never_does(deployed: Deployed, needs: Needs, name: str) -> None:
    assert unused(needs[name], own(deployed, name)) == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_is_allowed_twice(deployed: Deployed, needs: Needs, name: str) -> None:
    """Whatever is taken away from a role, something that the function does is not allowed any more."""
    allowed = own(deployed, name)
    for grant in allowed:
        others = allowed - {grant, ALERT_ROLES} if grant != ALERT_ROLES else allowed - {grant}
        assert missing(needs[name], others), str(grant)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_allowed_for_lambdas_sake_is_there_and_the_function_never_calls_it(
    deployed: Deployed, needs: Needs, name: str
) -> None:
    lambdas = {*LOGS, *LAMBDAS_OWN.get(name, {})}
    assert lambdas <= {grant.action for grant in grants(deployed, name)}
    assert not lambdas & {need.action for need in needs[name]}


def test_every_function_of_the_stack_is_looked_at(deployed: Deployed) -> None:
    assert {*deployed.functions} == {*FUNCTIONS}


def test_roles_are_passed_to_aws_iot_only(deployed: Deployed) -> None:
    passing = [grant for name in FUNCTIONS for grant in grants(deployed, name) if grant.action == "iam:PassRole"]
    assert passing
    assert {grant.when for grant in passing} == {PASSED_TO_IOT}


def test_a_stack_that_leaves_the_reserved_topic_can_still_remove_its_rule() -> None:
    """CloudFormation deletes what a new template does not have when all else is updated, roles too."""
    without = Deployed(synthesise(stage="test", reserved_topic=False))
    control = arn("dynamodb", f"table/{without.settings('setup').control_table}")
    needs = {
        Need("iot:DeleteTopicRule", arn("iot", "rule/thingwarden_test_metrics_reserved")),
        Need("dynamodb:GetItem", control),
        Need("dynamodb:DeleteItem", control),
    }
    assert missing(needs, grants(without, "setup")) == []


TABLE = arn("dynamodb", "table/t")


@pytest.mark.parametrize(
    ("grant", "need", "enough"),
    [
        pytest.param(Grant("dynamodb:Query", TABLE), Need("dynamodb:Query", TABLE), True, id="the same"),
        pytest.param(Grant("dynamodb:Query", TABLE), Need("dynamodb:Scan", TABLE), False, id="another action"),
        pytest.param(Grant("dynamodb:Query", TABLE), Need("dynamodb:Query", f"{TABLE}/index/i"), False, id="an index"),
        pytest.param(Grant("iot:DescribeThing", "a:*"), Need("iot:DescribeThing", "a:b/c"), True, id="a wildcard"),
        pytest.param(Grant("iot:ListThings", "a:*"), Need("iot:ListThings", "*"), False, id="narrower than asked"),
        pytest.param(Grant("iam:PassRole", "r", PASSED_TO_IOT), Need("iam:PassRole", "r"), False, id="a condition"),
        pytest.param(
            Grant("iam:PassRole", "r", PASSED_TO_IOT), Need("iam:PassRole", "r", PASSED_TO_IOT), True, id="one kept"
        ),
    ],
)
def test_a_grant_is_enough_for_what_it_names(grant: Grant, need: Need, enough: bool) -> None:
    assert (missing({need}, {grant}) == []) is enough
    assert (unused({need}, {grant}) == []) is enough
