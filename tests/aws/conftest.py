"""One container's parts over AWS as moto plays it, and the clock that it reads."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from botocore.config import Config
from moto import mock_aws

from tests.aws.core import Fleet
from tests.aws.invocations import Invocations
from tests.aws.tables import make_tables
from tests.sessions import STOCK
from warden.handlers.parts import Clients, Parts
from warden.settings import Settings

ACCOUNT, REGION = "123456789012", "us-east-1"  # moto's
BEGINNING = 1_800_000_000_000
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000


@dataclass
class Clock:
    """Epoch ms; set by the test."""

    now: int = BEGINNING

    def __call__(self) -> int:
        return self.now


class Nap:
    """Waiting, which moves the clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.seconds = 0.0

    def __call__(self, seconds: float) -> None:
        self.seconds += seconds
        self.clock.now += round(seconds * 1000)


@dataclass
class Context:
    """What Lambda hands a handler beside its event."""

    function_name: str = "thingwarden-test"
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 256
    aws_request_id: str = "11111111-2222-3333-4444-555555555555"
    remaining_ms: int = 60_000

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


@dataclass
class Requests:
    """How often each operation was called since `counted` was cleared, as `service:Operation`."""

    counted: Counter[str] = field(default_factory=Counter)

    def __call__(self, event_name: str, **_: object) -> None:
        _, service, operation = event_name.split(".")
        self.counted[f"{service}:{operation}"] += 1


Lines = Callable[[], list[dict[str, Any]]]
"""The metrics that were printed so far: for each line its dimensions and its values."""


def new_clients() -> Clients:
    """Gives clients that answer only inside `mock_aws`, the same one each time."""

    @cache
    def client(service: str) -> Any:
        return STOCK.client(
            service,  # type: ignore[call-overload]
            region_name=REGION,
            aws_access_key_id="nobody",
            aws_secret_access_key="nothing",
            config=Config(
                retries={"mode": "standard", "total_max_attempts": 1},
                account_id_endpoint_mode="disabled",  # moto knows no stream below them
            ),
        )

    return client


@pytest.fixture(scope="session")
def clients() -> Clients:
    return new_clients()


@pytest.fixture
def settings() -> Settings:
    return Settings(
        stage="test",
        account=ACCOUNT,
        log_table="thingwarden-test-log",
        control_table="thingwarden-test-control",
        role_arns=(f"arn:aws:iam::{ACCOUNT}:role/thingwarden/test/*",),
        stack_id=f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/thingwarden-test/1",
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context() -> Context:
    return Context()


@pytest.fixture
def aws(clients: Clients, settings: Settings) -> Iterator[Clients]:
    """An AWS account with both tables in it, and nothing else."""
    with mock_aws():
        make_tables(clients("dynamodb"), settings)
        yield clients


@pytest.fixture
def parts(aws: Clients, settings: Settings, clock: Clock) -> Parts:
    return Parts(settings, region=REGION, clients=aws, clock=clock)


@pytest.fixture
def lambda_() -> Iterator[Invocations]:
    invocations = Invocations()
    with closing(invocations.client):
        yield invocations


@pytest.fixture
def fleet(parts: Parts, aws: Clients) -> Fleet:
    return Fleet(parts, aws)


@pytest.fixture
def requests(aws: Clients) -> Iterator[Requests]:
    counting = Requests()
    services = ("dynamodb", "iot", "iot-data", "sns", "sqs")
    for service in services:
        aws(service).meta.events.register("before-call", counting)
    yield counting
    for service in services:
        aws(service).meta.events.unregister("before-call", counting)


@pytest.fixture
def metrics(capsys: pytest.CaptureFixture[str]) -> Lines:
    def lines() -> list[dict[str, Any]]:
        printed = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
        assert all(line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Thingwarden" for line in printed)
        return [{name: value for name, value in line.items() if name != "_aws"} for line in printed]

    return lines
