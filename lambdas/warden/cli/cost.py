"""`warden cost`: what a fleet costs at AWS's list prices, beside AWS's own service for the same datapoints."""

import math
from decimal import Decimal
from typing import Any, Literal

import click
import msgspec
from rich.console import Console
from rich.table import Table

from warden.cli import counts, prices
from warden.cli.bill import Bill, Fleet, Kind, bill, break_even, message, transition
from warden.cli.screen import PIPE_WIDTH, screen, table
from warden.cli.shown import examples
from warden.cli.sizes import ELEMENTS, MOST_METRICS

SECTIONS: tuple[tuple[Kind, str], ...] = (
    ("reports", "reports"),
    ("fixed", "the stack, however few devices"),
    ("replies", "replies"),
)

AMOUNTS = (">device-month", ">month")


def _number(_: click.Context, __: click.Parameter, value: float) -> float:
    if math.isnan(value):  # which is in no range and out of none
        raise click.BadParameter("nan is no number")
    return value


@click.command(
    "cost",
    epilog=examples(
        "warden cost --devices 10000",
        "warden cost --devices 10000 --provisioned --json",
    ),
)
@click.option("--devices", type=click.IntRange(1, 100_000_000), default=1_000, show_default=True, help="Of the fleet.")
@click.option(
    "--metrics",
    type=click.IntRange(1, MOST_METRICS),
    default=10,
    show_default=True,
    help="In each report: AWS's device-side ones, numbers before lists; above 10, custom numbers.",
)
@click.option(
    "--report-interval",
    type=click.IntRange(1, 86_400),
    default=300,
    show_default=True,
    help="Seconds between two reports of a device.",
)
@click.option(
    "--replies",
    type=click.Choice(["all", "rejected", "none"]),
    default="all",
    show_default=True,
    help="Which reports are answered; a healthy fleet has no rejected ones.",
)
@click.option("--provisioned", is_flag=True, help="Table log has provisioned capacity, used to 70 %.")
@click.option(
    "--minimum",
    type=click.IntRange(1, 40_000),
    default=1,
    show_default=True,
    help="Of log_capacity: units that the table and each of its two indexes keep; for --provisioned.",
)
@click.option(
    "--topic",
    type=click.Choice(["basic-ingest", "mqtt"]),
    default="basic-ingest",
    show_default=True,
    help="Where devices publish.",
)
@click.option(
    "--lambda-ms",
    type=click.FloatRange(1, 60_000),
    callback=_number,
    default=float(counts.EVALUATOR_MS),
    show_default=True,
    help=f"Billed for a report at {counts.EVALUATOR_MB} MB; assumed, so give your own: AWS/Lambda Duration.",
)
@click.option("--json", "as_json", is_flag=True, help="Exact numbers, as JSON.")
def command(  # noqa: PLR0917 (click passes by name)
    devices: int,
    metrics: int,
    report_interval: int,
    replies: Literal["all", "rejected", "none"],
    provisioned: bool,
    minimum: int,
    topic: Literal["basic-ingest", "mqtt"],
    lambda_ms: float,
    as_json: bool,
) -> None:
    """Say what a fleet costs: list price a month in us-east-1, before tax, free tiers left out.

    Nothing is asked of AWS. Requests are counted in the functions, sizes are measured on encoded reports.
    """
    if minimum > 1 and not provisioned:
        raise click.UsageError("--minimum is for --provisioned: on demand nothing is kept")
    ours = bill(
        Fleet(
            devices=devices,
            metrics=metrics,
            interval=report_interval,
            replies=replies,
            provisioned=provisioned,
            minimum=minimum,
            topic=topic,
            lambda_ms=Decimal(f"{lambda_ms:g}"),
        )
    )
    if as_json:
        click.echo(msgspec.json.Encoder(decimal_format="number").encode(as_data(ours)))
    else:
        show(ours, screen())


def as_data(ours: Bill) -> dict[str, Any]:
    """A bill as JSON has it: amounts in USD, of the fleet a month and of a device a month."""

    def amount(usd: Decimal) -> dict[str, Decimal]:
        return {"usdMonth": usd, "usdDeviceMonth": ours.each(usd)}

    fleet = ours.fleet
    return {
        "prices": {"date": prices.DATE, "region": prices.REGION},
        "fleet": {
            "devices": fleet.devices,
            "metrics": fleet.metrics,
            "reportIntervalSeconds": fleet.interval,
            "reportsMonth": fleet.reports,
            "replies": fleet.replies,
            "provisioned": fleet.provisioned,
            "minimum": fleet.minimum if fleet.provisioned else None,
            "topic": fleet.topic,
            "lambdaMilliseconds": fleet.lambda_ms,
        },
        "bytes": {"report": ours.sizes.report, "entry": ours.sizes.entry},
        "terms": [
            {
                "kind": term.kind,
                "name": term.name,
                "quantity": term.quantity,
                "unit": term.price.unit,
                "usd": term.price.usd,
                "per": term.price.per,
                "confidence": term.price.confidence,
                "source": term.price.source,
                **amount(term.usd),
            }
            for term in ours.terms
        ],
        "reports": amount(ours.usd("reports")),
        "fixed": amount(ours.usd("fixed")),
        "replies": amount(ours.usd("replies")),
        "total": amount(ours.usd()),
        "rulesDetect": amount(ours.rules_detect.usd),
        "normalTopicInstead": amount(message(fleet, ours.sizes).usd),
        "transition": {"usd": transition()},
        "breakEvenMetrics": {
            "reports": break_even(fleet, "reports"),
            "reportsAndFixed": break_even(fleet, "reports", "fixed"),
            "total": break_even(fleet),
        },
    }


