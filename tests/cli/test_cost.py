"""`warden cost`: what it prints is counted requests times prices, within the budgets that the design set."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from warden.cli import counts, prices
from warden.cli.bill import Fleet, bill, break_even
from warden.cli.main import main
from warden.cli.prices import Price
from warden.cli.sizes import MOST_METRICS, measure


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["cost", *arguments])
    return result.exit_code, result.output


def told(*arguments: str) -> Any:
    code, output = run("--json", *arguments)
    assert code == 0
    return json.loads(output, parse_float=Decimal, parse_int=Decimal)


def each(data: Any) -> dict[str, Decimal]:
    return {term["name"]: term["usdDeviceMonth"] for term in data["terms"]}


INDEXES = {"writes, capacity of indexes", "reads, capacity of indexes"}
SCALING = "alarms of auto scaling"


# Budgets


@pytest.mark.parametrize(
    ("arguments", "budget"),
    [
        pytest.param((), "0.012", id="on demand"),
        pytest.param(("--provisioned",), "0.0085", id="provisioned"),
    ],
)
def test_a_device_of_ten_metrics_costs_no_more_than_was_promised(arguments: tuple[str, ...], budget: str) -> None:
    data = told("--devices", "10000", "--metrics", "10", "--report-interval", "300", *arguments)
    assert data["reports"]["usdDeviceMonth"] <= Decimal(budget)
    assert data["rulesDetect"]["usdDeviceMonth"] == Decimal("0.0216")


@pytest.mark.parametrize(("devices", "most"), [("10000", "0.0086"), ("20000", "0.0085")])
def test_what_indexes_keep_of_provisioned_capacity_makes_it_no_dearer_than_documented(devices: str, most: str) -> None:
    data = told("--devices", devices, "--provisioned")
    assert data["reports"]["usdDeviceMonth"] + sum(each(data)[name] for name in INDEXES) <= Decimal(most)


def test_ten_metrics_with_twenty_elements_a_list_take_one_write_unit_and_half_a_read_unit() -> None:
    sizes = measure(10, 300)
    assert sizes.entry <= 1024
    assert sizes.entry + sizes.facts <= 4096


# Terms


def test_each_term_is_its_quantity_times_its_price() -> None:
    data = told("--devices", "1000", "--lambda-ms", "40")
    assert each(data) | {"storage": 0} == {
        "rule triggered": Decimal("0.001296"),  # 8,640 reports x 0.15 / million
        "rule action": Decimal("0.001296"),
        "Lambda requests": Decimal("0.001728"),  # 8,640 x 0.20 / million
        "Lambda time": Decimal("0.00115200576"),  # 8,640 x 0.04 s x 0.25 GB x 0.0000133334
        "writes": Decimal("0.0054"),  # 8,640 x 0.625 / million
        "reads": Decimal("0.00054"),  # 4,320 x 0.125 / million
        "reads, nightly comparison": Decimal("0.000005625"),  # 30 nights x 1.5 x 0.125 / million
        "reads, catalogue": Decimal("0.0000648"),  # a container, every 5 s: 518,400 x 0.125 / million / 1,000
        "logs": each(data)["logs"],
        "storage": 0,
        **{name: usd for name, usd in each(data).items() if name in FIXED},
        "replies, published": Decimal("0.00864"),
        "replies, delivered at QoS 0": Decimal("0.00864"),
    }
    kept = 14 * 288 * (measure(10, 300).entry + 100) + measure(10, 300).facts + 100
    assert each(data)["storage"] == pytest.approx(Decimal(kept) / 2**30 * Decimal("0.25"))


FIXED = {
    "schedules",
    "Lambda requests, scheduled",
    "Lambda time, scheduled",
    "reads, scheduled",
    "writes, scheduled",
    "polling of empty queues",
    "alarms",
    "metrics",
    "dashboard",
}


def test_the_parts_are_the_sums_of_their_terms_and_the_total_theirs() -> None:
    data = told("--devices", "777", "--report-interval", "60")
    for kind in ("reports", "fixed", "replies"):
        terms = [term["usdMonth"] for term in data["terms"] if term["kind"] == kind]
        assert data[kind]["usdMonth"] == pytest.approx(sum(terms))
    assert data["total"]["usdMonth"] == pytest.approx(
        sum(data[kind]["usdMonth"] for kind in ("reports", "fixed", "replies"))
    )


def test_the_stack_costs_the_same_however_many_devices_there_are() -> None:
    few, many = told("--devices", "1"), told("--devices", "100000")
    assert few["fixed"]["usdMonth"] == many["fixed"]["usdMonth"] > 0
    assert {term["name"] for term in few["terms"] if term["kind"] == "fixed"} == FIXED


def test_provisioned_capacity_changes_what_reads_and_writes_of_table_log_cost_and_nothing_else() -> None:
    on_demand, provisioned = each(told()), each(told("--provisioned"))
    nightly = "reads, nightly comparison"
    changed = {name for name in on_demand if on_demand[name] != provisioned[name]}
    assert changed == {"writes", "reads", nightly, "reads, scheduled"}
    assert {*provisioned} - {*on_demand} == {*INDEXES, SCALING}
    assert provisioned[SCALING] * 1000 == 24 * Decimal("0.10")
    assert provisioned[nightly] == pytest.approx(Decimal(45) / 3600 / Decimal("0.7") * Decimal("0.00013"))
    assert provisioned["writes"] == pytest.approx(Decimal(720) / 300 / Decimal("0.7") * Decimal("0.00065"))


@pytest.mark.parametrize("minimum", [1, 48])
def test_both_indexes_keep_the_minimum_of_provisioned_capacity_however_many_devices_there_are(minimum: int) -> None:
    for devices in ("1", "1000000"):
        data = told("--provisioned", "--minimum", str(minimum), "--devices", devices)
        month = {term["name"]: term["usdMonth"] for term in data["terms"]}
        assert month["writes, capacity of indexes"] == 2 * minimum * 720 * Decimal("0.00065")
        assert month["reads, capacity of indexes"] == 2 * minimum * 720 * Decimal("0.00013")
        assert {term["name"] for term in data["terms"] if term["kind"] == "fixed"} == {*FIXED, *INDEXES, SCALING}


def test_the_table_keeps_the_minimum_too() -> None:
    month = {term["name"]: term["usdMonth"] for term in told("--provisioned", "--devices", "100")["terms"]}
    assert month["writes"] == 720 * Decimal("0.00065")
    assert month["reads"] == 720 * Decimal("0.00013")


def test_what_the_sweep_reads_of_an_index_with_provisioned_capacity_is_not_paid_for_twice() -> None:
    on_demand, provisioned = told(), told("--provisioned")
    spared = each(on_demand)["reads, scheduled"] - each(provisioned)["reads, scheduled"]
    assert spared * 1000 == pytest.approx(43_200 * Decimal("4.5") * Decimal("0.125") / 1_000_000)


def test_how_many_alarms_at_once_the_minimum_takes_is_said() -> None:
    _, output = run("--provisioned", "--minimum", "2")
    assert "at least 2 units for reads and for writes each (--minimum): enough for 300 alarms at once" in output
    assert "--minimum" not in run()[1]


@pytest.mark.parametrize("replies", ["rejected", "none"])
def test_without_replies_nothing_is_paid_for_them(replies: str) -> None:
    assert told("--replies", replies)["replies"]["usdMonth"] == 0


def test_an_alarm_costs_what_is_asked_for_it_at_its_prices() -> None:
    requests = 24 * 0.625 + 17.5 * 0.125 + 2 * 0.20 + 0.15 + 2 * 0.15 + 0.50 + 1.00 + 3 * 0.40
    lambda_time = 0.2 * 0.5 * 13.3334
    assert float(told()["transition"]["usd"]) * 1_000_000 == pytest.approx(requests + lambda_time)


def test_a_normal_topic_adds_a_message_for_each_report() -> None:
    plain, mqtt = told(), told("--topic", "mqtt")
    added = mqtt["reports"]["usdDeviceMonth"] - plain["reports"]["usdDeviceMonth"]
    assert added == pytest.approx(Decimal("0.00864"))
    assert plain["normalTopicInstead"]["usdDeviceMonth"] == added


def test_large_reports_are_metered_twice_and_kept_in_more_units() -> None:
    small, large = bill(Fleet(1000, 10, 300)), bill(Fleet(1000, 100, 300))
    quantities = [{term.name: term.quantity for term in each.terms} for each in (small, large)]
    assert large.sizes.report > 5 * 1024
    assert quantities[1]["rule triggered"] == 2 * quantities[0]["rule triggered"]
    assert quantities[1]["writes"] == -(-large.sizes.entry // 1024) * quantities[0]["writes"]


def test_a_price_with_steps_holds_for_what_lies_in_each() -> None:
    price = Price(Decimal(5), 10, "thing", "here", "high", above=((100, Decimal(3)), (200, Decimal(1))))
    assert [price.of(Decimal(quantity)) for quantity in (10, 100, 150, 300)] == [5, 50, 65, 90]


# Break-even


@pytest.mark.parametrize("kinds", [("reports",), ("reports", "fixed"), ()], ids=["reports", "stack", "replies"])
def test_from_the_break_even_on_and_not_before_it_is_cheaper(kinds: tuple[Any, ...]) -> None:
    fleet = Fleet(10_000, 1, 300)
    least = break_even(fleet, *kinds)
    assert least
    for metrics in (least - 1, least, MOST_METRICS):
        ours = bill(Fleet(10_000, metrics, 300))
        assert (ours.usd(*kinds) <= ours.rules_detect.usd) is (metrics >= least)


def test_a_number_of_metrics_from_which_more_make_it_dearer_again_is_no_break_even() -> None:
    fleet = Fleet(10_000, 1, 300, topic="mqtt", lambda_ms=Decimal(280))  # another write unit is paid from 23 on

    def cheaper(metrics: int) -> bool:
        ours = bill(replace(fleet, metrics=metrics))
        return ours.usd() <= ours.rules_detect.usd

    least = break_even(fleet)
    assert least
    assert all(map(cheaper, range(least, MOST_METRICS + 1)))
    assert any(map(cheaper, range(1, least - 1)))


def test_where_aws_is_always_cheaper_it_is_said() -> None:
    code, output = run("--devices", "1", "--replies", "none")
    assert code == 0
    assert "never with the stack" in output


# What a user sees


def test_a_pipe_gets_plain_whole_lines() -> None:
    code, output = run("--devices", "1000")
    assert code == 0
    lines = {re.split(r"\s{2,}", line.strip())[0]: line for line in output.splitlines()}
    assert lines["reports"].split() == ["reports", *told_line("reports")]
    assert lines["AWS Rules Detect, the same datapoints"].split()[-2:] == ["0.021600", "21.60"]
    assert not set(output) & set("│┃━─╌\x1b")


@pytest.mark.parametrize(("width", "prices_too"), [(80, False), (119, False), (200, True)])
def test_no_window_breaks_the_lines_of_the_table(width: int, prices_too: bool) -> None:
    environment = {**os.environ, "FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": str(width)}
    asked = [sys.executable, "-m", "warden", "cost", "--provisioned"]
    coloured = subprocess.run(asked, env=environment, capture_output=True, text=True, check=True).stdout
    output = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    rows = [line for line in output.splitlines() if re.search(r"\d\.\d{6} +[\d,.]+\s*$", line)]
    terms = len(told("--provisioned")["terms"])
    assert len(rows) == terms + 5, "the terms, three sums, together, and AWS's"
    assert max(map(len, rows)) <= width
    assert ("write unit" in output) is prices_too
    assert ("columns shows quantities and prices, too." in output) is not prices_too


def told_line(kind: str) -> list[str]:
    amount = told("--devices", "1000")[kind]
    return [f"{amount['usdDeviceMonth']:.6f}", f"{amount['usdMonth']:,.2f}"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--devices", "0"], "'--devices': 0 is not in the range 1<=x<=100000000", id="no device"),
        pytest.param(["--devices", "ten"], "'--devices': 'ten' is not a valid integer range", id="no number"),
        pytest.param(["--metrics", "111"], "'--metrics': 111 is not in the range 1<=x<=110", id="too many metrics"),
        pytest.param(["--report-interval", "0"], "'--report-interval': 0 is not in the range 1<=x<=86400", id="never"),
        pytest.param(["--lambda-ms", "nan"], "'--lambda-ms': nan is no number", id="not a number"),
        pytest.param(["--lambda-ms", "inf"], "'--lambda-ms': inf is not in the range 1<=x<=60000", id="endless"),
        pytest.param(["--minimum", "5"], "--minimum is for --provisioned", id="a minimum of nothing"),
        pytest.param(["--provisioned", "--minimum", "0"], "'--minimum': 0 is not in the range", id="no unit"),
        pytest.param(["--replies", "some"], "'some' is not one of 'all', 'rejected', 'none'", id="no such replies"),
    ],
)
def test_a_mistake_ends_with_2_and_names_what_is_allowed(arguments: list[str], said: str) -> None:
    code, output = run(*arguments)
    assert code == 2
    assert said in output


def test_every_price_says_where_it_is_from_and_how_sure_that_is() -> None:
    for term in told()["terms"]:
        assert term["source"].startswith("aws.amazon.com/")
        assert term["confidence"] in ("high", "medium", "low")
    assert prices.DATE in run()[1]


def test_all_that_only_aws_can_tell_is_said_with_the_option_that_replaces_it() -> None:
    [assumed] = [line for line in run()[1].splitlines() if "Assumed: " in line]
    assert assumed.split("Assumed: ")[1] == (
        f"{counts.EVALUATOR_MS} ms of Lambda a report (--lambda-ms), {counts.SCHEDULED_MS} ms a scheduled run, "
        f"{counts.TRANSITION_MS} ms an alarm; 648,000 polls of an empty queue; 2 requests to take a receipt; "
        "12 custom metrics; 70% use of provisioned capacity."
    )


# The documentation

DOCS = (Path(__file__).parents[2] / "docs" / "costs.md").read_text()
QUOTES = re.findall(r"^\$ warden cost (.*)\n((?:(?!```|\$ ).*\n)+)", DOCS, re.MULTILINE)


@pytest.mark.parametrize(("arguments", "quoted"), QUOTES, ids=[arguments for arguments, _ in QUOTES])
def test_what_the_documentation_quotes_is_what_the_command_prints(arguments: str, quoted: str) -> None:
    code, output = run(*arguments.split())
    assert code == 0
    printed = [line.rstrip() for line in output.splitlines()]
    assert [line for line in quoted.splitlines() if line not in printed] == []


def test_the_documentation_quotes_the_command() -> None:
    assert len(QUOTES) == 5
