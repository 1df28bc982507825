"""The command `warden`: what it says, how it starts and how it ends, as its user meets it in a terminal."""

import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from queue import Queue

import paho.mqtt.client as mqtt
import pytest

import warden
from tests.home import PATIENCE, Home, eventually, running

WARDEN = (sys.executable, "-m", "warden")


def run(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Exit code and all that the command wrote, where it ends by itself."""
    done = subprocess.run(
        [*WARDEN, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
        env={**os.environ, "COLUMNS": "200", **(env or {})},
    )
    return done.returncode, done.stdout


@contextmanager
def taken_port() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_the_version_is_that_of_the_package() -> None:
    assert run("--version") == (0, f"warden, version {warden.__version__}\n")


def test_help_names_every_option_with_its_default() -> None:
    code, text = run("serve", "--help")

    assert code == 0
    for option, default in (
        ("--data", "~/.local/share/thingwarden"),
        ("--port", "8080"),
        ("--mqtt-port", "1883"),
        ("--mqtts-port", "8883"),
        ("--host", "127.0.0.1"),
        ("--account", "000000000000"),
        ("--region", "us-east-1"),
        ("--metrics-prefix", "warden"),
        ("--min-report-interval-seconds", "0"),
        ("--datapoint-days", "14"),
        ("--event-days", "30"),
        ("--log-level", "INFO"),
    ):
        assert re.search(rf"{option} [^-]*\[[^\]]*default:\s+{re.escape(default)}", text, re.DOTALL), option
    assert "--allow-unregistered-devices" in text
    assert "WARDEN_SERVE_DATA" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--prot", "1"), "--prot"),
        (("--port", "70000"), "70000"),
        (("--account", "12345"), "12 digits"),
        (("--account", "١٢٣٤٥٦٧٨٩٠١٢"), "12 digits"),
        (("--region", "nowhere"), "eu-central-1"),
        (("--metrics-prefix", "$aws"), "A-Z"),
        (("--metrics-prefix", "a/b"), "A-Z"),
        (("--datapoint-days", "1"), "2<=x<=90"),
        (("--log-level", "LOUD"), "DEBUG"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_bad_option_is_refused_with_what_was_expected(arguments: tuple[str, ...], said: str) -> None:
    code, text = run("serve", *arguments)

    assert code == 2
    assert arguments[0] in text
    assert said in text
    assert "Traceback" not in text


def test_options_may_be_given_in_the_environment() -> None:
    code, text = run("serve", env={"WARDEN_SERVE_PORT": "none"})

    assert code == 2
    assert "none" in text


@pytest.mark.parametrize("option", ["--port", "--mqtt-port", "--mqtts-port"])
def test_a_port_in_use_is_named_with_the_option_to_change_it_and_nobody_is_sent_to_it(
    tmp_path: Path, option: str
) -> None:
    (tmp_path / "endpoints.json").write_text('{"http": "left by one that was killed"}')
    with taken_port() as port:
        ports = {"--port": "0", "--mqtt-port": "0", "--mqtts-port": "0", option: str(port)}
        code, text = run("serve", "--data", str(tmp_path), *(word for pair in ports.items() for word in pair))

    assert code == 1
    assert text == (f"Error: port {port} of 127.0.0.1 is in use; choose another one with {option}\n")
    assert not (tmp_path / "endpoints.json").exists()


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    code, text = run("serve", "--data", str(tmp_path / "file" / "data"))

    assert code == 1
    assert text == f"Error: {tmp_path}/file/data cannot be used (Not a directory); choose another one with --data\n"


def test_a_data_directory_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "control.db") as control:
        control.execute("PRAGMA user_version = 99")
    control.close()
    before = (tmp_path / "control.db").read_bytes()

    code, text = run("serve", "--data", str(tmp_path), "--port", "0", "--mqtt-port", "0", "--mqtts-port", "0")

    assert code == 1
    assert text.startswith(f"Error: {tmp_path}/control.db: ")
    assert "schema version 99" in text
    assert "Traceback" not in text
    assert (tmp_path / "control.db").read_bytes() == before


def test_surroundings_that_cannot_be_read_stop_the_start_and_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "surroundings.checkpoint").write_bytes(b"something else")

    code, text = run("serve", "--data", str(tmp_path), "--port", "0", "--mqtt-port", "0", "--mqtts-port", "0")

    assert code == 1
    assert text.startswith(f"Error: {tmp_path}/surroundings.checkpoint: ")
    assert "Traceback" not in text
    assert (tmp_path / "surroundings.checkpoint").read_bytes() == b"something else"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running(tmp_path_factory.mktemp("home") / "data") as started:
        yield started


def test_nobody_else_may_read_what_it_keeps(home: Home) -> None:
    home.thing("private")
    assert eventually((home.data / "surroundings.checkpoint").exists)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (home.data, *home.data.iterdir())}

    assert modes.pop("data") == 0o700
    assert {"log.db", "control.db", "surroundings.checkpoint", "deliveries.db"} <= modes.keys()
    assert {mode & 0o077 for mode in modes.values()} == {0}


def test_a_second_start_on_the_same_data_says_who_has_it_and_the_first_one_goes_on(home: Home) -> None:
    code, text = run("serve", "--data", str(home.data), "--port", "0", "--mqtt-port", "0", "--mqtts-port", "0")

    assert code == 1
    assert text == (
        f"Error: {home.data} is in use by process {home.process.pid}; "
        "stop it, or choose another directory with --data\n"
    )
    assert home.is_healthy()
    assert (home.data / "endpoints.json").exists()


def test_it_is_unhealthy_with_the_reason_while_a_plane_does_not_answer(home: Home) -> None:
    assert home.health() == (200, "ok\n")
    data_plane = home.plane("data_plane")

    data_plane.suspend()
    status, why = home.health()
    data_plane.resume()

    assert status == 503
    assert why.startswith("the data plane does not answer: ")
    assert eventually(home.is_healthy)


def test_it_says_where_everything_is_and_ends_quietly_on_ctrl_c(tmp_path: Path) -> None:
    with running(tmp_path / "data") as home:
        assert home.is_healthy()
        home.process.send_signal(signal.SIGINT)
        assert home.process.wait(PATIENCE) == 0

        assert home.log.read_text().splitlines() == [
            f"Thingwarden {warden.__version__} serves account 000000000000, us-east-1",
            f"  control API  {home.url}   (aws iot … --endpoint-url {home.url})",
            f"  MQTT         mqtt://127.0.0.1:{home.mqtt_port}",
            f"  devices      mqtts://127.0.0.1:{home.mqtts_port}   (they trust {home.data}/ca.pem)",
            f"  data         {home.data}",
            "Ctrl-C stops it.",
        ]


def test_it_ends_at_once_where_it_is_told_to_while_it_starts(tmp_path: Path) -> None:
    data = tmp_path / "data"
    process = subprocess.Popen(
        [*WARDEN, "serve", "--data", str(data), "--port", "0", "--mqtt-port", "0", "--mqtts-port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert eventually((data / "lock").exists)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=PATIENCE)

    assert process.returncode == 0
    assert b"Traceback" not in said


def test_a_hanging_subscriber_does_not_cost_what_was_done_last(tmp_path: Path) -> None:
    with taken_port() as port, running(tmp_path / "data") as home:
        topic = home.client("sns").create_topic(Name="hanging")["TopicArn"]
        home.client("sns").subscribe(TopicArn=topic, Protocol="http", Endpoint=f"http://127.0.0.1:{port}/")
        names = [f"last-{number:02}" for number in range(20)]
        for name in names:
            home.thing(name)

        assert home.stop() == 0

        assert "was killed" not in home.log.read_text()
        kept = (home.data / "surroundings.checkpoint").read_bytes()
        assert [name for name in names if name.encode() not in kept] == []


@pytest.mark.parametrize(
    ("host", "code", "told"),
    [
        ("192.0.2.77", 1, "--host 192.0.2.77 is no address of this machine; give one that is, or its host name"),
        ("no-such-host.invalid", 1, "--host no-such-host.invalid cannot be resolved; give a name or an address of"),
        ("0.0.0.0", 2, "the name or the address that devices connect to, which the certificate has to name"),  # noqa: S104
        ("::", 2, "expected the name or the address that devices connect to"),
    ],
)
def test_a_host_that_devices_could_not_find_is_told_by_its_name(
    tmp_path: Path, host: str, code: int, told: str
) -> None:
    found, text = run(
        "serve", "--data", str(tmp_path / "data"), *("--port", "0", "--mqtt-port", "0", "--mqtts-port", "0"),
        "--host", host,
    )  # fmt: skip
    assert found == code
    assert told in " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize("option", [("--account", "111111111111"), ("--region", "eu-west-1")])
def test_the_data_of_another_account_or_region_is_not_served(tmp_path: Path, option: tuple[str, str]) -> None:
    data, ports = tmp_path / "data", ("--port", "0", "--mqtt-port", "0", "--mqtts-port", "0")
    with running(data):
        pass
    code, text = run("serve", "--data", str(data), *ports, *option)
    assert code == 1
    assert f"{data} is of --account 000000000000 --region us-east-1, not of --account" in text
    with running(data) as again:
        assert again.is_healthy()


def test_what_hinders_a_start_is_a_line_of_json_where_the_log_is(home: Home) -> None:
    code, text = run("serve", "--data", str(home.data), "--log-format", "json")
    (line,) = map(json.loads, text.splitlines())
    assert code == 1
    assert (line["process"], line["level"]) == ("supervisor", "CRITICAL")
    assert f"is in use by process {home.process.pid}" in line["message"]


def test_a_directory_that_others_may_write_to_is_not_served(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o777)
    code, text = run("serve", "--data", str(data))
    assert (code, text) == (
        1,
        f"Error: {data} is for other users to write to; chmod 700 it, or choose another one with --data\n",
    )
    assert list(data.iterdir()) == []


def test_a_terminal_that_is_closed_ends_it_as_sigterm_does(tmp_path: Path) -> None:
    home = Home(tmp_path / "data")
    with closing(home):
        home.process.send_signal(signal.SIGHUP)
        assert home.process.wait(10) == 0
    assert not (home.data / "channel").exists()
    assert not (home.data / "endpoints.json").exists()


def test_a_stage_that_is_looked_for_in_a_local_home_is_told_as_such(home: Home) -> None:
    where = {"AWS_ENDPOINT_URL": home.url, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a"}
    code, text = run("profiles", "--stage", "prod", env={**where, "AWS_SECRET_ACCESS_KEY": "s"})
    assert code == 2
    assert "AWS_ENDPOINT_URL… names a local home: unset it, so that AWS is asked" in text


def test_clients_are_held_to_awss_quotas_where_that_is_asked_for(tmp_path: Path) -> None:
    def connect(port: int) -> str:
        client, answered = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "often", protocol=mqtt.MQTTv5), Queue[str]()
        client.on_connect = lambda *arguments: answered.put(str(arguments[3]))
        client.connect("127.0.0.1", port)
        client.loop_start()
        try:
            return answered.get(timeout=PATIENCE)
        finally:
            client.disconnect()
            client.loop_stop()

    with running(tmp_path / "data", "--aws-limits") as home:
        assert connect(home.mqtt_port) == "Success"
        assert "Quota exceeded" in {connect(home.mqtt_port) for _ in range(5)}
