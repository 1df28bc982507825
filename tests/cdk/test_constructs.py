"""A user's stack with our constructs in it: what CloudFormation is asked for, and of whom."""

import inspect
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, CfnOutput, CfnTag, RemovalPolicy, Stack, Tags, aws_iot
from packaging.requirements import Requirement

from tests.aws.conftest import ACCOUNT, REGION
from tests.aws.user_stack import UserStack
from tests.infra.conftest import of_type, synthesise, text
from warden import cdk
from warden.handlers.parts import Clients, Parts
from warden.handlers.resources import KINDS

ROOT = Path(__file__).parents[2]
OURS = {
    cdk.SecurityProfile: aws_iot.CfnSecurityProfile,
    cdk.CustomMetric: aws_iot.CfnCustomMetric,
    cdk.Dimension: aws_iot.CfnDimension,
}
PAIRS = pytest.mark.parametrize(("ours", "theirs"), OURS.items(), ids=[each.__name__ for each in OURS])
Properties = aws_iot.CfnSecurityProfile

GIVEN: dict[Any, dict[str, Any]] = {
    cdk.SecurityProfile: {
        "security_profile_name": "cameras",
        "security_profile_description": "What cameras do",
        "behaviors": [
            Properties.BehaviorProperty(
                name="few",
                metric="aws:num-established-tcp-connections",
                criteria=Properties.BehaviorCriteriaProperty(
                    comparison_operator="less-than",
                    value=Properties.MetricValueProperty(count="10"),
                    duration_seconds=300,
                ),
                suppress_alerts=True,
            ),
            {"name": "kept", "metric": "aws:all-bytes-in"},
        ],
        "alert_targets": {"SNS": Properties.AlertTargetProperty(alert_target_arn="topic", role_arn="role")},
        "additional_metrics_to_retain_v2": [Properties.MetricToRetainProperty(metric="aws:all-bytes-out")],
        "metrics_export_config": Properties.MetricsExportConfigProperty(mqtt_topic="t", role_arn="role"),
        "tags": [CfnTag(key="team", value="video")],
        "target_arns": ["group"],
    },
    cdk.CustomMetric: {
        "metric_name": "heat",
        "metric_type": "number",
        "display_name": "Degrees",
        "tags": [CfnTag(key="team", value="video")],
    },
    cdk.Dimension: {
        "name": "topics",
        "type": "TOPIC_FILTER",
        "string_values": ["a/#"],
        "tags": [CfnTag(key="team", value="video")],
    },
}


def template(stack: Stack) -> dict[str, Any]:
    root = stack.node.root
    assert isinstance(root, App)
    found: dict[str, Any] = root.synth().get_stack_by_name(stack.stack_name).template
    return found


@PAIRS
def test_every_property_of_the_cdks_construct_is_there(ours: Any, theirs: Any) -> None:
    mine, known = (inspect.signature(each.__init__).parameters for each in (ours, theirs))

    assert {name: each.default for name, each in mine.items() if name != "stage"} == {
        name: each.default for name, each in known.items()
    }


@PAIRS
def test_properties_are_rendered_as_the_cdks_construct_renders_them(ours: Any, theirs: Any) -> None:
    stack = Stack(App(), "users")
    theirs(stack, "Theirs", **GIVEN[ours])
    ours(stack, "Ours", **GIVEN[ours])

    resources = template(stack)["Resources"]

    assert {*GIVEN[ours]} == {*inspect.signature(theirs.__init__).parameters} - {"self", "scope", "id"}
    added = {name: resources["Ours"]["Properties"].pop(name) for name in ("ServiceToken", "ServiceTimeout")}
    assert resources["Ours"]["Properties"] == resources["Theirs"]["Properties"]
    assert added["ServiceTimeout"] == "600"


@PAIRS
def test_the_provider_takes_the_type_that_the_construct_has(ours: Any, theirs: Any) -> None:
    stack = Stack(App(), "users")
    ours(stack, "Ours", **GIVEN[ours])

    given = template(stack)["Resources"]["Ours"]["Type"]

    assert KINDS[given].noun == theirs.CFN_RESOURCE_TYPE_NAME.rpartition("::")[2]


@pytest.mark.parametrize("stage", ["prod", "beta"])
def test_the_service_token_is_where_that_stages_stack_keeps_it(stage: str) -> None:
    stack = Stack(App(), "users")
    for ours, given in GIVEN.items():
        ours(stack, ours.__name__, **({} if stage == "prod" else {"stage": stage}), **given)

    found = template(stack)

    tokens = {json.dumps(found["Resources"][ours.__name__]["Properties"]["ServiceToken"]) for ours in GIVEN}
    [parameter] = [json.loads(token)["Ref"] for token in tokens]
    assert found["Parameters"][parameter] == {
        "Type": "AWS::SSM::Parameter::Value<String>",
        "Default": f"/thingwarden/{stage}/provider",
    }
    kept = [each["Properties"] for each in of_type(synthesise(stage=stage), "AWS::SSM::Parameter").values()]
    [provider] = [each["Value"] for each in kept if each["Name"] == f"/thingwarden/{stage}/provider"]
    functions = of_type(synthesise(stage=stage), "AWS::Lambda::Function")
    assert functions[provider["Fn::GetAtt"][0]]["Properties"]["Handler"] == "warden.handlers.provider.handler"


