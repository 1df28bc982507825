"""`warden agent`: reports of this machine to a home."""

import ipaddress
import os
import re
import signal
import ssl
import stat
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from warden.cli.agent.topics import END, Topics
from warden.cli.screen import screen
from warden.cli.shown import examples, say, when
from warden.cli.stage import Unreachable as EndsWith3

if TYPE_CHECKING:
    from warden.cli.agent.agent import Agent
    from warden.cli.agent.line import Broker
    from warden.cli.agent.machine import Format, Machine

NEEDED = ("AWSIoTDeviceDefenderAgentSDK", "paho")
"""Of the extra `agent`."""

PLAIN_PORT, TLS_PORT, ALPN_PORT = 1883, 8883, 443
LEAST_OF_AWS = 300
"""Seconds between two reports of a thing, for AWS and for a stage; the default here, too."""

STYLES = {"accepted": "green", "rejected": "red", "refused": "red", "unanswered": "yellow", "waiting": "yellow"}

HOST = re.compile(r"[A-Za-z0-9_.-]{1,253}|[0-9A-Fa-f:.]{2,45}(%[A-Za-z0-9_.-]{1,20})?")


def _host(_: click.Context, __: click.Parameter, value: str) -> str:
    """A name or an address; its port has an option of its own."""
    is_with_port = value.count(":") == 1
    if is_with_port or not HOST.fullmatch(value):
        raise click.BadParameter(f"expected a host name or an address, without scheme and port, got {value!r}")
    return value


FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    "agent",
    context_settings={"auto_envvar_prefix": "WARDEN_AGENT"},
    epilog=examples(
        "warden agent --thing pump-7 --dry-run",
        "warden agent --thing pump-7 --once",
        "warden agent --thing pump-7 --endpoint 192.0.2.10 --ca ca.pem --cert pump-7.pem --key pump-7.key",
        "warden agent --thing pump-7 --endpoint xxxx-ats.iot.eu-central-1.amazonaws.com --topic own --cert … --key …",
        "warden agent --thing pump-7 --endpoint … --cert … --key … \\",
        "  --topic '$aws/rules/thingwarden_prod_metrics/warden/things/{thing}/defender/metrics/{format}'",
    ),
)
@click.option("--thing", required=True, help="The thing that it reports for.")
@click.option("--endpoint", metavar="HOST", default="127.0.0.1", show_default=True, callback=_host, help="The broker.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help=f"Of the broker; without it {TLS_PORT} with a certificate, {PLAIN_PORT} without.",
)
@click.option("--client-id", help="Of the connection; without it the thing's name, as AWS recommends.")
@click.option(
    "--interval",
    type=click.IntRange(1, 86_400),
    default=LEAST_OF_AWS,
    show_default=True,
    help="Seconds from one report to the next. AWS and a stage throttle what comes sooner than each 300.",
)
@click.option(
    "--format", "fmt", type=click.Choice(["json", "cbor"]), default="json", show_default=True, help="Of the reports."
)
@click.option(
    "--topic",
    default="reserved",
    show_default=True,
    metavar="reserved|own|TEMPLATE",
    help=f"Where it reports: AWS's reserved topic, PREFIX/things/…, or what ends in …{END}, as for Basic Ingest.",
)
@click.option("--prefix", default="warden", show_default=True, help="First level of `--topic own`.")
@click.option(
    "--ca", type=FILE, help="Whom to trust, in PEM; a local home's ca.pem. Else those whom this machine trusts."
)
@click.option(
    "--cert", type=FILE, help="The device's certificate, in PEM. Without any of the three: plain MQTT, on loopback."
)
@click.option("--key", type=FILE, help="Its private key, in PEM, without a password.")
@click.option("--short-names", is_flag=True, help="Write the short names of the metrics.")
@click.option(
    "--custom-metrics", is_flag=True, help="Report cpu_usage too, the custom metric that AWS's collector knows."
)
@click.option("--once", is_flag=True, help="Send one report, wait for the reply, and end.")
@click.option("--dry-run", is_flag=True, help="Print the report that would be sent first, as JSON, and end.")
def command(  # noqa: PLR0917 (click passes by name)
    thing: str,
    endpoint: str,
    port: int | None,
    client_id: str | None,
    interval: int,
    fmt: str,
    topic: str,
    prefix: str,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
    short_names: bool,
    custom_metrics: bool,
    once: bool,
    dry_run: bool,
) -> None:
    """Report this machine's metrics for a thing, collected as AWS's own agent does.

    It prints a line for what became of each report, and goes on until Ctrl-C or SIGTERM. Where the broker is away, it
    tries again, ever less often up to each two minutes. Its first report leaves out what is a difference to the one
    before: traffic, and the use of the CPU.

    Every option can be given in the environment too, as WARDEN_AGENT_THING, WARDEN_AGENT_ENDPOINT, …

    Exit codes: 0 ended, or `--once` accepted; 1 rejected or refused; 2 usage; 3 `--once` unreachable, or not answered.
    """
    try:
        topics = Topics.of(topic, prefix=prefix, thing=thing, fmt=fmt)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    tls = _tls(ca, cert, key, alpn=port == ALPN_PORT)
    if tls is None and not dry_run and not _is_loopback(endpoint):
        raise click.UsageError(
            f"{endpoint} is another machine: give --cert and --key, or anyone in between reads and writes along"
        )
    machine = _machine(cast("Format", fmt), short_names=short_names, custom_metrics=custom_metrics)
    if dry_run:
        click.echo(machine.report().text())
        return
    if key is not None and _may_be_read_by_others(key):
        click.echo(f"Warning: others may read {key}. Make it yours alone: chmod 600 {key}", err=True)
    if interval < LEAST_OF_AWS and not once:
        click.echo(f"Warning: AWS and a stage throttle reports that come sooner than each {LEAST_OF_AWS} s", err=True)
    broker = _broker(endpoint, port or (TLS_PORT if tls else PLAIN_PORT), tls)
    agent = _agent(machine, broker, client_id or thing, topics, interval)
    _once(agent) if once else _run(agent)


