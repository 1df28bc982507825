"""What connections cost `warden serve`, and how long a report takes at a steady load.

Memory is the data plane's resident size before and after so many idle connections; the flood connects and drops; the
latencies are of 1,000 reports a second from 1,000 connections, from the sending of a report to its reply, and of those
that begin or end a violation to the alert's arrival in a queue; then again beside a flood over mutual TLS.
"""

import asyncio
import json
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench import embedded
from bench.serving import Served, serving
from warden.embedded.broker.decode import Decoder
from warden.embedded.broker.encode import encode
from warden.embedded.broker.packets import Connack, Connect, Publish, Suback, Subscribe

IDLE_PLAIN, IDLE_TLS = 2_000, 500
FLOOD_SECONDS = 3.0
RATE, STEADY_SECONDS = 1_000, 10.0
ALARMING = 5
"""Things whose reports turn from violating to conforming and back."""


class Idle(asyncio.Protocol):
    """A client that connects and says no more."""

    def __init__(self, name: str) -> None:
        self.connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._name = name
        self._decoder = Decoder(level=4)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(encode(Connect(client_id=self._name, keep_alive=1200)))

    def data_received(self, data: bytes) -> None:
        for packet in self._decoder.feed(data):
            if isinstance(packet, Connack) and not self.connected.done():
                self.connected.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if not self.connected.done():
            self.connected.set_exception(ConnectionError("refused"))


async def idle(served: Served, number: int, tls: ssl.SSLContext | None) -> float:
    """Bytes of the data plane for each of so many idle connections."""
    loop = asyncio.get_running_loop()
    port, named = _front(served, tls)
    before = served.data_plane.memory_info().rss
    clients = []
    for client in range(number):
        _, protocol = await loop.create_connection(lambda name=f"idle-{client}": Idle(name), "127.0.0.1", port, **named)
        await protocol.connected
        clients.append(protocol)
    cost = (served.data_plane.memory_info().rss - before) / number
    for each in clients:
        each.transport.abort()
    return cost


async def flood(served: Served, seconds: float, tls: ssl.SSLContext | None = None) -> float:
    """Connections a second that are accepted and dropped at once. What is refused is tried again at once."""
    loop, count = asyncio.get_running_loop(), 0
    port, named = _front(served, tls)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        with suppress(OSError):
            _, protocol = await loop.create_connection(lambda: Idle("flood"), "127.0.0.1", port, **named)
            await protocol.connected
            protocol.transport.abort()
            count += 1
    return count / seconds


@contextmanager
def flooded(served: Served, tls: ssl.SSLContext) -> Iterator[None]:
    """Beside a process that connects over mutual TLS and drops, without a pause."""
    flooding = get_context("fork").Process(target=lambda: asyncio.run(flood(served, 3600, tls)))
    flooding.start()
    try:
        yield
        assert flooding.is_alive(), "the flood failed"
    finally:
        flooding.kill()
        flooding.join()


def _front(served: Served, tls: ssl.SSLContext | None) -> tuple[int, dict[str, Any]]:
    return (served.mqtts_port, {"ssl": tls, "server_hostname": "localhost"}) if tls else (served.mqtt_port, {})


class Steady(asyncio.Protocol):
    """A device that reports when it is told to, and times the replies."""

    def __init__(self, name: str, template: dict[str, Any], times: list[float]) -> None:
        self.ready = asyncio.get_running_loop().create_future()
        self.sent: dict[int, float] = {}
        self._name = name
        self._topic = f"$aws/things/{name}/defender/metrics/json"
        self._template = template
        self._times = times
        self._decoder = Decoder(level=4)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(encode(Connect(client_id=self._name, keep_alive=600)))
        transport.write(encode(Subscribe(1, ((f"{self._topic}/accepted", 0),))))

    def data_received(self, data: bytes) -> None:
        for packet in self._decoder.feed(data):
            if isinstance(packet, Suback):
                self.ready.set_result(None)
            elif isinstance(packet, Publish):
                begun = self.sent.pop(json.loads(packet.payload)["reportId"], None)
                if begun is not None:
                    self._times.append(time.perf_counter() - begun)

    def report(self, report_id: int, ports: list[int]) -> None:
        self._template["header"]["report_id"] = report_id
        self._template["metrics"]["listening_tcp_ports"] = {"ports": [{"port": port} for port in ports]}
        self.sent[report_id] = time.perf_counter()
        payload = json.dumps(self._template).encode()
        self.transport.write(encode(Publish(self._topic, payload, qos=1, packet_id=report_id % 65_000 + 1)))


