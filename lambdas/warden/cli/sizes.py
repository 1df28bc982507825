"""How large a report is, and how large what is kept of it: measured on reports that are really taken and encoded."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import msgspec

from warden.adapters import limits
from warden.adapters.sqlite import SqliteTable
from warden.domain.alarms.entry import Logged
from warden.domain.behaviors.catalogue import Catalogue, LiveProfile
from warden.domain.behaviors.metrics import DEVICE_METRICS, Kind
from warden.domain.behaviors.plan import LiveBehavior
from warden.domain.behaviors.profile import Behavior, Criteria, MetricValue, SecurityProfile
from warden.domain.behaviors.target import Target, ThingFacts
from warden.ports import Item, Key
from warden.storage import keys
from warden.storage.thing_log import TableThingLog
from warden.use_cases.ingest_report import IngestReport, Options

ELEMENTS: Final = 20
"""Ports or connections in each list of the measured report."""

MOST_METRICS: Final = len(DEVICE_METRICS) + 100
"""AWS's device-side metrics, and as many custom ones as an account may have."""

_THING: Final = "pump-00000000042"
_START: Final = 1_790_000_000_000
_DURATION: Final = 300
_REMEMBERED: Final = 17
"""Reports after which a thing's newest entry is as long as it gets."""

METRICS: Final = tuple(sorted(DEVICE_METRICS, key=lambda name: DEVICE_METRICS[name].kind is not Kind.COUNT))
"""In the order in which they are counted in: what is a number first, then the lists."""

