"""The command `warden`."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import click
import msgspec
from rich.console import Console

import warden
from warden.cli.shown import examples
from warden.domain.behaviors.limits import Limits
from warden.embedded.options import ServeOptions
from warden.embedded.plane import Logs, log_as
from warden.embedded.supervisor import CannotServe, Endpoints, Supervisor

log = logging.getLogger(__name__)

NEEDED_TO_SERVE = ("cheroot", "cryptography", "moto", "prometheus_client", "werkzeug")
"""Of the extra `serve`; a deployer needs none of them."""

Check = Callable[[click.Context, click.Parameter, str], str]


def _matching(pattern: str, expected: str) -> Check:
    """A check of an option's value."""

    def check(_: click.Context, __: click.Parameter, value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise click.BadParameter(f"expected {expected}, got {value!r}")
        return value

    return check


def _host(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """A name or an address that devices can find this machine by, and that its certificate can name."""
    _matching(r"[A-Za-z0-9.:-]{1,253}", "a host name or an IP address of this machine")(context, parameter, value)
    if value in ("0.0.0.0", "::", "0"):  # noqa: S104 (it is refused)
        expected = "the name or the address that devices connect to, which the certificate has to name"
        raise click.BadParameter(f"expected {expected}, got {value!r}")
    return value


def _limits(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> Limits:
    """Quotas as `NAME=NUMBER`, over AWS's."""
    try:
        return msgspec.convert(dict(value.split("=", 1) for value in values), Limits, strict=False)
    except ValueError as error:  # also of a text without =
        expected = f"NAME=NUMBER with NAME one of {', '.join(Limits.__struct_fields__)}, NUMBER a whole one"
        raise click.BadParameter(f"expected {expected}, got {' '.join(values)!r}") from error


class Commands(click.Group):
    """Commands of which each is imported at its first use: what most of them need is slow to import.

    Attributes:
        SECTIONS: As `--help` lists them: heading, then name, module and summary of each; `serve` is in this module.
    """

    SECTIONS: ClassVar[Mapping[str, Sequence[tuple[str, str, str]]]] = {
        "Every day": (
            ("events", "warden.cli.detect.events", "Violation events; --follow prints each as it comes."),
            ("forget", "warden.cli.forget", "Erase all that is kept about a thing."),
            ("metrics", "warden.cli.detect.metrics", "What a thing reported."),
            ("outbox", "warden.cli.outbox", "The e-mails and SMS of a local home's topics; --follow goes on."),
            ("profiles", "warden.cli.detect.profiles", "Security profiles, all or one."),
            ("replies", "warden.cli.detect.replies", "What devices are told of their reports, as it is said."),
            ("targets", "warden.cli.detect.targets", "What a profile is attached to."),
            ("things", "warden.cli.detect.things", "Things with their groups and active violations."),
            ("violations", "warden.cli.detect.violations", "Violations that go on; `verify` says what one is worth."),
        ),
        "Profiles as files": (
            ("apply", "warden.cli.files.apply", "Make a home as files say; shows the differences first."),
            ("export", "warden.cli.files.export", "Print what is there, as `apply` takes it."),
            ("import", "warden.cli.files.importing", "Bring over what AWS's own Device Defender has."),
        ),
        "Devices": (("agent", "warden.cli.agent.command", "Report this machine's metrics, as AWS's own agent does."),),
        "Homes": (
            ("backup", "warden.cli.backup", "A copy of a local home, taken while it serves."),
            ("cost", "warden.cli.cost", "What a fleet costs on AWS, at list price."),
            ("doctor", "warden.cli.doctor.command", "What works in a home, what does not, and the next command."),
            ("proxy", "warden.cli.proxy", "Serve a deployed control API to tools that sign for AWS IoT."),
            ("redrive", "warden.cli.redrive", "Have dead letters of a stage dealt with again."),
            ("serve", "", "Serve everything on this machine."),
            ("test-alert", "warden.cli.test_alert", "Send a marked message the way of a profile's alerts."),
        ),
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See click."""
        return sorted({*super().list_commands(ctx), *self._modules()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See click."""
        if module := self._modules().get(cmd_name):
            command: click.Command = import_module(module).command
            return command
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """See click; it would import every command for its first line."""
        for heading, commands in self.SECTIONS.items():
            with formatter.section(heading):
                formatter.write_dl([(name, summary) for name, _, summary in commands])

    def _modules(self) -> dict[str, str]:
        return {name: module for of in self.SECTIONS.values() for name, module, _ in of if module}


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(warden.__version__, prog_name="warden")
def main() -> None:
    """Thingwarden: an open, self-hosted, drop-in replacement of AWS IoT Device Defender."""


@main.command(
    context_settings={"auto_envvar_prefix": "WARDEN_SERVE"},
    epilog=examples(
        "warden serve",
        "warden serve --data /var/lib/thingwarden --host 192.0.2.10",
        "WARDEN_SERVE_PORT=8081 warden serve --log-format json",
    ),
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("~/.local/share/thingwarden"),
    show_default=True,
    help="Where everything is kept. Made with mode 0700 where it is missing.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Control API, on 127.0.0.1; 0 chooses one.",
)
@click.option(
    "--mqtt-port",
    type=click.IntRange(0, 65535),
    default=1883,
    show_default=True,
    help="Plain MQTT, on 127.0.0.1; 0 chooses one.",
)
@click.option(
    "--mqtts-port",
    type=click.IntRange(0, 65535),
    default=8883,
    show_default=True,
    help="MQTT over mutual TLS, for devices with certificates; 0 chooses one.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    callback=_host,
    help="Where devices with certificates connect, a name or an address; all else stays on 127.0.0.1.",
)
@click.option(
    "--account",
    default="000000000000",
    show_default=True,
    callback=_matching("[0-9]{12}", "12 digits"),
    help="AWS account id that everything belongs to.",
)
@click.option(
    "--region",
    default="us-east-1",
    show_default=True,
    callback=_matching("[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}", "a Region such as eu-central-1"),
    help="AWS Region that everything is in.",
)
@click.option(
    "--metrics-prefix",
    default="warden",
    show_default=True,
    callback=_matching("[A-Za-z0-9_-]{1,64}", "1 to 64 of A-Z a-z 0-9 _ -"),
    help="First level of the own metrics topics, beside $aws.",
)
@click.option(
    "--allow-unregistered-devices", is_flag=True, help="Accept reports for names that are not registered things."
)
@click.option(
    "--min-report-interval-seconds",
    type=click.IntRange(0, 86_400),
    default=0,
    show_default=True,
    help="Refuse reports of a thing that come sooner; AWS has 300.",
)
@click.option(
    "--aws-limits",
    is_flag=True,
    help="Hold clients to AWS IoT Core's quotas: 100 messages and 512 KiB a second and connection, one CONNECT a second"
    " and client id, 500 CONNECTs and SUBSCRIBEs a second. What is beyond is discarded or refused.",
)
@click.option(
    "--datapoint-days",
    type=click.IntRange(2, 90),
    default=14,
    show_default=True,
    help="How long datapoints are kept; the log that holds them, 4 at least.",
)
@click.option(
    "--event-days",
    type=click.IntRange(2, 90),
    default=30,
    show_default=True,
    help="How long violation events are kept.",
)
@click.option(
    "--flag-counter-resets/--no-flag-counter-resets",
    default=True,
    show_default=True,
    help="Keep a traffic counter's jump that no network carries, but let nothing judge it.",
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=NUMBER",
    callback=_limits,
    help=f"How much there may be: {', '.join(Limits.__struct_fields__)}; AWS's quotas are the defaults.",
)
@click.option(
    "--log-level",
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"]),
    default="INFO",
    show_default=True,
    help="What is logged, to standard error.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Lines for people, or a JSON object a line.",
)
def serve(  # noqa: PLR0917 (click passes by name)
    data: Path,
    port: int,
    mqtt_port: int,
    mqtts_port: int,
    host: str,
    account: str,
    region: str,
    metrics_prefix: str,
    allow_unregistered_devices: bool,
    min_report_interval_seconds: int,
    aws_limits: bool,
    datapoint_days: int,
    event_days: int,
    flag_counter_resets: bool,
    limits: Limits,
    log_level: str,
    log_format: str,
) -> None:
    """Serve everything on this machine: MQTT broker, control API, AWS surroundings.

    Every option can be given in the environment too, as WARDEN_SERVE_DATA, WARDEN_SERVE_PORT, …

    Exit codes: 0 it was ended by Ctrl-C, SIGTERM or SIGHUP; 1 it could not start, and says why; 2 wrong usage.
    """
    if missing := [name for name in NEEDED_TO_SERVE if find_spec(name) is None]:
        what = f"warden serve needs packages that are not installed: {', '.join(missing)}"
        raise click.ClickException(f"{what}. In a checkout: make setup; elsewhere: pip install 'thingwarden[serve]'")
    logs = Logs(level=log_level, format=log_format)
    log_as("supervisor", logs)
    options = ServeOptions(
        data=str(data.expanduser().absolute()),
        http_port=port,
        mqtt_port=mqtt_port,
        mqtts_port=mqtts_port,
        host=host,
        account=account,
        region=region,
        metrics_prefix=metrics_prefix,
        allow_unregistered_devices=allow_unregistered_devices,
        min_report_interval_seconds=min_report_interval_seconds,
        aws_limits=aws_limits,
        datapoint_days=datapoint_days,
        event_days=event_days,
        flag_counter_resets=flag_counter_resets,
        limits=limits,
    )
    try:
        Supervisor(options, logs=logs).run(lambda endpoints: _say(options, endpoints))
    except CannotServe as error:
        if logs.format == "json":  # whoever reads the log reads this, too
            log.critical("%s", error)
            raise SystemExit(1) from error
        raise click.ClickException(str(error)) from error


def _say(options: ServeOptions, endpoints: Endpoints) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]Thingwarden {warden.__version__}[/bold] serves account {options.account}, {options.region}")
    console.print(f"  control API  {endpoints.http}   (aws iot … --endpoint-url {endpoints.http})")
    console.print(f"  MQTT         {endpoints.mqtt}")
    console.print(f"  devices      {endpoints.mqtts}   (they trust {options.data}/ca.pem)")
    console.print(f"  data         {options.data}")
    console.print("Ctrl-C stops it.")
