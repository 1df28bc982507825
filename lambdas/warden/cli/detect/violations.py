"""`warden violations`: what goes on, and what people said of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import click
from rich.console import Console

from warden.cli.home import Home, Where, home_option, opened
from warden.cli.screen import screen
from warden.cli.shown import examples, safe, say_json, show, value_text, when

VERIFICATION_STATES = ("FALSE_POSITIVE", "BENIGN_POSITIVE", "TRUE_POSITIVE", "UNKNOWN")
ID_LENGTH, ID_SHOWN = 32, 8
"""Characters of a violation's id, and how many of them are enough for people."""

EVENTS_KEPT = timedelta(days=90)
"""As long as any home keeps them, at most."""

CRITERIA_TYPES = ("STATIC", "STATISTICAL", "MACHINE_LEARNING")


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The filters of both lists of violations."""
    for option in (
        click.option("--suppressed/--not-suppressed", default=None, help="Only those whose alerts are, or are not."),
        click.option(
            "--criteria-type",
            metavar="TYPE",
            type=click.Choice(CRITERIA_TYPES, case_sensitive=False),
            help="Of this kind of threshold only: static, statistical, machine_learning.",
        ),
        click.option(
            "--verification-state",
            metavar="STATE",
            type=click.Choice(VERIFICATION_STATES, case_sensitive=False),
            help="Of which this was said only: false_positive, benign_positive, true_positive, unknown.",
        ),
        click.option("--profile", help="Of this security profile only."),
        click.option("--thing", help="Of this thing only."),
    ):
        command = option(command)
    return command


def filters(
    *,
    thing: str | None,
    profile: str | None,
    verification_state: str | None,
    criteria_type: str | None,
    suppressed: bool | None,
) -> dict[str, Any]:
    """The filters as the API takes them."""
    given = {
        "thingName": thing,
        "securityProfileName": profile,
        "verificationState": verification_state,
        "behaviorCriteriaType": criteria_type,
        "listSuppressedAlerts": suppressed,
    }
    return {name: value for name, value in given.items() if value is not None}


@click.group(
    "violations",
    invoke_without_command=True,
    epilog=examples(
        "warden violations",
        "warden violations --thing camera --verification-state unknown",
        'warden violations verify 5b2e0c6f9d1a4e37b8c0f4d1a2e3b495 false_positive --description "new firmware"',
    ),
)
@filter_options
@home_option
@click.option("--json", "as_json", is_flag=True, help="Everything, as boto3 lists it.")
@click.pass_context
def command(context: click.Context, /, where: Where, as_json: bool, **given: Any) -> None:
    """List the violations that go on now.

    Exit codes: 0 done, also where there is none, 1 refused, 2 usage, 3 the home does not answer.
    """
    if context.invoked_subcommand:
        context.obj = where
        return
    with opened(where) as home:
        found = list(home.rows("list_active_violations", "activeViolations", **filters(**given)))
    if as_json:
        say_json({"activeViolations": found})
    else:
        show_active(found)


@command.command(
    "verify",
    short_help="Say what a violation is worth.",
    epilog=examples(
        'warden violations verify 5b2e0c6f9d1a4e37b8c0f4d1a2e3b495 false_positive --description "new firmware"',
    ),
)
@click.argument("violation_id", metavar="ID")
@click.argument("state", metavar="STATE", type=click.Choice(VERIFICATION_STATES, case_sensitive=False))
@click.option("--description", help="Why.")
@click.option("--json", "as_json", is_flag=True, help="What was said as JSON.")
@click.pass_obj
def verify(where: Where, violation_id: str, state: str, description: str | None, as_json: bool) -> None:
    """Say what a violation is worth: STATE is one of false_positive, benign_positive, true_positive, unknown.

    The first 8 characters of an ID are enough. --stage and --endpoint come before `verify`.

    Exit codes: 0 done, 1 there is no such violation, 2 usage, 3 the home does not answer.
    """
    more = {} if description is None else {"verificationStateDescription": description}
    with opened(where) as home:
        whole = whole_id(home, violation_id)
        home.call("put_verification_state_on_violation", violationId=whole, verificationState=state, **more)
    if as_json:
        say_json({"violationId": whole, "verificationState": state, **more})
    else:
        click.echo(f"{safe(whole)} is {state}.")


def id_text(console: Console, violation_id: str) -> str:
    """A violation's id, on a terminal its beginning, which `verify` takes as well."""
    return violation_id[:ID_SHOWN] if console.is_terminal else violation_id


def whole_id(home: Home, beginning: str) -> str:
    """The id that begins so, of those that are active or have events; itself where it is whole."""
    if len(beginning) >= ID_LENGTH:
        return beginning
    if len(beginning) < ID_SHOWN:
        raise click.UsageError(f"ID: expected {ID_SHOWN} characters of a violation's id or more, got {beginning!r}")
    now = datetime.now(UTC)
    span = {"startTime": now - EVENTS_KEPT, "endTime": now + timedelta(days=1)}
    rows = chain(
        home.rows("list_active_violations", "activeViolations"),
        home.rows("list_violation_events", "violationEvents", **span),
    )
    found = {row["violationId"] for row in rows if row["violationId"].startswith(beginning)}
    if len(found) == 1:
        return str(found.pop())
    several = f"{len(found)} violations have ids that begin" if found else "no violation has an id that begins"
    raise click.ClickException(f"{several} with {safe(beginning)}")


def show_active(found: list[dict[str, Any]]) -> None:
    """Active violations as a table."""
    console = screen()
    rows = [
        (
            id_text(console, each["violationId"]),
            when(each.get("violationStartTime")),
            each["thingName"],
            each["securityProfileName"],
            each["behavior"]["name"],
            value_text(each.get("lastViolationValue")),
            _verified(each),
        )
        for each in found
    ]
    columns = ["violation", "since (UTC)", "thing", "profile", "behavior", "last value", "verified as"]
    if not show(console, columns, rows):
        click.echo("No active violation.")


def _verified(violation: dict[str, Any]) -> str:
    said = (violation.get("verificationState", "UNKNOWN"), violation.get("verificationStateDescription"))
    return ": ".join(part for part in said if part and part != "UNKNOWN")
