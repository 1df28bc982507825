"""What a report says and what a behavior asks, read by the letter of AWS's documents. Nothing of `warden` is here."""

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from tests.model.happenings import Body

Value = Mapping[str, Any]
"""A metric's value as the API shows it: one member, `count`, `ports`, `cidrs`, `number`, `numbers` or `strings`."""

TRAFFIC = {
    "aws:all-bytes-in": "bytes_in",
    "aws:all-bytes-out": "bytes_out",
    "aws:all-packets-in": "packets_in",
    "aws:all-packets-out": "packets_out",
}
"""Metrics that a window sums, by their names in a report."""

_KEYS = {"number": "number", "number-list": "number_list", "string-list": "string_list", "ip-address-list": "ip_list"}
_COMPARE = {
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


def _of_aws(metrics: Mapping[str, Any]) -> Any:
    traffic = metrics.get("network_stats", {})
    yield from ((metric, {"count": traffic[key]}) for metric, key in TRAFFIC.items() if key in traffic)
    for protocol in ("tcp", "udp"):
        listening = metrics.get(f"listening_{protocol}_ports", {})
        if "ports" in listening:
            yield f"aws:listening-{protocol}-ports", {"ports": sorted({each["port"] for each in listening["ports"]})}
        if "ports" in listening or "total" in listening:
            counted = listening["total"] if "total" in listening else len(listening["ports"])
            yield f"aws:num-listening-{protocol}-ports", {"count": counted}
    established = metrics.get("tcp_connections", {}).get("established_connections", {})
    if "connections" in established:
        peers = {_host(each["remote_addr"].rpartition(":")[0].strip("[]")) for each in established["connections"]}
        yield "aws:destination-ip-addresses", {"cidrs": sorted(peers)}
    if "connections" in established or "total" in established:
        counted = established["total"] if "total" in established else len(established["connections"])
        yield "aws:num-established-tcp-connections", {"count": counted}


def _custom(metric_type: str | None, given: Mapping[str, Any]) -> tuple[Value, str]:
    if metric_type is None:
        return {}, "expected a metric that CreateCustomMetric has defined, got none of this name"
    key = _KEYS[metric_type]
    if key not in given:
        named = {key: each for each, key in _KEYS.items()}
        return {}, f"expected {metric_type}, got {', '.join(named[each] for each in given) or 'nothing'}"
    value = given[key]
    if metric_type == "number":
        return ({"number": float(value)}, "") if _is_number(value) else ({}, "expected a number")
    if not isinstance(value, list):
        return {}, "expected a list"
    match metric_type:
        case "number-list":
            well = all(map(_is_number, value))
            return ({"numbers": sorted({float(each) for each in value})}, "") if well else ({}, "expected a number")
        case "string-list":
            well = all(isinstance(each, str) and len(each) <= 256 for each in value)
            return ({"strings": sorted(set(value))}, "") if well else ({}, "expected strings")
    try:
        return {"cidrs": sorted({_host(each) for each in value})}, ""
    except ValueError:
        return {}, "expected IP addresses"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _host(text: Any) -> str:
    if not isinstance(text, str):
        raise ValueError(text)
    address = ip_address(text)
    return str((isinstance(address, IPv6Address) and address.ipv4_mapped) or address)
