"""What handlers are made of, each part built at its first use: importing a handler needs no environment."""

import os
import time
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import Any

import boto3
from botocore.config import Config

from warden.adapters.aws_iot import IotThings
from warden.adapters.dynamodb import DynamoTable
from warden.handlers.telemetry import count_violations
from warden.settings import Settings
from warden.storage import keys
from warden.storage.catalogue import CatalogueCache, CatalogueStore
from warden.storage.jobs import Jobs
from warden.storage.thing_log import TableThingLog
from warden.storage.violations import Violations

CATALOGUE_POLL_MS = 5_000
"""How long a container believes the catalogue's epoch; dispatch's fence is what keeps a deletion's promise."""

CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    tcp_keepalive=True,
)

Clients = Callable[[str], Any]
"""boto3's name of a service to a client of it, the same one each time."""


class Parts:
    """One container's parts.

    Args:
        settings: The deployment's.
        region: Where it runs.
        clients: Gives the clients; made at first use, since each costs a cold start.
        clock: Now, epoch ms.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        region: str,
        clients: Clients | None = None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.settings = settings
        self.region = region
        self.clock = clock
        self.client: Clients = clients or cache(lambda service: boto3.client(service, config=CONFIG))

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> "Parts":
        """A Lambda function's."""
        return cls(Settings.from_env(env), region=env["AWS_REGION"])

    @cached_property
    def log_table(self) -> DynamoTable:
        """Table `log`."""
        return DynamoTable(self.client("dynamodb"), self.settings.log_table, keys.LOG)

    @cached_property
    def control_table(self) -> DynamoTable:
        """Table `control`."""
        return DynamoTable(self.client("dynamodb"), self.settings.control_table, keys.CONTROL)

    @cached_property
    def thing_log(self) -> TableThingLog:
        """The things' logs, and what the registry said of them."""
        return TableThingLog(self.log_table, keep_days=max(self.settings.datapoint_days, 4))

    @cached_property
    def catalogue(self) -> CatalogueStore:
        """The security profiles."""
        return CatalogueStore(self.control_table)

    @cached_property
    def catalogues(self) -> CatalogueCache:
        """The profiles as this container sees them."""
        return CatalogueCache(self.catalogue, poll_ms=CATALOGUE_POLL_MS)

    @cached_property
    def violations(self) -> Violations:
        """Episodes and events."""
        return Violations(
            self.control_table,
            event_days=self.settings.event_days,
            announce=True,
            recorded=count_violations(self.settings.stage, by_behavior=self.settings.behavior_dimension),
        )

    @cached_property
    def jobs(self) -> Jobs:
        """What is due."""
        return Jobs(self.control_table)

    @cached_property
    def things(self) -> IotThings:
        """The registry."""
        return IotThings(lambda: self.client("iot"))
