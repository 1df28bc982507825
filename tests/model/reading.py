"""What a report says and what a behavior asks, read by the letter of AWS's documents. Nothing of `warden` is here."""

from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from tests.model.happenings import Body

Value = Mapping[str, Any]
"""A metric's value as the API shows it: one member, `count`, `ports`, `cidrs`, `number`, `numbers` or `strings`."""

HOUR, DAY = 3_600_000, 86_400_000

TRAFFIC = {
    "aws:all-bytes-in": "bytes_in",
    "aws:all-bytes-out": "bytes_out",
    "aws:all-packets-in": "packets_in",
    "aws:all-packets-out": "packets_out",
}
"""Metrics that a window sums, by their names in a report."""

PLAUSIBLE = {"bytes": 2**32, "packets": 2**22}
"""A difference up to here is believed whatever came before."""

_KEYS = {"number": "number", "number-list": "number_list", "string-list": "string_list", "ip-address-list": "ip_list"}
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "less-than": lambda observed, limit: observed < limit,
    "less-than-equals": lambda observed, limit: observed <= limit,
    "greater-than": lambda observed, limit: observed > limit,
    "greater-than-equals": lambda observed, limit: observed >= limit,
}


def conforms(criteria: Mapping[str, Any], value: Value) -> bool:
    """Whether an observed value is what the criteria expect."""
    operator, (limit,) = criteria["comparisonOperator"], criteria["value"].values()
    (observed,) = value.values()
    if operator in _COMPARE:
        return _COMPARE[operator](observed, limit)
    if "cidr" in operator:
        networks = [ip_network(each, strict=False) for each in limit]
        found = [any(ip_address(each) in network for network in networks) for each in observed]
    else:
        found = [each in limit for each in observed]
    return not any(found) if operator.startswith("not-") else all(found)


def datapoints(body: Body, types: Mapping[str, str]) -> tuple[dict[str, Value], list[tuple[str, str]]]:
    """What a report says, by metric; and its custom metrics that cannot be used, each with the reason.

    Args:
        body: The report's.
        types: The custom metrics that are defined, with their types.
    """
    found = dict(_of_aws(body.get("metrics", {})))
    dropped = []
    for name, objects in body.get("custom_metrics", {}).items():
        for given in objects:
            value, problem = _custom(types.get(name), given)
            if problem:
                dropped.append((name, problem))
            else:
                found[name] = value
    return found, dropped


def _of_aws(metrics: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    traffic = metrics.get("network_stats", {})
    yield from ((metric, {"count": traffic[key]}) for metric, key in TRAFFIC.items() if key in traffic)
    for protocol in ("tcp", "udp"):
        listening = metrics.get(f"listening_{protocol}_ports", {})
        if "ports" in listening or listening.get("total") == 0:
            ports = sorted({each["port"] for each in listening.get("ports", ())})
            yield f"aws:listening-{protocol}-ports", {"ports": ports}
        if "ports" in listening or "total" in listening:
            counted = listening["total"] if "total" in listening else len(listening["ports"])
            yield f"aws:num-listening-{protocol}-ports", {"count": counted}
    established = metrics.get("tcp_connections", {}).get("established_connections", {})
    if "connections" in established or established.get("total") == 0:
        there = established.get("connections", ())
        peers = {_host(each["remote_addr"].rpartition(":")[0].strip("[]")) for each in there}
        yield "aws:destination-ip-addresses", {"cidrs": sorted(peers)}
    if "connections" in established or "total" in established:
        counted = established["total"] if "total" in established else len(established["connections"])
        yield "aws:num-established-tcp-connections", {"count": counted}


def _custom(metric_type: str | None, given: Mapping[str, Any]) -> tuple[Value, str]:
    """The value, or what is wrong with it."""
    if metric_type is None:
        return {}, "expected a metric that CreateCustomMetric has defined, got none of this name"
    key = _KEYS[metric_type]
    if key not in given:
        named = {key: each for each, key in _KEYS.items()}
        return {}, f"expected {metric_type}, got {', '.join(named[each] for each in given) or 'nothing'}"
    member, expected, well_formed, read = _TYPES[metric_type]
    if metric_type == "number":
        return ({member: read(given[key])}, "") if well_formed(given[key]) else ({}, expected)
    if not isinstance(given[key], list):
        return {}, "expected a list"
    if not all(map(well_formed, given[key])):
        return {}, expected
    return {member: sorted(set(map(read, given[key])))}, ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_string(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 256


def _is_host(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(ip_address(value))
    except ValueError:
        return False


def _host(text: str) -> str:
    address = ip_address(text)
    return str((isinstance(address, IPv6Address) and address.ipv4_mapped) or address)


_TYPES: Mapping[str, tuple[str, str, Callable[[Any], bool], Callable[[Any], Any]]] = {
    "number": ("number", "expected a number", _is_number, float),
    "number-list": ("numbers", "expected a number", _is_number, float),
    "string-list": ("strings", "expected strings", _is_string, str),
    "ip-address-list": ("cidrs", "expected IP addresses", _is_host, _host),
}
"""The API's member, what is told of a wrong value, whether one is well-formed, and how it is read."""


def is_fault(metric: str, value: Value, before: int, *, silent: bool) -> bool:
    """Whether a difference is none: its counter was set back, or reported whole after a silence."""
    if metric not in TRAFFIC:
        return False
    count = value["count"]
    jumps = silent and count > PLAUSIBLE[TRAFFIC[metric].split("_")[0]] and count > 100 * before
    return count >= 2**63 or jumps
