"""What `warden cost` says that the stack costs in any case is what the stack holds."""

from typing import Any

from tests.infra.conftest import Template
from warden.cli import counts


def of(template: Template, kind: str) -> list[Any]:
    return [each["Properties"] for each in template["Resources"].values() if each["Type"] == kind]


def test_alarms_and_dashboards_are_as_many_as_are_paid_for(template: Template) -> None:
    assert len(of(template, "AWS::CloudWatch::Alarm")) == counts.ALARMS
    assert len(of(template, "AWS::CloudWatch::Dashboard")) == counts.DASHBOARDS
    assert of(template, "AWS::KMS::Key") == []


def test_schedules_run_as_often_as_is_paid_for(template: Template) -> None:
    minutes = {"rate(1 minute)": 1, "rate(15 minutes)": 15, "cron(17 3 * * ? *)": 1440}
    runs = [30 * 1440 // minutes[each["ScheduleExpression"]] for each in of(template, "AWS::Scheduler::Schedule")]
    assert sum(runs) == counts.SWEEPS + counts.RECONCILES


def test_queues_with_a_function_are_as_many_as_are_paid_for(template: Template) -> None:
    sources = [str(each["EventSourceArn"]) for each in of(template, "AWS::Lambda::EventSourceMapping")]
    assert len([source for source in sources if "StreamArn" not in source]) == counts.POLLED_QUEUES


def test_functions_have_the_memory_that_is_paid_for(template: Template) -> None:
    memory = {each["Handler"].split(".")[2]: each["MemorySize"] for each in of(template, "AWS::Lambda::Function")}
    assert memory["evaluate"] == counts.EVALUATOR_MB
    assert {memory[name] for name in ("sweep", "reconcile", "dispatch")} == {counts.SCHEDULED_MB}
