"""A running `warden serve`, and clients for it that nobody here wrote: boto3 and paho."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import cbor2
import paho.mqtt.client as mqtt
import psutil
from botocore.config import Config

from tests.sessions import STOCK

ACCOUNT, REGION = "000000000000", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/alerts"
PATIENCE = 20.0


def eventually(look: Callable[[], Any], *, seconds: float = PATIENCE) -> Any:
    """What `look` finds, as soon as that is something; whatever it found last, where it never is."""
    end = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < end:
        threading.Event().wait(0.02)
    return found


class Device:
    """A device: an MQTT client that reports and hears the replies, for whatever thing it names."""

    def __init__(self, port: int, client_id: str) -> None:
        self._heard: Queue[tuple[str, bytes]] = Queue()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id)
        self._client.on_message = lambda _, __, message: self._heard.put((message.topic, message.payload))
        granted = threading.Event()
        self._client.on_subscribe = lambda *_: granted.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._granted = granted

    def hear(self, thing: str, *, prefix: str = "$aws") -> None:
        """Subscribe to the replies to a thing's reports, in both formats."""
        for fmt in ("json", "cbor", "xml"):
            self._granted.clear()
            base = f"{prefix}/things/{thing}/defender/metrics/{fmt}"
            self._client.subscribe([(f"{base}/accepted", 1), (f"{base}/rejected", 1)])
            assert self._granted.wait(PATIENCE)

    def publish(
        self, thing: str, payload: bytes, fmt: str = "json", *, prefix: str = "$aws", qos: int = 1
    ) -> mqtt.MQTTMessageInfo:
        """Send a report, and wait for nothing."""
        return self._client.publish(f"{prefix}/things/{thing}/defender/metrics/{fmt}", payload, qos=qos)

    def report(self, thing: str, report: Any, fmt: str = "json", *, prefix: str = "$aws") -> dict[str, Any]:
        """Send a report and return the reply, with the last level of its topic as `heard`."""
        payload = report if isinstance(report, bytes) else encode(report, fmt)
        self.publish(thing, payload, fmt, prefix=prefix)
        return self.reply()

    def reply(self) -> dict[str, Any]:
        """The next reply heard, with the last level of its topic as `heard`."""
        try:
            topic, payload = self._heard.get(timeout=PATIENCE)
        except Empty:
            raise AssertionError("no reply came") from None
        decoded = cbor2.loads(payload) if topic.split("/")[-2] == "cbor" else json.loads(payload)
        return {**decoded, "heard": topic.rsplit("/", 1)[-1]}

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


def encode(report: Any, fmt: str) -> bytes:
    """A report's bytes."""
    return cbor2.dumps(report) if fmt == "cbor" else json.dumps(report).encode()


def listening(*ports: int, report_id: int = 1, **metrics: Any) -> dict[str, Any]:
    """A report of the TCP ports that are listened on."""
    return {
        "header": {"report_id": report_id, "version": "1.0"},
        "metrics": {"listening_tcp_ports": {"ports": [{"port": port} for port in ports]}, **metrics},
    }


def behavior(*ports: int, name: str = "Listening TCP Ports", **more: Any) -> dict[str, Any]:
    """The behavior of AWS's troubleshooting guide: a device listens on these ports only."""
    criteria = {"comparisonOperator": "in-port-set", "value": {"ports": list(ports)}, **more}
    return {"name": name, "metric": "aws:listening-tcp-ports", "criteria": criteria}


