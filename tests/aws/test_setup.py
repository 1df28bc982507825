"""Custom resources: what CloudFormation asks, what AWS is told, and that CloudFormation always gets an answer."""

import json
import re
from collections.abc import Iterator
from contextlib import closing, nullcontext
from typing import Any
from urllib.error import URLError

import boto3
import pytest
from botocore.stub import ANY, Stubber

from tests.aws.conftest import ACCOUNT, BEGINNING, REGION, Clock, Context
from tests.aws.test_reconcile_function import Invocations, Nap, new_client
from warden.adapters.reserved_rule import TRIES
from warden.domain.errors import Unavailable
from warden.handlers.parts import Clients, Parts
from warden.handlers.reconcile import DEPLOYMENT_WAITS_MS, ENOUGH_MS, Reconcile
from warden.handlers.setup import Setup
from warden.settings import Settings
from warden.storage.setup_results import ReservedTopic, SetupResults

STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/thingwarden-test/1"
URL = "https://cloudformation-custom-resource-response.s3.amazonaws.com/x?X-Amz-Signature=secret"
RULE = "thingwarden_test_metrics_reserved"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:thingwarden-test-evaluate"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/thingwarden/test/errors"
QUEUE = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/thingwarden-test-dead-reports"
SQL = "SELECT topic() AS topic FROM '$aws/things/+/defender/metrics/+'"
RESERVED = {
    "Kind": "ReservedRule",
    "ServiceToken": "arn",
    "RuleName": RULE,
    "Sql": SQL,
    "FunctionArn": FUNCTION,
    "ErrorQueueUrl": QUEUE,
    "SqlVersion": "2016-03-23",
    "ErrorRoleArn": ROLE,
    "Enabled": "true",
}


