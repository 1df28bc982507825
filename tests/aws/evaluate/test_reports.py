"""A report in the AWS home: what the rules select of it is what the evaluator reads, and it is counted once."""

from pathlib import Path
from time import time_ns
from typing import Any

import pytest

from tests.aws.conftest import MINUTE, SECOND
from tests.aws.evaluate.road import (
    CERTIFICATE,
    OWN,
    RESERVED,
    RULES,
    Reply,
    Road,
    counted,
    metrics_topic,
    small_report,
    watch_every_metric,
)
from tests.faults import Fault, FaultyTable, ScriptedPlan
from warden.domain.alarms.entry import Entry, EntryKind, State
from warden.domain.behaviors.metrics import datapoints
from warden.domain.behaviors.target import ThingFacts
from warden.domain.errors import NewerSchema, Throttled, Unavailable
from warden.domain.reports import DECODERS
from warden.handlers import evaluate
from warden.storage.thing_log import TableThingLog

FIXTURES = Path(__file__).parents[2] / "fixtures"
REPORTS = ["report_long.json", "report_long.cbor", "report_short.json", "report_short.cbor"]
OWN_RULE, RESERVED_RULE = RULES


class Read(dict[str, Any]):
    """An event that remembers what was read of it, and has nothing else to offer."""

    def __init__(self, event: dict[str, Any]) -> None:
        super().__init__(event)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)

    def __iter__(self) -> Any:
        raise AssertionError("an event is read field by field")

    keys = values = items = __iter__  # type: ignore[assignment]


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize(
    ("prefix", "rule"),
    [
        pytest.param(OWN, None, id="own topic"),
        pytest.param(RESERVED, None, id="reserved topic"),
        pytest.param(OWN, OWN_RULE, id="Basic Ingest"),
    ],
)
def test_a_real_agents_report_is_counted_and_answered_on_its_topic_in_its_format(
    road: Road, report: str, prefix: str, rule: str | None
) -> None:
    road.register("pump-7")
    watch_every_metric(road.parts)
    payload, fmt = (FIXTURES / report).read_bytes(), report.split(".")[1]
    decoded = DECODERS[fmt](payload)
    topic = metrics_topic("pump-7", prefix, fmt)
    assert len(road.publish(topic, payload, rule=rule)) == 1
    [logged] = road.log("pump-7")
    assert logged.entry.points == datapoints(decoded)
    assert logged.entry.at == road.clock.now
    report_id = decoded.report.header.report_id
    body = {"thingName": "pump-7", "reportId": report_id, "status": "ACCEPTED", "timestamp": road.clock.now}
    unknown = {
        "metric": "cpu_usage",
        "reason": "expected a metric that CreateCustomMetric has defined, got none of this name",
    }
    body |= {"dropped": [unknown], "droppedCount": 1}
    assert road.replies() == [Reply(f"{topic}/accepted", body)]


@pytest.mark.parametrize("report", REPORTS)
def test_the_evaluator_reads_exactly_what_the_rules_select(road: Road, report: str) -> None:
    road.register("pump-7")
    payload, fmt = (FIXTURES / report).read_bytes(), report.split(".")[1]
    [selected] = road.publish(metrics_topic("pump-7", RESERVED, fmt), payload)
    event = Read(selected)
    road.evaluate(event)
    assert event.read == set(selected)


def test_who_published_and_when_comes_from_the_rule(road: Road) -> None:
    [event] = road.publish(metrics_topic("pump-7"), small_report(), client_id="c", principal=CERTIFICATE)
    assert {name: event[name] for name in ("client_id", "principal", "at")} == {
        "client_id": "c",
        "principal": CERTIFICATE,
        "at": road.clock.now,
    }


def test_the_reply_leaves_after_the_put(road: Road) -> None:
    road.register("pump-7")
    road.report("pump-7")
    asked = [operation for operation, _ in road.requests]
    assert asked.index("dynamodb:PutItem") < asked.index("iot-data:Publish")
    assert asked[-1] == "iot-data:Publish"


