"""The heartbeat: each time one alert goes the whole way and comes back, and is counted; forgeries are not."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from moto.iotdata.models import iotdata_backends

from tests.aws.conftest import ACCOUNT, BEGINNING, MINUTE, REGION, Clock, Lines
from tests.aws.rule_sql import Message, run
from tests.aws.streams import TableStream
from warden.handlers.alert_path import publish_alerts
from warden.handlers.dispatch import Dispatch
from warden.handlers.evaluate import Evaluate
from warden.handlers.heartbeat import Heartbeat
from warden.handlers.parts import Clients, Parts
from warden.rules import metrics_sql
from warden.settings import Settings

NAME = "thingwarden-test-heartbeat"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:{NAME}"


class Way:
    """The way of a probe's report, from its topic to the queue that its alert comes back by."""

    def __init__(self, parts: Parts, clients: Clients) -> None:
        self._published: list[tuple[str, bytes]] = iotdata_backends[ACCOUNT][REGION].published_payloads
        self._stream = TableStream(clients, parts.settings.log_table)
        self._evaluate = Evaluate(parts)
        self._dispatch = Dispatch(parts, publish_alerts(parts))
        self._clock = parts.clock

    def go(self) -> list[str]:
        """What arrives in the queue, in SNS's envelope."""
        ((topic, report),) = self._taken()
        self._evaluate(run(metrics_sql("warden"), Message(topic, report, at=self._clock())))
        assert [topic for topic, _ in self._taken()] == [f"{topic}/accepted"]
        self._dispatch(self._stream.read(), lambda: 60_000)
        alerts = [(topic.rpartition("/")[2], json.loads(payload)) for topic, payload in self._taken()]
        assert {name for name, _ in alerts} <= {NAME}
        return [
            json.dumps({"Type": "Notification", "TopicArn": TOPIC, "Message": each["default"]}) for _, each in alerts
        ]

    def _taken(self) -> list[tuple[str, bytes]]:
        taken = list(self._published)
        self._published.clear()
        return taken


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings.from_env(
        {
            **settings.environment(),
            "WARDEN_HEARTBEAT_TOPIC_ARN": TOPIC,
            "WARDEN_HEARTBEAT_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/thingwarden/test/thingwarden-test-alerts",
            "WARDEN_RULE_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/thingwarden/test/rules",
            "WARDEN_RECEIPTS_QUEUE_URL": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/thingwarden-test-receipts",
            "WARDEN_DEAD_ALERTS_QUEUE_URL": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/thingwarden-test-dead-alerts",
        }
    )


@pytest.fixture
def probe(aws: Clients) -> None:
    """What the stack makes."""
    aws("iot").create_thing(thingName=NAME)
    aws("iot").create_thing_group(thingGroupName=NAME)


def queued(bodies: list[str]) -> dict[str, Any]:
    return {"Records": [{"body": body, "eventSource": "aws:sqs"} for body in bodies]}


def beats(metrics: Lines) -> float:
    """Since they were last asked for."""
    return sum(sum(line.get("Heartbeat", ())) for line in metrics())


@pytest.mark.usefixtures("probe")
def test_every_beat_brings_one_alert_back(parts: Parts, aws: Clients, clock: Clock, metrics: Lines) -> None:
    heartbeat, way = Heartbeat(parts), Way(parts, aws)
    types = []

    for beat in range(1, 5):
        clock.now = BEGINNING + beat * 15 * MINUTE
        heartbeat({})
        arrived = way.go()
        heartbeat(queued(arrived))
        assert beats(metrics) == 1
        types += [json.loads(json.loads(body)["Message"])["violationEventType"] for body in arrived]

    assert types == ["in-alarm", "alarm-cleared"] * 2


@pytest.mark.usefixtures("probe")
def test_a_report_that_is_lost_costs_one_beat_only(parts: Parts, aws: Clients, clock: Clock) -> None:
    heartbeat, way = Heartbeat(parts), Way(parts, aws)
    heartbeat({})
    assert way._taken(), "lost"
    clock.now += 15 * MINUTE

    heartbeat({})

    assert len(way.go()) == 1


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda _: "no JSON", id="no JSON"),
        pytest.param(lambda _: "[1]", id="no envelope"),
        pytest.param(lambda _: json.dumps({"Message": "x"}), id="no alert"),
        pytest.param(
            lambda alert: json.dumps({"Message": json.dumps({**alert, "thingName": "pump-7"})}), id="another's"
        ),
    ],
)
@pytest.mark.usefixtures("aws")
def test_what_is_not_the_probes_alert_counts_for_nothing(
    parts: Parts, metrics: Lines, forge: Callable[[dict[str, str]], str]
) -> None:
    Heartbeat(parts)(queued([forge({"thingName": NAME, "securityProfileName": NAME})]))
    assert beats(metrics) == 0
