"""A compiled plan judges as someone would who reads the behaviors one by one.

Source: AWS IoT Device Defender Developer Guide, Detect behaviors.
"""

from ipaddress import ip_address, ip_network
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.behaviors.given import AT, behavior, hosts, live
from warden.domain.behaviors.criteria import DURATIONS_SECONDS, problems
from warden.domain.behaviors.metrics import DEVICE_METRICS, Kind
from warden.domain.behaviors.plan import Plan
from warden.domain.behaviors.profile import Behavior, Criteria

some = settings(max_examples=120, deadline=None)
A_SIXTEENTH_OF_AN_HOUR = 225_000  # reports that far apart are summed exactly, whatever the duration

counts = st.integers(0, 12) | st.integers(0, 2**64 - 1)
few_ports = st.lists(st.integers(1, 6), max_size=4, unique=True)
cidrs = st.lists(
    st.sampled_from(
        ["0.0.0.0/0", "::/0", "10.0.0.0/8", "10.1.2.3/16", "10.1.2.3", "192.0.2.0/25", "2001:db8::/32", "2001:db8::5"]
    ),
    max_size=4,
)
addresses = st.lists(
    st.sampled_from(
        [
            "10.1.2.3",
            "10.1.9.9",
            "10.2.0.1",
            "192.0.2.127",
            "192.0.2.128",
            "2001:db8::5",
            "2001:db8::6",
            "fe80::1",
            "::1",
        ]
    ),
    max_size=4,
    unique=True,
)
compared: dict[Kind, st.SearchStrategy[Any]] = {Kind.COUNT: counts, Kind.PORTS: few_ports, Kind.ADDRESSES: cidrs}
observed: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.COUNT: counts,
    Kind.PORTS: few_ports.map(set),
    Kind.ADDRESSES: addresses.map(lambda texts: hosts(*texts)),
}


@st.composite
def behaviors(draw: st.DrawFn) -> Behavior:
    metric = draw(st.sampled_from(list(DEVICE_METRICS.values())))
    if draw(st.integers(0, 9)) == 0:
        return Behavior(name="kept", metric=metric.name)
    durations = st.sampled_from(DURATIONS_SECONDS)
    if metric.kind is not Kind.COUNT:
        durations = st.none()
    elif not metric.takes_duration:
        durations = st.none() | durations
    says = behavior(
        metric.name,
        draw(st.sampled_from(metric.kind.operators)),
        draw(compared[metric.kind]),
        duration_seconds=draw(durations),
    )
    assert list(problems(says, {})) == []
    return says


reports = st.tuples(
    st.integers(A_SIXTEENTH_OF_AN_HOUR, 700_000),
    st.fixed_dictionaries({}, optional={metric.code: observed[metric.kind] for metric in DEVICE_METRICS.values()}),
)


def conforms(criteria: Criteria, value: Any) -> bool:
    """Whether a value is what criteria call normal."""
    assert criteria.value
    count, ports, cidrs = criteria.value.count, criteria.value.ports, criteria.value.cidrs
    normal = {
        "less-than": lambda: value < count,
        "less-than-equals": lambda: value <= count,
        "greater-than": lambda: value > count,
        "greater-than-equals": lambda: value >= count,
        "in-port-set": lambda: all(port in ports for port in value),
        "not-in-port-set": lambda: all(port not in ports for port in value),
        "in-cidr-set": lambda: all(inside(address, cidrs) for address in value),
        "not-in-cidr-set": lambda: not any(inside(address, cidrs) for address in value),
    }
    return normal[criteria.comparison_operator or ""]()


def inside(address: bytes, networks: Any) -> bool:
    return any(ip_address(address) in ip_network(network, strict=False) for network in networks)


def value_of(says: Behavior, history: list[tuple[int, dict[str, Any]]]) -> Any:
    """What the newest report means for a behavior: None where it has no datapoint of the metric."""
    metric = DEVICE_METRICS[says.metric or ""]
    at, newest = history[-1]
    if metric.code not in newest or says.criteria is None:
        return None
    if not metric.name.startswith(("aws:all-bytes-", "aws:all-packets-")):
        return newest[metric.code]
    duration = (says.criteria.duration_seconds or 0) * 1000
    begins = at - duration + min(30_000, duration // 10)
    return min(sum(points.get(metric.code, 0) for then, points in history if then > begins), 2**64 - 1)


@given(st.lists(behaviors(), max_size=12), st.lists(reports, max_size=20))
@some
def test_a_plan_judges_as_its_behaviors_read_one_by_one(
    says: list[Behavior], gaps: list[tuple[int, dict[str, Any]]]
) -> None:
    plan = Plan(live(each, uid=str(number)) for number, each in enumerate(says))
    judged = [number for number, each in enumerate(says) if each.criteria]
    assert [each.uid for each in plan.behaviors] == [str(number) for number in judged]
    windows: Any = {}
    history: list[tuple[int, dict[str, Any]]] = []
    at = AT
    for gap, points in gaps:
        at += gap
        history.append((at, points))
        verdict = plan.judge(points, windows, at)
        windows = verdict.windows
        seen = violated = 0
        for position, number in enumerate(judged):
            value = value_of(says[number], history)
            criteria = says[number].criteria
            if value is None or criteria is None:
                continue
            seen |= 1 << position
            violated |= 0 if conforms(criteria, value) else 1 << position
            if window := plan.window_of(position):
                assert verdict.sums[window] == value
        assert (plan.seen(points), verdict.violated) == (seen, violated)
