"""The rule on the reserved topic, which AWS IoT may refuse."""

from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from tests.aws.conftest import BEGINNING
from tests.aws.custom_resources.cloudformation import FUNCTION, QUEUE, ROLE, RULE, SQL, CloudFormation, reserved_rule
from warden.adapters.reserved_rule import TRIES
from warden.handlers.parts import Clients
from warden.storage.setup_results import ReservedTopic, SetupResults


def test_the_reserved_topics_rule_hands_reports_on(
    cloudformation: CloudFormation, aws: Clients, results: SetupResults
) -> None:
    made = cloudformation.ask(**reserved_rule("Create"))

    assert (made["Status"], made["PhysicalResourceId"]) == ("SUCCESS", RULE)
    rule = aws("iot").get_topic_rule(ruleName=RULE)["rule"]
    assert (rule["sql"], rule["awsIotSqlVersion"], rule["ruleDisabled"]) == (SQL, "2016-03-23", False)
    assert rule["actions"] == [{"lambda": {"functionArn": FUNCTION}}]
    assert rule["errorAction"] == {"sqs": {"roleArn": ROLE, "queueUrl": QUEUE, "useBase64": False}}
    assert results.reserved_topic() == ReservedTopic(rule_name=RULE, status="accepted", at=BEGINNING)


def test_a_rule_that_exists_is_made_anew(cloudformation: CloudFormation, aws: Clients) -> None:
    cloudformation.ask(**reserved_rule("Create"))

    assert (
        cloudformation.ask(**reserved_rule("Update", RULE, Sql="SELECT * FROM 'x'", Enabled="false"))["Status"]
        == "SUCCESS"
    )

    rule = aws("iot").get_topic_rule(ruleName=RULE)["rule"]
    assert (rule["sql"], rule["ruleDisabled"]) == ("SELECT * FROM 'x'", True)


@pytest.mark.parametrize("code", ["InvalidRequestException", "SqlParseException"])
def test_a_refused_rule_is_recorded_and_fails_no_deployment(
    refusing: CloudFormation, stubbed: Stubber, results: SetupResults, code: str
) -> None:
    stubbed.add_client_error("create_topic_rule", code, "FROM: reserved topic", http_status_code=400)

    answer = refusing.ask(**reserved_rule("Create"))

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

    assert refusing.ask(**reserved_rule("Create"))["Status"] == "SUCCESS"

    assert results.reserved_topic() == ReservedTopic(rule_name=RULE, status="accepted", at=BEGINNING)
    assert 0 < sum(refusing.waited) < 60


@pytest.mark.parametrize(("code", "status", "message"), LACKING)
def test_a_permission_that_is_lacking_for_a_minute_is_recorded(  # noqa: PLR0917
    refusing: CloudFormation, stubbed: Stubber, results: SetupResults, code: str, status: int, message: str
) -> None:
    for _ in range(TRIES):
        stubbed.add_client_error("create_topic_rule", code, message, http_status_code=status)

    assert refusing.ask(**reserved_rule("Create"))["Status"] == "SUCCESS"

    said = f"{code}: {message}"
    assert results.reserved_topic() == ReservedTopic(rule_name=RULE, status="refused", message=said, at=BEGINNING)
    assert sum(refusing.waited) == 60


def test_a_refusal_that_is_over_is_over(refusing: CloudFormation, stubbed: Stubber, results: SetupResults) -> None:
    stubbed.add_client_error("create_topic_rule", "InvalidRequestException", http_status_code=400)
    refusing.ask(**reserved_rule("Create"))
    stubbed.add_response("create_topic_rule", {}, {"ruleName": RULE, "topicRulePayload": ANY})

    refusing.ask(**reserved_rule("Update", RULE))

    assert results.reserved_topic() == ReservedTopic(rule_name=RULE, status="accepted", at=BEGINNING)


@pytest.mark.parametrize(
    ("code", "status"),
    [("InternalException", 500), ("ThrottlingException", 400), ("ConflictingResourceUpdateException", 409)],
)
def test_a_failure_is_no_refusal(
    refusing: CloudFormation, stubbed: Stubber, results: SetupResults, code: str, status: int
) -> None:
    stubbed.add_client_error("create_topic_rule", code, http_status_code=status)

    answer = refusing.ask(**reserved_rule("Create"))

    assert answer["Status"] == "FAILED"
    assert code in answer["Reason"]
    assert results.reserved_topic() is None


def test_the_rule_goes_with_the_stack(cloudformation: CloudFormation, aws: Clients, results: SetupResults) -> None:
    cloudformation.ask(**reserved_rule("Create"))

    assert cloudformation.ask(**reserved_rule("Delete", RULE))["Status"] == "SUCCESS"

    assert aws("iot").list_topic_rules()["rules"] == []
    assert results.reserved_topic() is None


def test_a_renamed_rules_old_name_is_deleted_and_the_new_one_is_still_known(
    cloudformation: CloudFormation, aws: Clients, results: SetupResults
) -> None:
    cloudformation.ask(**reserved_rule("Create"))
    renamed = cloudformation.ask(**reserved_rule("Update", RULE, RuleName="thingwarden_test_other"))
    assert renamed["PhysicalResourceId"] == "thingwarden_test_other"

    cloudformation.ask(**reserved_rule("Delete", RULE))

    assert [rule["ruleName"] for rule in aws("iot").list_topic_rules()["rules"]] == ["thingwarden_test_other"]
    result = results.reserved_topic()
    assert result
    assert result.rule_name == "thingwarden_test_other"


def test_somebody_elses_rule_is_not_deleted(cloudformation: CloudFormation, aws: Clients) -> None:
    payload: Any = {"sql": "SELECT * FROM 'x'", "actions": []}
    for name in ("theirs", "thingwarden_prod_metrics_reserved"):
        aws("iot").create_topic_rule(ruleName=name, topicRulePayload=payload)

        assert cloudformation.ask(**reserved_rule("Delete", name))["Status"] == "SUCCESS"

    assert len(aws("iot").list_topic_rules()["rules"]) == 2


def test_a_rule_that_is_gone_already_is_no_failure(refusing: CloudFormation, stubbed: Stubber) -> None:
    stubbed.add_client_error("delete_topic_rule", "UnauthorizedException", http_status_code=401)

    assert refusing.ask(**reserved_rule("Delete", RULE))["Status"] == "SUCCESS"


def test_a_rule_that_cannot_be_deleted_keeps_the_stack(refusing: CloudFormation, stubbed: Stubber) -> None:
    stubbed.add_client_error("delete_topic_rule", "InternalException", http_status_code=500)

    assert refusing.ask(**reserved_rule("Delete", RULE))["Status"] == "FAILED"
