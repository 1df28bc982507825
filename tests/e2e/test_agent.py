"""`warden agent` at a running home: what it sends counts, and it says what became of it."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from AWSIoTDeviceDefenderAgentSDK.collector import Collector

from tests.cli.running import following, warden
from tests.devices import Identity, allow, document
from tests.home import PATIENCE, Home, behavior, eventually, running
from tests.surroundings.home import free_port
from tests.surroundings.pki import an_ec_key, certificate, key_text, text

ONLY_PORT_1 = behavior(1)  # a machine that runs a home listens on others
OWN = "{}/things/{{thing}}/defender/metrics/{{format}}".format


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running(tmp_path_factory.mktemp("home") / "data") as started:
        started.profile("everything", ONLY_PORT_1)
        yield started


def certified(identity: Identity) -> list[str]:
    home = identity.home
    shown, key = map(str, identity.files)
    identity.files[1].chmod(0o600)
    return ["--port", str(home.mqtts_port), "--ca", str(home.data / "ca.pem"), "--cert", shown, "--key", key]


@pytest.mark.parametrize(
    ("how", "options"),
    [
        pytest.param("tls", [], id="JSON on AWS's topic, with a certificate"),
        pytest.param("tls", ["--format", "cbor", "--topic", "own"], id="CBOR on the own topic, with a certificate"),
        pytest.param("tls", ["--format", "cbor", "--short-names"], id="CBOR, short names, with a certificate"),
        pytest.param("tls", ["--topic", OWN("warden")], id="JSON on a topic that is given as a template"),
        pytest.param("plain", ["--short-names"], id="JSON, short names, plain"),
        pytest.param("plain", ["--format", "cbor", "--client-id", "else"], id="CBOR, another client id, plain"),
    ],
)
def test_one_report_is_accepted_and_judged(
    home: Home, tmp_path: Path, how: str, options: list[str], request: pytest.FixtureRequest
) -> None:
    thing = home.thing("".join(filter(str.isalnum, request.node.name))[-100:])
    way = certified(Identity(home, tmp_path)) if how == "tls" else ["--port", str(home.mqtt_port)]
    done = warden("agent", "--thing", thing, "--once", *way, *options)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "  accepted    report " in done.stdout
    assert eventually(lambda: home.active(thingName=thing))


def test_a_report_that_is_rejected_ends_it_with_1_and_the_homes_words(home: Home, tmp_path: Path) -> None:
    done = warden("agent", "--thing", "ghost", "--once", *certified(Identity(home, tmp_path)))
    assert done.exit_code == 1
    assert "  rejected    report " in done.stdout
    assert "InvalidPayload: ghost Not a Thing" in done.stdout


@pytest.mark.parametrize(
    ("missing", "said"),
    [("iot:Connect", "refused to connect"), ("iot:Subscribe", "refused to subscribe"), ("iot:Publish", "refused to")],
)
def test_a_right_that_is_missing_is_named(home: Home, tmp_path: Path, missing: str, said: str) -> None:
    rights = {"iot:Connect", "iot:Publish", "iot:Subscribe", "iot:Receive"} - {missing}
    identity = Identity(home, tmp_path, document(allow(*sorted(rights))))
    done = warden("agent", "--thing", home.thing(f"no-{missing[4:]}"), "--once", *certified(identity))
    assert done.exit_code == 1
    assert said in done.output
    assert f"a policy of the certificate has to allow {missing}" in done.output


def test_who_cannot_connect_ends_with_3_and_why(home: Home, tmp_path: Path) -> None:
    identity = Identity(home, tmp_path)
    way = certified(identity)
    once = ("agent", "--thing", "lamp", "--once")

    away = warden(*once, "--port", str(free_port()))
    assert (away.exit_code, "does not answer" in away.stderr) == (3, True)

    without_ca = [*way[:2], *way[4:]]
    # Apart, since paho leaves the socket of a failed handshake to the garbage collector, which warns of it.
    command = [sys.executable, "-m", "warden", *once, *without_ca]
    strange = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (strange.returncode, "is not trusted" in strange.stderr) == (3, True)

    identity.iot.update_certificate(certificateId=identity.id, newStatus="INACTIVE")
    inactive = warden(*once, *way)
    assert (inactive.exit_code, "is the certificate ACTIVE there?" in inactive.stderr) == (3, True)


def test_a_certificate_of_another_authority_gets_nowhere(home: Home, tmp_path: Path) -> None:
    key = an_ec_key()
    (tmp_path / "o.pem").write_text(text(certificate(key)))
    (tmp_path / "o.key").write_text(key_text(key))
    files = ("--cert", str(tmp_path / "o.pem"), "--key", str(tmp_path / "o.key"))
    way = ("--port", str(home.mqtts_port), "--ca", str(home.data / "ca.pem"), *files)
    done = warden("agent", "--thing", "lamp", "--once", *way)
    assert (done.exit_code, "ended the connection before it answered" in done.stderr) == (3, True)


def test_a_key_of_another_certificate_is_said_before_anything_is_sent(home: Home, tmp_path: Path) -> None:
    one, other = Identity(home, tmp_path), Identity(home, tmp_path)
    way = [*certified(one)[:-1], certified(other)[-1]]
    done = warden("agent", "--thing", "lamp", "--once", *way)
    assert done.exit_code == 2, "wrong usage stays wrong: systemd does not start it again"
    assert "the key is another certificate's" in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize("endpoint", ["mqtts://127.0.0.1", "127.0.0.1:8883", "a b", ""])
def test_an_endpoint_that_cannot_be_one_is_wrong_usage(endpoint: str) -> None:
    done = warden("agent", "--thing", "lamp", "--once", "--endpoint", endpoint)
    assert done.exit_code == 2
    assert "expected a host name or an address, without scheme and port" in " ".join(
        done.stderr.replace("│", " ").split()
    )


def test_a_key_that_others_may_read_is_warned_of_and_never_shown(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = Identity(home, tmp_path)
    way = certified(identity)
    identity.files[1].chmod(0o640)
    done = warden("agent", "--thing", home.thing("careless"), "--once", *way)
    assert done.exit_code == 0
    assert f"chmod 600 {identity.files[1]}" in done.stderr
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert warden("agent", "--thing", "careless", "--once", *way).stderr == "", "systemd keeps it from others"
    secret = identity.files[1].read_text().splitlines()[1]
    assert secret not in done.output


def test_a_dry_run_says_what_awss_collector_says_but_for_traffic() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        here = {"interface": "lo", "port": listener.getsockname()[1]}
        done = warden("agent", "--thing", "lamp", "--dry-run")
        theirs = json.loads(Collector(use_custom_metrics=False).collect_metrics().to_json_string())
    ours = json.loads(done.stdout)
    for report in (ours, theirs):
        assert here["port"] in [each["port"] for each in report["metrics"]["listening_tcp_ports"]["ports"]]
        assert here in report["metrics"]["listening_tcp_ports"]["ports"] or sys.platform != "linux"
        assert report["header"]["version"] == "1.0"
    assert ours["header"].keys() == theirs["header"].keys()
    assert "network_stats" in theirs["metrics"], "its first report has totals, which are no difference"
    assert "network_stats" not in ours["metrics"]
    assert done.exit_code == 0


def test_it_goes_on_with_differences_until_it_is_told_to_end(home: Home, tmp_path: Path) -> None:
    thing = home.thing("busy")
    normal = {"comparisonOperator": "less-than", "value": {"count": 1}, "durationSeconds": 300}
    home.profile("quiet", {"name": "quiet", "metric": "aws:all-bytes-out", "criteria": normal})
    home.client("iot").create_custom_metric(metricName="cpu_usage", metricType="number", clientRequestToken="t")
    options = ("--interval", "1", "--short-names", "--custom-metrics")
    with following("agent", "--thing", thing, *options, *certified(Identity(home, tmp_path))) as agent:
        assert "sooner than each 300 s" in agent.line()
        assert f"as busy, reports on $aws/things/{thing}/defender/metrics/json" in agent.line()
        told = [agent.line() for _ in range(3)]
        assert all("  accepted    report " in line for line in told), told
        assert not any("dropped" in line for line in told), "cpu_usage is a metric here"
        names = eventually(lambda: {each["behavior"]["name"] for each in home.active(thingName=thing)} >= {"quiet"})
        assert names, "this machine sent bytes between two reports"
        agent.process.send_signal(signal.SIGTERM)
        assert agent.process.wait(PATIENCE) == 0


def test_it_outlives_its_broker(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--mqtts-port", str(free_port())) as home:
        thing = home.thing("patient")
        way = certified(Identity(home, tmp_path))
        with following("agent", "--thing", thing, "--interval", "1", *way) as agent:
            _until(agent.line, "accepted")
            assert home.stop() == 0
            assert "ended the connection" in _until(agent.line, "waiting")
            assert "does not answer" in _until(agent.line, "waiting")
            home.start()
            _until(agent.line, "connected")
            _until(agent.line, "accepted")
            assert agent.interrupt() == 0


def _until(line: object, word: str) -> str:
    assert callable(line)
    while True:
        said: str = line()
        if f"  {word} " in said:
            return said
