"""The rules that alerts made go with their stack."""

from botocore.stub import Stubber

from tests.aws.conftest import ACCOUNT, REGION
from tests.aws.custom_resources.cloudformation import RULE, STACK, CloudFormation


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

    assert cloudformation.ask("DeliveryRules", "Create")["Status"] == "SUCCESS"
    assert cloudformation.ask("DeliveryRules", "Delete", "alert-rules")["Status"] == "SUCCESS"
