"""`warden replies`: what devices are told of their reports, as it is said over MQTT."""

import json
import queue
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from warden.cli.doctor.mqtt import signed_url
from warden.cli.home import Where, home_option
from warden.cli.screen import screen
from warden.cli.shown import examples, safe, say, say_json, when
from warden.cli.stage import Stage, Unreachable, aws_client, aws_session, reaching_aws
from warden.domain.reports.topics import RESERVED_PREFIX

if TYPE_CHECKING:
    from paho.mqtt.client import Client

NEEDED = "warden replies needs an MQTT client: pip install paho-mqtt"
LONGEST = 131_072
"""Bytes of a reply that are looked at; AWS IoT's own bound of a message is less than that."""

WAITING = 10_000
"""Replies that wait to be printed; where a terminal is that slow, the next ones are lost."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where replies are heard.

    Attributes:
        host: Of the broker.
        port: Of the broker.
        prefixes: First levels of the metrics topics.
        name: For people.
        otherwise: What to do where it does not answer.
        transport: `tcp` or `websockets`.
        dress: Prepares a client that has not connected.
    """

    host: str
    port: int
    prefixes: tuple[str, ...]
    name: str
    otherwise: str = "Start it: warden serve"
    transport: str = "tcp"
    dress: Callable[["Client"], None] = lambda _: None


@click.command(
    "replies",
    epilog=examples(
        "warden replies",
        "warden replies camera --follow --json",
    ),
)
@click.argument("thing", required=False)
@home_option
@click.option(
    "--mqtt-port",
    type=click.IntRange(1, 65535),
    default=1883,
    show_default=True,
    help="Of a local home: `warden serve --mqtt-port`.",
)
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C; it does so in any case, since nothing is stored.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
def command(where: Where, thing: str | None, mqtt_port: int, follow: bool, as_json: bool) -> None:  # noqa: ARG001
    """Print the replies to reports, of THING or of all things, as they are sent; Ctrl-C ends it.

    Of a local home over plain MQTT; of a stage over WebSocket, with your AWS credentials, which need iot:Connect,
    iot:Subscribe and iot:Receive. Nothing is stored: what was said before is gone.

    Exit codes: 0 ended by Ctrl-C, 2 usage, 3 the broker does not answer, or closed the connection.
    """
    broker = of_stage(where.stage) if where.stage else _local(where.endpoint, mqtt_port)
    tell = say_json if as_json else _print
    try:
        _listen(broker, thing, lambda: click.echo(f"Listening at {broker.name}; Ctrl-C ends it.", err=True), tell)
    except KeyboardInterrupt:
        return


def _local(endpoint: str, port: int) -> Broker:
    host = urlsplit(endpoint).hostname or "127.0.0.1"
    return Broker(host, port, (RESERVED_PREFIX, "+"), f"mqtt://{host}:{port}")


def of_stage(name: str) -> Broker:
    """Where a stage's replies are heard: its account's AWS IoT Core. Raises Unreachable."""
    session = aws_session()
    stage = Stage.load(name, session)
    with reaching_aws():
        host = aws_client(session, "iot").describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]

    def dress(client: "Client") -> None:
        with reaching_aws():
            credentials = session.get_credentials()
            if credentials is None:
                raise Unreachable("no AWS credentials are configured. Check: aws sts get-caller-identity")
            url = urlsplit(signed_url(host, session.region_name, credentials.get_frozen_credentials()))
        client.ws_set_options(path=f"{url.path}?{url.query}", headers={"Host": host})
        client.tls_set()

    check = "Check credentials and network: aws sts get-caller-identity"
    return Broker(host, 443, (RESERVED_PREFIX, stage.metrics_prefix), f"wss://{host}", check, "websockets", dress)


def _listen(broker: Broker, thing: str | None, ready: Callable[[], None], tell: Callable[[object], None]) -> None:
    """Hand on every reply as it comes. Raises Unreachable where the connection cannot be had, or ends."""
    heard: queue.Queue[dict[str, Any] | str | None] = queue.Queue(WAITING)
    client = _client(broker, _filters(broker.prefixes, thing), heard)
    try:
        client.connect(broker.host, broker.port, keepalive=30)
    except OSError as error:
        raise Unreachable(f"{broker.name} does not answer ({error}). {broker.otherwise}") from error
    client.loop_start()
    try:
        while True:
            match heard.get():
                case None:
                    ready()
                case str() as why:
                    raise Unreachable(f"{broker.name}: {why}")
                case reply:
                    tell(reply)
    finally:
        client.disconnect()
        client.loop_stop()


