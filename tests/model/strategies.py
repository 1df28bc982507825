"""What histories are made of. Values are few, and near the bounds that they are compared with."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.model.happenings import Behavior, Body
from tests.model.reading import DAY, HOUR, conforms, datapoints
from tests.model.records import Rules

SECOND, MINUTE = 1000, 60_000

THINGS = ("a", "b")
GROUPS = ("g", "h", "k")
"""A group may be below those that follow it."""

PROFILES = ("p", "q", "r")
TARGETS = ("all/things", "all/registered-things", "all/unregistered-things", *(f"thinggroup/{name}" for name in GROUPS))
NAMES = ("one", "two", "three")
CUSTOM = {"load": "number", "modes": "number-list", "apps": "string-list", "peers": "ip-address-list"}
"""Custom metrics, each with the type that it has as a rule."""

UNKNOWN = ("what", "where", "who")

things, groups, profiles = st.sampled_from(THINGS), st.sampled_from(GROUPS), st.sampled_from(PROFILES)
names, custom, targets = st.sampled_from(NAMES), st.sampled_from(list(CUSTOM)), st.sampled_from(TARGETS)
types = st.sampled_from(list(CUSTOM.values()))
memberships = st.lists(groups, max_size=2, unique=True).map(tuple)
seldom = st.sampled_from([False, False, False, True])
mostly = st.sampled_from([True, True, True, False])

rules = st.builds(
    Rules,
    allow_unregistered=st.booleans(),
    min_interval=st.sampled_from([0, 0, 0, 300 * SECOND]),
    keep=st.sampled_from([14 * DAY, 4 * DAY]),
    one_clock=seldom,
)

gaps = st.sampled_from(
    [
        300 * SECOND,
        300 * SECOND - 300,
        0,
        1,
        20 * SECOND,
        270 * SECOND - 1,
        270 * SECOND,  # what is so old has left a window of 300 s
        18_749,
        18_750,  # a sixteenth of it
        HOUR - 30 * SECOND - 1,
        HOUR - 30 * SECOND,
        HOUR,
        HOUR + 1,  # after that an agent may have been started anew
    ]
)
EDGES = [  # of a window of 300 s: of itself, and of the slots of a sixteenth that it is summed in
    [300 * SECOND, 18_750, 270 * SECOND - 18_750],
    [300 * SECOND, 18_749, 270 * SECOND - 18_749],
    [300 * SECOND, 270 * SECOND - 1],
    [300 * SECOND, 270 * SECOND],
]
rhythms = st.lists(gaps, min_size=2, max_size=6) | st.sampled_from(EDGES)
quiet = st.lists(st.sampled_from([12 * HOUR, DAY, 2 * DAY - 1]), min_size=2, max_size=4)
waits = st.sampled_from([MINUTE, 20 * MINUTE, HOUR, 12 * HOUR, DAY, 2 * DAY - 1, 2 * DAY, 2 * DAY, 3 * DAY])
late = st.sampled_from([1, SECOND, 5 * MINUTE, 10 * MINUTE, HOUR, DAY])

# Criteria, by metric: operators and values that some of the reported values below violate

COUNTS = [
    ("less-than", 100),
    ("less-than", 100),
    ("less-than-equals", 100),
    ("greater-than", 5),
    ("greater-than-equals", 100),
]
LISTS: Mapping[str, tuple[str, str, Sequence[Sequence[Any]]]] = {
    "ports": ("in-port-set", "not-in-port-set", ([22], [22, 443], [8888], [])),
    "addresses": ("in-cidr-set", "not-in-cidr-set", (["10.0.0.0/8"], ["10.1.2.3"], ["0.0.0.0/0"], ["2001:db8::/32"])),
    "number-list": ("in-set", "not-in-set", ([1], [1.5, 2], [])),
    "string-list": ("in-set", "not-in-set", (["ssh"], ["ssh", "Ünit"], [])),
}
TRAFFIC = ("aws:all-bytes-out", "aws:all-bytes-in", "aws:all-packets-out", "aws:all-packets-in")
GAUGES = ("aws:num-listening-tcp-ports", "aws:num-listening-udp-ports", "aws:num-established-tcp-connections")
KINDS = {
    **dict.fromkeys(TRAFFIC, "count"),
    **dict.fromkeys(GAUGES, "count"),
    "aws:listening-tcp-ports": "ports",
    "aws:listening-udp-ports": "ports",
    "aws:destination-ip-addresses": "addresses",
}
MEMBERS = {"ports": "ports", "addresses": "cidrs", "number-list": "numbers", "string-list": "strings"}
OFTEN = ("aws:all-bytes-out", "aws:num-established-tcp-connections", "aws:listening-tcp-ports")


counts = st.sampled_from([None, None, None, 1, 2, 2, 3])


def criteria(metric: str, kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Criteria of a metric.

    Args:
        metric: Its name.
        kind: `count`, `ports`, `addresses`, or the type of a custom metric.
    """
    kind = "addresses" if kind == "ip-address-list" else kind
    if kind in {"count", "number"}:
        members = ["count"] if kind == "count" else ["number", "count"]
        compared = st.sampled_from([(op, {member: limit}) for op, limit in COUNTS for member in members])
    else:
        inside, outside, values = LISTS[kind]
        compared = st.sampled_from([(op, {MEMBERS[kind]: each}) for op in (inside, outside) for each in values])
    durations = st.sampled_from([300, 300, 600, 3600]) if kind == "count" and metric != GAUGES[2] else st.none()
    return st.builds(_criteria, compared, durations, counts, counts)


