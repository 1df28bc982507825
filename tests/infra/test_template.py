"""What is deployed: least privilege, nothing open, nothing that cannot run."""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra import code
from tests.infra.conftest import Template, of_type, statements, synthesise, text
from tests.unmeasured import unmeasured
from warden.cli import counts
from warden.cli.doctor.quotas import QUEUE_CONTAINERS, SCHEDULED_CONTAINERS

FUNCTION, ROLE = "AWS::Lambda::Function", "AWS::IAM::Role"


def roles_of_functions(template: Template) -> dict[str, str]:
    """Function name to the logical id of its role."""
    return {
        each["Properties"]["FunctionName"]: each["Properties"]["Role"]["Fn::GetAtt"][0]
        for each in of_type(template, FUNCTION).values()
    }


@pytest.mark.parametrize("fixture", ["template", "full_template"])
def test_cloudformations_own_schemas_are_kept(fixture: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    path = tmp_path / "thingwarden.template.json"
    path.write_text(json.dumps(request.getfixturevalue(fixture)))
    lint = [str(Path(sys.executable).with_name("cfn-lint")), "--regions", "us-east-1", "--", str(path)]
    with unmeasured():
        told = subprocess.run(lint, capture_output=True, text=True, check=False)
    assert (told.stdout, told.returncode) == ("", 0)


def test_no_function_may_publish_to_sns(full_template: Template) -> None:
    roles = roles_of_functions(full_template)
    assert len(roles) > 7
    for name, role in roles.items():
        actions = {action for statement in statements(full_template, role) for action in statement["Action"]}
        assert not {action for action in actions if action.startswith("sns:") or "*" in action}, name


def test_a_star_stands_only_where_aws_knows_no_narrower_resource(full_template: Template) -> None:
    found = {
        action
        for role in of_type(full_template, ROLE)
        for statement in statements(full_template, role)
        if "*" in statement["Resource"]
        for action in statement["Action"]
    }
    assert found <= {
        "iot:UpdateEventConfigurations",
        "iot:ListThings",
        "iot:ListThingGroups",
        "iot:ListTopicRules",
    }


def test_functions_get_nothing_from_managed_policies(full_template: Template) -> None:
    for name, role in of_type(full_template, ROLE).items():
        assert "ManagedPolicyArns" not in role["Properties"], name


def test_every_handler_resolves(template: Template) -> None:
    for each in of_type(template, FUNCTION).values():
        module, _, function = each["Properties"]["Handler"].rpartition(".")
        assert callable(getattr(importlib.import_module(module), function))


def test_functions_are_arm64_on_one_python_with_json_logs_of_their_own(template: Template) -> None:
    groups = {each["Properties"]["LogGroupName"] for each in of_type(template, "AWS::Logs::LogGroup").values()}
    for each in of_type(template, FUNCTION).values():
        properties = each["Properties"]
        assert (properties["Runtime"], properties["Architectures"]) == ("python3.13", ["arm64"])
        assert properties["LoggingConfig"]["LogFormat"] == "JSON"
        assert properties["LoggingConfig"]["SystemLogLevel"] == "WARN"
        assert f"/aws/lambda/{properties['FunctionName']}" in groups
        assert len(properties["Layers"]) == 1
        assert "ReservedConcurrentExecutions" not in properties, "a new account has none to reserve"


def test_every_log_group_forgets(full_template: Template) -> None:
    for name, each in of_type(full_template, "AWS::Logs::LogGroup").items():
        assert each["Properties"].get("RetentionInDays"), name


def test_the_function_that_a_topic_rule_invokes_says_that_it_may(template: Template) -> None:
    allowed = {
        text(each["Properties"]["SourceArn"])
        for each in of_type(template, "AWS::Lambda::Permission").values()
        if each["Properties"]["Principal"] == "iot.amazonaws.com"
    }
    assert {arn.rpartition("/")[2] for arn in allowed} == {
        "thingwarden_prod_metrics",
        "thingwarden_prod_metrics_reserved",
    }
    for each in of_type(template, "AWS::Lambda::Permission").values():
        assert each["Properties"]["SourceAccount"] == {"Ref": "AWS::AccountId"}


def test_topic_rules_say_their_sqls_version_and_where_failures_go(template: Template) -> None:
    rules = of_type(template, "AWS::IoT::TopicRule")
    assert rules
    for name, each in rules.items():
        payload = each["Properties"]["TopicRulePayload"]
        assert payload["AwsIotSqlVersion"] == "2016-03-23", name
        rule_name = each["Properties"]["RuleName"]
        if rule_name == "thingwarden_prod_metrics":
            assert "ErrorAction" in payload
        else:
            assert "Fn::GetAtt" in rule_name, "a rule that is not for devices has a name that nobody knows"


def test_the_registry_is_asked_by_as_many_containers_as_the_doctor_says(template: Template) -> None:
    feeds = [each["Properties"] for each in of_type(template, "AWS::Lambda::EventSourceMapping").values()]
    [limit] = [each["ScalingConfig"]["MaximumConcurrency"] for each in feeds if "ScalingConfig" in each]
    schedules = [each["Properties"]["Target"] for each in of_type(template, "AWS::Scheduler::Schedule").values()]
    reconciling = [each for each in schedules if "groups" in each["Input"]]
    assert (limit, len(reconciling)) == (QUEUE_CONTAINERS, SCHEDULED_CONTAINERS)


def test_auto_scaling_makes_as_many_alarms_as_are_paid_for(full_template: Template) -> None:
    policies = of_type(full_template, "AWS::ApplicationAutoScaling::ScalingPolicy")
    assert 4 * len(policies) == counts.SCALING_ALARMS


def test_secret_rule_names_are_no_outputs(template: Template) -> None:
    names = {name for name, each in template["Resources"].items() if each["Type"] == "Custom::RandomName"}
    assert names
    assert not [name for name in names if name in json.dumps(template.get("Outputs", {}))]


def test_both_tables_stay_when_the_stack_goes(template: Template) -> None:
    tables = of_type(template, "AWS::DynamoDB::Table")
    assert len(tables) == 2
    assert {each["DeletionPolicy"] for each in tables.values()} == {"Retain"}
    assert not [each for each in tables.values() if "TableName" in each["Properties"]], "one left behind is in no way"
    (control,) = [each["Properties"] for each in tables.values() if each["Properties"].get("DeletionProtectionEnabled")]
    assert control["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]


def test_two_stages_share_no_topic() -> None:
    def topics(stage: str) -> set[str]:
        return set(re.findall(r"FROM '([^']+)'", json.dumps(synthesise(stage=stage)))) - {"x"}

    shared = topics("prod") & topics("beta")
    assert all(topic.startswith("$aws/events/") for topic in shared)


def test_a_permissions_boundary_is_on_every_role(full_template: Template) -> None:
    for name, role in of_type(full_template, ROLE).items():
        assert role["Properties"].get("PermissionsBoundary") == "arn:aws:iam::111122223333:policy/boundary", name


def test_the_customers_key_is_on_everything_that_keeps_something(full_template: Template) -> None:
    key = "0b5c1a52-6a0e-4c56-9d7f-2f6c8a1f0e11"
    for kind in (
        "AWS::DynamoDB::Table",
        "AWS::SQS::Queue",
        "AWS::SNS::Topic",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
    ):
        for name, each in of_type(full_template, kind).items():
            assert key in json.dumps(each["Properties"]), name


def test_queues_topics_and_buckets_take_tls_only(full_template: Template) -> None:
    guarded = json.dumps(
        [
            each["Properties"]
            for each in full_template["Resources"].values()
            if each["Type"] in ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy")
            and '"aws:SecureTransport": "false"' in json.dumps(each)
        ]
    )
    for kind in ("AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::S3::Bucket"):
        for name in of_type(full_template, kind):
            assert f'"{name}"' in guarded, name


def test_no_arn_names_one_partition(template: Template) -> None:
    assert "arn:aws:" not in json.dumps(template)


def test_the_stack_carries_its_tags(full_template: Template) -> None:
    for each in of_type(full_template, FUNCTION).values():
        assert {"Key": "team", "Value": "security"} in each["Properties"]["Tags"]


def test_alert_roles_trust_aws_iot_of_this_account_only(template: Template) -> None:
    trusted = [
        statement
        for role in of_type(template, ROLE).values()
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if statement["Principal"] == {"Service": "iot.amazonaws.com"}
    ]
    assert trusted
    for statement in trusted:
        assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}
        assert text(statement["Condition"]["ArnLike"]["aws:SourceArn"]).startswith(
            "arn:aws:iot:eu-central-1:111122223333:"
        )


def test_alarms_and_dashboard_watch_metrics_that_the_functions_send(full_template: Template) -> None:
    said = json.dumps([each for each in full_template["Resources"].values() if "CloudWatch" in each["Type"]])
    watched = {
        each["Properties"]["MetricName"]
        for each in of_type(full_template, "AWS::CloudWatch::Alarm").values()
        if each["Properties"]["Namespace"] == "Thingwarden"
    } | set(re.findall(r'\\"Thingwarden\\",\\"(\w+)\\"', said))
    assert len(watched) > 6
    source = "".join(path.read_text() for path in (code.LAMBDAS / "warden").rglob("*.py"))
    sent = {name for name in watched if re.search(rf'"{name}"|^    {name.upper()} = ', source, re.MULTILINE)}
    assert sent == watched


def routes(template: Template) -> list[dict[str, Any]]:
    return [each["Properties"] for each in of_type(template, "AWS::ApiGatewayV2::Route").values()]


def test_every_route_asks_for_iam_and_none_is_the_default_one(template: Template) -> None:
    assert len(routes(template)) == 63
    assert {route["AuthorizationType"] for route in routes(template)} == {"AWS_IAM"}
    assert "$default" not in {route["RouteKey"] for route in routes(template)}


def opened_by(template: Template, policy: str) -> set[str]:
    """Method and path of what a managed policy names."""
    (document,) = [
        each["Properties"]["PolicyDocument"]
        for each in of_type(template, "AWS::IAM::ManagedPolicy").values()
        if text(each["Properties"]["ManagedPolicyName"]) == f"thingwarden-prod-control-{policy}-eu-central-1"
    ]
    (statement,) = document["Statement"]
    assert statement["Action"] == "execute-api:Invoke"
    resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
    return {text(arn).partition("/$default/")[2] for arn in resources}


def test_managed_policies_name_routes_that_exist_each_more_than_the_last(template: Template) -> None:
    known = {re.sub(r"\{\w+\}", "*", route["RouteKey"].replace(" ", "")) for route in routes(template)}
    assert opened_by(template, "read-only") < opened_by(template, "operator") < known
    assert opened_by(template, "admin") == {"*"}


def test_managed_policies_are_short_enough(template: Template) -> None:
    longest = {"AWS::Region": "ap-southeast-2", "AWS::Partition": "aws-us-gov", "ControlApi51DC8239": "a" * 10}
    for each in of_type(template, "AWS::IAM::ManagedPolicy").values():
        arns = each["Properties"]["PolicyDocument"]["Statement"][0]["Resource"]
        # Quotes and a comma for each, and what stands around them.
        length = 120 + sum(len(text(arn, longest)) + 3 for arn in (arns if isinstance(arns, list) else [arns]))
        assert length <= 6144, text(each["Properties"]["ManagedPolicyName"])
