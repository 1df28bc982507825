"""How AWS hands events to the functions: what is repeated, for how long, in which order it is made, where it ends."""

import json
from typing import Any

from tests.infra.conftest import Template, of_type, text
from warden.rules import EXPORT_FILTER, OUTBOX_FILTER
from warden.storage import keys


def mappings(template: Template) -> dict[str, dict[str, Any]]:
    """Event source mappings by the name of the function they feed."""
    functions = of_type(template, "AWS::Lambda::Function")
    return {
        functions[each["Properties"]["FunctionName"]["Fn::GetAtt"][0]]["Properties"]["FunctionName"].removeprefix(
            "thingwarden-test-"
        ): each["Properties"]
        for each in of_type(template, "AWS::Lambda::EventSourceMapping").values()
    }


def test_new_entries_with_transitions_reach_dispatch_and_what_fails_is_kept_whole(full_template: Template) -> None:
    stream = mappings(full_template)["dispatch"]
    (log,) = [
        n for n, e in of_type(full_template, "AWS::DynamoDB::Table").items() if "StreamSpecification" in e["Properties"]
    ]
    assert stream["EventSourceArn"] == {"Fn::GetAtt": [log, "StreamArn"]}
    assert [json.loads(each["Pattern"]) for each in stream["FilterCriteria"]["Filters"]] == [OUTBOX_FILTER]
    assert stream["StartingPosition"] == "TRIM_HORIZON"
    assert (stream["MaximumRetryAttempts"], stream["BisectBatchOnFunctionError"]) == (5, True)
    (bucket,) = of_type(full_template, "AWS::S3::Bucket")
    assert stream["DestinationConfig"] == {"OnFailure": {"Destination": {"Fn::GetAtt": [bucket, "Arn"]}}}


def test_entries_for_export_are_gathered_for_five_minutes_and_tried_for_hours(full_template: Template) -> None:
    fed = mappings(full_template)
    stream = fed["export"]
    assert stream["EventSourceArn"] == fed["dispatch"]["EventSourceArn"]
    assert [json.loads(each["Pattern"]) for each in stream["FilterCriteria"]["Filters"]] == [EXPORT_FILTER]
    assert (stream["MaximumBatchingWindowInSeconds"], stream["BatchSize"]) == (300, 10_000)
    assert stream["MaximumRecordAgeInSeconds"] == 6 * 3600
    assert "MaximumRetryAttempts" not in stream, "as often as it takes"


def test_a_function_says_which_of_a_batch_failed(full_template: Template) -> None:
    fed = mappings(full_template)
    assert set(fed) == {"dispatch", "export", "receipts", "registry", "heartbeat"}
    for name in ("dispatch", "receipts", "registry"):
        assert fed[name]["FunctionResponseTypes"] == ["ReportBatchItemFailures"], name


def test_a_message_is_not_handed_out_again_while_a_function_may_be_at_it(full_template: Template) -> None:
    queues, functions = of_type(full_template, "AWS::SQS::Queue"), of_type(full_template, "AWS::Lambda::Function")
    timeouts = {each["Properties"]["FunctionName"]: each["Properties"]["Timeout"] for each in functions.values()}
    for name, mapping in mappings(full_template).items():
        if name not in ("dispatch", "export"):
            queue = queues[mapping["EventSourceArn"]["Fn::GetAtt"][0]]["Properties"]
            assert queue["VisibilityTimeout"] >= 6 * timeouts[f"thingwarden-test-{name}"], name


def test_a_report_is_tried_for_an_hour_then_kept(full_template: Template) -> None:
    configs = [each["Properties"] for each in of_type(full_template, "AWS::Lambda::EventInvokeConfig").values()]
    (evaluate,) = [each for each in configs if "DestinationConfig" in each]
    assert (evaluate["MaximumEventAgeInSeconds"], evaluate["MaximumRetryAttempts"]) == (3600, 2)
    queue = evaluate["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
    properties = full_template["Resources"][queue]["Properties"]
    assert (properties["QueueName"], properties["MessageRetentionPeriod"]) == (
        "thingwarden-test-dead-reports",
        14 * 86400,
    )
    assert [each["MaximumRetryAttempts"] for each in configs if each is not evaluate] == [0, 0], "sweep and heartbeat"


def depends(template: Template, name: str) -> set[str]:
    """All that has to be there before a resource, by its own words."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        given = template["Resources"][waiting.pop()].get("DependsOn", [])
        new = {given} if isinstance(given, str) else set(given)
        waiting += new - found
        found |= new
    return found


def the(template: Template, kind: str, wanted: str = "") -> str:
    (found,) = [
        name
        for name, each in of_type(template, kind).items()
        if not wanted or wanted in text(each["Properties"].get("RuleName", ""))
    ]
    return found


def test_the_metrics_rules_wait_for_a_filled_projection_and_for_their_permission(full_template: Template) -> None:
    permissions = {
        text(each["Properties"]["SourceArn"]).rpartition("/")[2]: name
        for name, each in of_type(full_template, "AWS::Lambda::Permission").items()
    }
    seed = the(full_template, "Custom::Seed")
    own = the(full_template, "AWS::IoT::TopicRule", "thingwarden_test_metrics")
    assert {seed, permissions["thingwarden_test_metrics"]} <= depends(full_template, own)
    reserved = the(full_template, "Custom::ReservedRule")
    assert {seed, permissions["thingwarden_test_metrics_reserved"]} <= depends(full_template, reserved)


def test_the_projection_is_filled_when_changes_are_heard_of(full_template: Template) -> None:
    heard = {
        name
        for name, each in of_type(full_template, "AWS::IoT::TopicRule").items()
        if isinstance(each["Properties"]["RuleName"], dict)
    }
    assert len(heard) >= 3
    assert heard | {the(full_template, "Custom::EventConfigurations")} <= depends(
        full_template, the(full_template, "Custom::Seed")
    )


def test_alert_rules_are_removed_after_all_that_could_make_one_again(full_template: Template) -> None:
    rules = the(full_template, "Custom::DeliveryRules")
    stream = next(
        iter(n for n, e in of_type(full_template, "AWS::Lambda::EventSourceMapping").items() if "Dispatch" in n)
    )
    sweep = next(iter(n for n in of_type(full_template, "AWS::Scheduler::Schedule") if "Sweep" in n))
    for name in (stream, sweep, the(full_template, "AWS::ApiGatewayV2::Stage")):
        assert rules in depends(full_template, name)


def test_provisioned_capacity_scales_on_the_table_and_on_every_index(full_template: Template) -> None:
    targets = [
        each["Properties"] for each in of_type(full_template, "AWS::ApplicationAutoScaling::ScalableTarget").values()
    ]
    scaled = {(each["ScalableDimension"], text(each["ResourceId"]).partition("/index/")[2]) for each in targets}
    units = ("ReadCapacityUnits", "WriteCapacityUnits")
    assert scaled == {(f"dynamodb:table:{unit}", "") for unit in units} | {
        (f"dynamodb:index:{unit}", index) for unit in units for index in keys.LOG.indexes
    }
    assert {(each["MinCapacity"], each["MaxCapacity"]) for each in targets} == {(5, 500)}
