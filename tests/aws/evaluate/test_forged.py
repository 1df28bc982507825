"""By Basic Ingest any device may invoke the rules with a topic and a payload of its choice; and anything may be in a
report. Nothing of it is recorded, looked up, or raised."""

from base64 import b64encode
from typing import Any

import pytest

from tests.aws.conftest import BEGINNING, DAY, HOUR, SECOND
from tests.aws.evaluate.road import CERTIFICATE, RESERVED, RULES, Road, counted, metrics_topic, small_report
from tests.hostile_reports import CORPUS, Hostile

PAYLOAD = b64encode(small_report()).decode()
GENUINE: dict[str, Any] = {
    "payload": PAYLOAD,
    "topic": metrics_topic("pump-7"),
    "client_id": "pump-7",
    "principal": CERTIFICATE,
    "at": BEGINNING,
}

TOPICS = [
    "",
    "/",
    "warden",
    "warden/things/pump-7/defender/metrics",
    "warden/things/pump-7/defender/metrics/json/",
    "warden/things/pump-7/defender/metrics/json/accepted",
    "/warden/things/pump-7/defender/metrics/json",
    "warden/things/pump-7/Defender/metrics/json",
    "warden/things/pump-7/x/defender/metrics/json",
    "warden/things/pump-7/shadow/update/json",
    "warden/thing/pump-7/defender/metrics/json",
    "Warden/things/pump-7/defender/metrics/json",
    "warden-test/things/pump-7/defender/metrics/json",
    "other/things/pump-7/defender/metrics/json",
    "$AWS/things/pump-7/defender/metrics/json",
    "$aws/things/../things/pump-7/defender/metrics/json",
    "$aws/things/pump-7/../pump-8/defender/metrics/json",
    "$aws/rules/thingwarden_test_metrics/warden/things/pump-7/defender/metrics/json",
    "$aws/events/thing/pump-7/deleted",
    "warden/things/+/defender/metrics/json",
    "warden/things/#/defender/metrics/json",
    "warden/things/pump-7/defender/metrics/+",
    "warden/things/pump\0/defender/metrics/json",
    "warden/things/pump\ud800/defender/metrics/json",
    f"warden/things/{'x' * 300}/defender/metrics/json",
    "warden/things/" + "x/" * 60_000 + "defender/metrics/json",
]

SHAPES: list[Any] = [
    None,
    [],
    "event",
    7,
    {},
    {"Records": [{"body": "{}"}]},
    *({name: value for name, value in GENUINE.items() if name != left_out} for left_out in ("payload", "topic", "at")),
    *(
        {**GENUINE, "payload": value}
        for value in (None, 7, b"", {"base64": PAYLOAD}, [PAYLOAD], "no base64!", "\u00e4")
    ),
    *({**GENUINE, "payload": value} for value in (PAYLOAD[:-1] + "*", PAYLOAD[:5], f"{PAYLOAD[:8]}\n{PAYLOAD[8:]}")),
    *({**GENUINE, "topic": value} for value in (None, 7, ["warden"], {"topic": "x"}, b"warden")),
    *({**GENUINE, "at": value} for value in (None, "1", 1.5, -1, 0, True, [], BEGINNING + HOUR, BEGINNING - 14 * DAY)),
    *({**GENUINE, "at": value} for value in (2**63, 2**64, 10**300)),
]


def leaves_nothing(road: Road) -> bool:
    return (road.items(), road.replies(), road.asked("iot"), road.asked("events")) == (0, [], 0, 0)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: ascii(topic)[:60])
def test_what_is_not_on_a_metrics_topic_leaves_no_trace(road: Road, metrics: Any, topic: str) -> None:
    road.register("pump-7")
    road.evaluate({**GENUINE, "topic": topic})
    assert leaves_nothing(road)
    assert counted(metrics()) == {"Forged": 1}


@pytest.mark.parametrize("event", SHAPES, ids=lambda event: ascii(event)[:60])
def test_what_no_rule_selects_leaves_no_trace(road: Road, metrics: Any, event: object) -> None:
    road.register("pump-7")
    road.evaluate(event)
    assert leaves_nothing(road)
    assert counted(metrics()) == {"Forged": 1}


def test_without_what_is_wrong_in_them_they_would_count(road: Road) -> None:
    road.register("pump-7")
    road.evaluate(GENUINE)
    assert road.reports("pump-7") == [1]


@pytest.mark.parametrize("topic", ["warden/things/pump-7/shadow", "$aws/events/thing/pump-7/deleted", "x"])
@pytest.mark.parametrize("rule", RULES)
def test_a_device_that_invokes_a_rule_by_its_name_leaves_no_trace(road: Road, rule: str, topic: str) -> None:
    road.register("pump-7")
    assert len(road.publish(topic, small_report(), rule=rule)) == 1
    assert leaves_nothing(road)


@pytest.mark.parametrize("who", [{}, {"client_id": None, "principal": 7}])
def test_a_report_counts_also_where_its_sender_is_not_known(road: Road, who: dict[str, Any]) -> None:
    road.register("pump-7")
    nobody = {name: value for name, value in GENUINE.items() if name not in ("client_id", "principal")}
    road.evaluate({**nobody, **who})
    assert road.reports("pump-7") == [1]


def test_one_principals_forgeries_are_logged_once_and_never_quoted(
    road: Road, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(30):
        road.clock.now += SECOND
        road.evaluate({**GENUINE, "topic": f"secret/{number}", "payload": "c2VjcmV0"})
    road.evaluate({**GENUINE, "topic": "secret/x", "principal": "another"})
    assert [record.getMessage() for record in caplog.records] == ["no report; more of them are only counted"] * 2
    assert "secret" not in capsys.readouterr().out
    assert "secret" not in str([vars(record) for record in caplog.records])


@pytest.mark.parametrize("hostile", CORPUS, ids=lambda hostile: f"{hostile.format}: {hostile.name}")
def test_a_hostile_report_is_rejected_and_leaves_nothing_else(road: Road, hostile: Hostile) -> None:
    road.register("pump-7")
    road.publish(metrics_topic("pump-7", RESERVED, hostile.format), hostile.build())
    assert [reply.body["status"] for reply in road.replies()] == ["REJECTED"]
    assert leaves_nothing(road)


@pytest.mark.parametrize("thing", ["", "x" * 129, "a\nb", "\x85", "T%23pump-7", "..", "{}", "%2e%2e", "pump-7\u202e"])
@pytest.mark.parametrize("varied", [{}, {"allow_unregistered_devices": True}], indirect=True, ids=["closed", "open"])
def test_a_hostile_name_harms_nobody(road: Road, thing: str) -> None:
    road.register("pump-7")
    road.report(thing, payload=small_report(9))
    assert len(road.replies()) == 1
    assert road.reports("pump-7") == []
    assert road.asked("iot") == 0
