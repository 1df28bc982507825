"""A disk that is full: nothing that was acknowledged is lost, `/healthz` says why, and all goes on by itself."""

import json
import resource
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import ClientError

from tests.home import Home, behavior, eventually, listening, running

pytestmark = pytest.mark.skipif(not hasattr(psutil.Process, "rlimit"), reason="needs prlimit, which Linux has")


def let_files_grow(home: Home, most: int) -> None:
    """To the processes of the home a disk on which no file may be larger is full."""
    for process in psutil.Process(home.process.pid).children():
        process.rlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))  # type: ignore[attr-defined]


def test_reports_wait_while_the_disk_is_full_and_are_all_there_afterwards(tmp_path: Path) -> None:
    with running(tmp_path / "data") as home:
        thing, inbox = home.thing("pump", "pumps"), home.inbox("full")
        home.profile("pumps", behavior(22), target="thinggroup/pumps", alertTargets=inbox.target)
        device = home.device("pump")
        device.hear(thing)
        device.report(thing, listening(22, report_id=1))

        let_files_grow(home, 1)
        device.publish(thing, json.dumps(listening(23, report_id=2)).encode())
        _, why = eventually(lambda: (found := home.health())[0] == 503 and found)
        assert why.startswith("reports are waiting: SQLite: ")
        let_files_grow(home, resource.RLIM_INFINITY)

        assert device.reply()["reportId"] == 2
        assert inbox.next()["violationEventType"] == "in-alarm"
        assert eventually(home.is_healthy)


def test_registry_edits_that_cannot_be_kept_are_told_and_kept_later(tmp_path: Path) -> None:
    with running(tmp_path / "data") as home:
        iot = home.client("iot")
        certificate = iot.create_keys_and_certificate(setAsActive=True)["certificateId"]
        let_files_grow(home, 1)
        with pytest.raises(ClientError) as raised:
            iot.update_certificate(certificateId=certificate, newStatus="INACTIVE")
        assert raised.value.response["Error"]["Code"] == "ServiceUnavailableException"
        assert "SQLite: " in str(raised.value)
        with pytest.raises(ClientError, match=r"it took effect and cannot be kept: .*File too large") as raised:
            home.client("sns").create_topic(Name="alerts")
        assert raised.value.response["Error"]["Code"] == "ServiceUnavailableException"
        assert len(home.client("sns").list_topics()["Topics"]) == 1
        _, why = eventually(lambda: (found := home.health())[0] == 503 and found)
        assert "cannot be kept: [Errno 27] File too large" in why
        let_files_grow(home, resource.RLIM_INFINITY)
        assert eventually(home.is_healthy)
        home.process.kill()
        home.process.wait()
        home.start()
        described = home.client("iot").describe_certificate(certificateId=certificate)
        assert described["certificateDescription"]["status"] == "INACTIVE", "what was refused took effect"
        assert len(home.client("sns").list_topics()["Topics"]) == 1