@pytest.mark.parametrize("varied", [{"replies": "rejected"}], indirect=True)
def test_only_rejections_are_sent_where_that_is_the_setting(road: Road) -> None:
    road.register("pump-7")
    road.report("pump-7")
    assert road.reports("pump-7") == [1]
    assert road.replies() == []
    road.report("pump-7", payload=b"{")
    assert [reply.body["status"] for reply in road.replies()] == ["REJECTED"]


@pytest.mark.parametrize(
    ("fmt", "payload", "message"),
    [
        ("xml", b"<report/>", "format 'xml': expected json or cbor"),
        ("json", b"{", "report: expected JSON, got only its beginning"),
        ("json", b"", "report: expected JSON, got only its beginning"),
        (
            "cbor",
            b"\xff",
            "report: expected CBOR, got break code encountered where a data item was expected",
        ),
        (
            "json",
            small_report(0),
            "header.report_id: expected a whole number from 1 to 18446744073709551615, got 0",
        ),
    ],
)
def test_a_report_that_cannot_count_is_told_why_and_leaves_nothing(
    road: Road, fmt: str, payload: bytes, message: str
) -> None:
    road.register("pump-7")
    topic = metrics_topic("pump-7", fmt=fmt)
    road.publish(topic, payload)
    details = {"ErrorCode": "InvalidPayload", "ErrorMessage": message}
    body = {"thingName": "pump-7", "status": "REJECTED", "statusDetails": details, "timestamp": road.clock.now}
    assert road.replies() == [Reply(f"{topic}/rejected", body)]
    assert road.items() == 0


def test_a_name_that_the_registry_does_not_have_is_not_a_thing(road: Road) -> None:
    road.report("pump-8", 41)
    [reply] = road.replies()
    assert (reply.topic, reply.body["reportId"]) == (f"{metrics_topic('pump-8')}/rejected", 41)
    assert reply.body["statusDetails"] == {"ErrorCode": "InvalidPayload", "ErrorMessage": "pump-8 Not a Thing"}
    assert road.items() == 0


@pytest.mark.parametrize("name", ["a b", "..", ".", "a%2Fb", "\u00e4"])
def test_a_name_that_no_thing_can_have_is_not_a_thing_without_a_question(road: Road, name: str) -> None:
    road.report(name)
    assert [reply.body["statusDetails"]["ErrorMessage"] for reply in road.replies()] == [f"{name} Not a Thing"]
    assert road.asked("iot") == 0


@pytest.mark.parametrize("varied", [{"allow_unregistered_devices": True}], indirect=True)
def test_a_name_that_the_registry_does_not_have_may_report_where_that_is_allowed(road: Road) -> None:
    road.report("pump-8")
    assert [reply.body["status"] for reply in road.replies()] == ["ACCEPTED"]
    assert road.reports("pump-8") == [1]


@pytest.mark.parametrize("varied", [{"reserved_topic": False}], indirect=True)
def test_a_stage_without_the_reserved_topic_takes_nothing_from_it(road: Road) -> None:
    road.register("pump-7")
    road.publish(metrics_topic("pump-7", RESERVED), small_report(), rule=OWN_RULE)
    assert (road.items(), road.replies()) == (0, [])


def test_a_report_that_lambda_delivers_again_counts_once_and_is_accepted_again(road: Road) -> None:
    road.register("pump-7")
    event = road.report("pump-7")
    road.restart()
    road.clock.now += MINUTE
    road.evaluate(event)
    assert road.reports("pump-7") == [1]
    assert [reply.body["status"] for reply in road.replies()] == ["ACCEPTED", "ACCEPTED"]


def test_a_report_that_newer_ones_have_overtaken_counts(road: Road) -> None:
    road.register("pump-7")
    late = {**road.report("pump-8"), "topic": metrics_topic("pump-7")}
    road.report("pump-7", 2, after=5 * MINUTE)
    road.replies()
    road.evaluate(late)
    assert [(logged.entry.report_id, logged.entry.late) for logged in road.log("pump-7")] == [(2, False), (1, True)]
    assert [reply.body["status"] for reply in road.replies()] == ["ACCEPTED"]