def _criteria(
    compared: tuple[str, Any], duration: int | None, to_alarm: int | None, to_clear: int | None
) -> dict[str, Any]:
    said = {
        "comparisonOperator": compared[0],
        "value": compared[1],
        "durationSeconds": duration,
        "consecutiveDatapointsToAlarm": to_alarm,
        "consecutiveDatapointsToClear": to_clear,
    }
    return {member: value for member, value in said.items() if value is not None}


@st.composite
def behaviors(draw: st.DrawFn, name: str, defined: Mapping[str, str]) -> Behavior:
    """A behavior of some name, about one of AWS's metrics or of the custom ones that are defined."""
    kinds = {**KINDS, **defined}
    metric = draw(st.sampled_from([*OFTEN * 2, *kinds]))
    says: dict[str, Any] = {"name": name, "metric": metric}
    if draw(st.integers(0, 11)) < 11:
        says["criteria"] = draw(criteria(metric, kinds[metric]))
    if draw(st.integers(0, 7)) == 7:
        says["suppressAlerts"] = True
    return says


# Reports: some facts each, of which the last one about something counts

COUNTED = (0, 5, 60, 99, 100, 101, 500, 501)
FAULTY = (2**32 + 1, 2**40, 2**63 - 1, 2**63, 2**64 - 1)
PORTS: Sequence[Sequence[int]] = ([], [22], [443, 22], [8888, 443], [22, 22])
HOSTS: Sequence[Sequence[str]] = (
    [],
    ["10.1.2.3:443"],
    ["10.1.2.3:443", "192.0.2.1:53"],
    ["[2001:db8::1]:443"],
    ["[::ffff:10.1.2.3]:1"],
    ["10.9.9.9:1", "[2001:db8::1]:2"],
)
GIVEN: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "number": [{"number": each} for each in (-1, 5, 99.5, 100, 100.0000001, 1e300)],
    "number-list": [{"number_list": each} for each in ([], [1], [1.0, 2], [3], [1.5])],
    "string-list": [{"string_list": each} for each in ([], ["ssh"], ["ssh", "telnet"], ["Ünit"], ["SSH"])],
    "ip-address-list": [
        {"ip_list": each}
        for each in ([], ["10.1.2.3"], ["192.0.2.1", "10.1.2.3"], ["2001:db8::1"], ["::ffff:10.1.2.3"])
    ],
}
BROKEN: Sequence[Mapping[str, Any]] = (
    {},
    {"number": True},
    {"number": "5"},
    {"number_list": 1},
    {"number_list": [1, "1"]},
    {"string_list": ["x" * 257]},
    {"string_list": [5]},
    {"ip_list": ["10.1.2.3:443"]},
    {"ip_list": [5]},
)

