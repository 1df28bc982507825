"""What a fleet costs in a month at list price, term by term: counted requests times prices."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Literal

from warden.cli import counts, prices
from warden.cli.prices import Price
from warden.cli.sizes import MOST_METRICS, Sizes, measure

Kind = Literal["reports", "fixed", "replies"]

GIB: Final = 2**30


@dataclass(frozen=True, slots=True)
class Fleet:
    """What is to be paid for.

    Attributes:
        devices: 1 or more.
        metrics: That each report carries, 1 to `MOST_METRICS`.
        interval: Seconds between a device's reports.
        replies: Which reports are answered. Rejected ones are not expected: a healthy fleet has none.
        provisioned: Whether table `log` has provisioned capacity, held at 70 % use.
        minimum: Units of it that the table, and each of its indexes, keep in any case, 1 or more.
        topic: Where devices publish: past the broker to the rule by its name, or on a topic.
        lambda_ms: Billed milliseconds of the evaluator for a report.
        datapoint_days: How long entries are kept.
    """

    devices: int
    metrics: int
    interval: int
    replies: Literal["all", "rejected", "none"] = "all"
    provisioned: bool = False
    minimum: int = 1
    topic: Literal["basic-ingest", "mqtt"] = "basic-ingest"
    lambda_ms: Decimal = counts.EVALUATOR_MS
    datapoint_days: int = counts.DATAPOINT_DAYS

    @property
    def reports_a_second(self) -> Decimal:
        """Of the whole fleet."""
        return Decimal(self.devices) / self.interval

    @property
    def reports(self) -> Decimal:
        """Of the whole fleet in a month."""
        return Decimal(self.devices * counts.SECONDS_A_MONTH) / self.interval


@dataclass(frozen=True, slots=True)
class Term:
    """One line of a bill.

    Attributes:
        kind: What it grows with: the reports, nothing, or the replies.
        name: What is paid for.
        quantity: Of the whole fleet in a month, in the price's units.
        price: Of them.
    """

    kind: Kind
    name: str
    quantity: Decimal
    price: Price

    @property
    def usd(self) -> Decimal:
        """Of the whole fleet in a month."""
        return self.price.of(self.quantity)


@dataclass(frozen=True, slots=True)
class Bill:
    """What a fleet costs.

    Attributes:
        fleet: Which.
        sizes: What its reports come to.
        terms: Line by line.
        rules_detect: What AWS takes for evaluating the same datapoints.
    """

    fleet: Fleet
    sizes: Sizes
    terms: tuple[Term, ...]
    rules_detect: Term

    def usd(self, *kinds: Kind) -> Decimal:
        """What the terms of some kinds come to in a month, of all where none is named."""
        return sum((term.usd for term in self.terms if not kinds or term.kind in kinds), Decimal(0))

    def each(self, usd: Decimal) -> Decimal:
        """An amount's share of one device."""
        return usd / self.fleet.devices


def bill(fleet: Fleet) -> Bill:
    """The bill of a fleet whose reports are accepted and violate nothing."""
    sizes = measure(fleet.metrics, fleet.interval)
    datapoints = Term("reports", "AWS Rules Detect", fleet.reports * fleet.metrics, prices.RULES_DETECT)
    return Bill(fleet, sizes, (*_reports(fleet, sizes), *_fixed(fleet), *_replies(fleet)), datapoints)


def break_even(fleet: Fleet, *kinds: Kind) -> int | None:
    """The least number of metrics from which on AWS Rules Detect costs more, or as much, whatever more there are;
    None where it never does. `kinds` are the terms to compare with it, as in `Bill.usd`."""
    dearer: int | None = None
    for metrics in range(MOST_METRICS, 0, -1):
        ours = bill(replace(fleet, metrics=metrics))
        if ours.usd(*kinds) > ours.rules_detect.usd:
            break
        dearer = metrics
    return dearer