class Alerts:
    """When the alerts of each thing came into a queue."""

    def __init__(self, served: Served, url: str) -> None:
        self.came: dict[tuple[str, str], float] = {}
        self._sqs = served.client("sqs")
        self._url = url
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.is_set():
            found = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            at = time.time()
            for message in found.get("Messages", ()):
                said = json.loads(json.loads(message["Body"])["Message"])
                self.came[said["violationId"], said["violationEventType"]] = at - said["violationEventTime"] / 1000

    def stop(self) -> list[float]:
        self._ended.set()
        self._thread.join()
        return list(self.came.values())


async def steady(served: Served, url: str, *, first: int = 0) -> tuple[list[float], list[float]]:
    """Seconds from report to reply, and from report to alert, at `RATE` reports a second, the first of that number."""
    template = json.loads((embedded.FIXTURES / "report_long.json").read_bytes())
    loop, times = asyncio.get_running_loop(), []
    devices = []
    for number in range(embedded.CONNECTIONS):
        _, device = await loop.create_connection(
            lambda name=f"bench-{number}": Steady(name, template, times), "127.0.0.1", served.mqtt_port
        )
        devices.append(device)
    await asyncio.gather(*(device.ready for device in devices))
    alerts = Alerts(served, url)
    begun = time.perf_counter()
    for number in range(int(RATE * STEADY_SECONDS)):
        turn, which = divmod(first + number, len(devices))
        violates = which < ALARMING and turn % 2 == 0
        devices[which].report(turn * len(devices) + which + 1, [23] if violates else [8883])
        ahead = begun + (number + 1) / RATE - time.perf_counter()
        if ahead > 0.001:
            await asyncio.sleep(ahead)
    await asyncio.sleep(2)
    for device in devices:
        device.transport.abort()
    return times, await loop.run_in_executor(None, alerts.stop)


def _told(what: str, seconds: list[float]) -> None:
    milliseconds = sorted(1000 * each for each in seconds)
    p99 = quantiles(milliseconds, n=100)[98]
    print(f"  {what:<25} median {median(milliseconds):7.1f} ms, p99 {p99:7.1f} ms, of {len(milliseconds)}")


def main() -> None:
    """Start a server, and measure one after the other."""
    with tempfile.TemporaryDirectory() as directory, serving(Path(directory)) as served:
        print("devices: connections, and latency at a steady load")
        plain = asyncio.run(idle(served, IDLE_PLAIN, None))
        context = served.device_context()
        tls = asyncio.run(idle(served, IDLE_TLS, context))
        print(f"  idle connection    plain {plain / 1000:.1f} KB, mutual TLS {tls / 1000:.1f} KB")
        print(f"  connect and drop   {asyncio.run(flood(served, FLOOD_SECONDS)):,.0f} a second")
        embedded.prepare(served.url)
        url, target = served.inbox()
        served.client("iot").update_security_profile(securityProfileName="bench", alertTargets=target)
        print(f"  at {RATE:,} reports a second from {embedded.CONNECTIONS:,} connections:")
        for when, first in (("", 0), (", flooded", int(RATE * STEADY_SECONDS))):
            with flooded(served, context) if when else nullcontext():
                replies, alerts = asyncio.run(steady(served, url, first=first))
            _told(f"report to reply{when}", replies)
            _told(f"report to alert{when}", alerts)


if __name__ == "__main__":
    main()
