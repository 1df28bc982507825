"""`warden import`: what AWS's own Device Defender has, made anew here."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from warden.cli.asking import agree
from warden.cli.files.account import MOST_BYTES, Exported, as_document, read_account, read_export, source
from warden.cli.files.documents import Document, Place, Reader, twice
from warden.cli.files.fit import fit
from warden.cli.files.kinds import KINDS, METRIC, PROFILE
from warden.cli.files.perform import perform
from warden.cli.files.plan import Change, plan, show_diffs
from warden.cli.files.roles import alert_roles, to_change
from warden.cli.home import Home, Where, home_option, opened
from warden.cli.screen import Progress, screen
from warden.cli.shown import as_json as json_text
from warden.cli.shown import examples, safe, say_json
from warden.cli.stage import FAILED, Stage, aws_session, leave, reaching_aws

ALERTS = "alertTargets"


@dataclass(slots=True)
class Outcome:
    """What came of an import.

    Attributes:
        changes: What is not there yet.
        done: Those of them that were made.
        left: What was left out, and why; each begins with its place.
        roles: Alert roles whose trust must change, and how.
    """

    changes: list[Change] = field(default_factory=list)
    done: list[Change] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    roles: list[tuple[str, str]] = field(default_factory=list)


@click.command(
    "import",
    epilog=examples(
        "warden import --stage prod --dry-run",
        "warden import --save device-defender.json --stage prod",
        "warden import --from device-defender.json --yes",
    ),
)
@home_option
@click.option("--from", "file", type=click.File("rb"), help="Exported JSON, instead of the account's Device Defender.")
@click.option("--save", type=click.Path(dir_okay=False, path_type=Path), help="Write what was read, as JSON.")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be made, and what would be left out.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="What was made and left out as JSON; with --dry-run or --yes.")
def command(where: Where, file: Any, save: Path | None, dry_run: bool, yes: bool, as_json: bool) -> None:  # noqa: PLR0917
    """Bring over profiles, targets, custom metrics, dimensions and tags of the account's own Device Defender.

    They are read with your AWS credentials, which need iot:List* and iot:Describe* there; nothing is changed there.
    What is here already is made as it is there. What cannot be is listed with the reason, the rest of its profile is
    brought over: cloud-side metrics, statistical and ML behaviors are not evaluated by this release. For a stage, each
    alert role is named that AWS IoT could not assume for an alert rule, with the statement to add.

    Exit codes: 0 all is here, 1 something was left out or has to be changed, 2 usage, 3 AWS or the home does not
    answer.
    """
    if as_json and not (dry_run or yes):
        raise click.UsageError("--json does not ask: give --dry-run or --yes as well")
    name = file.name if file else "AWS"
    exported = read_export(name, file.read(MOST_BYTES + 1)) if file else _account(where)
    if save:
        _save(save, exported)
    outcome = Outcome()
    with opened(where) as home:
        documents = _documents(home, name, exported, outcome)
        _plan(home, documents, outcome)
    outcome.roles = _roles(where, documents)
    if not as_json:
        show_diffs(screen(), outcome.changes)
    if outcome.changes and not dry_run:
        if not yes:
            _tell(outcome)
            agree(f"Make {len(outcome.changes)} of them in {where}?", "--yes, or --dry-run")
        outcome.left.clear()
        with opened(where) as home:
            _make(home, _documents(home, name, exported, outcome), outcome)
    _end(outcome, dry_run=dry_run, as_json=as_json)


def _account(where: Where) -> Exported:
    with reaching_aws(), Progress() as progress:
        here = source(aws_session(), progress)
        if here.iot.meta.endpoint_url.rstrip("/") == where.endpoint and not where.stage:
            raise click.UsageError(
                f"AWS_ENDPOINT_URL… names {where.endpoint}, the home itself: unset it, so that AWS is asked"
            )
        return read_account(here)


def _save(path: Path, exported: Exported) -> None:
    try:
        path.write_text(json_text(exported, indent=1) + "\n")
    except OSError as error:
        raise click.UsageError(f"--save {safe(path)}: {error.strerror}") from error


def _documents(home: Home, name: str, exported: Exported, outcome: Outcome) -> list[Document]:
    """What was exported as documents; what cannot be one is left out."""
    model = home.iot.meta.service_model
    reader = Reader(model)
    documents: list[Document] = []
    for kind in KINDS.values():
        for position, each in enumerate(exported.get(kind.exported, [])):
            place = Place(f"{name} {kind.exported}[{position}]")
            document, problems = reader.document(as_document(kind, each, model), place)
            documents += [document] if document else []
            outcome.left += problems
    outcome.left += twice(documents)
    first: dict[tuple[str, str], Document] = {}
    for document in documents:
        first.setdefault((document.kind.name, document.name), document)
    return list(first.values())


def _plan(home: Home, documents: list[Document], outcome: Outcome) -> None:
    to_come: set[str] = set()
    for document in documents:
        change = _change(home, document, outcome, to_come)
        if change:
            outcome.changes.append(change)
            to_come |= {document.name} if document.kind is METRIC else set()


def _make(home: Home, documents: list[Document], outcome: Outcome) -> None:
    """Make what is not there; each document is looked at again, now that those before it have been made."""
    outcome.changes.clear()
    for document in documents:
        change = _change(home, document, outcome, set())
        if change is None:
            continue
        outcome.changes.append(change)
        refused = list(perform(home, change))
        if refused and change.kind is PROFILE and ALERTS in (change.after or {}) and f" {ALERTS}." in refused[0]:
            outcome.left.append(f"{refused.pop(0)}; the profile is made without")
            refused = list(perform(home, _without_alerts(change)))
        outcome.left += refused
        outcome.done += [] if refused else [change]


def _without_alerts(change: Change) -> Change:
    """The change, but for where alerts go."""
    kept = {ALERTS: change.before[ALERTS]} if change.before and ALERTS in change.before else {}
    after = {name: value for name, value in (change.after or {}).items() if name != ALERTS}
    return replace(change, after=after | kept)


def _change(home: Home, document: Document, outcome: Outcome, to_come: set[str]) -> Change | None:
    """What a document changes, without what the home would refuse of it."""
    fitting, left = fit(home, document, to_come)
    found = plan(home, [fitting], to_come=to_come)
    outcome.left += [*left, *found.problems]
    return found.changes[0] if found.changes and not found.problems else None


def _roles(where: Where, documents: list[Document]) -> list[tuple[str, str]]:
    roles = alert_roles(document.body for document in documents if document.kind is PROFILE)
    if not (roles and where.stage):
        return []
    session = aws_session()
    return list(to_change(roles, Stage.load(where.stage, session), session))


def _tell(outcome: Outcome) -> None:
    for each in outcome.left:
        click.echo(f"Left out: {each}")
    for role, problem in outcome.roles:
        click.echo(f"Alert role {safe(role)}: {safe(problem)}")


def _end(outcome: Outcome, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        roles = [{"roleArn": role, "problem": problem} for role, problem in outcome.roles]
        changes = [change.told(done=change in outcome.done) for change in outcome.changes]
        say_json({"changes": changes, "left": outcome.left, "roles": roles})
    else:
        for change in outcome.done:
            click.echo(f"{change.about} {change.action.value}.")
        _tell(outcome)
        if not outcome.changes:
            click.echo("Nothing to change.")
        elif dry_run:
            click.echo(f"{len(outcome.changes)} to make.")
    if outcome.left or outcome.roles:
        leave(FAILED)
