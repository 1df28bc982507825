"""An MQTT connection to AWS IoT Core with the user's own credentials: WebSockets, signed by query, no certificate."""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from warden.cli.doctor.probe import Heard, Reaction

if TYPE_CHECKING:
    from paho.mqtt.client import Client

SIGNED_SECONDS = 60
NEEDED = "--probe needs an MQTT client: pip install paho-mqtt"


class NoMqttClient(Exception):
    """The package for MQTT is not installed; the message says which."""


@dataclass(slots=True)
class _Listener:
    """What happened on one connection; anything that did wakes who waits."""

    replies: str
    report: Callable[[], Any]
    reaction: Reaction | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def connected(self, client: "Client", _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._end(Heard.CLOSED, f"CONNACK: {reason}")
        else:
            client.subscribe([(f"{self.replies}/accepted", 0), (f"{self.replies}/rejected", 0)])

    def subscribed(self, _client: "Client", _data: Any, _id: int, reasons: list[Any], _properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            self._end(Heard.CLOSED, "the subscription to its replies was refused")
        else:
            self.report()

    def heard(self, _client: "Client", _data: Any, message: Any) -> None:
        self._end(Heard.ANSWERED, message.payload.decode(errors="replace"))

    def lost(self, _client: "Client", _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._end(Heard.CLOSED, str(reason))

    def _end(self, heard: Heard, said: str) -> None:
        if self.reaction is None:
            self.reaction = Reaction(heard, said)
        self.over.set()


class Mqtt:
    """Port Connection, one connection for each report: what closes it shall not spoil the next.

    Args:
        host: Where devices connect to.
        port: Its port.
        dress: Prepares a client that has not connected: TLS, WebSocket, headers.
        websocket: Whether MQTT goes in WebSockets.

    Raises: NoMqttClient.
    """

    def __init__(
        self, host: str, port: int, *, websocket: bool = False, dress: Callable[["Client"], None] = lambda _: None
    ) -> None:
        try:
            import paho.mqtt.client  # noqa: PLC0415 (an extra's)
            import paho.mqtt.enums  # noqa: PLC0415
        except ImportError as error:
            raise NoMqttClient(NEEDED) from error
        self._new = partial(paho.mqtt.client.Client, paho.mqtt.enums.CallbackAPIVersion.VERSION2)
        self._host, self._port = host, port
        self._transport = "websockets" if websocket else "tcp"
        self._dress = dress

    def report(self, topic: str, replies: str, payload: bytes, *, seconds: float) -> Reaction:
        """See Connection."""
        client = self._new(
            client_id=f"thingwarden-doctor-{secrets.token_hex(6)}",
            transport=self._transport,  # type: ignore[arg-type]
            reconnect_on_failure=False,
        )
        listener = _Listener(replies, lambda: client.publish(topic, payload, qos=1))
        client.on_connect, client.on_subscribe = listener.connected, listener.subscribed
        client.on_message, client.on_disconnect = listener.heard, listener.lost
        self._dress(client)
        client.connect(self._host, self._port, keepalive=30)
        client.loop_start()
        try:
            listener.over.wait(seconds)
            return listener.reaction or Reaction(Heard.SILENT)
        finally:
            client.disconnect()
            client.loop_stop()


def aws_mqtt(session: Any, iot: Any) -> Mqtt:
    """The account's own endpoint, signed with the session's credentials. Raises NoMqttClient, ClientError."""
    host = iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]

    def dress(client: "Client") -> None:
        url = urlsplit(signed_url(host, session.region_name, session.get_credentials().get_frozen_credentials()))
        client.ws_set_options(path=f"{url.path}?{url.query}", headers={"Host": host})
        client.tls_set()

    return Mqtt(host, 443, websocket=True, dress=dress)


def signed_url(host: str, region: str, credentials: Any) -> str:
    """A URL by which AWS IoT Core takes a WebSocket as the credentials' own.

    AWS IoT Core, unlike other services, wants the session token added after signing. Source: AWS IoT Developer
    Guide, Device communication protocols, MQTT over WSS.
    """
    request = AWSRequest(method="GET", url=f"https://{host}/mqtt")
    signer = SigV4QueryAuth(
        Credentials(credentials.access_key, credentials.secret_key),
        "iotdevicegateway",
        region,
        expires=SIGNED_SECONDS,
    )
    signer.add_auth(request)
    token = f"&X-Amz-Security-Token={quote(credentials.token, safe='')}" if credentials.token else ""
    return f"{request.url}{token}"
