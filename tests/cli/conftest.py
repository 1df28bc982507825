"""A deployed stage, as far as the command sees it: its parts in moto, its functions behind a small Lambda."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any

import boto3
import pytest

from tests.aws.conftest import ACCOUNT, REGION, Clock, aws, clients, clock, parts, settings
from tests.cli.lambda_service import LambdaService, Running
from tests.sessions import new_session
from warden.cli.dead_letters import ROUND, DeadLetters, Outcome
from warden.cli.doctor.command import patient_of
from warden.cli.doctor.finding import Patient
from warden.cli.redrive import Redrive
from warden.cli.stage import Stage
from warden.handlers.evaluate import Evaluate
from warden.handlers.parts import Clients, Parts
from warden.settings import Settings

__all__ = ["Clock", "aws", "clients", "clock", "parts", "settings"]  # fixtures

QUEUES = ("reports", "alerts", "registry", "receipts")
SOURCES = ("registry", "receipts")
BUCKET = "thingwarden-test-stream-failures"
EVALUATE, DISPATCH = "thingwarden-test-evaluate", "thingwarden-test-dispatch"


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "WARDEN_STAGE", "WARDEN_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    return new_session()


@pytest.fixture
def stage(aws: Clients, session: boto3.Session, settings: Settings) -> Stage:
    """Stage `test`, deployed."""
    urls = _queues(aws("sqs"))
    aws("s3").create_bucket(Bucket=BUCKET)
    resources = {
        "account": ACCOUNT,
        "evaluate_function": EVALUATE,
        "dispatch_function": DISPATCH,
        **{f"dead_{kind}_queue": urls[f"dead-{kind}"] for kind in QUEUES},
        "stream_failures_bucket": BUCKET,
        "log_table": settings.log_table,
        "control_table": settings.control_table,
        "metrics_prefix": settings.metrics_prefix,
        "metrics_rules": ["thingwarden_test_metrics"],
        "something_newer": "that this release does not know",
    }
    aws("ssm").put_parameter(Name="/thingwarden/test/resources", Type="String", Value=json.dumps(resources))
    return Stage.load("test", session)


def _queues(sqs: Any) -> dict[str, str]:
    urls = {}
    for kind in QUEUES:
        urls[f"dead-{kind}"] = url = sqs.create_queue(QueueName=f"thingwarden-test-dead-{kind}")["QueueUrl"]
        if kind in SOURCES:
            arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
            made = sqs.create_queue(QueueName=f"thingwarden-test-{kind}", Attributes={"RedrivePolicy": policy})
            urls[kind] = made["QueueUrl"]
    return urls


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Iterator[LambdaService]:
    service = LambdaService()
    with closing(Running(service)) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", running.url)
        yield service


@pytest.fixture
def patient(stage: Stage, session: boto3.Session, clock: Clock) -> Patient:
    return replace(patient_of(stage, session), now=clock.now)


@pytest.fixture
def redrive(stage: Stage, session: boto3.Session, functions: LambdaService, clock: Clock) -> Callable[..., Outcome]:
    def run(kind: str, *, dry_run: bool = False, at_once: int = ROUND) -> Outcome:
        letters = partial(DeadLetters, wait_seconds=0, at_once=at_once)
        dealing = Redrive(stage, session, progress=lambda _: None, dry_run=dry_run, letters=letters, clock=clock)
        return dealing(kind)

    assert functions is not None
    return run


@pytest.fixture
def evaluator(parts: Parts, aws: Clients, functions: LambdaService, clock: Clock) -> None:
    """The evaluator, and a registry that has pump-7. It is now: the queues have a clock of their own."""
    aws("iot").create_thing(thingName="pump-7")
    clock.now = time.time_ns() // 1_000_000
    functions.functions[EVALUATE] = Evaluate(parts)


def bodies(sqs: Any, url: str) -> list[str]:
    """What anybody else sees in a queue now; it is left there."""
    found: list[str] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=60).get("Messages"):
        found += [message["Body"] for message in messages]
    return found