def _tls(ca: Path | None, cert: Path | None, key: Path | None, *, alpn: bool) -> ssl.SSLContext | None:
    """What the device presents, and whom it trusts; None where nothing is given."""
    if cert is None and key is None and ca is None:
        return None
    if cert is None or key is None:
        raise click.UsageError("--cert and --key come together, and --ca with them")
    try:
        context = ssl.create_default_context(cafile=ca)
    except ssl.SSLError as error:
        raise click.UsageError(f"{ca}: expected certificates in PEM ({error.reason or error})") from error
    try:
        context.load_cert_chain(cert, key, password=lambda: "")  # or else OpenSSL would ask whoever is at the terminal
    except (ssl.SSLError, ValueError) as error:
        why = getattr(error, "reason", None) or error
        if why in ("KEY_VALUES_MISMATCH", "NO_CERTIFICATE_ASSIGNED"):
            why = "the key is another certificate's"
        what = f"expected a certificate and its key, without a password, in PEM ({why})"
        raise click.UsageError(f"{cert}, {key}: {what}") from error
    if alpn:  # AWS IoT's way to MQTT on the port of HTTPS
        context.set_alpn_protocols(["x-amzn-mqtt-ca"])
    return context


def _may_be_read_by_others(key: Path) -> bool:
    """Whether its mode says so. A credential of systemd's has an access list, whose mask looks like a group's right."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and key.absolute().is_relative_to(credentials):
        return False
    return bool(stat.S_IMODE(key.stat().st_mode) & 0o077)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _machine(fmt: "Format", *, short_names: bool, custom_metrics: bool) -> "Machine":
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        what = f"warden agent needs packages that are not installed: {', '.join(missing)}"
        raise click.ClickException(f"{what}. In a checkout: make setup; elsewhere: pip install 'thingwarden[agent]'")
    from warden.cli.agent.machine import Machine  # noqa: PLC0415 (an extra's)

    return Machine(fmt, short_names=short_names, cpu_usage=custom_metrics)


def _broker(host: str, port: int, tls: ssl.SSLContext | None) -> "Broker":
    from warden.cli.agent.line import Broker  # noqa: PLC0415 (an extra's)

    return Broker(host, port, tls)


def _agent(machine: "Machine", broker: "Broker", client_id: str, topics: Topics, interval: int) -> "Agent":
    from warden.cli.agent.agent import Agent  # noqa: PLC0415 (an extra's)
    from warden.cli.agent.line import Line  # noqa: PLC0415

    console = screen()

    def tell(what: str, more: str) -> None:
        more = more or f"to {broker} as {client_id}, reports on {topics.report}"
        say(console, f"{when(datetime.now(UTC))}  ", (f"{what:<10}", STYLES.get(what, "")), f"  {more}")

    return Agent(lambda: Line(broker, client_id, topics), machine.report, interval, tell)


def _once(agent: "Agent") -> None:
    from warden.cli.agent.agent import Verdict  # noqa: PLC0415 (an extra's)
    from warden.cli.agent.line import Refused, Unreachable  # noqa: PLC0415

    try:
        verdict = agent.once()
    except Unreachable as error:
        raise EndsWith3(str(error)) from error
    except Refused as error:
        raise click.ClickException(str(error)) from error
    codes = {Verdict.ACCEPTED: 0, Verdict.UNANSWERED: EndsWith3.exit_code}
    raise SystemExit(codes.get(verdict, 1))


def _run(agent: "Agent") -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        agent.run()
    except KeyboardInterrupt:
        return