def over(road: Road, plan: ScriptedPlan) -> None:
    """Another container, over a table `log` with faults."""
    table = FaultyTable(road.parts.log_table, plan)
    road.parts.__dict__["thing_log"] = TableThingLog(table)
    road.restart()


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.THROTTLED, Fault.LOST_ANSWER])
def test_what_could_not_be_stored_is_left_to_lambda_and_its_retry_is_not_too_soon(road: Road, fault: Fault) -> None:
    road.register("pump-7")
    road.parts.thing_log.record_facts("pump-7", ThingFacts("id", answered_at=1))
    over(road, ScriptedPlan(("put", 1, fault)))
    with pytest.raises(Unavailable):
        road.report("pump-7")
    assert road.replies() == []
    road.report("pump-7", after=MINUTE)
    assert road.reports("pump-7") == [1]
    assert [reply.body["status"] for reply in road.replies()] == ["ACCEPTED"]


def test_a_race_is_run_again(road: Road, metrics: Any) -> None:
    road.register("pump-7")
    road.parts.thing_log.record_facts("pump-7", ThingFacts("id", answered_at=1))
    over(road, ScriptedPlan(("put", 1, Fault.RACED), ("put", 2, Fault.RACED)))
    road.report("pump-7")
    assert road.reports("pump-7") == [1]
    assert counted(metrics()) == {"Accepted": 1, "Raced": 2}


def test_a_log_that_a_newer_release_wrote_is_left_to_it(road: Road) -> None:
    road.register("pump-7")
    state = State(report_at=1)
    newer = Entry(schema=99, kind=EntryKind.REPORT, at=1, pos=road.clock.now, thing_id="id", state=state)
    road.parts.thing_log.append("pump-7", newer, after=0)
    with pytest.raises(NewerSchema):
        road.report("pump-7")
    assert road.replies() == []


@pytest.mark.parametrize(
    ("status", "code", "error"), [(500, "InternalFailure", Unavailable), (429, "ThrottlingException", Throttled)]
)
def test_a_registry_that_does_not_answer_leaves_the_report_to_lambda(
    road: Road, status: int, code: str, error: type[Exception]
) -> None:
    road.register("pump-7")
    road.answers = lambda operation, _: (status, code) if operation.startswith("iot:") else None
    with pytest.raises(error):
        road.report("pump-7")
    assert (road.items(), road.replies()) == (0, [])


def test_what_became_of_reports_is_counted(road: Road, metrics: Any) -> None:
    road.register("pump-7")
    event = road.report("pump-7")
    road.evaluate(event)
    road.report("pump-7", 2, after=SECOND)
    unknown = road.report("pump-8", 4, after=SECOND)
    road.report("pump-7", payload=b"{")
    road.evaluate({})
    road.report("pump-7", 3, after=5 * MINUTE)
    road.evaluate({**unknown, "topic": event["topic"]})
    assert counted(metrics()) == {
        "Accepted": 4,
        "Duplicate": 1,
        "Late": 1,
        "Rejected": 3,
        "Throttled": 1,
        "NotAThing": 1,
        "InvalidPayload": 1,
        "Forged": 1,
    }


def test_what_happens_all_the_time_is_told_once_a_minute_and_what_is_new_at_once(road: Road, metrics: Any) -> None:
    things = [f"pump-{n}" for n in range(7)]
    road.register(*things)
    for thing in things:
        road.report(thing, after=15 * SECOND)
    assert [line["Accepted"] for line in metrics()] == [[1.0], [4.0]]
    road.report("pump-9")
    assert metrics() == [{"stage": "test", "Accepted": [2.0], "Rejected": [1.0], "NotAThing": [1.0]}]


def test_the_handler_makes_its_parts_of_the_environment_at_first_use(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    road.register("pump-7")
    for name, value in {
        **road.parts.settings.environment(),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
    }.items():
        monkeypatch.setenv(name, value)
    road.clock.now = time_ns() // 1_000_000
    evaluate._evaluate.cache_clear()
    for event in road.publish(metrics_topic("no-thing"), small_report()):
        evaluate.handler({**event, "topic": metrics_topic("pump-7")}, None)
    evaluate._evaluate.cache_clear()
    assert road.reports("pump-7") == [1]
