"""More clients than this machine has descriptors for: those who are in are served, the others are told of."""

import socket
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.home import Home, eventually, listening

WITH_256_DESCRIPTORS = ("sh", "-c", 'ulimit -n 256; exec "$0" "$@"', sys.executable, "-m", "warden")
CROWD = 300


@pytest.mark.parametrize("port", ["mqtt_port", "mqtts_port"])
def test_a_crowd_keeps_nobody_out_who_is_in_and_does_not_flood_the_log(tmp_path: Path, port: str) -> None:
    home = Home(tmp_path / "data", command=WITH_256_DESCRIPTORS)
    with closing(home), ExitStack() as crowd:
        thing = home.thing("pump")
        device = home.device("pump")
        device.hear(thing)
        for _ in range(CROWD):
            stranger = crowd.enter_context(socket.socket())
            stranger.setblocking(False)
            stranger.connect_ex(("127.0.0.1", getattr(home, port)))
        if port == "mqtt_port":
            assert eventually(lambda: _count(home, "thingwarden_mqtt_refused_total") > CROWD // 2)
        for report_id in range(1, 20):
            assert device.report(thing, listening(22, report_id=report_id))["status"] == "ACCEPTED"
            home.client("iot-data").publish(topic="t", payload=b"x")
        crowd.close()
        assert eventually(lambda: _count(home, "thingwarden_mqtt_clients") == 1)
        late = home.device("late")
        late.hear(thing)
    assert home.log.read_text().count("\n") < 200
    assert "Too many open files" not in home.log.read_text()


def _count(home: Home, name: str) -> float:
    with urlopen(f"{home.url}/metrics") as answer:  # noqa: S310 (of this home)
        lines = answer.read().decode().splitlines()
    return float(next(line.rpartition(" ")[2] for line in lines if line.startswith(f"{name} ")))
