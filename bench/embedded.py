"""Reports per second through `warden serve`: 1,000 connections, QoS 1, replies heard, ten behaviors.

The server runs as a user runs it; the load is another process, asked onto another core where there are two.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import boto3
import msgspec

from bench.engine import FIXTURES, LIMITS
from bench.serving import serving
from warden.embedded.broker.decode import Decoder
from warden.embedded.broker.encode import encode, encode_puback
from warden.embedded.broker.packets import Connack, Connect, Puback, Publish, Suback, Subscribe

CONNECTIONS, ROUNDS, SECONDS = 1000, 5, 4.0
"""Connections, rounds and the length of each."""


class Client(asyncio.Protocol):
    """A device that sends its next report as soon as it has heard the reply to the one before."""

    def __init__(self, name: str, template: dict[str, Any], ready: asyncio.Event, waiting: list[int]) -> None:
        self.name = name
        self.topic = f"$aws/things/{name}/defender/metrics/json"
        self.accepted = 0
        self.running = False
        self._template = template
        self._report_id = int(time.time() * 1000)
        self._ready = ready
        self._waiting = waiting
        self._decoder = Decoder(level=4)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(encode(Connect(client_id=self.name, keep_alive=600)))
        transport.write(encode(Subscribe(1, ((f"{self.topic}/accepted", 0),))))

    def data_received(self, data: bytes) -> None:
        for packet in self._decoder.feed(data):
            match packet:
                case Connack() | Puback():
                    pass
                case Suback():
                    self._waiting[0] -= 1
                    if not self._waiting[0]:
                        self._ready.set()
                case Publish():
                    self.accepted += 1
                    if packet.qos:
                        self.transport.write(encode_puback(packet.packet_id))
                    if self.running:
                        self.send()

    def send(self) -> None:
        self._report_id += 1
        self._template["header"]["report_id"] = self._report_id
        payload = msgspec.json.encode(self._template)
        self.transport.write(encode(Publish(self.topic, payload, qos=1, packet_id=self._report_id % 65_000 + 1)))


async def load(port: int, rounds: int, seconds: float) -> list[float]:
    """Accepted reports per second of each round."""
    template = json.loads((FIXTURES / "report_long.json").read_bytes())
    ready, waiting = asyncio.Event(), [CONNECTIONS]
    loop = asyncio.get_running_loop()
    clients = []
    for number in range(CONNECTIONS):
        _, client = await loop.create_connection(
            lambda name=f"bench-{number}": Client(name, template, ready, waiting), "127.0.0.1", port
        )
        clients.append(client)
    await ready.wait()
    for client in clients:
        client.running = True
        client.send()
    await asyncio.sleep(seconds)  # every thing has its first entry, every cache is warm
    rates = []
    for _ in range(rounds):
        begun, before = time.perf_counter(), sum(client.accepted for client in clients)
        await asyncio.sleep(seconds)
        took = time.perf_counter() - begun
        rates.append((sum(client.accepted for client in clients) - before) / took)
    return rates


def prepare(url: str) -> None:
    """Things, and a profile with a behavior for every device-side metric."""
    iot = boto3.client(
        "iot", endpoint_url=url, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any"
    )
    for number in range(CONNECTIONS):
        iot.create_thing(thingName=f"bench-{number}")
    behaviors = []
    for metric, (operator, value, duration) in LIMITS.items():
        criteria: dict[str, Any] = {
            "comparisonOperator": operator,
            "value": {member: list(limit) if isinstance(limit, tuple) else limit for member, limit in value.items()},
        }
        if duration:
            criteria["durationSeconds"] = duration
        behaviors.append({"name": metric.removeprefix("aws:"), "metric": metric, "criteria": criteria})
    iot.create_security_profile(securityProfileName="bench", behaviors=behaviors)
    iot.attach_security_profile(
        securityProfileName="bench", securityProfileTargetArn="arn:aws:iot:us-east-1:000000000000:all/things"
    )


def main(given: Sequence[str] = ()) -> None:
    """Start a server, load it, print the median of the rounds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--load", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="more show what the log's growth costs")
    arguments = parser.parse_args(given)
    port, asked = arguments.load, arguments.rounds
    if port:
        if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:  # not on macOS
            os.sched_setaffinity(0, {1})
        print(json.dumps(asyncio.run(load(port, asked, SECONDS))))
        return
    with tempfile.TemporaryDirectory(prefix="warden-bench-") as data, serving(Path(data)) as served:
        prepare(served.url)
        found = rates(served.mqtt_port, asked)
    print(
        f"embedded, {CONNECTIONS} connections, QoS 1, replies: {median(found):,.0f} reports/s "
        f"(rounds {', '.join(f'{rate:,.0f}' for rate in found)})"
    )


def rates(port: int, rounds: int = ROUNDS) -> list[float]:
    """Accepted reports per second of each round, loaded by a process of its own."""
    told = subprocess.run(
        [sys.executable, "-m", "bench.embedded", "--load", str(port), "--rounds", str(rounds)],
        capture_output=True,
        check=True,
    )
    found: list[float] = json.loads(told.stdout)
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
