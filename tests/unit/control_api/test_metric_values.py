"""ListMetricValues: what a thing reported of a metric, page by page."""

from collections.abc import Iterable
from typing import Any

import pytest

from tests.contract.account import DAY, HOUR, MINUTE, NOW, SECOND, Account, arn, listening

TYPES = {"level": "number", "levels": "number-list", "users": "string-list", "peers": "ip-address-list"}
FOREVER = {"startTime": 0, "endTime": 4_102_444_800}
PORTS = "aws:listening-tcp-ports"


@pytest.fixture
def retaining(account: Account) -> Account:
    """An account whose things' datapoints are kept of a metric of each kind."""
    define(account)
    return account


def define(account: Account) -> None:
    for name, kind in TYPES.items():
        account("create_custom_metric", metricName=name, metricType=kind)
    retained = [PORTS, "aws:all-bytes-in", "aws:destination-ip-addresses", *TYPES]
    account("create_security_profile", securityProfileName="p", additionalMetricsToRetain=retained)
    account("attach_security_profile", securityProfileName="p", securityProfileTargetArn=arn("all/things"))


def values(account: Account, metric: str = PORTS, thing: str = "pump", **more: Any) -> list[tuple[float, Any]]:
    """All pages of a list: milliseconds and value of each."""
    found: list[tuple[float, Any]] = []
    token: dict[str, str] = {}
    while True:
        page = account("list_metric_values", thingName=thing, metricName=metric, **FOREVER | more, **token)
        found += [(each["timestamp"].timestamp() * 1000, each["value"]) for each in page["metricDatumList"]]
        if "nextToken" not in page:
            return found
        token = {"nextToken": page["nextToken"]}


def ports(values: Iterable[tuple[float, Any]]) -> list[int]:
    return [value["ports"][0] for _, value in values]


CONNECTIONS = {
    "established_connections": {"connections": [{"remote_addr": "192.0.2.7:443"}, {"remote_addr": "[::1]:9"}]}
}
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    PORTS: (listening(443, 22), {}, {"ports": [22, 443]}),
    "aws:all-bytes-in": ({"network_stats": {"bytes_in": 2**53 + 1}}, {}, {"count": 2**53 + 1}),
    "aws:destination-ip-addresses": ({"tcp_connections": CONNECTIONS}, {}, {"cidrs": ["192.0.2.7", "::1"]}),
    "level": ({}, {"level": {"number": 1.25}}, {"number": 1.25}),
    "levels": ({}, {"levels": {"number_list": [3, 0.5]}}, {"numbers": [0.5, 3.0]}),
    "users": ({}, {"users": {"string_list": ["root", "é"]}}, {"strings": ["root", "é"]}),
    "peers": ({}, {"peers": {"ip_list": ["::1", "10.0.0.1"]}}, {"cidrs": ["10.0.0.1", "::1"]}),
}


@pytest.mark.parametrize(("metric", "sent"), KINDS.items(), ids=KINDS)
def test_a_datapoint_is_listed_in_the_member_of_its_kind(retaining: Account, metric: str, sent: Any) -> None:
    metrics, custom, value = sent
    retaining.report("pump", metrics, custom)
    [(at, listed)] = values(retaining, metric)
    assert at == NOW
    assert {member: sorted(each) if isinstance(each, list) else each for member, each in listed.items()} == value


def test_only_what_a_profile_retains_is_kept(retaining: Account) -> None:
    retaining.report("pump", {"network_stats": {"bytes_in": 1, "bytes_out": 2}})
    assert values(retaining, "aws:all-bytes-out") == []
    assert len(values(retaining, "aws:all-bytes-in")) == 1


def test_a_report_that_does_not_say_it_is_no_datapoint_and_an_empty_list_is_one(retaining: Account) -> None:
    for metrics in (listening(), {}, listening(1)):
        retaining.report("pump", metrics)
        retaining.now += MINUTE
    assert [value for _, value in values(retaining)] == [{"ports": []}, {"ports": [1]}]


@pytest.mark.parametrize("size", [1, 2, 7, 30, 250])
def test_pages_hold_every_datapoint_once_in_order(retaining: Account, size: int) -> None:
    for number in range(30):
        retaining.report("pump", listening(number + 1))
        retaining.now += 5 * MINUTE
    assert ports(values(retaining, maxResults=size)) == list(range(1, 31))


