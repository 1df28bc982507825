"""All behaviors of a thing, judged together."""

from typing import Any

from tests.unit.behaviors.given import AT, behavior, hosts, live
from warden.domain.behaviors.plan import HOSTS_REMEMBERED, Plan

MINUTE = 60_000
BYTES_IN_5 = behavior("aws:all-bytes-in", "less-than", 10, name="In5")
BYTES_IN_10 = behavior("aws:all-bytes-in", "less-than", 10, name="In10", duration_seconds=600)
BYTES_IN_5_LOW = behavior("aws:all-bytes-in", "greater-than", 3, name="In5Low")
LISTENING = behavior("aws:num-listening-tcp-ports", "less-than", 10, name="Ports", duration_seconds=3600)
TELNET = behavior("aws:listening-tcp-ports", "not-in-port-set", [23], name="Telnet")
PEERS = behavior("aws:destination-ip-addresses", "in-cidr-set", ["10.0.0.0/8"], name="Peers")
NO_TEST_NET = behavior("aws:destination-ip-addresses", "not-in-cidr-set", ["192.0.2.0/24"], name="NoTestNet")


def names(plan: Plan, bits: int) -> set[str]:
    return {each.uid for position, each in enumerate(plan.behaviors) if bits >> position & 1}


def judged(plan: Plan, *reports: tuple[int, dict[str, Any]]) -> list[set[str]]:
    """What each report of one thing violates."""
    windows: Any = {}
    found = []
    for at, points in reports:
        verdict = plan.judge(points, windows, at)
        windows = verdict.windows
        found.append(names(plan, verdict.violated))
    return found


def test_each_behavior_is_judged_by_its_own_criteria() -> None:
    plan = Plan(map(live, (BYTES_IN_5, LISTENING, TELNET, PEERS, NO_TEST_NET)))
    assert judged(
        plan,
        (AT, {"bi": 9, "nt": 9, "tp": {22}, "ip": hosts("10.0.0.1")}),
        (AT + 5 * MINUTE, {"bi": 10, "nt": 10, "tp": {23}, "ip": hosts("11.0.0.1")}),
        (AT + 10 * MINUTE, {"bi": 0, "nt": 0, "tp": set(), "ip": hosts("10.0.0.1", "192.0.2.1")}),
    ) == [set(), {"In5", "Ports", "Telnet", "Peers"}, {"Peers", "NoTestNet"}]


def test_differences_are_summed_over_each_behaviors_own_duration() -> None:
    plan = Plan(map(live, (BYTES_IN_5, BYTES_IN_10)))
    reports = [(AT + n * 5 * MINUTE, {"bi": value}) for n, value in enumerate((5, 5, 4, 11, 0, 0))]
    assert judged(plan, *reports) == [set(), {"In10"}, set(), {"In5", "In10"}, {"In10"}, set()]


def test_behaviors_of_one_window_share_its_sum() -> None:
    plan = Plan(map(live, (BYTES_IN_5, BYTES_IN_5_LOW, BYTES_IN_10)))
    verdict = plan.judge({"bi": 7}, {}, AT)
    assert set(verdict.windows) == set(verdict.sums)
    assert sorted(verdict.sums.values()) == [7, 7]
    assert {plan.window_of(position) for position in (0, 1)} < set(verdict.sums)
    assert plan.window_of(0) == plan.window_of(1) != plan.window_of(2)


def test_a_gauge_is_judged_by_its_latest_value_whatever_its_duration() -> None:
    plan = Plan([live(LISTENING)])
    assert judged(plan, *((AT + n, {"nt": value}) for n, value in enumerate((9, 9, 10, 9)))) == [
        set(),
        set(),
        {"Ports"},
        set(),
    ]
    assert plan.judge({"nt": 9}, {}, AT).windows == {}
    assert plan.window_of(0) == ""


def test_a_window_is_kept_over_reports_without_its_metric() -> None:
    plan = Plan([live(BYTES_IN_10)])
    assert judged(plan, (AT, {"bi": 5}), (AT + 1, {"tp": {1}}), (AT + MINUTE, {"bi": 5})) == [set(), set(), {"In10"}]


def test_a_window_that_no_behavior_uses_any_more_is_forgotten() -> None:
    windows = Plan([live(BYTES_IN_5), live(BYTES_IN_10)]).judge({"bi": 5}, {}, AT).windows
    assert len(windows) == 2
    for points in ({"bi": 5}, {}):
        assert len(Plan([live(BYTES_IN_5)]).judge(points, windows, AT + MINUTE).windows) == 1


def test_the_rings_that_were_given_are_not_changed() -> None:
    plan = Plan([live(BYTES_IN_5)])
    windows = plan.judge({"bi": 5}, {}, AT).windows
    before = dict(windows)
    plan.judge({"bi": 5}, windows, AT + MINUTE)
    plan.count_late({"bi": 5}, windows, AT - MINUTE)
    assert windows == before


def test_a_late_report_counts_in_the_windows_that_are_open() -> None:
    plan = Plan([live(BYTES_IN_10), live(TELNET)])
    windows = plan.judge({"bi": 5}, {}, AT).windows
    late = plan.count_late({"bi": 4, "tp": {23}}, windows, AT - MINUTE)
    (total,) = plan.judge({"bi": 0}, late, AT + 1).sums.values()
    assert total == 9


def test_a_late_report_without_the_metric_leaves_its_window_as_it_is() -> None:
    plan = Plan([live(BYTES_IN_10)])
    windows = plan.judge({"bi": 5}, {}, AT).windows
    assert plan.count_late({"bo": 4}, windows, AT - MINUTE) == windows


def test_more_addresses_than_a_plan_remembers_are_judged_all_the_same() -> None:
    plan = Plan(map(live, (PEERS, NO_TEST_NET)))
    many = {b"\x0a" + n.to_bytes(3) for n in range(HOSTS_REMEMBERED + 1)}
    test_net = hosts("192.0.2.1")
    for addresses, violated in (
        (test_net, {"Peers", "NoTestNet"}),
        (many, set()),
        (test_net, {"Peers", "NoTestNet"}),
    ):
        assert names(plan, plan.judge({"ip": addresses}, {}, AT).violated) == violated
        assert all(len(hosts.broken) <= HOSTS_REMEMBERED for hosts in plan._hosts), "what is remembered is bounded"


def test_a_behavior_alarms_and_clears_after_one_datapoint_unless_it_says_more() -> None:
    assert (live(TELNET).to_alarm, live(TELNET).to_clear) == (1, 1)
    patient = behavior(
        "aws:listening-tcp-ports",
        "not-in-port-set",
        [23],
        consecutive_datapoints_to_alarm=3,
        consecutive_datapoints_to_clear=10,
    )
    assert (live(patient).to_alarm, live(patient).to_clear) == (3, 10)
