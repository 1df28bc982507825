"""`warden apply`: profiles, custom metrics and dimensions as files say."""

from pathlib import Path
from typing import Any

import click

from warden.cli.asking import agree
from warden.cli.files.documents import Document, Reader, twice
from warden.cli.files.perform import perform
from warden.cli.files.plan import Change, Plan, counted, plan, show_diffs
from warden.cli.files.yaml_read import MOST_BYTES
from warden.cli.home import Home, Where, home_option, opened
from warden.cli.screen import screen
from warden.cli.shown import examples, safe, say_json
from warden.cli.stage import FAILED, leave

DIFFERENCES = 4
"""Exit code of --check where something would be changed."""


@click.command(
    "apply",
    epilog=examples(
        "warden apply profiles/*.yaml",
        "warden apply --check profiles/*.yaml",
        "warden export | ssh other warden apply --yes -",
    ),
)
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.File("rb", lazy=True))
@home_option
@click.option("--check", is_flag=True, help="Change nothing; exit 4 where something would be changed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--prune",
    type=click.Choice(["no", "yes"]),
    default="no",
    show_default=True,
    help="Whether profiles, custom metrics and dimensions go that no FILE names.",
)
@click.option("--json", "as_json", is_flag=True, help="Differences, and what was done, as JSON; with --check or --yes.")
def command(where: Where, files: tuple[Any, ...], check: bool, yes: bool, prune: str, as_json: bool) -> None:  # noqa: PLR0917
    """Make the home as each FILE says: create or update profiles, custom metrics and dimensions, attach and detach.

    A FILE has YAML documents with `kind: SecurityProfile`, `CustomMetric` or `Dimension`, the members of boto3's create
    call, and for a profile `targets`: ARNs, thinggroup/NAME, all/things, all/registered-things,
    all/unregistered-things. Where `targets` or `tags` are left out, those that are there stay; all else is as the
    document says. The differences are shown first. FILE may be - for standard input.

    Exit codes: 0 done, or nothing to change, 1 something was refused, 2 usage, 3 the home does not answer,
    4 --check found differences.
    """
    if as_json and not (check or yes):
        raise click.UsageError("--json does not ask: give --check or --yes as well")
    with opened(where) as home:
        documents, problems = _read(home, files)
        problems += twice(documents)
        found = Plan([], 0, problems) if problems else plan(home, documents, prune=prune == "yes")
    if not as_json:
        show_diffs(screen(), found.changes)
    if found.problems:
        _end(found, [], list(found.problems), as_json=as_json)
    if check or not found.changes:
        _end(found, [], [], as_json=as_json, code=DIFFERENCES if found.changes else 0)
    if not yes:
        agree(f"{counted(found)} Apply to {where}?", "--yes, or --check")
    with opened(where) as home:
        done, problems = carry_out(home, found)
    _end(found, done, problems, as_json=as_json)


def _read(home: Home, files: tuple[Any, ...]) -> tuple[list[Document], list[str]]:
    reader = Reader(home.iot.meta.service_model)
    documents: list[Document] = []
    problems: list[str] = []
    for file in files:
        try:
            with file:
                data = file.read(MOST_BYTES + 1)
        except OSError as error:  # a directory
            raise click.UsageError(f"{safe(file.name)}: {error.strerror}") from error
        name = "standard input" if file.name in ("-", "<stdin>") else str(Path(file.name))
        read, wrong = reader.file(name, data)
        documents, problems = documents + read, problems + wrong
    return documents, problems


def carry_out(home: Home, found: Plan) -> tuple[list[Change], list[str]]:
    """Make the changes. Returns: Those that were made, and what was refused."""
    done: list[Change] = []
    problems: list[str] = []
    for change in found.changes:
        refused = list(perform(home, change))
        problems += refused
        done += [] if refused else [change]
    return done, problems


def _end(found: Plan, done: list[Change], problems: list[str], *, as_json: bool, code: int = 0) -> None:
    """Tell what came of it, and end the command."""
    if as_json:
        changes = [change.told(done=change in done) for change in found.changes]
        say_json({"changes": changes, "same": found.same, "problems": problems})
    else:
        for change in done:
            click.echo(f"{change.about} {change.action.value}.")
        if not problems and not done:
            click.echo(counted(found) if found.changes else "Nothing to change.")
        for problem in problems:
            click.echo(f"Error: {problem}", err=True)
    leave(FAILED if problems else code)
