"""`warden export`: what is there, as `warden apply` takes it."""

from typing import Any

import click

from warden.cli.files.kinds import KINDS
from warden.cli.files.there import find, names
from warden.cli.files.yaml_write import as_file
from warden.cli.home import Home, Where, home_option, opened
from warden.cli.shown import examples, safe, say_json


@click.command(
    "export",
    epilog=examples(
        "warden export > fleet.yaml",
        "warden export cameras battery > cameras.yaml",
        "warden export | warden apply --check -",
    ),
)
@click.argument("name", nargs=-1, metavar="[NAME]…")
@home_option
@click.option("--json", "as_json", is_flag=True, help="The documents as JSON.")
def command(where: Where, name: tuple[str, ...], as_json: bool) -> None:
    """Print every profile, custom metric and dimension as YAML that `warden apply` takes, or those of each NAME.

    Exit codes: 0 done, 1 there is none of a NAME, 2 usage, 3 the home does not answer.
    """
    with opened(where) as home:
        documents = list(_documents(home, name))
    missing = set(name) - {label for label, _ in documents}
    if missing:
        told = ", ".join(sorted(map(safe, missing)))
        raise click.ClickException(f"there is no profile, custom metric or dimension called {told}")
    bodies = [body for _, body in documents]
    if as_json:
        say_json({"documents": bodies})
    else:
        click.echo(as_file(bodies), nl=False)


def _documents(home: Home, wanted: tuple[str, ...]) -> list[tuple[str, dict[str, Any]]]:
    """Each with its name."""
    return [
        (name, {"kind": kind.name, **found.body})
        for kind in KINDS.values()
        for name in (dict.fromkeys(wanted) if wanted else names(home, kind))
        if (found := find(home, kind, name))
    ]
