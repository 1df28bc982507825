"""The product in process: its control API, its use cases and its tables, to which a history happens."""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from botocore.loaders import Loader
from botocore.model import ServiceModel

from tests.model import happenings as h
from tests.model.records import Event, Reply, Rules
from tests.model.surroundings import OvertakenLog, Registry, Subscribers
from warden.adapters.sqlite import SqliteTable
from warden.control_api.api import operations
from warden.control_api.context import Context
from warden.control_api.http import HttpRequest
from warden.control_api.paging import Pager
from warden.control_api.router import Router
from warden.domain.errors import NotAThing, TooSoon
from warden.domain.reports.replies import accepted
from warden.storage import keys
from warden.storage.catalogue import CatalogueCache, CatalogueStore
from warden.storage.jobs import Jobs
from warden.storage.thing_log import DAY_MS
from warden.storage.violations import Violations
from warden.use_cases.deliver_alerts import DeliverAlerts
from warden.use_cases.dispatch_transitions import DispatchTransitions
from warden.use_cases.ingest_report import IngestReport, Options
from warden.use_cases.invalidate_silent import InvalidateSilent
from warden.use_cases.record_registry_answer import RecordRegistryAnswer
from warden.use_cases.retire_violations import RetireViolations
from warden.use_cases.sweep import Sweep

if TYPE_CHECKING:
    from warden.domain.behaviors.target import ThingFacts

ACCOUNT, REGION = "000000000000", "us-east-1"
BEGINNING = 1_800_000_000_000
TARGET = {"alertTargetArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts", "roleArn": f"arn:aws:iam::{ACCOUNT}:role/alerts"}
A_LIFETIME_DAYS = 365
AT_ONCE = 100
ROUNDS = 50


@cache
def _service_model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("iot", "service-2"), "iot")


