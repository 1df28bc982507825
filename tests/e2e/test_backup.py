"""`warden backup`: a copy that a home starts from, with all that was there, taken while reports come in."""

import json
import threading
from pathlib import Path

import pytest

from tests.cli.running import warden
from tests.devices import V5, Client, Identity
from tests.home import Home, behavior, eventually, listening, running


def test_a_home_starts_from_a_copy_that_was_taken_while_reports_came_in(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with running(tmp_path / "data") as home:
        things = [home.thing(f"pump-{n}", "pumps") for n in range(4)]
        inbox = home.inbox("copied")
        home.profile("pumps", behavior(22), target="thinggroup/pumps", alertTargets=inbox.target)
        identity = Identity(home, tmp_path)
        device = home.device("reporter")
        for thing in things:
            device.publish(thing, json.dumps(listening(23, report_id=1)).encode())
        assert eventually(lambda: len(home.active()) == len(things))
        ended = threading.Event()
        reporting = threading.Thread(target=_report_on, args=(home, things, ended))
        reporting.start()
        try:
            told = warden("backup", str(copy), "--data", str(home.data))
        finally:
            ended.set()
            reporting.join()
        assert told.exit_code == 0, told.output
        assert told.output.startswith(f"{copy} is a copy of {home.data}, ")
        violations = {each["violationId"] for each in home.active()}
    assert (copy.stat().st_mode & 0o777, {file.stat().st_mode & 0o777 for file in copy.iterdir()}) == (0o700, {0o600})
    with running(copy) as restored:
        assert {each["violationId"] for each in restored.active()} == violations
        identity.home = restored
        client = Client(identity, "anyone", V5)
        assert client.publish("still/known") == 0
        client.close()
        device = restored.device("reporter")
        device.hear(things[0])
        assert device.report(things[0], listening(22, report_id=99))["status"] == "ACCEPTED"
        assert eventually(lambda: len(restored.active()) == len(things) - 1)


def _report_on(home: Home, things: list[str], ended: threading.Event) -> None:
    device, number = home.device("under-load"), 10
    while not ended.is_set():
        for thing in things:
            number += 1
            device.publish(thing, json.dumps(listening(23, report_id=number)).encode()).wait_for_publish(20)


def test_what_is_no_home_is_not_copied(tmp_path: Path) -> None:
    told = warden("backup", str(tmp_path / "copy"), "--data", str(tmp_path))
    assert (told.exit_code, (tmp_path / "copy").exists()) == (1, False)
    assert f"{tmp_path} is no data directory of a home: it has no control.db and no log.db" in told.output


def test_nothing_is_put_where_something_is(tmp_path: Path) -> None:
    for name in ("control.db", "log.db"):
        (tmp_path / name).touch()
    told = warden("backup", str(tmp_path), "--data", str(tmp_path))
    assert told.exit_code == 1
    assert f"{tmp_path} is not empty" in told.output


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    for name in ("control.db", "log.db"):
        (tmp_path / "home" / name).write_bytes(b"no database" * 100)
    told = warden("backup", str(tmp_path / "copy"), "--data", str(tmp_path / "home"))
    assert told.exit_code == 1
    assert f"control.db cannot be copied to {tmp_path}/copy.partial: file is not a database" in told.output
    assert [file.name for file in tmp_path.iterdir()] == ["home"]


def test_a_place_that_cannot_be_written_or_is_the_home_itself_is_named(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "file"
    home.mkdir()
    file.touch()
    for name in ("control.db", "log.db"):
        (home / name).touch()
    for to, why in (
        (file, f"{file} is a file; name a directory that is not there, or is empty"),
        (file / "copy", f"{file / 'copy'} cannot be made: File exists"),
        (home / "inner", f"{home / 'inner'} is in the data directory itself; name one outside of {home}"),
    ):
        told = warden("backup", str(to), "--data", str(home))
        assert (told.exit_code, told.output) == (1, f"Error: {why}\n")


@pytest.mark.parametrize("there", [True, False])
def test_an_empty_directory_will_do_and_so_will_none(tmp_path: Path, there: bool) -> None:
    copy = tmp_path / "a" / "copy"
    if there:
        copy.mkdir(parents=True)
    with running(tmp_path / "data") as home:
        done = warden("backup", str(copy), "--data", str(home.data), "--json")
    assert done.exit_code == 0
    told = json.loads(done.output)
    assert (told["directory"], told["bytes"]) == (str(copy), sum(file.stat().st_size for file in copy.iterdir()))
    assert {file.name for file in copy.iterdir()} >= {"control.db", "log.db", "ca.pem", "ca.key"}