def test_a_page_has_25_where_nothing_else_is_asked(retaining: Account) -> None:
    for number in range(26):
        retaining.report("pump", listening(number + 1))
        retaining.now += 5 * MINUTE
    page = retaining("list_metric_values", thingName="pump", metricName=PORTS, **FOREVER)
    assert len(page["metricDatumList"]) == 25
    assert "nextToken" in page


def test_a_report_between_two_pages_is_on_the_next_one(retaining: Account) -> None:
    for port in (1, 2):
        retaining.report("pump", listening(port))
        retaining.now += 5 * MINUTE
    asked = {"thingName": "pump", "metricName": PORTS, **FOREVER, "maxResults": 1}
    first = retaining("list_metric_values", **asked)
    retaining.report("pump", listening(3))
    second = retaining("list_metric_values", **asked | {"maxResults": 250}, nextToken=first["nextToken"])
    assert [each["value"]["ports"] for each in second["metricDatumList"]] == [[2], [3]]


@pytest.mark.parametrize(
    "other",
    [
        {"thingName": "valve"},
        {"metricName": "level"},
        {"startTime": 1},
        {"endTime": 4_102_444_801},
        {"dimensionName": "d"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_token_goes_on_with_the_list_that_gave_it_only(retaining: Account, other: dict[str, Any]) -> None:
    retaining("create_dimension", name="d", type="TOPIC_FILTER", stringValues=["#"])
    for thing in ("pump", "valve"):
        for _ in range(2):
            retaining.report(thing, listening(1))
            retaining.now += 5 * MINUTE
    asked = {"thingName": "pump", "metricName": PORTS, **FOREVER}
    token = retaining("list_metric_values", **asked, maxResults=1)["nextToken"]
    code, _, message = retaining.refusal("list_metric_values", **asked | other, nextToken=token)
    assert code == "InvalidRequestException"
    assert message.startswith("nextToken: ")


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        pytest.param(0, 600, [1, 2, 3], id="both ends are included"),
        pytest.param(300, 300, [2], id="a moment"),
        pytest.param(0, 299.999, [1], id="to a millisecond before"),
        pytest.param(0.001, 600, [2, 3], id="from a millisecond behind"),
        pytest.param(360, 540, [], id="between two"),
        pytest.param(600, 99_999, [3], id="to the future"),
        pytest.param(-99_999, -1, [], id="before all"),
        pytest.param(601, 99_999, [], id="behind all"),
    ],
)
def test_a_period_is_from_its_start_to_its_end(
    retaining: Account, start: float, end: float, expected: list[int]
) -> None:
    """In seconds from the first of three reports, five minutes apart."""
    for number in range(3):
        retaining.report("pump", listening(number + 1), at=NOW + number * 5 * MINUTE)
    retaining.now += HOUR
    period = {"startTime": NOW / 1000 + start, "endTime": NOW / 1000 + end}
    assert ports(values(retaining, **period)) == expected


def test_a_period_that_ends_before_it_starts_is_refused(retaining: Account) -> None:
    code, status, message = retaining.refusal(
        "list_metric_values", thingName="pump", metricName=PORTS, startTime=2, endTime=1
    )
    assert (code, status) == ("InvalidRequestException", 400)
    assert message.startswith("startTime: ")


@pytest.mark.parametrize("metric", ["nothing", "aws:nothing", "Level", "LEVEL"])
def test_a_metric_that_there_is_not_is_not_found(retaining: Account, metric: str) -> None:
    code, status, message = retaining.refusal("list_metric_values", thingName="pump", metricName=metric, **FOREVER)
    assert (code, status) == ("ResourceNotFoundException", 404)
    assert message.startswith("metricName: ")


def test_a_thing_that_nobody_has_heard_of_has_no_datapoints(retaining: Account) -> None:
    retaining.report("pump", listening(1))
    assert values(retaining, thing="Pump") == values(retaining, thing="nobody") == []


def test_a_cloud_side_metric_has_no_datapoints_yet(retaining: Account) -> None:
    retaining.report("pump", listening(1))
    assert values(retaining, "aws:num-messages-sent") == []


def test_a_dimension_has_to_be_there(retaining: Account) -> None:
    asked = {"thingName": "pump", "metricName": "aws:num-messages-sent", **FOREVER, "dimensionName": "d"}
    code, status, message = retaining.refusal("list_metric_values", **asked)
    assert (code, status) == ("ResourceNotFoundException", 404)
    assert message.startswith("dimensionName: ")
    retaining("create_dimension", name="d", type="TOPIC_FILTER", stringValues=["#"])
    for operator in ({}, {"dimensionValueOperator": "IN"}, {"dimensionValueOperator": "NOT_IN"}):
        assert retaining("list_metric_values", **asked, **operator) == {"metricDatumList": []}


def forget(account: Account, metric: str) -> None:
    account("update_security_profile", securityProfileName="p", additionalMetricsToRetain=[PORTS])
    account("delete_custom_metric", metricName=metric)


@pytest.mark.parametrize("kind", TYPES.values())
def test_a_metric_that_is_defined_again_does_not_show_the_older_ones_datapoints(retaining: Account, kind: str) -> None:
    retaining.report("pump", custom={"level": {"number": 1}})
    retaining.now += HOUR
    forget(retaining, "level")
    assert retaining.refusal("list_metric_values", thingName="pump", metricName="level", **FOREVER)[1] == 404

    retaining("create_custom_metric", metricName="level", metricType=kind)

    assert values(retaining, "level") == []


def test_what_an_evaluator_took_that_had_not_heard_of_the_other_type_is_left_out(retaining: Account) -> None:
    """On AWS an evaluator may know the profiles and metrics of some seconds before."""
    retaining.report("pump", custom={"level": {"number": 1}})
    retaining.now += HOUR
    forget(retaining, "level")
    retaining("create_custom_metric", metricName="level", metricType="string-list")
    retaining("update_security_profile", securityProfileName="p", additionalMetricsToRetain=["level"])
    retaining.now += SECOND
    retaining.report("pump", custom={"level": {"number": 2}}, stale=True)
    retaining.now += HOUR
    retaining.report("pump", custom={"level": {"string_list": ["new"]}})

    assert [value for _, value in values(retaining, "level")] == [{"strings": ["new"]}]


def test_a_late_report_from_before_a_metric_was_defined_is_none_of_its_datapoints(retaining: Account) -> None:
    retaining.report("pump", listening(1))
    retaining.now += HOUR
    forget(retaining, "level")
    retaining("create_custom_metric", metricName="level", metricType="number")
    retaining("update_security_profile", securityProfileName="p", additionalMetricsToRetain=["level"])
    retaining.now += 10 * MINUTE
    retaining.report("pump", custom={"level": {"number": 2}})
    retaining.report("pump", custom={"level": {"number": 1}}, at=NOW + 30 * MINUTE)
    assert [value for _, value in values(retaining, "level")] == [{"number": 2.0}]


def test_a_late_report_is_listed_in_its_own_time(retaining: Account) -> None:
    retaining.report("pump", listening(1))
    retaining.report("pump", listening(3), at=NOW + HOUR)
    retaining.now = NOW + HOUR
    retaining.report("pump", listening(2), at=NOW + 10 * MINUTE)
    retaining.report("pump", listening(4), at=NOW + HOUR + 5 * MINUTE)

    assert sorted(values(retaining)) == [
        (NOW, {"ports": [1]}),
        (NOW + 10 * MINUTE, {"ports": [2]}),
        (NOW + HOUR, {"ports": [3]}),
        (NOW + HOUR + 5 * MINUTE, {"ports": [4]}),
    ]
    around = {"startTime": NOW / 1000 + 300, "endTime": NOW / 1000 + 1200}
    assert ports(values(retaining, **around)) == [2]
    assert ports(values(retaining, **around, maxResults=1)) == [2]


@pytest.mark.parametrize("days", [4, 14, 90])
def test_datapoints_are_listed_for_as_long_as_they_are_kept(days: int) -> None:
    account = Account(keep_days=days)
    define(account)
    for port, at in enumerate((NOW, NOW + 1, NOW + DAY), start=1):
        account.report("pump", listening(port), at=at)

    account.now = NOW + days * DAY
    assert ports(values(account)) == [1, 2, 3]
    account.now += 1
    assert ports(values(account)) == [2, 3]
    account.now = NOW + (days + 1) * DAY + 1
    assert values(account) == []
