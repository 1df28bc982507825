"""What Prometheus reads at `GET /metrics`."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.home import Home, behavior, eventually, listening, running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running(tmp_path_factory.mktemp("home") / "data", "--min-report-interval-seconds", "300") as started:
        yield started


def samples(home: Home) -> dict[str, float]:
    """By name and labels, as Prometheus's own parser reads them."""
    with urlopen(f"{home.url}/metrics") as answer:  # noqa: S310 (this home)
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        text = answer.read().decode()
    return {
        sample.name + "".join(f"/{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_becomes_of_reports_and_alerts_is_counted(home: Home) -> None:
    thing, inbox = home.thing("pump", "pumps"), home.inbox("metrics")
    home.profile("pumps", behavior(22), target="thinggroup/pumps", alertTargets=inbox.target)
    device = home.device("pump")
    for name in (thing, "nobody"):
        device.hear(name)
    payload = json.dumps(listening(23, report_id=1)).encode()
    for name, report in [
        (thing, payload),
        (thing, payload),
        (thing, json.dumps(listening(23, report_id=2)).encode()),
        (thing, b"{"),
        ("nobody", payload),
    ]:
        device.publish(name, report)
        device.reply()
    inbox.next()
    found = eventually(lambda: (now := samples(home))["thingwarden_alert_seconds_count"] and now)
    expected = {
        "thingwarden_up/control": 1,
        "thingwarden_up/data": 1,
        "thingwarden_reports_accepted_total/newest": 1,
        "thingwarden_reports_accepted_total/duplicate": 1,
        "thingwarden_reports_rejected_total/throttled": 1,
        "thingwarden_reports_rejected_total/invalid": 1,
        "thingwarden_reports_rejected_total/not_a_thing": 1,
        "thingwarden_report_races_total": 0,
        "thingwarden_reports_waiting": 0,
        "thingwarden_entries_stuck": 0,
        "thingwarden_alert_seconds_count": 1,
        "thingwarden_mqtt_clients": 1,
        "thingwarden_mqtt_received_total": 5,
        "thingwarden_mqtt_malformed_total": 0,
    }
    assert {name: found[name] for name in expected} == expected
    assert 0 <= found["thingwarden_alert_seconds_sum"] < 60
    assert eventually(lambda: samples(home)["thingwarden_entries_undispatched"] == 0)


def test_the_page_for_operators_has_every_metric(home: Home) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    with urlopen(f"{home.url}/metrics") as answer:  # noqa: S310 (this home)
        families = text_string_to_metric_families(answer.read().decode())
    names = {f"{each.name}_total" if each.type == "counter" else each.name for each in families}
    ours = {name for name in names if name.startswith("thingwarden_")}
    assert len(ours) > 20
    assert {each for each in ours if f"`{each}" not in page and each.replace("thingwarden_mqtt", "`…") not in page} == {
        "thingwarden_alert_seconds_created"
    }


def test_a_data_plane_that_is_down_is_told_and_the_rest_too(tmp_path: Path) -> None:
    with running(tmp_path / "data") as home:
        (plane,) = (
            child
            for child in psutil.Process(home.process.pid).children()
            if "warden.embedded.data_plane" in child.cmdline()
        )
        plane.send_signal(signal.SIGSTOP)
        try:
            found = samples(home)
        finally:
            plane.send_signal(signal.SIGCONT)
        assert (found["thingwarden_up/control"], found["thingwarden_up/data"]) == (1, 0)
        assert found["thingwarden_entries_stuck"] == 0
        assert "thingwarden_mqtt_clients" not in found
