"""The engine against hand-written code that only parses a report and makes the same ten comparisons.

Both get a real agent's report of every device-side metric; the hand-written code checks nothing, keeps no windows and
no alarms. Rounds of the two alternate, so that the ratio holds on a machine whose speed drifts.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

from warden.domain.alarms.advance import report
from warden.domain.alarms.alarm import Alarm
from warden.domain.alarms.arrival import Arrival
from warden.domain.alarms.entry import Logged, digest
from warden.domain.alarms.stepping import step_alarms
from warden.domain.behaviors.catalogue import Catalogue, LiveProfile
from warden.domain.behaviors.metrics import datapoints
from warden.domain.behaviors.plan import LiveBehavior
from warden.domain.behaviors.profile import Behavior, Criteria, MetricValue, SecurityProfile
from warden.domain.behaviors.target import Target, ThingFacts
from warden.domain.behaviors.windows import Ring
from warden.domain.reports.from_json import decode_report

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures"
ROUNDS, CALLS = 60, 400
KEEP = 14 * 86_400_000

Limits = Mapping[str, tuple[str, dict[str, Any], int | None]]
"""By metric: operator, value, durationSeconds."""

LIMITS: Limits = {
    "aws:all-bytes-in": ("less-than", {"count": 10**12}, 300),
    "aws:all-bytes-out": ("less-than", {"count": 10**12}, 300),
    "aws:all-packets-in": ("less-than", {"count": 10**12}, 300),
    "aws:all-packets-out": ("less-than", {"count": 10**12}, 300),
    "aws:num-listening-tcp-ports": ("less-than-equals", {"count": 10}, 300),
    "aws:num-listening-udp-ports": ("less-than-equals", {"count": 10}, 300),
    "aws:num-established-tcp-connections": ("less-than-equals", {"count": 10}, None),
    "aws:listening-tcp-ports": ("in-port-set", {"ports": (2024, 8081, 8883, 8888)}, None),
    "aws:listening-udp-ports": ("in-port-set", {"ports": (53, 5353)}, None),
    "aws:destination-ip-addresses": ("in-cidr-set", {"cidrs": ("127.0.0.0/8", "10.0.0.0/8")}, None),
}


def catalogue(limits: Limits = LIMITS, *, others: int = 0) -> Catalogue:
    """One profile with a behavior for each device-side metric, attached to all things; and others with the same, each
    attached to a thing group of its own."""
    targets = ("all/things", *(f"thinggroup/group-{number}" for number in range(others)))
    return Catalogue(1, [_live(number, limits, target) for number, target in enumerate(targets)])


def _live(number: int, limits: Limits, target: str) -> LiveProfile:
    behaviors = [
        Behavior(
            name=metric.removeprefix("aws:"),
            metric=metric,
            criteria=Criteria(comparison_operator=operator, value=MetricValue(**value), duration_seconds=duration),
        )
        for metric, (operator, value, duration) in limits.items()
    ]
    name = f"bench-{number}"
    profile = SecurityProfile(security_profile_name=name, behaviors=tuple(behaviors))
    live = tuple(
        LiveBehavior(
            profile=name, profile_version=1, uid=f"18c0ffee{number:x}.{n}", criteria_version=1, since=0, behavior=each
        )
        for n, each in enumerate(behaviors)
    )
    return LiveProfile(profile, live, (Target.parse(f"arn:aws:iot:us-east-1:000000000000:{target}"),))


def engine() -> Callable[[bytes, int], object]:
    """Decode, validate, evaluate, step the alarms."""
    profiles, facts = catalogue(), ThingFacts("0b5c1a52-6a0e-4c56-9d7f-2f6c8a1f0e11", ("pumps",))
    plan = profiles.plan_for(facts)
    alarms: tuple[Alarm, ...] = ()
    windows: dict[str, Ring] = {}

    def call(payload: bytes, at: int) -> object:
        nonlocal alarms, windows
        decoded = decode_report(payload)
        arrival = Arrival("pump-7", decoded.report.header.report_id, b"", datapoints(decoded), at)
        verdict = plan.judge(arrival.points, windows, at)
        windows = verdict.windows
        if verdict.violated or alarms:
            alarms, _ = step_alarms(
                arrival,
                alarms,
                plan,
                verdict,
                catalogue=profiles,
                account="000000000000",
                thing_id=facts.thing_id,
                seq=1,
            )
        return alarms

    return call


def next_entry(profiles: Catalogue | None = None) -> Callable[[bytes, int], object]:
    """All of that, and the log entry that it becomes: everything but reading and writing."""
    profiles, facts = profiles or catalogue(), ThingFacts("0b5c1a52-6a0e-4c56-9d7f-2f6c8a1f0e11", ("pumps",))
    newest: Logged | None = None

    def call(payload: bytes, at: int) -> object:
        nonlocal newest
        decoded = decode_report(payload)
        arrival = Arrival("pump-7", decoded.report.header.report_id, digest(payload), datapoints(decoded), at)
        newest = Logged(1, report(arrival, newest, facts, profiles, account="000000000000", keep=KEEP))
        return newest

    return call


PORTS, UDP_PORTS, HOSTS = {2024, 8081, 8883, 8888}, {53, 5353}, {"127.0.0.1", "10.0.0.1"}


def floor_long(payload: bytes, _: int) -> object:
    """json.loads and ten comparisons."""
    metrics = json.loads(payload)["metrics"]
    stats, tcp, udp = metrics["network_stats"], metrics["listening_tcp_ports"], metrics["listening_udp_ports"]
    connections = metrics["tcp_connections"]["established_connections"]
    return (
        stats["bytes_in"] < 10**12,
        stats["bytes_out"] < 10**12,
        stats["packets_in"] < 10**12,
        stats["packets_out"] < 10**12,
        tcp["total"] <= 10,
        udp["total"] <= 10,
        connections["total"] <= 10,
        {port["port"] for port in tcp["ports"]} <= PORTS,
        {port["port"] for port in udp["ports"]} <= UDP_PORTS,
        {each["remote_addr"].rpartition(":")[0] for each in connections["connections"]} <= HOSTS,
    )


def floor_short(payload: bytes, _: int) -> object:
    """The same for short names."""
    metrics = json.loads(payload)["met"]
    stats, tcp, udp, connections = metrics["ns"], metrics["tp"], metrics["up"], metrics["tc"]["ec"]
    return (
        stats["bi"] < 10**12,
        stats["bo"] < 10**12,
        stats["pi"] < 10**12,
        stats["po"] < 10**12,
        tcp["t"] <= 10,
        udp["t"] <= 10,
        connections["t"] <= 10,
        {port["port"] for port in tcp["pts"]} <= PORTS,
        {port["port"] for port in udp["pts"]} <= UDP_PORTS,
        {each["rad"].rpartition(":")[0] for each in connections["cs"]} <= HOSTS,
    )


def microseconds(call: Callable[[bytes, int], object], payload: bytes) -> float:
    begun = perf_counter_ns()
    for n in range(CALLS):
        call(payload, n * 300_000)
    return (perf_counter_ns() - begun) / CALLS / 1000


def extraction(payload: bytes) -> Callable[[bytes, int], object]:
    """The datapoints alone, which the log entry needs whoever judges."""
    decoded = decode_report(payload)
    return lambda _payload, _at: datapoints(decoded)


def main() -> None:
    """Print all of them, and how many times the hand-written code takes what the engine takes.

    Also without the extraction of the datapoints, as if the decoded report itself were judged.
    """
    for name, floor in (("long", floor_long), ("short", floor_short)):
        payload = (FIXTURES / f"report_{name}.json").read_bytes()
        rounds = [
            [microseconds(call, payload) for call in (floor, engine(), next_entry(), extraction(payload))]
            for _ in range(ROUNDS)
        ]
        by_hand, by_engine, with_entry, extracting = (median(column) for column in zip(*rounds, strict=True))
        ratio = median(by_floor / by_us for by_floor, by_us, _, _ in rounds)
        without = median(by_floor / (by_us - extracted) for by_floor, by_us, _, extracted in rounds)
        print(
            f"engine, {name} names, {len(payload)} bytes, {len(LIMITS)} behaviors: {by_engine:.1f} µs, "
            f"hand-written {by_hand:.1f} µs, ratio {ratio:.2f} ({without:.2f} without the {extracting:.1f} µs that "
            f"take the datapoints out for the log); with its log entry {with_entry:.1f} µs"
        )


if __name__ == "__main__":
    main()
