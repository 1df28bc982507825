"""A copy of a home's data directory, taken while the home serves.

The order of the files makes it one that a home can start from. What the log has and the control plane has not seen is
dispatched again, to no further effect; so the log comes last. An alert that counts as sent is in the queues and
deliveries, which are copied after the events that say so.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from warden.embedded.options import CONTROL_FILE, HOME_FILE, LOG_FILE

DELIVERIES_FILE, CHECKPOINT_FILE = "deliveries.db", "surroundings.checkpoint"
FILES: Final = (HOME_FILE, CONTROL_FILE, DELIVERIES_FILE, CHECKPOINT_FILE, "ca.pem", "ca.key", LOG_FILE)
"""In this order; what is made anew at each start is not among them."""

NEEDED: Final = (CONTROL_FILE, LOG_FILE)
PAGES_AT_ONCE = 2_000


class CannotBackUp(Exception):
    """There is nothing to copy, or nowhere to put it; the message says which."""


def back_up(home: Path, to: Path, progress: Callable[[str], None]) -> int:
    """Copy a home.

    Args:
        home: Its data directory.
        to: A directory that is not there, or is empty; it appears when all of it is there, for this user only.
        progress: Told what is being copied.

    Returns: Bytes of the copy.

    Raises: CannotBackUp.
    """
    if missing := [name for name in NEEDED if not (home / name).is_file()]:
        raise CannotBackUp(f"{home} is no data directory of a home: it has no {' and no '.join(missing)}")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        is_what = "is not empty" if to.is_dir() else "is a file"
        raise CannotBackUp(f"{to} {is_what}; name a directory that is not there, or is empty")
    if to.resolve().is_relative_to(home.resolve()):
        raise CannotBackUp(f"{to} is in the data directory itself; name one outside of {home}")
    new = to.with_name(f"{to.name}.partial")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(new, ignore_errors=True)  # of a copy that was interrupted
        new.mkdir(mode=0o700)
    except OSError as error:
        raise CannotBackUp(f"{to} cannot be made: {error.strerror}") from error
    try:
        for name in FILES:
            if (home / name).exists():
                _copy(home / name, new / name, progress)
        size = sum(file.stat().st_size for file in new.iterdir())
        new.replace(to)
    except OSError as error:
        shutil.rmtree(new, ignore_errors=True)
        raise CannotBackUp(f"{to} cannot be written: {error.strerror}") from error
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    return size


def _copy(file: Path, copy: Path, progress: Callable[[str], None]) -> None:
    progress(f"copying {file.name}")
    copy.touch(mode=0o600)
    if file.suffix == ".db":
        _copy_database(file, copy, progress)
    else:
        copy.write_bytes(file.read_bytes())
    with copy.open("rb") as written:
        os.fsync(written.fileno())


def _copy_database(file: Path, copy: Path, progress: Callable[[str], None]) -> None:
    """As it was at one moment, whoever writes meanwhile: the transaction that reads it holds that moment."""

    def told(_: int, left: int, total: int) -> None:
        progress(f"copying {file.name}: {100 * (total - left) // max(total, 1)} %")

    try:
        with (
            closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            source.backup(target, pages=PAGES_AT_ONCE, progress=told, sleep=0)
    except sqlite3.Error as error:
        raise CannotBackUp(f"{file} cannot be copied to {copy.parent}: {error}") from error
