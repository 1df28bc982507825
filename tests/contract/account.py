"""One account's Device Defender in process: the real operations on SQLite, stock boto3 at them, devices that report."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.contract.iot import call, error_of, service_model
from tests.core.outside import Registry
from tests.faults import Fault, FaultyTable
from warden.adapters.sqlite import SqliteTable
from warden.control_api.api import operations
from warden.control_api.context import Context
from warden.control_api.http import HttpRequest, HttpResponse
from warden.control_api.paging import Pager
from warden.control_api.router import Router
from warden.domain.behaviors.limits import AWS_QUOTAS, Limits
from warden.ports import Table
from warden.storage import keys
from warden.storage.catalogue import CatalogueCache, CatalogueStore
from warden.storage.jobs import Jobs
from warden.storage.thing_log import TableThingLog
from warden.storage.violations import Violations
from warden.use_cases.dispatch_transitions import DispatchTransitions
from warden.use_cases.ingest_report import Ingested, IngestReport, Options

ACCOUNT, REGION = "123456789012", "us-east-1"
NOW = 1_800_000_000_000
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
PAGER = Pager(b"a key that every account has")


def arn(resource: str, *, account: str = ACCOUNT, region: str = REGION, partition: str = "aws") -> str:
    return f"arn:{partition}:iot:{region}:{account}:{resource}"


class Account:
    """An account and its registry; its time is `now`, epoch ms, and passes only where a test says so.

    Args:
        limits: How much there may be.
        keep_days: How long datapoints are kept and listed.
        has_group: Whether there is a thing group of some name.
        child_groups: The groups below it.
        wrap: What the two tables are put into before anything is written.
    """

    def __init__(
        self,
        *,
        limits: Limits = AWS_QUOTAS,
        keep_days: int = 14,
        has_group: Callable[[str], bool] = lambda _: True,
        child_groups: Callable[[str], Sequence[str]] = lambda _: (),
        wrap: Callable[[SqliteTable], Table] = lambda table: table,
    ) -> None:
        self.now = NOW
        self.registry = Registry()
        self._closing = ExitStack()
        log_table, control = (wrap(self._table(design)) for design in (keys.LOG, keys.CONTROL))
        self._log = TableThingLog(log_table, keep_days=keep_days)
        catalogue, violations = CatalogueStore(control), Violations(control, shards=1)
        self._catalogues = CatalogueCache(catalogue, poll_ms=None)
        self._ingest = IngestReport(
            self._log, self._log, self.registry, self._catalogues, Options(account=ACCOUNT, keep=self._log.keep)
        )
        self._dispatch = DispatchTransitions(catalogue, self._log, violations, keep=self._log.keep)
        self.operations = operations(
            Context(
                account=ACCOUNT,
                region=REGION,
                partition="aws",
                catalogue=catalogue,
                jobs=Jobs(control),
                violations=violations,
                log=self._log,
                keep=self._log.keep,
                has_group=has_group,
                child_groups=child_groups,
                event_days=30,
                datapoint_days=keep_days,
                pager=PAGER,
                clock=lambda: self.now,
                limits=limits,
            )
        )
        self.router = Router(service_model(), self.operations)

    def _table(self, design: keys.TableDesign) -> SqliteTable:
        table = SqliteTable(":memory:", design)
        self._closing.callback(table.close)
        return table

    def close(self) -> None:
        self._closing.close()

    # The control API

    def __call__(self, method: str, **params: Any) -> dict[str, Any]:
        """What a boto3 client returns for a call."""
        return call(self.router, method, **params)

    def refusal(self, method: str, **params: Any) -> tuple[str, int, str]:
        """Code, HTTP status and message of the error that a boto3 client raises for a call."""
        told = self.error(method, **params)
        return told["Error"]["Code"], told["ResponseMetadata"]["HTTPStatusCode"], told["Error"]["Message"]

    def error(self, method: str, **params: Any) -> Mapping[str, Any]:
        """All that botocore makes of the error that a call is answered with."""
        return error_of(self.router, method, **params)

    def handle(self, request: HttpRequest) -> HttpResponse:
        """The answer to a request that nobody's client has checked."""
        return self.router.handle(request)

    # Devices

    def report(
        self,
        thing: str,
        metrics: Mapping[str, Any] | None = None,
        custom: Mapping[str, Any] | None = None,
        *,
        at: int | None = None,
        stale: bool = False,
    ) -> Ingested:
        """A thing, registered with it, reports, now or at `at`; what that raised is recorded.

        Args:
            thing: The thing's name.
            metrics: AWS's, in long names.
            custom: By name their values: `{"battery": {"number": 5}}`.
            at: When it arrives, epoch ms.
            stale: Whether the evaluator has not heard of the last changes yet.
        """
        if thing not in self.registry.things:
            self.registry.create(thing)
        if not stale:
            self._catalogues.reload()
        at = self.now if at is None else at
        document: dict[str, Any] = {"header": {"report_id": at, "version": "1.0"}, "metrics": metrics or {}}
        if custom is not None:
            document["custom_metrics"] = {name: [value] for name, value in custom.items()}
        ingested = self._ingest(thing, "json", json.dumps(document).encode(), at=at)
        if logged := self._log.load(thing, consistent=True).newest:
            self._dispatch(thing, logged, now=self.now)
        return ingested


def listening(*ports: int) -> dict[str, Any]:
    """A report's metrics: these TCP ports are listened on."""
    return {"listening_tcp_ports": {"ports": [{"port": port} for port in ports]}}


def behavior(metric: str, operator: str, value: Mapping[str, Any], *, name: str = "one", **criteria: Any) -> Any:
    """A behavior, as the API takes it."""
    return {"name": name, "metric": metric, "criteria": {"comparisonOperator": operator, "value": value, **criteria}}


class Strike:
    """Tables with the same fault at every call, while it strikes; `Account(wrap=strike)`."""

    def __init__(self) -> None:
        self._fault: Fault | None = None

    def __call__(self, table: SqliteTable) -> Table:
        return FaultyTable(table, lambda _: self._fault)

    @contextmanager
    def of(self, fault: Fault) -> Iterator[None]:
        self._fault = fault
        yield
        self._fault = None
