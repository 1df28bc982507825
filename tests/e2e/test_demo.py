"""`make demo`, as someone runs it who has just set it up: on this machine, whatever else is listening here."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.home import Home, behavior, listening, running

ROOT = Path(__file__).parents[2]
OPENING = re.compile(r"^ \d+  Listen on TCP port (\d+)", re.MULTILINE)
UNUSABLE = {  # none of it may reach the demo
    "AWS_PROFILE": "a-profile-that-is-not-there",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "WARDEN_SERVE_MIN_REPORT_INTERVAL_SECONDS": "300",
}


@dataclass(frozen=True)
class Run:
    """The demo, when it has ended: its exit code, what it printed, the files and empty directories it left."""

    code: int
    text: str
    left: list[str]

    @property
    def quotes(self) -> list[dict[str, Any]]:
        """What it says that clients received."""
        return [json.loads(line.split("← ")[1]) for line in self.text.splitlines() if line.startswith("    ← ")]

    @property
    def opened(self) -> int:
        """The port that it opened."""
        found = OPENING.search(self.text)
        assert found, self.text
        return int(found[1])

    def alert(self, event: str) -> dict[str, Any]:
        """The alert of an event that it shows."""
        [found] = [quote for quote in self.quotes if quote.get("violationEventType") == event]
        return found


def demo(
    *arguments: str,
    env: dict[str, str] | None = None,
    at: str = "",
    act: Callable[[subprocess.Popen[str]], object] = lambda _: None,
) -> Run:
    """Run the demo, with room for a line's whole quote; `act` once, when it prints a line that has `at` in it."""
    with tempfile.TemporaryDirectory() as directory:
        process = subprocess.Popen(
            [sys.executable, "demo", *arguments],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": directory, "COLUMNS": "5000", **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        with process:
            lines = []
            for line in process.stdout or ():
                lines.append(line)
                if at and at in line:
                    act(process)
                    at = ""
        left = [str(path.relative_to(directory)) for path in Path(directory).rglob("*") if not _holds_something(path)]
    return Run(process.returncode, "".join(lines), left)


def _holds_something(path: Path) -> bool:
    return path.is_dir() and any(path.iterdir())


@pytest.fixture(scope="module")
def shown() -> Iterator[Run]:
    """A whole demo, in a useless environment, during which another program begins to listen."""
    with ExitStack() as stack:

        def listen(_: object) -> None:
            stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        yield demo(env=UNUSABLE, at="Listen on TCP port", act=listen)


def test_the_demo_shows_each_step_and_leaves_nothing_behind(shown: Run) -> None:
    assert shown.code == 0, shown.text
    assert "All 9 steps happened" in shown.text
    assert shown.left == []


def test_the_demo_quotes_that_the_machines_reports_were_accepted(shown: Run) -> None:
    accepted = [quote["reportId"] for quote in shown.quotes if quote.get("status") == "ACCEPTED"]

    assert len(accepted) >= 3
    assert accepted == sorted(set(accepted))


def test_the_demo_quotes_the_alarm_about_the_port_that_it_opened(shown: Run) -> None:
    alert = shown.alert("in-alarm")
    [active] = [quote for quote in shown.quotes if "violationStartTime" in quote]

    assert alert["behavior"]["name"] == "Listening TCP Ports"
    assert 8888 in alert["behavior"]["criteria"]["value"]["ports"]
    assert shown.opened in alert["metricValue"]["ports"]
    assert shown.opened not in alert["behavior"]["criteria"]["value"]["ports"]
    assert active["lastViolationValue"] == alert["metricValue"]
    assert active["violationId"] == alert["violationId"]


def test_the_demo_quotes_that_the_same_alarm_was_cleared(shown: Run) -> None:
    cleared = shown.alert("alarm-cleared")

    assert cleared["violationId"] == shown.alert("in-alarm")["violationId"]
    assert shown.opened not in cleared["metricValue"]["ports"]
    assert {"activeViolations": []} in shown.quotes


def test_the_demo_quotes_what_was_wrong_with_the_broken_report(shown: Run) -> None:
    [rejected] = [quote for quote in shown.quotes if quote.get("status") == "REJECTED"]

    message = rejected["statusDetails"]["ErrorMessage"]
    assert message.startswith("metrics.listening_tcp_ports.ports[0].port: expected ")
    assert message.endswith('got "https"')


def test_a_program_that_begins_to_listen_meanwhile_is_named_and_allowed(shown: Run) -> None:
    assert "Other programs listen since (TCP " in shown.text


def test_many_listeners_are_counted_and_another_warden_serve_is_not_disturbed(tmp_path: Path) -> None:
    with running(tmp_path / "data") as home, ExitStack() as stack:
        device = _watched(home)
        for _ in range(50):
            stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        counted = demo()

        assert counted.code == 0, counted.text
        assert "the profile goes by their number" in counted.text
        alert = counted.alert("in-alarm")
        assert alert["metricValue"]["count"] > alert["behavior"]["criteria"]["value"]["count"] >= 50
        assert home.process.poll() is None
        assert device.report("own", listening(22, report_id=2))["status"] == "ACCEPTED"
        iot = home.client("iot")
        assert [thing["thingName"] for thing in iot.list_things()["things"]] == ["own"]
        assert [each["name"] for each in iot.list_security_profiles()["securityProfileIdentifiers"]] == ["own"]
        assert iot.list_active_violations()["activeViolations"] == []


def _watched(home: Home) -> Any:
    home.thing("own")
    home.profile("own", behavior(22))
    device = home.device("own")
    device.hear("own")
    assert device.report("own", listening(22, report_id=1))["status"] == "ACCEPTED"
    return device


def test_without_an_alarm_the_demo_fails_and_says_at_which_step_what_was_seen_and_where_the_log_is() -> None:
    command = shlex.join([sys.executable, str(Path(__file__).with_name("never_alarms.py"))])

    failed = demo("--serve-command", command, "--patience", "3")

    assert failed.code == 1
    assert "✗ Step 7 did not happen: See the alarm" in failed.text
    assert "expected  an active violation of 'Listening TCP Ports'" in failed.text
    assert "seen      ListActiveViolations returned none; no alert came" in failed.text
    [log] = failed.left
    assert f"/{log}\n" in failed.text
    assert "Traceback" not in failed.text


def test_a_serve_command_that_ends_is_a_failed_step_with_its_last_words() -> None:
    command = shlex.join([sys.executable, "-c", "raise SystemExit('no room for it here')"])

    failed = demo("--serve-command", command)

    assert failed.code == 1
    assert "✗ Step 2 did not happen" in failed.text
    assert "it ended with exit code 1" in failed.text
    assert "no room for it here" in failed.text


def test_a_machine_that_refuses_its_connection_list_is_told_what_to_do_before_anything_starts(tmp_path: Path) -> None:
    package = tmp_path / "AWSIoTDeviceDefenderAgentSDK"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "collector.py").write_text(
        "import psutil\n"
        "class Collector:\n"
        "    def __init__(self, **_): pass\n"
        "    def collect_metrics(self): raise psutil.AccessDenied(1)\n"
    )

    refused = demo(env={"PYTHONPATH": str(tmp_path)})

    assert refused.code == 1
    assert "✗ Step 1 did not happen" in refused.text
    assert "sudo .venv/bin/python -B demo" in refused.text
    assert "Traceback" not in refused.text
    assert refused.left == []


def test_ctrl_c_ends_the_demo_and_the_warden_serve_that_it_started() -> None:
    stopped = demo(at="Register this machine", act=lambda process: process.send_signal(signal.SIGINT))

    assert stopped.code == 130
    assert "Interrupted in step 3" in stopped.text
    assert "Traceback" not in stopped.text
    assert stopped.left == []
    port = int(stopped.quotes[0]["http"].rpartition(":")[2])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
