"""`warden things`: the registry's things, and how they fare."""

from collections import Counter
from itertools import islice
from typing import Any

import click

from warden.cli.detect.violations import show_active
from warden.cli.home import Home, Where, home_option, opened
from warden.cli.screen import screen
from warden.cli.shown import examples, say, say_json, show

MOST = 250
"""Things that are listed where nothing else is said: the groups of each are one call."""


@click.command(
    "things",
    epilog=examples(
        "warden things",
        "warden things camera",
        "warden things --limit 5000 --json",
    ),
)
@click.argument("name", required=False)
@home_option
@click.option("--limit", type=click.IntRange(1), default=MOST, show_default=True, help="How many things at most.")
@click.option("--json", "as_json", is_flag=True, help="The things as JSON.")
def command(where: Where, name: str | None, limit: int, as_json: bool) -> None:
    """List the things of the registry with their groups and active violations, or show the one called NAME.

    On a stage the registry is the account's AWS IoT. Violations of names that are not registered are in
    `warden violations`.

    Exit codes: 0 done, 1 there is no such thing, 2 usage, 3 the home does not answer.
    """
    if name:
        _one(where, name, as_json=as_json)
    else:
        _all(where, limit, as_json=as_json)


def groups_of(home: Home, thing: str) -> list[str]:
    """The thing groups that a thing is a direct member of."""
    rows = home.rows("list_thing_groups_for_thing", "thingGroups", thingName=thing)
    return sorted(row["groupName"] for row in rows)


def _one(where: Where, name: str, *, as_json: bool) -> None:
    with opened(where) as home:
        thing = home.call("describe_thing", thingName=name)
        groups = groups_of(home, name)
        active = list(home.rows("list_active_violations", "activeViolations", thingName=name))
    if as_json:
        say_json({**thing, "thingGroupNames": groups, "activeViolations": active})
        return
    console = screen()
    facts = {
        "thing": thing["thingName"],
        "id": thing.get("thingId"),
        "type": thing.get("thingTypeName"),
        "attributes": ", ".join(f"{key}={value}" for key, value in sorted(thing.get("attributes", {}).items())),
        "groups": ", ".join(groups) or "none",
    }
    for label, fact in facts.items():
        if fact:
            say(console, (f"{label:<14}", "bold"), fact)
    show_active(active)


def _all(where: Where, limit: int, *, as_json: bool) -> None:
    with opened(where) as home:
        found = list(islice(home.rows("list_things", "things"), limit + 1))
        active = Counter(each["thingName"] for each in home.rows("list_active_violations", "activeViolations"))
        things = [_row(home, thing, active) for thing in found[:limit]]
    more = len(found) > limit
    if as_json:
        say_json({"things": things, "more": more})
        return
    rows = [(each["thingName"], ", ".join(each["thingGroupNames"]), each["activeViolations"]) for each in things]
    if not show(screen(), ["thing", "groups", ">active violations"], rows):
        click.echo("No thing is registered.")
    if more:
        click.echo(f"There are more than {limit}: --limit", err=True)


def _row(home: Home, thing: dict[str, Any], active: Counter[str]) -> dict[str, Any]:
    name = thing["thingName"]
    return {**thing, "thingGroupNames": groups_of(home, name), "activeViolations": active[name]}