def transition() -> Decimal:
    """USD for one alarm that is raised or cleared and told: records, alert, receipt. Less than a message's delivery
    by e-mail or SMS, which SNS bills in its own right."""
    return sum(
        (
            prices.WRITE.of(counts.TRANSITION_WRITE_UNITS),
            prices.READ.of(counts.TRANSITION_READ_UNITS),
            prices.LAMBDA_REQUEST.of(Decimal(counts.TRANSITION_INVOCATIONS)),
            prices.LAMBDA_TIME.of(_gb_seconds(counts.TRANSITION_MS, counts.SCHEDULED_MB)),
            prices.RULE.of(Decimal(1)),
            prices.ACTION.of(Decimal(counts.TRANSITION_ACTIONS)),
            prices.ALERT.of(Decimal(1)),
            prices.EVENT.of(Decimal(counts.TRANSITION_EVENTS)),
            prices.QUEUE_REQUEST.of(Decimal(counts.TRANSITION_SENDS + counts.TRANSITION_TAKES)),
        ),
        Decimal(0),
    )


def message(fleet: Fleet, sizes: Sizes) -> Term:
    """What a normal topic adds to Basic Ingest."""
    return Term("reports", "MQTT message", fleet.reports * _metered(sizes.report), prices.MESSAGE)


def _reports(fleet: Fleet, sizes: Sizes) -> Iterator[Term]:
    reports = fleet.reports
    if fleet.topic == "mqtt":
        yield message(fleet, sizes)
    yield Term("reports", "rule triggered", reports * _metered(sizes.report), prices.RULE)
    yield Term("reports", "rule action", reports * _metered(_event(sizes.report)), prices.ACTION)
    yield Term("reports", "Lambda requests", reports, prices.LAMBDA_REQUEST)
    yield Term(
        "reports", "Lambda time", reports * _gb_seconds(fleet.lambda_ms, counts.EVALUATOR_MB), prices.LAMBDA_TIME
    )
    yield from _table(fleet, sizes)
    containers = math.ceil(fleet.reports_a_second * fleet.lambda_ms / 1000)
    polls = min(reports, Decimal(containers * counts.SECONDS_A_MONTH) / counts.POLL_SECONDS)
    yield Term("reports", "reads, catalogue", polls, prices.READ)
    lines = min(reports, Decimal(containers * counts.SECONDS_A_MONTH) / counts.TOLD_SECONDS)
    yield Term("reports", "logs", lines * counts.TOLD_BYTES / GIB, prices.LOGS)
    kept = Decimal(fleet.devices * fleet.datapoint_days * 86_400) / fleet.interval
    bytes_kept = kept * (sizes.entry + counts.ITEM_OVERHEAD) + fleet.devices * (sizes.facts + counts.ITEM_OVERHEAD)
    yield Term("reports", "storage", bytes_kept / GIB, prices.STORAGE)


def _table(fleet: Fleet, sizes: Sizes) -> Iterator[Term]:
    write = Decimal(math.ceil(sizes.entry / 1024)) * counts.REPORT_REQUESTS["dynamodb:PutItem"]
    read = Decimal(math.ceil((sizes.entry + sizes.facts) / 4096)) / 2 * counts.REPORT_REQUESTS["dynamodb:Query"]
    nightly = Decimal(fleet.devices * counts.NIGHTS) * counts.NIGHT_READ_UNITS_A_THING
    if not fleet.provisioned:
        yield Term("reports", "writes", fleet.reports * write, prices.WRITE)
        yield Term("reports", "reads", fleet.reports * read, prices.READ)
        yield Term("reports", "reads, nightly comparison", nightly, prices.READ)
        return
    yield Term("reports", "writes", _provisioned(fleet, fleet.reports_a_second * write), prices.WRITE_HOUR)
    yield Term("reports", "reads", _provisioned(fleet, fleet.reports_a_second * read), prices.READ_HOUR)
    yield Term("reports", "reads, nightly comparison", nightly / 3600 / counts.UTILISATION, prices.READ_HOUR)


def _provisioned(fleet: Fleet, a_second: Decimal) -> Decimal:
    """Unit-hours of a table or an index in which so many units are used, all the time."""
    return max(Decimal(fleet.minimum), a_second / counts.UTILISATION) * counts.HOURS_A_MONTH


