"""`warden doctor`: what is wrong with a home, seen from outside, and what to do about it."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, partial

import boto3
import click
import msgspec
from rich.console import Console
from rich.markup import escape

from warden.cli.doctor.examine import CHECKS, examine
from warden.cli.doctor.finding import Finding, Patient, State
from warden.cli.doctor.local import local
from warden.cli.doctor.mqtt import NoMqttClient, aws_mqtt
from warden.cli.doctor.probe import Connection, probe, topics
from warden.cli.doctor.refusals import guarded
from warden.cli.endpoint import LOCAL, endpoint_option, not_both
from warden.cli.screen import Progress, screen
from warden.cli.shown import examples
from warden.cli.stage import FAILED, Stage, aws_client, aws_session, leave, stage_option
from warden.domain.alerts.target import Home

COLOURS = {State.OK: "green", State.WARN: "yellow", State.FAIL: "red", State.UNKNOWN: "cyan"}


@click.command(
    "doctor",
    epilog=examples(
        "warden doctor",
        "warden doctor --stage prod",
        "warden doctor --stage prod --probe",
    ),
)
@stage_option
@endpoint_option(f"The embedded home; also WARDEN_ENDPOINT; without --stage {LOCAL}.")
@click.option("--probe", "with_probe", is_flag=True, help="Publish a report of nobody's on each metrics topic.")
@click.option("--yes", is_flag=True, help="Do not ask before a probe.")
@click.option(
    "--report-interval",
    type=click.IntRange(1, 86_400),
    default=300,
    show_default=True,
    help="Seconds between two reports of a device, for the fleet that quotas carry.",
)
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def command(  # noqa: PLR0917 (click passes by name)
    stage: str | None, endpoint: str | None, with_probe: bool, yes: bool, report_interval: int, as_json: bool
) -> None:
    """Look at a home from outside: what works, what does not, and the next command.

    Of a stage of the AWS home: metrics topics, quotas, alert roles, device policies, dead letters, registry events,
    the last reconcile, alarms. Nothing is changed; only --probe publishes anything. Of the embedded home: whether it
    takes reports.

    Exit code 0: nothing is broken, 1: something is, 3: AWS, the stage or the home could not be reached.
    """
    not_both(stage, endpoint)
    if yes and not with_probe:
        raise click.UsageError("--yes is for --probe: nothing else is asked about")
    if stage is None:
        if with_probe:
            raise click.UsageError("--probe is for the AWS home: give --stage NAME")
        findings = list(local(endpoint or LOCAL))
        if not as_json:
            click.echo("Looking at the embedded home; the AWS home is looked at with: warden doctor --stage NAME")
        tell(findings, as_json=as_json)
        return
    session = aws_session()
    patient = patient_of(Stage.load(stage, session), session, interval=report_interval)
    if with_probe and not yes:
        click.confirm(f"Publish a report on each of {len(topics(patient))} metrics topics?", abort=True, err=True)
    with Progress() as progress:
        findings = list(examine(CHECKS, patient, progress=progress))
        if with_probe:
            findings += probed(patient, lambda: aws_mqtt(session, patient.client("iot")), progress)
    tell(findings, as_json=as_json)


def patient_of(stage: Stage, session: boto3.Session, *, interval: int = 300) -> Patient:
    """A stage, ready to be looked at with a session."""
    region = session.region_name or ""
    partition = session.get_partition_for_region(region)
    now = time.time_ns() // 1_000_000
    return Patient(stage, Home(partition, region, stage.account), cache(partial(aws_client, session)), now, interval)


def probed(patient: Patient, connect: Callable[[], Connection], progress: Callable[[str], None]) -> list[Finding]:
    """What a probe finds."""
    progress("publishing on the metrics topics")
    try:
        return list(guarded("probe", probe(patient, connect())))
    except NoMqttClient as error:
        raise click.ClickException(str(error)) from error


def tell(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print the findings; ends the command with 1 where one is a failure."""
    if as_json:
        click.echo(msgspec.json.encode({"findings": [as_data(each) for each in findings]}))
    else:
        show(findings, screen())
    if any(each.state is State.FAIL for each in findings):
        leave(FAILED)


def as_data(finding: Finding) -> dict[str, str]:
    """A finding as JSON has it."""
    return {
        "about": finding.about,
        "state": finding.state.value,
        "call": finding.call,
        "answer": finding.answer,
        "next": finding.then,
    }


def show(findings: Sequence[Finding], console: Console) -> None:
    """The findings for people: a line each, and one with what to do."""
    for each in findings:
        state = f"[{COLOURS[each.state]}]{each.state.value:<7}[/]"
        console.print(f"{state} {escape(each.about)}: {escape(each.answer)}  [dim]({escape(each.call)})[/]")
        if each.then:
            console.print(f"        -> {escape(each.then)}")
    counted = Counter(each.state for each in findings)
    console.print(", ".join(f"{counted[state]} {state.value}" for state in State if counted[state]))
