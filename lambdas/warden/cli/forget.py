"""`warden forget THING`: all that is kept about a thing is erased."""

import json
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import click
import msgspec

from warden.adapters.dynamodb import DynamoTable
from warden.cli.asking import agree
from warden.cli.endpoint import LOCAL, endpoint_option, not_both
from warden.cli.screen import Progress
from warden.cli.shown import examples
from warden.cli.stage import Stage, Unreachable, aws_client, aws_session, reaching_aws, stage_option
from warden.domain.errors import Unavailable
from warden.storage import keys
from warden.storage.thing_log import TableThingLog
from warden.storage.violations import Violations
from warden.use_cases.forget_thing import Forgotten, forget_thing

TIMEOUT_SECONDS = 300


@click.command(
    "forget",
    epilog=examples(
        "warden forget pump-7",
        "warden forget pump-7 --yes --json",
        "warden forget pump-7 --stage prod",
    ),
)
@click.argument("thing")
@endpoint_option(f"The embedded home; also WARDEN_ENDPOINT; without --stage {LOCAL}.")
@stage_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="What was erased as JSON.")
def command(thing: str, endpoint: str | None, stage: str | None, yes: bool, as_json: bool) -> None:
    """Erase what is kept about THING: all that it reported, and every violation of it.

    Nobody is told of the end of a violation that is active. A thing that still reports is known again from its next
    report on, so stop it or delete it from the registry first; what was under way may be recorded within a minute, so
    do it twice. What is not in the tables stays where it is: logs, dead letters, backups, what subscribers have.

    On AWS it needs dynamodb:Query, GetItem and DeleteItem on both tables of the stage, and on their indexes.

    Exit code 0: it is erased; 1: it could not be; 3: the home could not be reached.
    """
    not_both(stage, endpoint)
    where = f"stage {stage}" if stage else endpoint or LOCAL
    if not yes:
        agree(f"Erase everything about {thing!r} in {where}, for ever?", "--yes")
    with Progress() as progress:
        progress(f"erasing {thing}")
        erased = _of_stage(thing, stage) if stage else _of_home(thing, endpoint or LOCAL)
    if as_json:
        click.echo(msgspec.json.encode(erased))
    else:
        click.echo(f"Erased {erased.entries} items of its log and {erased.violations} violations.")


def _of_stage(thing: str, stage: str) -> Forgotten:
    session = aws_session()
    parts = Stage.load(stage, session)
    client = aws_client(session, "dynamodb")
    log = TableThingLog(DynamoTable(client, parts.log_table, keys.LOG))
    violations = Violations(DynamoTable(client, parts.control_table, keys.CONTROL))
    try:
        with reaching_aws():
            return forget_thing(log, violations, thing)
    except Unavailable as error:
        raise click.ClickException(f"{error}. What was erased is; do it again") from error


def _of_home(thing: str, endpoint: str) -> Forgotten:
    url = f"{endpoint}/thingwarden/things/{quote(thing, safe='')}"
    try:
        with urlopen(Request(url, method="DELETE"), timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 (checked)
            return msgspec.json.decode(answer.read(), type=Forgotten)
    except HTTPError as error:
        said = json.loads(error.read() or b"{}").get("message", "see the log of `warden serve`")
        raise click.ClickException(f"{error.code}: {said}") from error
    except OSError as error:
        raise Unreachable(f"{endpoint} does not answer ({error}). Start it: warden serve") from error