def _filters(prefixes: tuple[str, ...], thing: str | None) -> list[tuple[str, int]]:
    if thing and ({"+", "#", "/", "\0"} & set(thing) or len(thing.encode()) > 128):
        raise click.UsageError(f"{safe(thing)!r} cannot be a thing's name in a topic")
    return [
        (f"{prefix}/things/{thing or '+'}/defender/metrics/+/{verdict}", 0)
        for prefix in prefixes
        for verdict in ("accepted", "rejected")
    ]


def _client(broker: Broker, filters: list[tuple[str, int]], heard: queue.Queue[Any]) -> "Client":
    """A client that puts what it hears into a queue: None once it listens, replies, and a text where it ended."""
    try:
        import paho.mqtt.client as mqtt  # noqa: PLC0415 (an extra's)
    except ImportError as error:
        raise click.ClickException(NEEDED) from error

    def put(item: object) -> None:
        try:
            heard.put_nowait(item)
        except queue.Full:
            return

    def connected(client: "Client", _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            put(f"the connection was refused: {reason}")
        else:
            client.subscribe(filters)

    def subscribed(_client: "Client", _data: Any, _id: int, reasons: list[Any], _properties: Any) -> None:
        refused = any(reason.is_failure for reason in reasons)
        put("the subscription was refused" if refused else None)

    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2,  # type: ignore[attr-defined]
        client_id=f"thingwarden-replies-{secrets.token_hex(6)}",
        transport=broker.transport,  # type: ignore[arg-type]
        reconnect_on_failure=False,
    )
    client.on_connect, client.on_subscribe = connected, subscribed
    client.on_message = lambda _client, _data, message: put(reply_of(message.topic, bytes(message.payload)))
    client.on_disconnect = lambda _c, _d, _f, reason, _p: put(f"the connection ended: {reason}")
    broker.dress(client)
    return client


def reply_of(topic: str, payload: bytes) -> dict[str, Any]:
    """A reply as it is shown. What no device could read is shown as text."""
    *_, thing, _, _, fmt, verdict = topic.split("/")
    return {
        "time": datetime.now(UTC),
        "thingName": thing,
        "format": fmt,
        "verdict": verdict,
        "topic": topic,
        "reply": _decoded(fmt, payload[:LONGEST]),
    }


def _decoded(fmt: str, payload: bytes) -> Any:
    import cbor2  # noqa: PLC0415 (only for those who listen)

    try:
        decoded = cbor2.loads(payload) if fmt == "cbor" else json.loads(payload)
        return json.loads(json.dumps(decoded, default=repr))  # what CBOR has and JSON has not, by its text
    except (ValueError, TypeError, ArithmeticError, RecursionError, cbor2.CBORDecodeError):
        return payload.decode(errors="backslashreplace")


def _print(reply: Any) -> None:
    verdict = (f"{reply['verdict']:<9}", "green" if reply["verdict"] == "accepted" else "red")
    about = f" {reply['thingName']} ({reply['format']})  {reply_text(reply['reply'])}"
    say(screen(), f"{when(reply['time'])}  ", verdict, about)


def reply_text(said: Any) -> str:
    """What a reply says that its line does not say yet."""
    if not isinstance(said, dict):
        return said if isinstance(said, str) else json.dumps(said)
    parts = [f"report {said['reportId']}"] if "reportId" in said else []
    if isinstance(details := said.get("statusDetails"), dict):
        parts.append(f"{details.get('ErrorCode')}: {details.get('ErrorMessage')}")
    if isinstance(dropped := said.get("dropped"), list):
        told = (f"{each.get('metric')} ({each.get('reason')})" for each in dropped if isinstance(each, dict))
        parts.append(f"{said.get('droppedCount')} dropped: {', '.join(told)}")
    return "; ".join(parts)
