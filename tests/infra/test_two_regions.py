"""Two deployments in one account are in nobody's way: one stage in two Regions, and two stages in one Region.

A template knows neither account nor Region, so one stage has one template in all its Regions, and only what the
template makes of `AWS::Region` tells their names apart. A resource without a name in the template is named by
CloudFormation, after the stack and with something random: that is never taken already.
"""

from typing import Any

import pytest

from tests.infra.conftest import EVERYTHING, Template, of_type, synthesise, text

ACCOUNT_WIDE = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Budgets::Budget": "BudgetName",
}
"""Names that are an account's, whatever the Region, or the world's. Source: IAM User Guide, IAM identifiers: a name is
unique whatever its path and its case; Amazon S3 User Guide, Bucket naming; CloudWatch User Guide, Dashboards: they are
global; AWS Budgets API Reference, Budget."""

REGIONAL = {
    "AWS::ApiGatewayV2::Api": "Name",  # more than one may have it, but people tell them apart by it
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::IoT::Thing": "ThingName",
    "AWS::IoT::ThingGroup": "ThingGroupName",
    "AWS::IoT::TopicRule": "RuleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Lambda::LayerVersion": "LayerName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SSM::Parameter": "Name",
    "AWS::Scheduler::Schedule": "Name",
    "Custom::RandomName": "Prefix",  # something random follows
    "Custom::ReservedRule": "RuleName",
}

OF_ANOTHER = {
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::IAM::Policy",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "Custom::DeliveryRules",
    "Custom::EventConfigurations",
    "Custom::Seed",
}
"""Parts of a resource that has a name; theirs are no more than its."""


@pytest.fixture(scope="module")
def stages() -> tuple[Template, Template]:
    """Two stages with every option that adds something."""
    one, two = (synthesise(**{**EVERYTHING, "stage": stage}) for stage in ("one", "two"))
    return one, two


def names(template: Template, kind: str, region: str) -> list[str]:
    """The names that a template gives to its resources of a kind."""
    known = {"AWS::Region": region, "AWS::StackName": f"thingwarden-{region}"}
    given = [_name(each["Properties"], kind) for each in of_type(template, kind).values()]
    found = [text(value, known) for value in given if value is not None]
    assert not [name for name in found if "${" in name], f"{kind}: what is its name?"
    return [name.lower() for name in found]


def _name(properties: Any, kind: str) -> Any:
    held = properties["Budget"] if kind == "AWS::Budgets::Budget" else properties
    match held.get({**ACCOUNT_WIDE, **REGIONAL}[kind]):
        case {"Fn::GetAtt": [_, "Name"]}:
            return None  # a random one, whose prefix is looked at
        case value:
            return value


def test_of_every_kind_it_is_known_where_its_names_have_to_be_unique(stages: tuple[Template, Template]) -> None:
    kinds = {each["Type"] for each in stages[0]["Resources"].values()}
    assert kinds == {*ACCOUNT_WIDE, *REGIONAL, *OF_ANOTHER}


@pytest.mark.parametrize(
    "kind",
    [
        "AWS::IAM::Role",
        "AWS::IAM::ManagedPolicy",
        "AWS::S3::Bucket",
        "AWS::CloudWatch::Dashboard",
        "AWS::Budgets::Budget",
    ],
)
def test_one_stage_in_two_regions_has_no_name_of_the_account_twice(kind: str, full_template: Template) -> None:
    here, there = (names(full_template, kind, region) for region in ("eu-central-1", "us-east-1"))
    assert of_type(full_template, kind)
    assert not {*here} & {*there}


@pytest.mark.parametrize("kind", [*ACCOUNT_WIDE, *REGIONAL])
def test_two_stages_in_one_region_share_no_name(kind: str, stages: tuple[Template, Template]) -> None:
    one, two = (names(stage, kind, "eu-central-1") for stage in stages)
    assert of_type(stages[0], kind)
    assert len(one) == len({*one})
    assert not {*one} & {*two}


@pytest.mark.parametrize(
    "kind", ["AWS::Lambda::Function", "AWS::SQS::Queue", "AWS::SSM::Parameter", "AWS::CloudWatch::Alarm"]
)
def test_a_stage_is_found_by_its_name(kind: str, stages: tuple[Template, Template]) -> None:
    found = names(stages[0], kind, "eu-central-1")
    assert len(found) == len(of_type(stages[0], kind))
    assert all(name.replace("/", "-").lstrip("-").startswith("thingwarden-one-") for name in found)


def test_stacks_export_nothing_that_another_could_have_exported(full_template: Template) -> None:
    assert not [name for name, output in full_template["Outputs"].items() if "Export" in output]
