"""Replies that AWS does not take: the report counts all the same, and the reserved topics are left alone if need be."""

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.aws.conftest import MINUTE
from tests.aws.evaluate.road import OWN, RESERVED, Road, counted, metrics_topic, published_to, small_report

FORBIDDEN = (403, "ForbiddenException")


class Broker:
    """What AWS IoT Core says to publications below some first levels, and the topics that were tried."""

    def __init__(self, road: Road, **refused: tuple[int, str]) -> None:
        self.refused = {{"reserved": RESERVED, "own": OWN}[which]: answer for which, answer in refused.items()}
        self.tried: list[str] = []
        road.answers = self

    def __call__(self, operation: str, url: str) -> tuple[int, str] | None:
        if operation != "iot-data:Publish":
            return None
        topic = published_to(url)
        self.tried.append(topic)
        return self.refused.get(topic.partition("/")[0])


def report(road: Road, thing: str, prefix: str = RESERVED, fmt: str = "json") -> None:
    road.publish(metrics_topic(thing, prefix, fmt), small_report(), after=MINUTE)


def accepted(thing: str, prefix: str) -> str:
    return f"{metrics_topic(thing, prefix)}/accepted"


@pytest.mark.parametrize("answer", [FORBIDDEN, (401, "UnauthorizedException"), (400, "InvalidRequestException")])
def test_what_is_refused_on_the_reserved_topic_goes_to_the_own_one_and_the_next_at_once(
    road: Road, metrics: Any, caplog: pytest.LogCaptureFixture, answer: tuple[int, str]
) -> None:
    road.register("pump-1", "pump-2", "pump-3")
    broker = Broker(road, reserved=answer)
    for thing in ("pump-1", "pump-2", "pump-3"):
        report(road, thing)
        assert road.reports(thing) == [1]
    assert broker.tried == [accepted("pump-1", RESERVED), *(accepted(f"pump-{n}", OWN) for n in (1, 2, 3))]
    assert [reply.topic for reply in road.replies()] == [accepted(f"pump-{n}", OWN) for n in (1, 2, 3)]
    assert counted(metrics())["ReservedReplyRefused"] == 1
    assert [record.getMessage() for record in caplog.records] == [
        "replies on reserved topics go to the own ones instead"
    ]


def test_another_container_tries_the_reserved_topic_again(road: Road) -> None:
    road.register("pump-1")
    broker = Broker(road, reserved=FORBIDDEN)
    report(road, "pump-1")
    road.restart()
    report(road, "pump-1")
    assert broker.tried == [accepted("pump-1", RESERVED), accepted("pump-1", OWN)] * 2


@pytest.mark.parametrize(("thing", "fmt"), [("a b", "json"), ("pump-1", "x y"), ("n" * 129, "json")])
def test_a_refusal_that_the_device_chose_moves_nobody_elses_replies(road: Road, thing: str, fmt: str) -> None:
    road.register("pump-1", "pump-2")
    broker = Broker(road, reserved=(400, "InvalidRequestException"))
    report(road, thing, fmt=fmt)
    broker.refused = {}
    report(road, "pump-2")
    assert broker.tried[-1] == accepted("pump-2", RESERVED)


def test_who_may_publish_nowhere_is_no_reason_to_leave_the_reserved_topic(road: Road, metrics: Any) -> None:
    road.register("pump-1", "pump-2")
    broker = Broker(road, reserved=FORBIDDEN, own=FORBIDDEN)
    report(road, "pump-1")
    assert road.reports("pump-1") == [1]
    broker.refused = {}
    report(road, "pump-2")
    assert broker.tried[-1] == accepted("pump-2", RESERVED)
    assert counted(metrics())["ReplyFailed"] == 1


@pytest.mark.parametrize("answer", [(429, "ThrottlingException"), (500, "InternalFailureException")])
def test_a_broker_that_is_busy_or_broken_is_not_asked_elsewhere(
    road: Road, metrics: Any, caplog: pytest.LogCaptureFixture, answer: tuple[int, str]
) -> None:
    road.register("pump-1", "pump-2")
    broker = Broker(road, reserved=answer)
    report(road, "pump-1")
    assert road.reports("pump-1") == [1]
    assert broker.tried == [accepted("pump-1", RESERVED)]
    assert [record.getMessage() for record in caplog.records] == ["a reply did not leave"]
    broker.refused = {}
    report(road, "pump-2")
    assert broker.tried[1:] == [accepted("pump-2", RESERVED)]
    assert counted(metrics())["ReplyFailed"] == 1


def test_a_refusal_on_the_own_topic_is_counted_and_that_is_all(road: Road, metrics: Any) -> None:
    road.register("pump-1")
    broker = Broker(road, own=FORBIDDEN)
    report(road, "pump-1", OWN)
    assert road.reports("pump-1") == [1]
    assert broker.tried == [accepted("pump-1", OWN)]
    assert counted(metrics())["ReplyFailed"] == 1


def test_a_broker_that_cannot_be_reached_does_not_fail_the_report(road: Road, metrics: Any) -> None:
    def unreachable(operation: str, url: str) -> None:
        if operation == "iot-data:Publish":
            raise EndpointConnectionError(endpoint_url=url)

    road.register("pump-1")
    road.answers = unreachable
    report(road, "pump-1", OWN)
    assert road.reports("pump-1") == [1]
    assert counted(metrics())["ReplyFailed"] == 1


def test_a_rejection_that_did_not_leave_fails_nothing_either(road: Road, metrics: Any) -> None:
    Broker(road, own=FORBIDDEN)
    report(road, "pump-1", OWN)
    assert counted(metrics())["ReplyFailed"] == 1