_IN_REPORT: Final = {
    "aws:all-bytes-in": ("network_stats", "bytes_in"),
    "aws:all-bytes-out": ("network_stats", "bytes_out"),
    "aws:all-packets-in": ("network_stats", "packets_in"),
    "aws:all-packets-out": ("network_stats", "packets_out"),
    "aws:num-listening-tcp-ports": ("listening_tcp_ports", "total"),
    "aws:num-listening-udp-ports": ("listening_udp_ports", "total"),
    "aws:num-established-tcp-connections": ("tcp_connections", "established_connections", "total"),
    "aws:listening-tcp-ports": ("listening_tcp_ports", "ports"),
    "aws:listening-udp-ports": ("listening_udp_ports", "ports"),
    "aws:destination-ip-addresses": ("tcp_connections", "established_connections", "connections"),
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of a thing that reports without a violation, in bytes.

    Attributes:
        report: The report, as JSON with long names.
        entry: The item that a report adds to table `log`, as DynamoDB counts it.
        facts: The item with what the registry said of the thing, which is read together with the newest entry.
    """

    report: int
    entry: int
    facts: int


class _Registry:
    def ask(self, thing: str, *, now: int) -> ThingFacts:  # noqa: ARG002
        return ThingFacts("0b5c1a52-6a0e-4c56-9d7f-2f6c8a1f0e11", ("pumps", "north"), answered_at=now)


@dataclass(frozen=True, slots=True)
class _Profiles:
    catalogue: Catalogue

    def current(self, at: int) -> Catalogue:  # noqa: ARG002
        return self.catalogue

    def reload(self) -> Catalogue:
        return self.catalogue


@cache
def measure(metrics: int, interval: int) -> Sizes:
    """What a report of some metrics comes to: reports are taken until the entries grow no more.

    Args:
        metrics: 1 to `MOST_METRICS`: AWS's device-side ones as `METRICS` lists them, each with a behavior that is
            judged (those that take a window, over 300 s), then custom numbers with names of 16 letters.
        interval: Seconds between two reports.
    """
    log_table = SqliteTable(":memory:", keys.LOG)
    try:
        log = TableThingLog(log_table)
        known, facts = _taken(min(metrics, len(METRICS)), interval)
        custom = [f"custom-metric-{n:02}" for n in range(metrics - len(METRICS))]
        points = {**known.entry.points, **{name: 48_211_000 + n for n, name in enumerate(custom)}}
        item = log.item(_THING, msgspec.structs.replace(known.entry, points=points), known.seq)
    finally:
        log_table.close()
    report = sample_report(METRICS[:metrics], custom, known.seq - 1)
    return Sizes(report=len(report), entry=_size(item), facts=_size(facts))


@cache
def _taken(metrics: int, interval: int) -> tuple[Logged, Item]:
    """The newest entry of a thing that reports some of AWS's metrics, and the item with its facts."""
    names = METRICS[:metrics]
    log_table = SqliteTable(":memory:", keys.LOG)
    try:
        log = TableThingLog(log_table)
        options = Options(account="000000000000", keep=log.keep)
        ingest = IngestReport(log, log, _Registry(), _Profiles(_catalogue(names)), options)
        for number in range(max(_REMEMBERED, math.ceil(_DURATION / interval) + 1)):
            ingest(_THING, "json", sample_report(names, [], number), at=_START + number * interval * 1000)
        newest, facts = log.load(_THING).newest, log_table.get(Key(keys.thing(_THING), keys.THING))
    finally:
        log_table.close()
    assert newest
    assert facts
    return newest, facts


def _size(item: Item) -> int:
    return limits.check_item(item, keys.LOG)


def sample_report(names: tuple[str, ...], custom: list[str], number: int) -> bytes:
    """A report as JSON with long names.

    Args:
        names: Of AWS's device-side metrics; lists have `ELEMENTS`.
        custom: Of custom numbers.
        number: Which of a thing's: report ids and values go up by it.
    """
    values: dict[str, Any] = {
        "bytes_in": 48_211_000 + number,
        "bytes_out": 9_120_000 + number,
        "packets_in": 311_000 + number,
        "packets_out": 97_000 + number,
        "total": ELEMENTS,
        "ports": [{"port": 8000 + n, "interface": "eth0"} for n in range(ELEMENTS)],
        "connections": [{"remote_addr": f"10.20.{n}.{n}:8883", "local_port": 50_000 + n} for n in range(ELEMENTS)],
    }
    metrics: dict[str, Any] = {}
    for name in names:
        *way, last = _IN_REPORT[name]
        part = metrics
        for step in way:
            part = part.setdefault(step, {})
        part[last] = values[last]
    report: dict[str, Any] = {"header": {"report_id": _START // 1000 + number, "version": "1.0"}, "metrics": metrics}
    if custom:
        report["custom_metrics"] = {name: [{"number": 48_211_000 + n}] for n, name in enumerate(custom)}
    return msgspec.json.encode(report)


def _catalogue(names: tuple[str, ...]) -> Catalogue:
    """One profile with a behavior for each metric, which the reports conform to."""
    conforming = {
        Kind.COUNT: ("less-than", MetricValue(count=10**12)),
        Kind.PORTS: ("in-port-set", MetricValue(ports=tuple(range(8000, 8000 + ELEMENTS)))),
        Kind.ADDRESSES: ("in-cidr-set", MetricValue(cidrs=("10.0.0.0/8",))),
    }
    live = []
    for position, name in enumerate(names):
        metric = DEVICE_METRICS[name]
        operator, value = conforming[metric.kind]
        duration = _DURATION if metric.takes_duration else None
        criteria = Criteria(comparison_operator=operator, value=value, duration_seconds=duration)
        behavior = Behavior(name=name.removeprefix("aws:"), metric=name, criteria=criteria)
        uid = f"{_START}.{position}"
        live.append(
            LiveBehavior(profile="p", profile_version=1, uid=uid, criteria_version=1, since=0, behavior=behavior)
        )
    profile = SecurityProfile(security_profile_name="p", behaviors=tuple(each.behavior for each in live))
    everything = Target.parse("arn:aws:iot:us-east-1:000000000000:all/things")
    return Catalogue(_START, [LiveProfile(profile, tuple(live), (everything,))])
