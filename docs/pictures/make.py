"""Draws the pictures of this folder: what the command shows on a terminal of 100 columns, in a home of its own.

`.venv/bin/python docs/pictures/make.py`, after `make setup`; a minute.
"""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import time
from contextlib import suppress
from io import StringIO
from pathlib import Path

import boto3
import paho.mqtt.publish as mqtt
from rich.console import Console
from rich.text import Text

from warden.cli.main import Commands

HERE = Path(__file__).parent
BLANK = re.compile(r"\A(?:[^\S\n]*\n)+")
COLUMNS = 100
BEFORE = """\
kind: CustomMetric
metricName: battery
metricType: number
---
kind: SecurityProfile
securityProfileName: cameras
behaviors:
  - name: Listening TCP Ports
    metric: aws:listening-tcp-ports
    criteria: {comparisonOperator: in-port-set, value: {ports: [8888]}}
  - name: Battery
    metric: battery
    criteria: {comparisonOperator: greater-than, value: {number: 20}}
targets: [all/things]
"""
AFTER = BEFORE.replace("[8888]", "[8554, 8888]")
WRONG = BEFORE.replace("in-port-set", "in-cidr-set")

PICTURES = {
    "help": ["--help"],
    **{f"help-{name}": [name, "--help"] for of in Commands.SECTIONS.values() for name, _, _ in of},
    "help-verify": ["violations", "verify", "--help"],
    "apply": ["apply", "cameras.yaml"],
    "mistake": ["apply", "wrong.yaml"],
    "violations": ["violations"],
    "events": ["events"],
}


def main() -> None:
    """Draw them all."""
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        serve = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "warden",
                "serve",
                "--data",
                f"{where}/data",
                "--port",
                "0",
                "--mqtt-port",
                "0",
                "--mqtts-port",
                "0",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _draw(where)
        finally:
            serve.terminate()
            serve.wait()


def _draw(where: Path) -> None:
    endpoints = where / "data" / "endpoints.json"
    while not endpoints.exists():
        time.sleep(0.1)
    found = json.loads(endpoints.read_text())
    home = {**os.environ, "WARDEN_ENDPOINT": found["http"], "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    for name, text in (("cameras", BEFORE), ("wrong", WRONG)):
        (where / f"{name}.yaml").write_text(text)
    _shown(["apply", "--yes", "cameras.yaml"], where, home)
    (where / "cameras.yaml").write_text(AFTER)
    iot = boto3.client(
        "iot",
        endpoint_url=found["http"],
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    for thing, ports, battery in (("gate", [8888], 11.5), ("yard", [443, 8888], 80)):
        iot.create_thing(thingName=thing)
        report = {
            "header": {"report_id": 1, "version": "1.0"},
            "metrics": {"listening_tcp_ports": {"ports": [{"port": port} for port in ports]}},
            "custom_metrics": {"battery": [{"number": battery}]},
        }
        port = int(found["mqtt"].rsplit(":", 1)[1])
        mqtt.single(f"$aws/things/{thing}/defender/metrics/json", json.dumps(report), qos=1, port=port)
    time.sleep(2)
    for name, arguments in PICTURES.items():
        _save(name, arguments, _shown(arguments, where, home).replace(found["http"], "http://127.0.0.1:8080"))


def _shown(arguments: list[str], where: Path, env: dict[str, str]) -> str:
    """What a command writes on a terminal, colours included; questions are answered with no."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    command = [sys.executable, "-m", "warden", *arguments]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env, cwd=where)
    os.close(theirs)
    os.write(ours, b"n\n")
    seen = b""
    with suppress(OSError):  # how Linux says that the other end is closed
        while some := os.read(ours, 65536):
            seen += some
    os.close(ours)
    process.wait()
    return seen.decode().removeprefix("n\r\n").replace("\r", "")


def _save(name: str, arguments: list[str], seen: str) -> None:
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    console.print(Text.from_ansi(f"$ warden {' '.join(arguments)}\n{BLANK.sub('', seen).rstrip()}"))
    drawing = console.export_svg(title="warden", unique_id=name)
    drawing = re.sub(r"@font-face \{.*?\}", "", drawing, flags=re.DOTALL)  # nothing is fetched from anywhere
    (HERE / f"{name}.svg").write_text("\n".join(line.rstrip() for line in drawing.splitlines()) + "\n")


if __name__ == "__main__":
    main()