def test_names_arns_tags_and_retention_are_those_of_any_resource() -> None:
    stack = Stack(App(), "users")
    metric = cdk.CustomMetric(stack, "Metric", metric_type="number")
    profile = cdk.SecurityProfile(
        stack, "Profile", behaviors=[Properties.BehaviorProperty(name="b", metric=metric.ref)]
    )
    dimension = cdk.Dimension(stack, "Dimension", type="TOPIC_FILTER", string_values=["a"])
    Tags.of(stack).add("team", "video")
    profile.apply_removal_policy(RemovalPolicy.RETAIN)
    for id_, arn in [
        ("P", profile.attr_security_profile_arn),
        ("M", metric.attr_metric_arn),
        ("D", dimension.attr_arn),
    ]:
        CfnOutput(stack, id_, value=arn)

    found = template(stack)

    resources, outputs = found["Resources"], found["Outputs"]
    assert resources["Profile"]["Properties"]["Behaviors"] == [{"Name": "b", "Metric": {"Ref": "Metric"}}]
    assert resources["Profile"]["DeletionPolicy"] == "Retain"
    assert {json.dumps(each["Properties"]["Tags"]) for each in resources.values()} == {
        json.dumps([{"Key": "team", "Value": "video"}])
    }
    answered = {id_: each["Value"]["Fn::GetAtt"] for id_, each in outputs.items()}
    attributes = {of: KINDS[resources[of]["Type"]].attribute for of in resources}
    assert answered == {of[0]: [of, attribute] for of, attribute in attributes.items()}


@pytest.fixture(scope="session")
def example() -> dict[str, Any]:
    """The template of the documentation's example."""
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "cdk.md").read_text(), re.DOTALL)
    said: dict[str, Any] = {}
    exec(code, said)  # noqa: S102 (our own)
    return template(said["stack"])


def test_the_documentations_example_is_a_template_that_cloudformation_takes(
    example: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "users.template.json"
    path.write_text(json.dumps(example))

    lint = [str(Path(sys.executable).with_name("cfn-lint")), "--regions", "us-east-1", "--", str(path)]
    told = subprocess.run(lint, capture_output=True, text=True, check=False)

    assert (told.stdout, told.returncode) == ("", 0)


def test_the_documentations_example_makes_its_profile(example: dict[str, Any], parts: Parts, aws: Clients) -> None:
    """As CloudFormation would have it made: references resolved, numbers as texts."""
    aws("iot").create_thing_group(thingGroupName="cameras")
    stack = UserStack(parts)

    def deploy(id_: str, names: dict[str, str]) -> str:
        declared = example["Resources"][id_]
        return stack.make(id_, declared["Type"], **resolved(declared["Properties"], names))

    metric = deploy("Heat", {})
    assert deploy("Cameras", {"Heat": metric}) == "cameras"

    profile = stack.profile("cameras")
    assert profile["targets"] == {f"arn:aws:iot:{REGION}:{ACCOUNT}:thinggroup/cameras"}
    ports, heat = profile["behaviors"]
    assert ports["criteria"]["value"] == {"ports": [443, 8883]}
    assert (heat["metric"], heat["criteria"]["value"]) == (metric, {"number": 70.5})
    assert heat["criteria"]["consecutiveDatapointsToAlarm"] == 3


def resolved(value: Any, names: dict[str, str]) -> Any:
    match value:
        case {"Ref": name} if name not in names and not name.startswith("AWS::"):
            return "arn"  # the service token's parameter
        case {"Ref": _} | {"Fn::Join": _}:
            return text(value, {"AWS::Region": REGION, "AWS::AccountId": ACCOUNT, **names})
        case dict():
            return {name: resolved(item, names) for name, item in value.items()}
        case list():
            return [resolved(item, names) for item in value]
    return value


def test_the_extra_installs_what_is_tested_and_is_enough() -> None:
    """Imported with nothing of ours beside it: another package of the extra's user may lack all the rest."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    allowed = {each.name: each.specifier for each in map(Requirement, extras["cdk"])}
    [tested] = [str(each.specifier)[2:] for each in map(Requirement, extras["deploy"]) if each.name == "aws-cdk-lib"]
    assert allowed["aws-cdk-lib"].contains(tested)

    code = "import sys, warden.cdk; print(*{name.partition('.')[0] for name in sys.modules})"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"boto3", "botocore", "msgspec"} & {*told.stdout.split()}