class CloudFormation:
    """Asks, keeps the answers, and how many seconds were waited for them."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.setup: Setup
        self.broken = False
        self.waited: list[float] = []

    def open(self, request: Any, timeout: float) -> Any:
        assert timeout > 0
        if self.broken:
            raise URLError("no way there")
        assert (request.full_url, request.method) == (URL, "PUT")
        assert request.get_header("Content-type") == "", "the URL is signed for a request without one"
        assert len(request.data) <= 4096
        self.answers.append(json.loads(request.data))
        return nullcontext()

    def send(self, kind: str, request_type: str, physical_id: str = "", **properties: Any) -> None:
        event = {
            "RequestType": request_type,
            "ServiceToken": "arn",
            "ResponseURL": URL,
            "StackId": STACK,
            "RequestId": "request-1",
            "ResourceType": "Custom::Thingwarden",
            "LogicalResourceId": "Resource",
            "ResourceProperties": {"ServiceToken": "arn", "Kind": kind, **properties},
        }
        if physical_id:
            event["PhysicalResourceId"] = physical_id
        self.setup(event)

    def ask(self, kind: str, request_type: str, physical_id: str = "", **properties: Any) -> dict[str, Any]:
        self.send(kind, request_type, physical_id, **properties)
        answer = self.answers[-1]
        assert (answer["StackId"], answer["RequestId"], answer["LogicalResourceId"]) == (STACK, "request-1", "Resource")
        return answer


@pytest.fixture
def lambda_() -> Iterator[Invocations]:
    invocations = Invocations()
    with closing(invocations.client):
        yield invocations


@pytest.fixture
def stubbed() -> Iterator[Stubber]:
    """AWS IoT, giving the answers that the test puts into it."""
    with closing(new_client("iot")) as client:
        stub = Stubber(client)
        stub.activate()
        yield stub
        stub.assert_no_pending_responses()


def start(clients: Clients, settings: Settings) -> CloudFormation:
    cloudformation = CloudFormation()
    parts = Parts(settings, region=REGION, clients=clients, clock=lambda: BEGINNING)
    cloudformation.setup = Setup(parts, cloudformation.open, sleep=cloudformation.waited.append)
    return cloudformation


@pytest.fixture
def cloudformation(aws: Clients, settings: Settings, lambda_: Invocations) -> CloudFormation:
    return start(lambda name: lambda_.client if name == "lambda" else aws(name), settings)


@pytest.fixture
def refusing(aws: Clients, settings: Settings, stubbed: Stubber) -> CloudFormation:
    """With an AWS IoT that answers as the test says."""
    return start(lambda name: stubbed.client if name == "iot" else aws(name), settings)


@pytest.fixture
def results(parts: Parts) -> SetupResults:
    return SetupResults(parts.control_table)


# Random names


def test_a_random_name_is_made_once_and_kept(cloudformation: CloudFormation) -> None:
    made = cloudformation.ask("RandomName", "Create", Prefix="thingwarden_test_registry_")

    name = made["Data"]["Name"]
    assert re.fullmatch("thingwarden_test_registry_[a-z0-9]{26}", name)
    assert (made["Status"], made["PhysicalResourceId"], made["NoEcho"]) == ("SUCCESS", name, True)
    updated = cloudformation.ask("RandomName", "Update", name, Prefix="thingwarden_test_registry_")
    assert (updated["PhysicalResourceId"], updated["Data"]) == (name, {"Name": name})
    assert cloudformation.ask("RandomName", "Delete", name, Prefix="p")["Status"] == "SUCCESS"


def test_no_two_random_names_are_alike(cloudformation: CloudFormation) -> None:
    names = {cloudformation.ask("RandomName", "Create", Prefix="p_")["Data"]["Name"] for _ in range(50)}

    assert len(names) == 50
    assert {character for name in names for character in name[2:]} == set("abcdefghijklmnopqrstuvwxyz0123456789")


# Event configurations


def enabled(*events: str) -> dict[str, Any]:
    return {"eventConfigurations": {event: {"Enabled": True} for event in events}}


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_registry_events_are_switched_on(refusing: CloudFormation, stubbed: Stubber, request_type: str) -> None:
    wanted = enabled("THING", "THING_GROUP", "THING_GROUP_MEMBERSHIP", "THING_GROUP_HIERARCHY")
    stubbed.add_response("update_event_configurations", {}, wanted)

    assert refusing.ask("EventConfigurations", request_type)["Status"] == "SUCCESS"


def test_registry_events_are_left_on_for_others_in_the_account(refusing: CloudFormation) -> None:
    answer = refusing.ask("EventConfigurations", "Delete", "event-configurations")

    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "event-configurations")


def test_a_refused_event_configuration_fails_with_aws_reason(refusing: CloudFormation, stubbed: Stubber) -> None:
    stubbed.add_client_error("update_event_configurations", "AccessDeniedException", "not you", http_status_code=403)

    answer = refusing.ask("EventConfigurations", "Create")

    assert answer["Status"] == "FAILED"
    assert "AccessDeniedException" in answer["Reason"]
    assert answer["PhysicalResourceId"], "CloudFormation takes no answer without one"


# The rule on the reserved topic


def test_the_reserved_topics_rule_hands_reports_on(
    cloudformation: CloudFormation, aws: Clients, results: SetupResults
) -> None:
    made = cloudformation.ask(**kind("Create"))

    assert (made["Status"], made["PhysicalResourceId"]) == ("SUCCESS", RULE)
    rule = aws("iot").get_topic_rule(ruleName=RULE)["rule"]
    assert (rule["sql"], rule["awsIotSqlVersion"], rule["ruleDisabled"]) == (SQL, "2016-03-23", False)
    assert rule["actions"] == [{"lambda": {"functionArn": FUNCTION}}]
    assert rule["errorAction"] == {"sqs": {"roleArn": ROLE, "queueUrl": QUEUE, "useBase64": False}}
    assert results.reserved_topic() == ReservedTopic(rule_name=RULE, status="accepted", at=BEGINNING)


def kind(request_type: str, physical_id: str = "", **changed: str) -> Any:
    properties = {name: value for name, value in (RESERVED | changed).items() if name not in ("Kind", "ServiceToken")}
    return {"kind": "ReservedRule", "request_type": request_type, "physical_id": physical_id, **properties}


def test_a_rule_that_exists_is_made_anew(cloudformation: CloudFormation, aws: Clients) -> None:
    cloudformation.ask(**kind("Create"))

    assert cloudformation.ask(**kind("Update", RULE, Sql="SELECT * FROM 'x'", Enabled="false"))["Status"] == "SUCCESS"

    rule = aws("iot").get_topic_rule(ruleName=RULE)["rule"]
    assert (rule["sql"], rule["ruleDisabled"]) == ("SELECT * FROM 'x'", True)


@pytest.mark.parametrize("code", ["InvalidRequestException", "SqlParseException"])
def test_a_refused_rule_is_recorded_and_fails_no_deployment(
    refusing: CloudFormation, stubbed: Stubber, results: SetupResults, code: str
) -> None:
    stubbed.add_client_error("create_topic_rule", code, "FROM: reserved topic", http_status_code=400)

    answer = refusing.ask(**kind("Create"))

    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", RULE)
    message = f"{code}: FROM: reserved topic"
    assert results.reserved_topic() == ReservedTopic(rule_name=RULE, status="refused", message=message, at=BEGINNING)
    assert refusing.waited == []


LACKING = [
    ("AccessDeniedException", 403, "User is not authorized to perform iot:CreateTopicRule"),
    ("UnauthorizedException", 401, "Access denied"),
    ("InvalidRequestException", 400, f"iot.amazonaws.com is unable to assume role {ROLE}"),
    ("InvalidRequestException", 400, f"User is not authorized to perform: iam:PassRole on resource: {ROLE}"),
    ("InvalidRequestException", 400, f"cannot pass role {ROLE}"),
]


@pytest.mark.parametrize(("code", "status", "message"), LACKING)
def test_a_permission_that_is_not_known_everywhere_yet_is_no_refusal(  # noqa: PLR0917
    refusing: CloudFormation, stubbed: Stubber, results: SetupResults, code: str, status: int, message: str
) -> None:
    for _ in range(3):
        stubbed.add_client_error("create_topic_rule", code, message, http_status_code=status)
    stubbed.add_response("create_topic_rule", {}, {"ruleName": RULE, "topicRulePayload": ANY})

    assert refusing.ask(**kind("Create"))["Status"] == "SUCCESS"

    assert results.reserved_topic() == ReservedTopic(rule_name=RULE, status="accepted", at=BEGINNING)
    assert 0 < sum(refusing.waited) < 60


@pytest.mark.parametrize(("code", "status", "message"), LACKING)
def test_a_permission_that_is_lacking_for_a_minute_is_recorded(  # noqa: PLR0917
    refusing: CloudFormation, stubbed: Stubber, results: SetupResults, code: str, status: int, message: str
) -> None:
    for _ in range(TRIES):
        stubbed.add_client_error("create_topic_rule", code, message, http_status_code=status)

    assert refusing.ask(**kind("Create"))["Status"] == "SUCCESS"

    said = f"{code}: {message}"
    assert results.reserved_topic() == ReservedTopic(rule_name=RULE, status="refused", message=said, at=BEGINNING)
    assert sum(refusing.waited) == 60


def test_a_refusal_that_is_over_is_over(refusing: CloudFormation, stubbed: Stubber, results: SetupResults) -> None:
    stubbed.add_client_error("create_topic_rule", "InvalidRequestException", http_status_code=400)
    refusing.ask(**kind("Create"))
    stubbed.add_response("create_topic_rule", {}, {"ruleName": RULE, "topicRulePayload": ANY})

    refusing.ask(**kind("Update", RULE))

    assert results.reserved_topic() == ReservedTopic(rule_name=RULE, status="accepted", at=BEGINNING)


@pytest.mark.parametrize(
    ("code", "status"),
    [("InternalException", 500), ("ThrottlingException", 400), ("ConflictingResourceUpdateException", 409)],
)
def test_a_failure_is_no_refusal(
    refusing: CloudFormation, stubbed: Stubber, results: SetupResults, code: str, status: int
) -> None:
    stubbed.add_client_error("create_topic_rule", code, http_status_code=status)

    answer = refusing.ask(**kind("Create"))

    assert answer["Status"] == "FAILED"
    assert code in answer["Reason"]
    assert results.reserved_topic() is None


def test_the_rule_goes_with_the_stack(cloudformation: CloudFormation, aws: Clients, results: SetupResults) -> None:
    cloudformation.ask(**kind("Create"))

    assert cloudformation.ask(**kind("Delete", RULE))["Status"] == "SUCCESS"

    assert aws("iot").list_topic_rules()["rules"] == []
    assert results.reserved_topic() is None


def test_a_renamed_rules_old_name_is_deleted_and_the_new_one_is_still_known(
    cloudformation: CloudFormation, aws: Clients, results: SetupResults
) -> None:
    cloudformation.ask(**kind("Create"))
    renamed = cloudformation.ask(**kind("Update", RULE, RuleName="thingwarden_test_other"))
    assert renamed["PhysicalResourceId"] == "thingwarden_test_other"

    cloudformation.ask(**kind("Delete", RULE))

    assert [rule["ruleName"] for rule in aws("iot").list_topic_rules()["rules"]] == ["thingwarden_test_other"]
    result = results.reserved_topic()
    assert result
    assert result.rule_name == "thingwarden_test_other"


def test_somebody_elses_rule_is_not_deleted(cloudformation: CloudFormation, aws: Clients) -> None:
    payload: Any = {"sql": "SELECT * FROM 'x'", "actions": []}
    for name in ("theirs", "thingwarden_prod_metrics_reserved"):
        aws("iot").create_topic_rule(ruleName=name, topicRulePayload=payload)

        assert cloudformation.ask(**kind("Delete", name))["Status"] == "SUCCESS"

    assert len(aws("iot").list_topic_rules()["rules"]) == 2


def test_a_rule_that_is_gone_already_is_no_failure(refusing: CloudFormation, stubbed: Stubber) -> None:
    stubbed.add_client_error("delete_topic_rule", "UnauthorizedException", http_status_code=401)

    assert refusing.ask(**kind("Delete", RULE))["Status"] == "SUCCESS"


def test_a_rule_that_cannot_be_deleted_keeps_the_stack(refusing: CloudFormation, stubbed: Stubber) -> None:
    stubbed.add_client_error("delete_topic_rule", "InternalException", http_status_code=500)

    assert refusing.ask(**kind("Delete", RULE))["Status"] == "FAILED"


# Alert rules


def test_alert_rules_go_with_their_stack_and_others_stay(cloudformation: CloudFormation, stubbed: Stubber) -> None:
    """moto has no tags of rules, which tell two stacks of one stage apart."""
    names = ["thingwarden_test_alert_a", "thingwarden_test_alert_b", "thingwarden_prod_alert_c", RULE]
    listed = {"rules": [{"ruleName": name, "ruleArn": "arn"} for name in names]}
    stubbed.add_response("list_topic_rules", listed, {})
    for name, stack in zip(names, [STACK, "another"], strict=False):
        tags = {"tags": [{"Key": "thingwarden:stack", "Value": stack}]}
        arn = f"arn:aws:iot:{REGION}:{ACCOUNT}:rule/{name}"
        stubbed.add_response("list_tags_for_resource", tags, {"resourceArn": arn})
        if stack == STACK:
            stubbed.add_response("delete_topic_rule", {}, {"ruleName": name})
    parts = cloudformation.setup._parts
    parts.client = lambda name: stubbed.client if name == "iot" else None

    assert cloudformation.ask("AlertRules", "Create")["Status"] == "SUCCESS"
    assert cloudformation.ask("AlertRules", "Delete", "alert-rules")["Status"] == "SUCCESS"


# Seeding


FUNCTION_NAME = "thingwarden-test-reconcile"


def test_a_new_stack_waits_until_its_projection_is_filled(
    cloudformation: CloudFormation, lambda_: Invocations, aws: Clients, settings: Settings, context: Context
) -> None:
    aws("iot").create_thing(thingName="pump-1")
    context.remaining_ms = 15 * 60 * 1000

    cloudformation.send("Seed", "Create", FunctionName=FUNCTION_NAME)

    assert cloudformation.answers == [], "the stack waits"
    ((function, event),) = lambda_.events
    assert function == FUNCTION_NAME
    parts = Parts(settings, region=REGION, clients=aws, clock=lambda: BEGINNING)
    Reconcile(parts, opener=cloudformation.open)(event, context)
    facts = parts.thing_log.load("pump-1").facts
    assert facts
    assert facts.registered
    (answer,) = cloudformation.answers
    assert (answer["Status"], answer["RequestId"], answer["PhysicalResourceId"]) == ("SUCCESS", "request-1", "seed")


def test_a_deployment_does_not_fail_for_a_registry_that_cannot_be_read(
    aws: Clients, lambda_: Invocations, stubbed: Stubber, settings: Settings, context: Context
) -> None:
    others = {"iot": stubbed.client, "lambda": lambda_.client}
    refusing = start(lambda name: others.get(name) or aws(name), settings)
    context.remaining_ms = 15 * 60 * 1000
    refusing.send("Seed", "Create", FunctionName=FUNCTION_NAME)
    ((_, event),) = lambda_.events
    stubbed.add_client_error("list_things", "UnauthorizedException", http_status_code=403)

    with pytest.raises(Unavailable):
        Reconcile(refusing.setup._parts, opener=refusing.open)(event, context)

    assert [answer["Status"] for answer in refusing.answers] == ["SUCCESS"]


def test_a_deployment_waits_no_longer_than_cloudformation_does(
    cloudformation: CloudFormation, lambda_: Invocations, aws: Clients, settings: Settings, context: Context
) -> None:
    for n in range(30):
        aws("iot").create_thing(thingName=f"pump-{n}")
    clock = Clock(BEGINNING)
    clients = cloudformation.setup._parts.client
    reconcile = Reconcile(
        Parts(settings, region=REGION, clients=clients, clock=clock),
        Nap(clock),
        cloudformation.open,
    )
    cloudformation.send("Seed", "Create", FunctionName=FUNCTION_NAME)
    _, event = lambda_.events.pop()
    context.remaining_ms = ENOUGH_MS + 1000
    clock.now += DEPLOYMENT_WAITS_MS + 1

    reconcile(event, context)

    assert [answer["Status"] for answer in cloudformation.answers] == ["SUCCESS"]
    ((_, going_on),) = lambda_.events
    assert set(going_on) == {"groups", "resume"}, "the pass goes on, with nobody waiting"


def test_an_updated_stack_is_not_seeded_again(cloudformation: CloudFormation, lambda_: Invocations) -> None:
    for request_type in ("Update", "Delete"):
        answer = cloudformation.ask("Seed", request_type, "seed", FunctionName=FUNCTION_NAME)
        assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "seed")
    assert lambda_.events == []


# The protocol


def test_an_unknown_kind_fails_naming_the_known_ones_but_can_be_deleted(cloudformation: CloudFormation) -> None:
    answer = cloudformation.ask("Bucket", "Create")

    assert answer["Status"] == "FAILED"
    assert "expected one of RandomName, EventConfigurations" in answer["Reason"]
    assert cloudformation.ask("Bucket", "Delete", answer["PhysicalResourceId"])["Status"] == "SUCCESS"


def test_what_could_not_be_made_can_be_deleted(refusing: CloudFormation, stubbed: Stubber) -> None:
    stubbed.add_client_error("create_topic_rule", "InternalException", http_status_code=500)
    failed = refusing.ask(**kind("Create"))

    assert refusing.ask(**kind("Delete", failed["PhysicalResourceId"]))["Status"] == "SUCCESS"


def test_a_failed_update_keeps_the_resources_id(refusing: CloudFormation, stubbed: Stubber) -> None:
    """Else CloudFormation would delete the old one."""
    stubbed.add_client_error("create_topic_rule", "InternalException", http_status_code=500)

    assert refusing.ask(**kind("Update", RULE))["PhysicalResourceId"] == RULE


def test_an_endless_reason_is_cut(refusing: CloudFormation, stubbed: Stubber) -> None:
    stubbed.add_client_error("create_topic_rule", "InternalException", "x" * 9000, http_status_code=500)

    assert len(refusing.ask(**kind("Create"))["Reason"]) == 1000


def test_an_answer_that_does_not_arrive_fails_the_invocation(cloudformation: CloudFormation) -> None:
    """Lambda tries it again."""
    cloudformation.broken = True

    with pytest.raises(URLError):
        cloudformation.ask("RandomName", "Create", Prefix="p_")


def test_nothing_is_sent_anywhere_but_by_https(cloudformation: CloudFormation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.aws.test_setup.URL", "file:///etc/passwd")

    with pytest.raises(ValueError, match="expected https"):
        cloudformation.ask("RandomName", "Create", Prefix="p_")


def test_neither_the_answers_address_nor_a_random_name_is_logged(
    cloudformation: CloudFormation, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    name = cloudformation.ask("RandomName", "Create", Prefix="p_")["Data"]["Name"]
    cloudformation.ask("Bucket", "Create")

    assert "a custom resource failed" in caplog.text
    logged = caplog.text + "".join(str(vars(record)) for record in caplog.records) + capsys.readouterr().out
    assert name not in logged
    assert "X-Amz-Signature" not in logged


def test_boto3_knows_the_events_that_are_switched_on() -> None:
    shape = boto3.client("iot", region_name=REGION).meta.service_model.shape_for("EventType")

    assert {"THING", "THING_GROUP", "THING_GROUP_MEMBERSHIP", "THING_GROUP_HIERARCHY"} <= set(shape.enum)
