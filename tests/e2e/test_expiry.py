"""What is kept for so many days is gone after them, on disk too."""

from pathlib import Path

from tests.home import eventually
from warden.adapters.sqlite import SqliteTable
from warden.embedded.control_plane import ControlPlane
from warden.embedded.options import CONTROL_FILE, LOG_FILE, ServeOptions
from warden.embedded.plane import PlaneSettings, now
from warden.ports import Item, Key
from warden.storage import keys


def test_events_whose_days_are_over_leave_the_file(tmp_path: Path) -> None:
    over, lasting = Key("VIO#1", "VIO"), Key("VIO#2", "VIO")
    SqliteTable(tmp_path / LOG_FILE, keys.LOG).close()
    table = SqliteTable(tmp_path / CONTROL_FILE, keys.CONTROL)
    table.put(Item(over, expires_at=now() // 1000))
    table.put(Item(lasting, expires_at=now() // 1000 + 3600))
    options = ServeOptions(data=str(tmp_path), http_port=0)
    plane = ControlPlane(PlaneSettings(options=options, channel=str(tmp_path / "nobody-answers")))
    plane.start()
    try:
        assert eventually(lambda: table.get(over) is None)
        assert table.get(lasting)
    finally:
        plane.stop()
        table.close()
