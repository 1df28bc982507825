"""AWS's own agent, its real code, with a certificate at a running home."""

import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from queue import Empty, Queue

import pytest

from tests.devices import Identity
from tests.home import PATIENCE, behavior, eventually, running

Reply = Callable[[], str]
"""Waits for the agent's next reply, and gives its topic."""

ROUNDS = 3
AGENT = "AWSIoTDeviceDefenderAgentSDK.agent"
ON_ANOTHER_PORT = f"""
import sys
from functools import partial
from {AGENT.split(".", maxsplit=1)[0]} import agent

connect = agent.mqtt_connection_builder
connect.mtls_from_path = partial(connect.mtls_from_path, port=int(sys.argv.pop(1)))
agent.main()
"""
"""What docs/devices.md says of the agent: its connection takes a port, and it gives none, which means 443."""


@contextmanager
def reporting(command: list[str], identity: Identity, fmt: str, *, host: str = "127.0.0.1") -> Iterator[Reply]:
    """The agent, run as its README says, with a report each second."""
    certificate, key = map(str, identity.files)
    trust = ("-e", host, "-r", str(identity.home.data / "ca.pem"), "-c", certificate, "-k", key)
    words = [sys.executable, "-u", *command, *trust, "-id", "machine", "-f", fmt, "-i", "1"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        said: Queue[str] = Queue()
        output = process.stdout
        assert output
        reader = threading.Thread(target=lambda: [said.put(line) for line in output], daemon=True)
        reader.start()

        def reply() -> str:
            while True:
                try:
                    line = said.get(timeout=PATIENCE)
                except Empty:
                    raise AssertionError("it heard nothing more") from None
                if match := re.match(r"Received message from topic '(.+?)'", line):
                    return match[1]

        try:
            yield reply
        finally:
            process.kill()
            process.wait(PATIENCE)
            reader.join(PATIENCE)


@pytest.mark.parametrize("fmt", ["json", "cbor"])
def test_its_reports_are_accepted_and_judged_round_after_round(tmp_path: Path, fmt: str) -> None:
    with running(tmp_path / "data") as home:
        identity = Identity(home, tmp_path, thing="machine")
        normal = {"comparisonOperator": "less-than", "value": {"count": 1}, "durationSeconds": 300}
        traffic = {"name": "quiet", "metric": "aws:all-bytes-out", "criteria": normal}
        home.profile("all", behavior(1), traffic)
        command = ["-c", ON_ANOTHER_PORT, str(home.mqtts_port)]
        with reporting(command, identity, fmt) as reply:
            heard = [reply() for _ in range(ROUNDS)]
        assert heard == [f"$aws/things/machine/defender/metrics/{fmt}/accepted"] * ROUNDS
        names = {"Listening TCP Ports", "quiet"}
        assert eventually(lambda: {each["behavior"]["name"] for each in home.active()} == names)


def test_it_needs_no_change_where_the_home_listens_on_443(tmp_path: Path) -> None:
    host = "127.0.4.43"  # an address that nothing else here listens on
    try:
        with closing(socket.create_server((host, 443))):
            pass
    except OSError as error:
        pytest.skip(f"port 443 of {host} cannot be had here: {error}")
    with running(tmp_path / "data", "--host", host, "--mqtts-port", "443") as home:
        identity = Identity(home, tmp_path, thing="machine")
        with reporting(["-m", AGENT], identity, "json", host=host) as reply:
            assert reply() == "$aws/things/machine/defender/metrics/json/accepted"