class Home:
    """A running `warden serve`."""

    def __init__(self, data: Path, *options: str, command: tuple[str, ...] = (sys.executable, "-m", "warden")) -> None:
        self.data = data
        self.log = data.with_suffix(".log")
        self._options = options
        self._command = command
        self._devices: list[Device] = []
        self._clients: dict[tuple[str, str], Any] = {}
        self.start()

    def start(self) -> None:
        """Start it, also again, and return when reports are accepted."""
        (self.data / "endpoints.json").unlink(missing_ok=True)
        ports = ("--port", "0", "--mqtt-port", "0", "--mqtts-port", "0")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._command, "serve", "--data", str(self.data), *ports, *self._options],
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        found = eventually(lambda: self._endpoints() or self.process.poll() is not None)
        assert isinstance(found, dict), f"it did not start:\n{self.log.read_text()}"
        self.url: str = found["http"]
        self.mqtt_port = int(found["mqtt"].rsplit(":", 1)[1])
        self.mqtts_port = int(found["mqtts"].rsplit(":", 1)[1])

    def _endpoints(self) -> dict[str, str] | None:
        try:
            found: dict[str, str] = json.loads((self.data / "endpoints.json").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return found

    def client(self, service: str) -> Any:
        """A stock boto3 client."""
        if (self.url, service) not in self._clients:  # slow to make
            self._clients[self.url, service] = STOCK.client(
                service,
                endpoint_url=self.url,
                region_name=REGION,
                aws_access_key_id="any",
                aws_secret_access_key="any",
                config=Config(retries={"total_max_attempts": 1}),
            )
        return self._clients[self.url, service]

    def device(self, client_id: str | None = None) -> Device:
        """A connected device; without an identifier, one that takes over no other's connection."""
        device = Device(self.mqtt_port, client_id or f"a-device-{len(self._devices)}")
        self._devices.append(device)
        return device

    def thing(self, name: str, *groups: str) -> str:
        """A registered thing, in some groups. Returns its name."""
        iot = self.client("iot")
        iot.create_thing(thingName=name)
        for group in groups:
            iot.create_thing_group(thingGroupName=group)
            iot.add_thing_to_thing_group(thingGroupName=group, thingName=name)
        return name

    def inbox(self, name: str = "alerts") -> "Inbox":
        """An SNS topic with an SQS queue subscribed to it."""
        return Inbox(self, name)

    def profile(self, name: str, *behaviors: dict[str, Any], target: str = "all/things", **more: Any) -> str:
        """A security profile, attached. Returns the target's ARN."""
        iot = self.client("iot")
        iot.create_security_profile(securityProfileName=name, behaviors=list(behaviors), **more)
        arn = f"arn:aws:iot:{REGION}:{ACCOUNT}:{target}"
        iot.attach_security_profile(securityProfileName=name, securityProfileTargetArn=arn)
        return arn

    def active(self, **filters: Any) -> list[dict[str, Any]]:
        """Active violations, as boto3 lists them."""
        found: list[dict[str, Any]] = self.client("iot").list_active_violations(**filters)["activeViolations"]
        return found

    def events(self, **filters: Any) -> list[dict[str, Any]]:
        """All violation events, as boto3 lists them: newest first."""
        pages = self.client("iot").get_paginator("list_violation_events")
        found = pages.paginate(startTime=0, endTime=4_102_444_800, PaginationConfig={"PageSize": 250}, **filters)
        return [event for page in found for event in page["violationEvents"]]

    def plane(self, name: str) -> psutil.Process:
        """The process of a plane, `data_plane` or `control_plane`, once it runs."""
        supervisor = psutil.Process(self.process.pid)

        def find() -> list[psutil.Process]:
            return [child for child in supervisor.children() if any(name in word for word in _command(child))]

        found: list[psutil.Process] = eventually(find)
        return found[0]

    def is_healthy(self) -> bool:
        """Whether /healthz says so."""
        return self.health()[0] == 200

    def health(self) -> tuple[int, str]:
        """What /healthz says; 0 where nothing answers."""
        try:
            with urlopen(f"{self.url}/healthz", timeout=PATIENCE) as answer:  # noqa: S310 (http, to this machine)
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def stop(self) -> int:
        """End it in order. Returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        """End it and its clients, whatever state they are in."""
        for device in self._devices:
            device.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()


def _command(process: psutil.Process) -> list[str]:
    try:
        words: list[str] = process.cmdline()
    except psutil.Error:  # it has just ended
        return []
    return words


class Inbox:
    """What subscribers of an SNS topic get."""

    def __init__(self, home: Home, name: str) -> None:
        self._home = home
        self._queue = home.client("sqs").create_queue(QueueName=name)["QueueUrl"]
        self.topic: str = home.client("sns").create_topic(Name=name)["TopicArn"]
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        home.client("sns").subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)
        self._unread: list[dict[str, Any]] = []

    @property
    def target(self) -> dict[str, Any]:
        """As a security profile's `alertTargets`."""
        return {"SNS": {"alertTargetArn": self.topic, "roleArn": ROLE}}

    def next(self, *, seconds: float = PATIENCE) -> dict[str, Any]:
        """The next alert."""
        found = eventually(self._take, seconds=seconds)
        assert found, "no alert came"
        return found  # type: ignore[no-any-return]

    def is_empty(self) -> bool:
        """Whether nothing more has come so far."""
        return self._take() is None

    def drain(self) -> list[dict[str, Any]]:
        """All alerts that have come so far."""
        return list(iter(self._take, None))

    def envelope(self) -> dict[str, Any]:
        """The next message as SNS wraps it."""
        found = eventually(self._receive)
        assert found, "no message came"
        return json.loads(found[0]["Body"])  # type: ignore[no-any-return]

    def _take(self) -> dict[str, Any] | None:
        self._unread += [json.loads(json.loads(message["Body"])["Message"]) for message in self._receive()]
        return self._unread.pop(0) if self._unread else None

    def _receive(self) -> list[dict[str, Any]]:
        sqs = self._home.client("sqs")
        messages = sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return messages  # type: ignore[no-any-return]


@contextmanager
def running(data: Path, *options: str) -> Iterator[Home]:
    """A running home, ended with the block."""
    home = Home(data, *options)
    try:
        yield home
    finally:
        home.close()
