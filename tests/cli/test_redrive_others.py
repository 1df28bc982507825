"""`warden redrive`: stream records, alerts, registry events, receipts: handed to what deals with them, or left."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.aws.core import Fleet
from tests.cli.conftest import BUCKET, DISPATCH, bodies
from tests.cli.lambda_service import LambdaService
from tests.cli.letters import failure, send, waiting
from tests.core.profiles import BAD
from warden.cli.dead_letters import Outcome
from warden.domain.alarms.violation import Event
from warden.domain.alerts.letter import dead_letter
from warden.domain.alerts.sending import Sending
from warden.domain.behaviors.profile import AlertTarget
from warden.domain.errors import Unavailable
from warden.handlers.dispatch import Dispatch
from warden.handlers.parts import Clients, Parts
from warden.storage.records import Stored

# Stream failures


@pytest.mark.parametrize("as_text", [True, False], ids=["payload as text", "payload as an object"])
def test_stream_records_are_dispatched_and_the_object_goes(
    aws: Clients,
    parts: Parts,
    redrive: Callable[..., Outcome],
    functions: LambdaService,
    *,
    as_text: bool,
) -> None:
    fleet = Fleet(parts, aws)
    fleet.watch("lamp")
    fleet.report("lamp", BAD)
    aws("s3").put_object(Bucket=BUCKET, Key="1", Body=failure(fleet.stream.read()["Records"], as_text=as_text))
    dispatch = Dispatch(parts, fleet.topics)
    functions.functions[DISPATCH] = lambda event: dispatch(event, lambda: 60_000)

    assert redrive("stream") == Outcome("stream", done=1)

    assert [episode.thing for episode in active(parts)] == ["lamp"]
    assert aws("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


def active(parts: Parts) -> list[Any]:
    return [stored.record for _, stored in parts.violations.active(thing=None, profile=None, behind=None)]


def refuse(_: Any) -> Any:
    raise RuntimeError("out of memory")


@pytest.mark.parametrize(
    ("failing", "reason"),
    [
        pytest.param(
            (lambda _: {"batchItemFailures": [{"itemIdentifier": "3"}]}, failure([{}, {}])),
            f"{DISPATCH} failed again at 1 of 2 records",
            id="a record fails again",
        ),
        pytest.param(
            (refuse, failure([{}])), f'{DISPATCH} failed: {{"errorMessage": "out of memory"}}', id="it raises"
        ),
        pytest.param((refuse, b"?"), "it is no JSON", id="no JSON"),
        pytest.param(
            (refuse, b'{"payload": "{}"}'), "it holds no stream records: expected payload.Records", id="no records"
        ),
    ],
)
def test_stream_records_that_fail_stay_in_the_bucket(
    aws: Clients,
    redrive: Callable[..., Outcome],
    functions: LambdaService,
    failing: tuple[Callable[[Any], Any], bytes],
    reason: str,
) -> None:
    functions.functions[DISPATCH], body = failing
    aws("s3").put_object(Bucket=BUCKET, Key="1", Body=body)
    outcome = redrive("stream")
    assert (outcome.done, outcome.left) == (0, {reason: 1})
    assert aws("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1


# Alerts


class Deaf:
    """A way to topics that takes nothing."""

    def publish(self, _target: AlertTarget, _message: str) -> None:
        raise Unavailable("nobody answers")

    def settle(self) -> None:
        """Nothing was taken."""


@pytest.fixture
def given_up(parts: Parts, aws: Clients) -> Stored[Event]:
    """An alert that was published for a day in vain."""
    fleet = Fleet(parts, aws)
    fleet.watch("lamp")
    fleet.report("lamp", BAD)
    Dispatch(parts, Deaf())(fleet.stream.read(), lambda: 60_000)
    now = parts.clock()
    [(_, event)] = parts.violations.events(start=0, end=now, thing="lamp", profile=None, behind=None)
    parts.violations.announced(event)
    event = parts.violations.event(event.key)
    assert event
    return parts.violations.put_sending(event, Sending(attempt=144, since=1, given_up=True, error="AccessDenied"))


def test_a_dead_alert_is_due_again_at_once(
    aws: Clients, parts: Parts, redrive: Callable[..., Outcome], given_up: Stored[Event]
) -> None:
    assert given_up.key not in parts.jobs.due(parts.clock() + 10**9, limit=100)
    send(aws, "alerts", dead_letter(given_up.record))
    assert redrive("alerts") == Outcome("alerts", done=1)
    assert given_up.key in parts.jobs.due(parts.clock(), limit=100)
    assert waiting(aws, "alerts") == []


def test_a_letter_of_an_event_that_is_gone_goes_and_what_is_none_stays(
    aws: Clients, parts: Parts, redrive: Callable[..., Outcome], given_up: Stored[Event]
) -> None:
    parts.control_table.delete(given_up.key)
    send(aws, "alerts", dead_letter(given_up.record), "{}")
    outcome = redrive("alerts")
    assert outcome.done == 1
    assert [reason.partition(":")[0] for reason in outcome.left] == ["dead letter"]
    assert waiting(aws, "alerts") == ["{}"]


# Registry events and receipts


@pytest.mark.parametrize("kind", ["registry", "receipts"])
def test_letters_go_back_to_the_queue_that_they_came_from(
    aws: Clients, redrive: Callable[..., Outcome], kind: str
) -> None:
    source = aws("sqs").get_queue_url(QueueName=f"thingwarden-test-{kind}")["QueueUrl"]
    send(aws, kind, '{"thing": "pump-7"}', "poison")
    outcome = redrive(kind)
    assert (outcome.done, outcome.left) == (1, {"it is no JSON": 1})
    assert bodies(aws("sqs"), source) == ['{"thing": "pump-7"}']
    assert waiting(aws, kind) == ["poison"]


def test_without_a_queue_to_go_back_to_letters_stay(aws: Clients, redrive: Callable[..., Outcome]) -> None:
    aws("sqs").delete_queue(QueueUrl=aws("sqs").get_queue_url(QueueName="thingwarden-test-registry")["QueueUrl"])
    send(aws, "registry", "{}")
    outcome = redrive("registry")
    assert outcome.stopped == "0 queues have thingwarden-test-dead-registry for their dead letters, expected 1"
    assert waiting(aws, "registry") == ["{}"]
