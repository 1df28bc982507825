"""`warden test-alert PROFILE`: whether a profile's alerts get to their topic."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import boto3
import click
from botocore.exceptions import ConnectionError, HTTPClientError  # noqa: A004 (botocore's own)

from warden.adapters.dynamodb import DynamoTable
from warden.adapters.rule_alerts import IotRulePublisher
from warden.cli.endpoint import LOCAL, endpoint_option, not_both
from warden.cli.screen import Progress
from warden.cli.shown import examples
from warden.cli.stage import Stage, Unreachable, aws_client, aws_session, reaching_aws, stage_option
from warden.domain.alerts.message import TEST_PREFIX, trial_publication
from warden.domain.errors import RequestRejected, Unavailable
from warden.storage import keys
from warden.storage.catalogue import CatalogueStore
from warden.storage.delivery_rules import DeliveryRules, Trials
from warden.use_cases.try_alert import Trial, TryAlert

RECEIPT_SECONDS = 60
ERROR_SECONDS = 10
"""How long an error is waited for behind a receipt: AWS IoT may try an action again before it gives it up."""

POLL_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds that pass, and waiting for them."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@click.command(
    "test-alert",
    epilog=examples(
        "warden test-alert cameras",
        "warden test-alert cameras --stage prod",
    ),
)
@click.argument("profile")
@endpoint_option(f"Address of a local home; also WARDEN_ENDPOINT; without --stage {LOCAL}.")
@stage_option
def command(profile: str, endpoint: str | None, stage: str | None) -> None:
    """Send a marked message the way of PROFILE's alerts, and say whether it got to the topic.

    On AWS it goes through the profile's own alert rule, under the profile's own role, and the rule's receipt is waited
    for, up to a minute. It needs AWS credentials of the account, with ssm:GetParameter on the stage's parameter,
    dynamodb:GetItem on its table `control`, and iot:Publish to its alert rules. In a local home, the topic itself
    says whether it took the message.

    Subscribers get a message that begins with TEST. Exit code 0: it got to the topic; 1: it did not; 2: wrong usage;
    3: the home does not answer.
    """
    not_both(stage, endpoint)
    try:
        if not stage:
            with reaching_aws():
                try_at(profile, endpoint or LOCAL)
            return
        session = aws_session()
        table = Stage.load(stage, session).control_table
        with reaching_aws():
            try_on_aws(profile, table, partial(aws_client, session))
    except RequestRejected as error:
        raise click.ClickException(str(error)) from error
    except Unavailable as error:
        raise Unreachable(str(error)) from error


def try_on_aws(profile: str, control_table: str, clients: Callable[[str], Any], clock: Clock | None = None) -> None:
    """Send the message through the profile's alert rule, and wait for the receipt.

    Args:
        profile: The profile's name.
        control_table: Name of table `control`.
        clients: boto3's name of a service to a client of it.
        clock: For the waiting.

    Raises: ClickException, where the message did not get to the topic; RequestRejected, where the profile sends
        nothing; Unavailable.
    """
    clock = clock or Clock()
    table = DynamoTable(clients("dynamodb"), control_table, keys.CONTROL)
    records, trials = DeliveryRules(table), Trials(table)
    attempt = TryAlert(CatalogueStore(table), records, trials, IotRulePublisher(clients("iot-data")), _hex)
    trial = attempt.start(profile, now=_now())
    click.echo(f"Test {trial.violation_id[-8:]} is published for {trial.target.alert_target_arn}.")
    began = clock.now()
    with Progress(clock=clock.now) as progress:
        if not _comes(lambda: _answered(attempt, trial), RECEIPT_SECONDS, clock, progress, "receipt"):
            raise click.ClickException(
                f"no receipt came in {RECEIPT_SECONDS} s. The alert rule may be gone, disabled or only just made: give"
                " the profile its alert target again (UpdateSecurityProfile, alertTargets), which mends the rule, and"
                " try again"
            )
        waited = clock.now() - began
        if _comes(lambda: attempt.error(trial) is not None, ERROR_SECONDS, clock, progress, "error"):
            raise click.ClickException(f"the rule ran under {trial.target.role_arn}, and {attempt.error(trial)}")
    click.echo(f"The receipt came after {waited:.0f} s, and no error behind it: the topic has the message.")
    click.echo("Only a subscriber can tell whether it went on: look for a message that begins with TEST.")


def _answered(attempt: TryAlert, trial: Trial) -> bool:
    return attempt.received(trial) or attempt.error(trial) is not None


def _comes(asked: Callable[[], bool], seconds: float, clock: Clock, progress: Progress, what: str) -> bool:
    """Whether something comes true in time."""
    end = clock.now() + seconds
    while not (came := asked()) and clock.now() < end:
        progress(f"waiting for the rule's {what}, {end - clock.now():.0f} s at most")
        clock.sleep(POLL_SECONDS)
    return came


def try_at(profile: str, endpoint: str) -> None:
    """Send the message to the profile's topic, in a home that is at an address. Raises Unreachable, botocore's."""
    try:
        _try_at(profile, endpoint)
    except (ConnectionError, HTTPClientError) as error:
        raise Unreachable(f"{endpoint} does not answer ({error}). Start it: warden serve") from error


def _try_at(profile: str, endpoint: str) -> None:
    found = _client("iot", endpoint).describe_security_profile(securityProfileName=profile)
    target = found.get("alertTargets", {}).get("SNS")
    if target is None:
        raise click.ClickException(
            f"{profile!r} has no alert target: UpdateSecurityProfile gives it one (alertTargets)"
        )
    topic, violation_id = target["alertTargetArn"], TEST_PREFIX + _hex()
    message = trial_publication(profile, violation_id, at=_now()).decode()
    sns = _client("sns", endpoint, region=topic.split(":")[3])
    sns.publish(TopicArn=topic, Message=message, MessageStructure="json")
    click.echo(f"Test {violation_id[-8:]}: {topic} took the message.")


def _client(service: str, endpoint: str, region: str = "us-east-1") -> Any:
    """A client of a home; one on this machine asks for no credentials."""
    local = urlsplit(endpoint).hostname in {"127.0.0.1", "localhost", "::1"}
    nobody: dict[str, Any] = {"aws_access_key_id": "warden", "aws_secret_access_key": "warden"} if local else {}
    return aws_client(boto3.Session(region_name=region, **nobody), service, endpoint_url=endpoint)


def _hex() -> str:
    return secrets.token_hex(8)


def _now() -> int:
    return time.time_ns() // 1_000_000
