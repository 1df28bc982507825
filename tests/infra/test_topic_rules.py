"""The topic rules as they are deployed: their SQL run over messages, and what it gives fed to the functions."""

import base64
import json
from pathlib import Path

import pytest

from tests.aws.rule_sql import Message, run
from tests.infra.conftest import Template, of_type
from warden import rules
from warden.domain.registry.events import parse
from warden.handlers.evaluate import Selected

FIXTURES = Path(__file__).parents[1] / "fixtures"
NOW = 1_800_000_000_000
DAY = 86_400_000


def metrics_sql(template: Template) -> dict[str, str]:
    """The deployed metrics rules' SQL by their names; the reserved topic's is made by a custom resource."""
    (own,) = [
        each["Properties"]
        for each in of_type(template, "AWS::IoT::TopicRule").values()
        if each["Properties"]["RuleName"] == "thingwarden_prod_metrics"
    ]
    (reserved,) = of_type(template, "Custom::ReservedRule").values()
    return {
        own["RuleName"]: own["TopicRulePayload"]["Sql"],
        reserved["Properties"]["RuleName"]: reserved["Properties"]["Sql"],
    }


@pytest.mark.parametrize(
    ("rule", "topic"),
    [
        ("thingwarden_prod_metrics", "warden/things/pump:7/defender/metrics/{}"),
        ("thingwarden_prod_metrics", "$aws/rules/thingwarden_prod_metrics/warden/things/pump:7/defender/metrics/{}"),
        ("thingwarden_prod_metrics_reserved", "$aws/things/pump:7/defender/metrics/{}"),
    ],
)
@pytest.mark.parametrize("fmt", ["json", "cbor"])
def test_a_report_reaches_the_evaluator_byte_for_byte(template: Template, rule: str, topic: str, fmt: str) -> None:
    payload = (FIXTURES / f"report_long.{fmt}").read_bytes()
    message = Message(topic.format(fmt), payload, "gateway-1", "f00d" * 16, NOW)

    event = run(metrics_sql(template)[rule], message, basic_ingest_rule=rule)

    selected = Selected.parse(json.loads(json.dumps(event)), ("warden", "$aws"), NOW, 14 * DAY)
    assert selected
    assert (selected.topic.thing, selected.topic.format, selected.payload) == ("pump:7", fmt, payload)
    assert (selected.client_id, selected.principal, selected.at) == ("gateway-1", "f00d" * 16, NOW)
    assert base64.b64decode(event["payload"]) == payload  # type: ignore[call-overload,index]


@pytest.mark.parametrize(
    "topic",
    [
        "warden/things/pump-7/defender/metrics",
        "warden/things/pump-7/defender/metrics/json/accepted",
        "$aws/things/pump-7/defender/metrics/json/accepted",
        "warden/things/pump-7/shadow/metrics/json",
        "other/things/pump-7/defender/metrics/json",
    ],
)
def test_no_metrics_rule_runs_for_other_topics(template: Template, topic: str) -> None:
    for sql in metrics_sql(template).values():
        assert run(sql, Message(topic, b"{}")) is None


def test_what_the_registry_rules_select_names_what_to_read_again(template: Template) -> None:
    deployed = {
        each["Properties"]["TopicRulePayload"]["Sql"]
        for each in of_type(template, "AWS::IoT::TopicRule").values()
        if isinstance(each["Properties"]["RuleName"], dict)
    }
    assert deployed == set(rules.REGISTRY_SQL.values())
    for topic in (
        "$aws/events/thing/pump:7/created",
        "$aws/events/thing/pump:7/deleted",
        "$aws/events/thingGroupMembership/thingGroup/Pumps/thing/pump:7/added",
        "$aws/events/thingGroupMembership/thingGroup/Pumps/thing/pump:7/removed",
        "$aws/events/thingGroup/Pumps/deleted",
        "$aws/events/thingGroupHierarchy/thingGroup/Plant/childThingGroup/Pumps/removed",
    ):
        chosen = [out for sql in deployed if (out := run(sql, Message(topic, b"{}")))]
        assert chosen == [{"topic": topic}], "one rule, and nothing of the payload"
        assert parse(topic), topic