Fact = tuple[tuple[str, ...], Any]
"""Where something stands in a report, and what."""


def _facts() -> Mapping[str, Sequence[Fact]]:
    """What reports say of each metric."""
    traffic, established = ("metrics", "network_stats"), ("metrics", "tcp_connections", "established_connections")
    tcp, udp = ("metrics", "listening_tcp_ports"), ("metrics", "listening_udp_ports")
    ports = [[{"port": port} for port in each] for each in PORTS]
    peers = [[{"remote_addr": each} for each in hosts] for hosts in HOSTS]
    return {
        "aws:all-bytes-out": [((*traffic, "bytes_out"), each) for each in (*COUNTED, *FAULTY)],
        "aws:all-bytes-in": [((*traffic, "bytes_in"), each) for each in (*COUNTED, *FAULTY)],
        "aws:all-packets-out": [((*traffic, "packets_out"), each) for each in (*COUNTED, 2**22, 2**22 + 1)],
        "aws:all-packets-in": [((*traffic, "packets_in"), each) for each in (*COUNTED, *FAULTY)],
        "aws:listening-tcp-ports": [((*tcp, "ports"), each) for each in ports],
        "aws:listening-udp-ports": [((*udp, "ports"), each) for each in ports],
        "aws:num-listening-tcp-ports": [((*tcp, "total"), each) for each in COUNTED],
        "aws:num-listening-udp-ports": [((*udp, "total"), each) for each in COUNTED],
        "aws:destination-ip-addresses": [((*established, "connections"), each) for each in peers],
        "aws:num-established-tcp-connections": [((*established, "total"), each) for each in COUNTED],
        **{name: list(_of_custom(name, metric_type)) for name, metric_type in CUSTOM.items()},
        "": [(traffic, {}), (tcp, {}), *((("custom_metrics", name), [{"number": 1}]) for name in UNKNOWN)],
    }


def _of_custom(name: str, metric_type: str) -> Iterator[Fact]:
    others = [given for values in GIVEN.values() for given in values[:2]]
    for given in (*GIVEN[metric_type], *others, *BROKEN):
        yield ("custom_metrics", name), [given]
    yield ("custom_metrics", name), []


FACTS = _facts()
ALL_FACTS = [fact for facts in FACTS.values() for fact in facts]
_noise = st.lists(st.integers(0, len(ALL_FACTS) - 1).map(ALL_FACTS.__getitem__), max_size=3)
_moods = st.sampled_from(["violates", "conforms", "violates", "whatever", "absent"])


@st.composite
def bodies(draw: st.DrawFn, watching: Sequence[Behavior], defined: Mapping[str, str]) -> Body:
    """Bodies of reports, mostly about what some behaviors watch."""
    facts = draw(_noise)
    for says in watching:
        mood = draw(_moods)
        if mood != "absent":
            fitting = _fitting(mood, says["metric"], defined.get(says["metric"], ""), json.dumps(says["criteria"]))
            facts += draw(st.integers(0, len(fitting) - 1).map(fitting.__getitem__).map(lambda fact: [fact]))
    return _body(facts)


@cache
def _fitting(mood: str, metric: str, metric_type: str, criteria: str) -> Sequence[Fact]:
    """Facts of a metric that violate some criteria, or conform; any, where that cannot be."""
    found = []
    for fact in FACTS[metric]:
        points, _ = datapoints(_body([fact]), {metric: metric_type} if metric_type else {})
        if metric in points and conforms(json.loads(criteria), points[metric]) is (mood == "conforms"):
            found.append(fact)
    return FACTS[metric] if mood == "whatever" else found or FACTS[metric]


def _body(facts: Sequence[Fact]) -> Body:
    """All of it in one report; of two facts about the same the last one counts."""
    body: dict[str, Any] = {"metrics": {}}
    for path, value in facts:
        inner = body
        for part in path[:-1]:
            inner = inner.setdefault(part, {})
        if value == {}:
            inner.setdefault(path[-1], {})
        else:
            inner[path[-1]] = value
    return body
