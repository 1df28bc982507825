"""What tells an operator: each alarm watches what exists, at the threshold that was meant, and reaches somebody."""

import json
from typing import Any

import pytest

from tests.infra.conftest import EVERYTHING, Template, of_type, synthesise, text
from warden.handlers.telemetry import metrics

MINUTE = 60
GREATER, LESS = "GreaterThanThreshold", "LessThanThreshold"
QUIET, LOUD = "notBreaching", "breaching"
OWN = "Thingwarden"


def dead(queue: str) -> tuple[Any, ...]:
    return ("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue, "Maximum", GREATER, 0, 5 * MINUTE, 1, QUIET)


def errors(function: str, periods: int = 1) -> tuple[Any, ...]:
    return ("AWS/Lambda", "Errors", function, "Sum", GREATER, 0, 5 * MINUTE, periods, QUIET)


ALARMS = {
    "dead-reports": dead("thingwarden-test-dead-reports"),
    "dead-alerts": dead("thingwarden-test-dead-alerts"),
    "dead-receipts": dead("thingwarden-test-dead-receipts"),
    "dead-registry-events": dead("thingwarden-test-dead-registry"),
    "evaluate-function-errors": errors("thingwarden-test-evaluate", 3),
    "dispatch-function-errors": errors("thingwarden-test-dispatch"),
    "export-function-errors": errors("thingwarden-test-export", 3),
    "sweep-function-errors": errors("thingwarden-test-sweep", 3),
    "receipts-function-errors": errors("thingwarden-test-receipts"),
    "registry-function-errors": errors("thingwarden-test-registry", 3),
    "reconcile-function-errors": errors("thingwarden-test-reconcile"),
    "control-api-function-errors": errors("thingwarden-test-control-api"),
    "provider-function-errors": errors("thingwarden-test-provider"),
    "setup-function-errors": errors("thingwarden-test-setup"),
    "heartbeat-function-errors": errors("thingwarden-test-heartbeat"),
    "evaluate-throttles": (
        *("AWS/Lambda", "Throttles", "thingwarden-test-evaluate", "Sum"),
        *(GREATER, 0, 5 * MINUTE, 3, QUIET),
    ),
    "evaluate-event-age": (
        *("AWS/Lambda", "AsyncEventAge", "thingwarden-test-evaluate", "Maximum"),
        *(GREATER, 300_000, 5 * MINUTE, 1, QUIET),
    ),
    "dispatch-iterator-age": (
        *("AWS/Lambda", "IteratorAge", "thingwarden-test-dispatch", "Maximum"),
        *(GREATER, 300_000, 5 * MINUTE, 1, QUIET),
    ),
    "overdue-receipts": (OWN, "ReceiptOverdue", "test", "Sum", GREATER, 0, 5 * MINUTE, 1, QUIET),
    "reconcile-age": (OWN, "ReconcileAge", "test", "Maximum", GREATER, 36 * 3600, 60 * MINUTE, 1, LOUD),
    "dispatch-failed": (OWN, "DispatchFailed", "test", "Sum", GREATER, 0, 5 * MINUTE, 1, QUIET),
    "sweep-failed": (OWN, "SweepFailed", "test", "Sum", GREATER, 0, 5 * MINUTE, 3, QUIET),
    "exports-failed": (OWN, "ExportFailed", "test", "Sum", GREATER, 0, 5 * MINUTE, 1, QUIET),
    "control-api-errors": (OWN, "ControlApiErrors", "test", "Sum", GREATER, 0, 5 * MINUTE, 1, QUIET),
    "heartbeat": (OWN, "Heartbeat", "test", "Sum", LESS, 1, 15 * MINUTE, 2, LOUD),
}
"""Name: namespace, metric, whose, statistic, comparison, threshold, period in seconds, periods, without data."""


def names(template: Template) -> dict[str, str]:
    """References of the template to what they stand for."""
    kinds = {"AWS::Lambda::Function": ("FunctionName", ""), "AWS::SQS::Queue": ("QueueName", ".QueueName")}
    return {
        f"{name}{suffix}": each["Properties"][key]
        for kind, (key, suffix) in kinds.items()
        for name, each in of_type(template, kind).items()
    }


def watched(template: Template) -> dict[str, tuple[Any, ...]]:
    known = names(template)
    return {
        each["AlarmName"].removeprefix("thingwarden-test-"): (
            each["Namespace"],
            each["MetricName"],
            *(text(dimension["Value"], known) for dimension in each["Dimensions"]),
            each["Statistic"],
            each["ComparisonOperator"],
            each["Threshold"],
            each["Period"],
            each["EvaluationPeriods"],
            each["TreatMissingData"],
        )
        for each in (alarm["Properties"] for alarm in of_type(template, "AWS::CloudWatch::Alarm").values())
    }


def test_every_alarm_watches_what_was_meant(full_template: Template) -> None:
    assert watched(full_template) == ALARMS


def test_own_metrics_are_watched_by_the_dimension_that_they_are_sent_with(
    full_template: Template, capsys: pytest.CaptureFixture[str]
) -> None:
    with metrics("test") as told:
        told.add_metric("Accepted", "Count", 1)
    (sent,) = json.loads(capsys.readouterr().out)["_aws"]["CloudWatchMetrics"]
    for each in of_type(full_template, "AWS::CloudWatch::Alarm").values():
        if each["Properties"]["Namespace"] == sent["Namespace"]:
            assert [[dimension["Name"] for dimension in each["Properties"]["Dimensions"]]] == sent["Dimensions"]


@pytest.mark.parametrize("key", ["", EVERYTHING["kms_key_arn"]], ids=["no key", "the customer's key"])
def test_an_alarm_reaches_somebody(key: str) -> None:
    template = synthesise(**{**EVERYTHING, "kms_key_arn": key})
    (topic,) = {
        action["Ref"]
        for each in of_type(template, "AWS::CloudWatch::Alarm").values()
        for action in (*each["Properties"]["AlarmActions"], *each["Properties"]["OKActions"])
    }
    made = template["Resources"][topic]["Properties"]
    assert made["TopicName"] == "thingwarden-test-operations"
    assert made.get("KmsMasterKeyId") == (key or None), "CloudWatch may not use AWS's"
    (policy,) = [
        each["Properties"]["PolicyDocument"]["Statement"]
        for each in of_type(template, "AWS::SNS::TopicPolicy").values()
        if {"Ref": topic} in each["Properties"]["Topics"]
    ]
    (allowed,) = [statement for statement in policy if statement["Effect"] == "Allow"]
    assert (allowed["Principal"], allowed["Action"]) == ({"Service": "cloudwatch.amazonaws.com"}, "sns:Publish")
    assert allowed["Condition"]["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}
    pattern = text(allowed["Condition"]["ArnLike"]["aws:SourceArn"])
    assert pattern == "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:thingwarden-test-*"
    assert ("email", "ops@example.com") in subscribers(template, topic)


def subscribers(template: Template, topic: str) -> set[tuple[str, str]]:
    return {
        (each["Properties"]["Protocol"], text(each["Properties"]["Endpoint"]))
        for each in of_type(template, "AWS::SNS::Subscription").values()
        if each["Properties"]["TopicArn"] == {"Ref": topic}
    }


def test_alerts_of_the_stacks_own_topic_reach_its_subscribers(full_template: Template) -> None:
    (topic,) = [
        name
        for name, each in of_type(full_template, "AWS::SNS::Topic").items()
        if each["Properties"]["TopicName"] == "thingwarden-test-alerts"
    ]
    assert subscribers(full_template, topic) == {("email", "ops@example.com"), ("sms", "+15555550100")}


def test_a_budget_mails_its_overrun(full_template: Template) -> None:
    (budget,) = [each["Properties"] for each in of_type(full_template, "AWS::Budgets::Budget").values()]
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 100, "Unit": "USD"}
    assert budget["Budget"]["CostFilters"] == {"TagKeyValue": ["user:thingwarden:stage$test"]}
    told = budget["NotificationsWithSubscribers"]
    assert {each["Notification"]["NotificationType"] for each in told} == {"ACTUAL", "FORECASTED"}
    assert all(each["Subscribers"] == [{"Address": "ops@example.com", "SubscriptionType": "EMAIL"}] for each in told)


def test_nothing_of_this_is_there_unless_it_is_asked_for(template: Template) -> None:
    assert not of_type(template, "AWS::Budgets::Budget")
    assert not [each for each in template["Resources"] if "Heartbeat" in each]


def test_what_the_clock_starts(full_template: Template) -> None:
    known = {
        f"{name}.Arn": each["Properties"]["FunctionName"].removeprefix("thingwarden-test-")
        for name, each in of_type(full_template, "AWS::Lambda::Function").items()
    }
    schedules = {
        (
            text(each["Properties"]["Target"]["Arn"], known),
            each["Properties"]["ScheduleExpression"],
            each["Properties"]["Target"]["Input"],
        )
        for each in of_type(full_template, "AWS::Scheduler::Schedule").values()
    }
    assert schedules == {
        ("sweep", "rate(1 minute)", "{}"),
        ("reconcile", "cron(17 3 * * ? *)", '{"groups":"all"}'),
        ("reconcile", "rate(15 minutes)", '{"groups":"dynamic"}'),
        ("heartbeat", "rate(15 minutes)", "{}"),
    }


def test_the_api_is_throttled_and_its_log_names_every_caller(template: Template) -> None:
    (stage,) = [each["Properties"] for each in of_type(template, "AWS::ApiGatewayV2::Stage").values()]
    settings = stage["DefaultRouteSettings"]
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (50, 100)
    logged = json.loads(stage["AccessLogSettings"]["Format"])
    assert (logged["caller"], logged["sourceIp"]) == ("$context.identity.userArn", "$context.identity.sourceIp")