def show(ours: Bill, console: Console) -> None:
    """A bill for people."""
    fleet = ours.fleet
    console.print(
        f"[bold]{fleet.devices:,} devices[/], {fleet.metrics} metrics, a report every {fleet.interval} s "
        f"({fleet.reports:,.0f} reports a month, {ours.sizes.report:,} bytes each, {ours.sizes.entry:,} kept)"
    )
    console.print(f"AWS list prices of {prices.REGION}, {prices.DATE}, USD, before tax, free tiers left out")
    console.print()
    lines = _lines(ours, table(console, "", "a month", "of", ">price", *AMOUNTS), prices_too=True)
    needed = console.measure(lines, options=console.options.update(max_width=PIPE_WIDTH)).maximum
    fits = needed <= console.width
    console.print(lines if fits else _lines(ours, table(console, "", *AMOUNTS), prices_too=False))
    console.print()
    for line in _notes(ours):
        console.print(line)
    if not fits:
        console.print(f"A window of {needed} columns shows quantities and prices, too.")


def _lines(ours: Bill, lines: Table, *, prices_too: bool) -> Table:
    """The bill in an empty table, with each term's quantity, unit and price, or without."""

    def total(name: str, usd: Decimal) -> None:
        lines.add_row(name, *[""] * 3 * prices_too, f"{ours.each(usd):.6f}", f"{usd:,.2f}", style="bold")

    for kind, title in SECTIONS:
        for term in ours.terms:
            if term.kind == kind:
                price = f"{term.price.usd} / {term.price.per:,}" + ("" if term.price.confidence == "high" else " ?")
                what = [_quantity(term.quantity), term.price.unit, price] if prices_too else []
                lines.add_row(f"  {term.name}", *what, f"{ours.each(term.usd):.6f}", f"{term.usd:,.2f}")
        total(title, ours.usd(kind))
    total("together", ours.usd())
    total("AWS Rules Detect, the same datapoints", ours.rules_detect.usd)
    return lines


def _notes(ours: Bill) -> list[str]:
    fleet = ours.fleet
    extra = ours.each(message(fleet, ours.sizes).usd)
    instead = "is in it" if fleet.topic == "mqtt" else "would be"
    cheaper = f"Cheaper than AWS Rules Detect {_from(break_even(fleet, 'reports'))} for the reports alone, "
    cheaper += f"{_from(break_even(fleet, 'reports', 'fixed'))} with the stack"
    if fleet.replies == "all":
        cheaper += f", {_from(break_even(fleet))} with the replies"
    return [
        f"A normal topic instead of Basic Ingest {instead}: + {extra:.6f} a device-month.",
        f"An alarm raised or cleared: {transition() * 1_000_000:.2f} for a million, e-mail and SMS apart.",
        *([_capacity(fleet)] if fleet.provisioned else []),
        f"{cheaper}.",
        f"Measured with {ELEMENTS} elements a list. {_assumed(fleet)}.",
        "? after a price: not read on AWS's own page; --json names sources.",
    ]


def _capacity(fleet: Fleet) -> str:
    """What keeping a minimum of provisioned capacity buys."""
    at_once = fleet.minimum * counts.BURST_SECONDS // counts.TRANSITION_INDEX_WRITES
    units = "1 unit" if fleet.minimum == 1 else f"{fleet.minimum:,} units"
    return (
        f"The table and its {counts.LOG_INDEXES} indexes keep at least {units} for reads and for writes each "
        f"(--minimum): enough for {at_once:,} alarms at once, of more the reports wait for auto scaling."
    )


def _assumed(fleet: Fleet) -> str:
    """All that only AWS can tell."""
    return (
        f"Assumed: {fleet.lambda_ms} ms of Lambda a report (--lambda-ms), {counts.SCHEDULED_MS} ms a scheduled run, "
        f"{counts.TRANSITION_MS} ms an alarm; {counts.POLLS_A_QUEUE:,} polls of an empty queue; "
        f"{counts.TRANSITION_TAKES} requests to take a receipt; {counts.CUSTOM_METRICS} custom metrics; "
        f"{counts.UTILISATION:.0%} use of provisioned capacity"
    )


def _quantity(quantity: Decimal) -> str:
    return f"{quantity:,.0f}" if quantity >= 10 else f"{quantity:.2g}"


def _from(metrics: int | None) -> str:
    return f"from {metrics} metrics on" if metrics else "never"
