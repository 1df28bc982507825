"""`warden backup DIR`: a copy of a local home, taken while it serves."""

from pathlib import Path

import click

from warden.cli.screen import Progress
from warden.cli.shown import examples, say_json
from warden.embedded.backup import CannotBackUp, back_up

MEGABYTE = 1_000_000


@click.command(
    "backup", epilog=examples("warden backup /mnt/backups/$(date +%F)", "warden serve --data /mnt/backups/2026-11-23")
)
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("~/.local/share/thingwarden"),
    show_default=True,
    envvar="WARDEN_SERVE_DATA",
    help="Of the home; also WARDEN_SERVE_DATA.",
)
@click.option("--json", "as_json", is_flag=True, help="Where the copy is, and its size, as JSON.")
def command(directory: Path, data: Path, as_json: bool) -> None:
    """Copy a local home into DIRECTORY, which must not be there or be empty, while it serves or not.

    The copy is a data directory: `warden serve --data DIRECTORY` starts a home from it. It has the key that signs
    devices' certificates (ca.key): keep it as safe as the home. MQTT sessions and retained messages, which are in
    memory, are not in it.

    Exit codes: 0 it is there, all of it; 1 it is not; 2 wrong usage.
    """
    with Progress() as progress:
        try:
            size = back_up(data.expanduser().absolute(), directory.expanduser().absolute(), progress)
        except CannotBackUp as error:
            raise click.ClickException(str(error)) from error
    if as_json:
        say_json({"directory": str(directory.expanduser().absolute()), "bytes": size})
        return
    click.echo(f"{directory} is a copy of {data}, {size / MEGABYTE:.1f} MB.")
