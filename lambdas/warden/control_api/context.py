"""What the operations need: where things are kept, who they belong to, and what time it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from warden.control_api.paging import DEFAULT_PAGE_SIZE, Pager
from warden.domain.alerts.target import Delivery
from warden.domain.behaviors.limits import AWS_QUOTAS, Limits
from warden.ports import ThingLog
from warden.storage.catalogue import CatalogueStore
from warden.storage.jobs import Jobs
from warden.storage.violations import Violations


@dataclass(frozen=True, slots=True)
class Context:
    """Shared by all operations.

    Attributes:
        account: AWS account.
        region: AWS Region.
        partition: `aws`, or another one's name.
        catalogue: The security profiles.
        jobs: What is queued with a change.
        violations: Episodes and events.
        log: The things' logs.
        keep: Milliseconds that log entries count for.
        has_group: Whether the registry has a thing group of some name.
        child_groups: The thing groups below one of some name, at any depth.
        event_days: How long events are listed.
        datapoint_days: How long datapoints are listed.
        pager: Makes and reads page tokens.
        clock: Now, epoch ms.
        limits: How much there may be.
        check_delivery: Raises InvalidRequest where a profile may not name an alert target or a metrics export that
            is well-formed, and has ready what sending there needs. Where nobody assumes roles, every one will do.
    """

    account: str
    region: str
    partition: str
    catalogue: CatalogueStore
    jobs: Jobs
    violations: Violations
    log: ThingLog
    keep: int
    has_group: Callable[[str], bool]
    child_groups: Callable[[str], Sequence[str]]
    event_days: int
    datapoint_days: int
    pager: Pager
    clock: Callable[[], int]
    limits: Limits = AWS_QUOTAS
    check_delivery: Callable[[Delivery], object] = lambda to: None  # noqa: ARG005

    def arn(self, resource: str) -> str:
        """A resource of this account's AWS IoT."""
        return f"arn:{self.partition}:iot:{self.region}:{self.account}:{resource}"

    def place(self, operation: str, request: Mapping[str, Any]) -> str | None:
        """Where the page begins that a request asks for; None for the first one."""
        token = request.get("nextToken")
        return self.pager.position(operation, request, token) if token else None

    def page(
        self, operation: str, request: Mapping[str, Any], member: str, rows: list[Any], place: str | None
    ) -> Mapping[str, Any]:
        """The answer of a list: its rows, and a token where more follow from `place` on."""
        token = None if place is None else self.pager.token(operation, request, place)
        return {member: rows, "nextToken": token}


def page_size(request: Mapping[str, Any]) -> int:
    """How many rows a request asks for."""
    size: int = request.get("maxResults") or DEFAULT_PAGE_SIZE
    return size


def moment(at: int) -> datetime:
    """Epoch milliseconds as the API's times."""
    return datetime.fromtimestamp(at / 1000, UTC)


def milliseconds(time: datetime) -> int:
    """The API's times as epoch milliseconds."""
    return round(time.timestamp() * 1000)