def _capacity(fleet: Fleet) -> Iterator[Term]:
    """What provisioned capacity costs beside the table's: that of its indexes, which each have their own, and alarms.

    An index is written where a write of the table adds a row to it, takes one away or changes an attribute that it
    projects, and one that is written to another place is written twice; both project keys only. A fleet that violates
    nothing writes none, so both keep their minimum. What expires is taken away for nothing. Source: Amazon DynamoDB
    Developer Guide, Global secondary indexes: provisioned throughput considerations; Time to live.
    """
    used = fleet.reports_a_second * counts.REPORT_INDEX_WRITES
    looked = [counts.SWEEP_OUTBOX_READ_UNITS * counts.SWEEPS / counts.SECONDS_A_MONTH, Decimal(0)]
    writes = counts.LOG_INDEXES * _provisioned(fleet, used)
    yield Term("fixed", "writes, capacity of indexes", writes, prices.WRITE_HOUR)
    reads = sum((_provisioned(fleet, units) for units in looked), Decimal(0))
    yield Term("fixed", "reads, capacity of indexes", reads, prices.READ_HOUR)
    yield Term("fixed", "alarms of auto scaling", Decimal(counts.SCALING_ALARMS), prices.ALARM)


def _fixed(fleet: Fleet) -> Iterator[Term]:
    runs = Decimal(counts.SWEEPS + counts.RECONCILES)
    yield Term("fixed", "schedules", runs, prices.SCHEDULE)
    yield Term("fixed", "Lambda requests, scheduled", runs, prices.LAMBDA_REQUEST)
    yield Term(
        "fixed",
        "Lambda time, scheduled",
        runs * _gb_seconds(counts.SCHEDULED_MS, counts.SCHEDULED_MB),
        prices.LAMBDA_TIME,
    )
    if fleet.provisioned:
        yield from _capacity(fleet)
    yield Term("fixed", "reads, scheduled", _scheduled_reads(fleet), prices.READ)
    yield Term("fixed", "writes, scheduled", _scheduled_writes(), prices.WRITE)
    polls = Decimal(counts.POLLED_QUEUES * counts.POLLS_A_QUEUE)
    yield Term("fixed", "polling of empty queues", polls, prices.QUEUE_REQUEST)
    yield Term("fixed", "alarms", Decimal(counts.ALARMS), prices.ALARM)
    yield Term("fixed", "metrics", Decimal(counts.CUSTOM_METRICS), prices.METRIC)
    yield Term("fixed", "dashboard", Decimal(counts.DASHBOARDS), prices.DASHBOARD)


def _scheduled_reads(fleet: Fleet) -> Decimal:
    """Read units on demand; those of an index with provisioned capacity are paid for with that."""
    passes = counts.NIGHTS * counts.NIGHT_READ_UNITS + counts.DYNAMIC_PASSES * counts.DYNAMIC_READ_UNITS
    provisioned = counts.SWEEP_OUTBOX_READ_UNITS if fleet.provisioned else Decimal(0)
    return counts.SWEEPS * (counts.SWEEP_READ_UNITS - provisioned) + passes


def _scheduled_writes() -> Decimal:
    return counts.NIGHTS * counts.NIGHT_WRITE_UNITS + counts.DYNAMIC_PASSES * counts.DYNAMIC_WRITE_UNITS


def _replies(fleet: Fleet) -> Iterator[Term]:
    if fleet.replies == "all":
        published = fleet.reports * counts.REPLY_REQUESTS["iot-data:Publish"]
        yield Term("replies", "replies, published", published, prices.MESSAGE)
        yield Term("replies", "replies, delivered at QoS 0", published, prices.MESSAGE)


def _metered(size: int) -> int:
    return math.ceil(size / counts.METERED_BYTES)


def _event(payload: int) -> int:
    return math.ceil(payload / 3) * 4 + counts.LAMBDA_EVENT_BYTES


def _gb_seconds(milliseconds: Decimal, memory: int) -> Decimal:
    return milliseconds / 1000 * memory / 1024