class Product:
    """An account, and the registry of its things. Use `close`."""

    def __init__(self, rules: Rules) -> None:
        self._now = BEGINNING
        self._registry = Registry()
        self._subscribers = Subscribers()
        self._log_table = SqliteTable(":memory:", keys.LOG, stream=keys.OUTBOX)
        self._control_table = SqliteTable(":memory:", keys.CONTROL)
        log = self._log = OvertakenLog(self._log_table, keep_days=rules.keep // DAY_MS)
        catalogue, jobs = CatalogueStore(self._control_table), Jobs(self._control_table)
        violations = Violations(self._control_table, shards=2, event_days=A_LIFETIME_DAYS)
        self._catalogues = [CatalogueCache(catalogue, poll_ms=None) for _ in range(2)]
        options = Options(
            account=ACCOUNT,
            keep=log.keep,
            min_interval=rules.min_interval,
            allow_unregistered=rules.allow_unregistered,
            one_clock=rules.one_clock,
        )
        self._evaluators = [IngestReport(log, log, self._registry, each, options) for each in self._catalogues]
        self._answered = RecordRegistryAnswer(log, log, self._catalogues[0], keep=log.keep)
        self._answers: dict[tuple[str, int], ThingFacts] = {}
        self._dispatch = DispatchTransitions(catalogue, log, violations, keep=log.keep)
        self._deliver = DeliverAlerts(catalogue, log, violations, self._subscribers)
        self._sweep = Sweep(
            jobs,
            log,
            self._dispatch,
            self._deliver,
            InvalidateSilent(catalogue, log, violations, log.keep),
            RetireViolations(catalogue, log, violations, jobs, log.keep),
        )
        self._dispatched = 0
        context = Context(
            account=ACCOUNT,
            region=REGION,
            partition="aws",
            catalogue=catalogue,
            jobs=jobs,
            violations=violations,
            log=log,
            keep=log.keep,
            has_group=lambda _: True,
            child_groups=lambda _: (),
            event_days=A_LIFETIME_DAYS,
            datapoint_days=log.keep // DAY_MS,
            pager=Pager(b"a key that every account has"),
            clock=lambda: self._now,
        )
        self._router = Router(_service_model(), operations(context))

    def close(self) -> None:
        self._log_table.close()
        self._control_table.close()

    def happen(self, happening: h.Happening) -> list[Reply]:
        """Let something happen, and do whatever it calls for.

        Returns: The replies to reports, in the order in which these were taken.
        """
        replies = self._happen(happening)
        self._now = happening.now
        if not isinstance(happening, h.Waited) or happening.swept:
            self._settle()
        return replies

    def _happen(self, happening: h.Happening) -> list[Reply]:  # noqa: C901, PLR0912 (a step for each word)
        self._now = happening.now
        match happening:
            case h.Reported():
                return [self._report(happening)]
            case h.Crossed(_, first, second):
                return self._cross(first, second)
            case h.AtOnce(_, happenings):
                return [reply for each in happenings for reply in self._happen(each)]
            case h.ThingChanged(_, thing, "", _):
                del self._registry.things[thing]
            case h.ThingChanged(_, thing, thing_id, groups):
                self._registry.things[thing] = thing_id, tuple(sorted(groups))
            case h.GroupMoved(_, group, parent):
                self._registry.parents[group] = parent
            case h.Asked(now, thing):
                self._answers[thing, now] = self._registry.ask(thing, now=now)
            case h.Heard(now, thing, asked_at):
                self._answered(thing, self._answers.pop((thing, asked_at)), now=now)
            case h.Waited(now, _, True):
                for table in (self._log_table, self._control_table):
                    while table.expire(now // 1000, AT_ONCE):
                        pass
            case h.Waited():
                pass
            case _:
                self._change(happening)
        return []

    def _change(self, happening: h.Happening) -> None:
        match happening:
            case h.ProfilePut(_, name, behaviors):
                path, body = (
                    f"/security-profiles/{quote(name)}",
                    {"behaviors": behaviors, "alertTargets": {"SNS": TARGET}},
                )
                exists = self._call("GET", path, fine=(200, 404)) is not None
                self._call("PATCH" if exists else "POST", path, body=body)
            case h.ProfileDeleted(_, name):
                self._call("DELETE", f"/security-profiles/{quote(name)}")
            case h.Attached(_, name, target) | h.Detached(_, name, target):
                verb = "PUT" if isinstance(happening, h.Attached) else "DELETE"
                arn = f"arn:aws:iot:{REGION}:{ACCOUNT}:{target}"
                self._call(verb, f"/security-profiles/{quote(name)}/targets", {"securityProfileTargetArn": arn})
            case h.MetricDefined(_, metric, None):
                self._call("DELETE", f"/custom-metric/{quote(metric)}")
            case h.MetricDefined(now, metric, metric_type):
                token = {"clientRequestToken": str(now)}
                self._call("POST", f"/custom-metric/{quote(metric)}", body={"metricType": metric_type, **token})
            case _:
                raise AssertionError(happening)
        for catalogue in self._catalogues:  # as soon as the API has answered, a change is in force
            catalogue.reload()

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        fine: tuple[int, ...] = (200,),
    ) -> dict[str, Any] | None:
        """What the control API answers; None where that is an error that is fine."""
        sent = json.dumps(body).encode() if body else b""
        response = self._router.handle(HttpRequest(method, path, urlencode(query or {}), body=sent))
        assert response.status in fine, f"{method} {path} {body}: {response.status} {response.body!r}"
        answer: dict[str, Any] = json.loads(response.body)
        return answer if response.status == 200 else None

    # Reports

    def _report(self, report: h.Reported, evaluator: int = 0) -> Reply:
        document = {"header": {"report_id": report.report_id, "version": "1.0"}, **report.body}
        ingest, payload = self._evaluators[evaluator], json.dumps(document).encode()
        try:
            taken = ingest(report.thing, "json", payload, at=report.at, again=report.again)
        except TooSoon:
            return Reply("throttled")
        except NotAThing:
            return Reply("not a thing")
        told = accepted(report.thing, taken.report_id, report.at, taken.dropped)
        dropped = tuple((each["metric"], each["reason"]) for each in told.get("dropped", ()))
        return Reply(told["status"].lower(), dropped, told.get("droppedCount", 0))

    def _cross(self, first: h.Reported, second: h.Reported) -> list[Reply]:
        replies = deque[Reply]()
        self._log.first = lambda: replies.append(self._report(second, evaluator=1))
        reply = self._report(first)
        if replies:
            return [*replies, reply]
        self._log.first = None
        return [reply, self._report(second, evaluator=1)]

    def _settle(self) -> None:
        """Dispatch what is marked and do what is due, until there is nothing."""
        for _ in range(ROUNDS):
            if not (self._dispatch_marked() or self._sweep(now=self._now)):
                return
        raise AssertionError("something is due again and again")

    def _dispatch_marked(self) -> bool:
        marked = self._log_table.read_stream(self._dispatched, AT_ONCE)
        for position, key in marked:
            thing, seq = keys.split(key.pk)[1], int(key.sk.removeprefix(keys.ENTRY_PREFIX))
            if logged := self._log.read(thing, seq):
                self._deliver(self._dispatch(thing, logged, now=self._now), now=self._now)
            self._dispatched = position
        return bool(marked)

    # What people see

    def events(self) -> list[Event]:
        """ListViolationEvents."""
        query = {"startTime": _iso(BEGINNING - DAY_MS), "endTime": _iso(self._now + DAY_MS)}
        return [
            _event(each, each["violationEventTime"], each.get("metricValue"))
            for each in self._pages("/violation-events", query, "violationEvents")
        ]

    def active(self) -> list[tuple[Event, int, Any]]:
        """ListActiveViolations: beginning, and time and value of the last violation."""
        return [
            (
                _event({**each, "violationEventType": "in-alarm"}, each["violationStartTime"], None),
                round(each["lastViolationTime"] * 1000),
                each["lastViolationValue"],
            )
            for each in self._pages("/active-violations", {}, "activeViolations")
        ]

    def alerts(self) -> list[Event]:
        """What subscribers were told."""
        return [
            _event(each, each["violationEventTime"] / 1000, each.get("metricValue")) for each in self._subscribers.told
        ]

    def _pages(self, path: str, query: Mapping[str, str], member: str) -> Iterator[dict[str, Any]]:
        token: str | None = None
        while True:
            page = self._call("GET", path, {**query, "maxResults": "250", **({"nextToken": token} if token else {})})
            assert page
            yield from page[member]
            token = page.get("nextToken")
            if token is None:
                return


def _event(shown: Mapping[str, Any], seconds: float, value: Any) -> Event:
    return Event(
        shown["thingName"],
        shown["securityProfileName"],
        shown["behavior"]["name"],
        shown["violationEventType"],
        round(seconds * 1000),
        value,
    )


def _iso(at: int) -> str:
    return f"{at / 1000:.3f}"
