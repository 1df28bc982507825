"""`warden redrive`: what was not dealt with after all retries is dealt with again, once its cause is mended."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import boto3
import click
import msgspec
from botocore.exceptions import ClientError
from rich.markup import escape

from warden.adapters.dynamodb import DynamoTable
from warden.cli import stream_failures
from warden.cli.dead_letters import DeadLetters, Left, Outcome, Way, redrive
from warden.cli.hand_over import Alerts, BackToSource, Reports, source_of
from warden.cli.screen import Progress, screen, table
from warden.cli.shown import examples
from warden.cli.stage import FAILED, UNREACHABLE, Stage, aws_client, aws_session, leave, required_stage, stage_option
from warden.storage import keys
from warden.storage.violations import Violations

KINDS = ("reports", "alerts", "stream", "registry", "receipts")


class Redrive:
    """Deals with the dead letters of one stage.

    Args:
        stage: Its parts.
        session: The user's.
        progress: Told what is being done.
        dry_run: Only look: nothing is handed over or deleted.
        letters: How a queue is read, by an SQS client and its URL.
        clock: Now, epoch ms.
    """

    def __init__(
        self,
        stage: Stage,
        session: boto3.Session,
        *,
        progress: Callable[[str], None],
        dry_run: bool = False,
        letters: Callable[[Any, str], DeadLetters] = DeadLetters,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._stage = stage
        self._client = partial(aws_client, session)
        self._progress = progress
        self._dry_run = dry_run
        self._letters = letters
        self._clock = clock

    def __call__(self, kind: str) -> Outcome:
        """Deal with one kind, one of `KINDS`."""
        outcome: Outcome = getattr(self, f"_{kind}")()
        return outcome

    def _reports(self) -> Outcome:
        stage = self._stage
        reports = Reports(self._client("lambda"), stage.evaluate_function, stage.metrics_prefix)
        return self._queue(stage.dead_reports_queue, Way("reports", reports.read, reports.hand_over))

    def _alerts(self) -> Outcome:
        control = DynamoTable(self._client("dynamodb"), self._stage.control_table, keys.CONTROL)
        alerts = Alerts(Violations(control, event_days=self._stage.event_days), self._clock)
        return self._queue(self._stage.dead_alerts_queue, Way("alerts", alerts.read, alerts.hand_over))

    def _stream(self) -> Outcome:
        return stream_failures.redrive(
            self._client("s3"),
            self._client("lambda"),
            bucket=self._stage.stream_failures_bucket,
            function=self._stage.dispatch_function,
            dry_run=self._dry_run,
            progress=self._progress,
        )

    def _registry(self) -> Outcome:
        return self._to_source("registry", self._stage.dead_registry_queue)

    def _receipts(self) -> Outcome:
        return self._to_source("receipts", self._stage.dead_receipts_queue)

    def _to_source(self, kind: str, url: str) -> Outcome:
        sqs = self._client("sqs")
        try:
            back = BackToSource(sqs, source_of(sqs, url))
        except (Left, ClientError) as error:
            return Outcome(kind, stopped=str(error))
        return self._queue(url, Way(kind, back.read, back.hand_over))

    def _queue(self, url: str, way: Way[Any]) -> Outcome:
        letters = self._letters(self._client("sqs"), url)
        return redrive(letters, way, dry_run=self._dry_run, progress=self._progress)


@click.command(
    "redrive",
    epilog=examples(
        "warden redrive --stage prod --dry-run",
        "warden redrive --stage prod",
    ),
)
@stage_option
@click.option(
    "--queue",
    type=click.Choice([*KINDS, "all"]),
    default="all",
    show_default=True,
    help="Which dead letters.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="The outcome as JSON.")
def command(stage: str | None, queue: str, dry_run: bool, as_json: bool) -> None:
    """Have dead letters of a stage dealt with again.

    Do so when what kept them from being dealt with is mended. A letter is deleted only after it was handed over, so
    nothing is lost, and doing it twice counts nothing twice. What can never be dealt with is left, and said.

    Exit code 0: nothing is left; 1: something is; 3: AWS or the stage could not be reached.
    """
    name = required_stage(stage)
    session = aws_session()
    parts = Stage.load(name, session)
    with Progress() as progress:
        deal_with = Redrive(parts, session, progress=progress, dry_run=dry_run)
        outcomes = [deal_with(kind) for kind in (KINDS if queue == "all" else [queue])]
    if as_json:
        click.echo(msgspec.json.encode({"dryRun": dry_run, "queues": [as_data(each) for each in outcomes]}))
    else:
        show(outcomes, dry_run=dry_run)
    if any(each.unreachable for each in outcomes):
        leave(UNREACHABLE)
    if any(each.left or each.stopped for each in outcomes):
        leave(FAILED)


def as_data(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON has it."""
    left = [{"count": count, "reason": reason} for reason, count in outcome.left.most_common()]
    return {"queue": outcome.kind, "done": outcome.done, "left": left, "stopped": outcome.stopped}


def show(outcomes: Sequence[Outcome], *, dry_run: bool) -> None:
    """The outcomes for people."""
    console = screen()
    lines = table(console, "dead letters", ">would be handed over" if dry_run else ">handed over", ">left", "why")
    for outcome in outcomes:
        reasons = [f"{count} x {reason}" for reason, count in outcome.left.most_common()]
        if outcome.stopped:
            reasons.append(f"stopped: {outcome.stopped}")
        lines.add_row(outcome.kind, str(outcome.done), str(outcome.left.total()), escape("; ".join(reasons)))
    console.print(lines)
