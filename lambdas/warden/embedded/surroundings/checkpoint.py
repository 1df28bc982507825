"""The surroundings on disk: one file that is replaced as a whole, and who decides when.

The file is a line of JSON that says what wrote it, then a pickle. A pickle can run anything, so this one is read
with a list of what it may name: classes of moto's models and of ours, and plain containers. The file is ours alone
(mode 0600) all the same.
"""

import io
import json
import logging
import os
import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

from warden.domain.errors import WardenError

log = logging.getLogger(__name__)

READABLE = ("5.2.5",)  # moto versions whose objects this release takes; a fixture of each is among the tests
SHORTEST_INTERVAL_SECONDS = 1.0
COST_SHARE = 10  # a write is followed by ten times its duration without one

_MODULES = frozenset(
    {
        "moto.iam.models",
        "moto.iot.models",
        "moto.iotdata.models",
        "moto.sns.models",
        "moto.sns.utils",
        "moto.sqs.models",
        "moto.sts.models",
        "moto.utilities.tagging_service",
        "warden.embedded.surroundings.backends",
        "warden.embedded.surroundings.logging_options",
        "warden.embedded.surroundings.queues",
        "warden.embedded.surroundings.registry",
        "warden.embedded.surroundings.sns",
    }
)
_OTHERS = frozenset(
    {
        ("builtins", "frozenset"),
        ("builtins", "list"),
        ("builtins", "set"),
        ("collections", "OrderedDict"),
        ("collections", "defaultdict"),
        ("datetime", "datetime"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("re", "_compile"),
        ("threading", "Condition"),
    }
)


class CheckpointUnreadable(WardenError):
    """The file is not one that this release can read; nothing was changed.

    Args:
        path: Which file.
        reason: What is wrong with it.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path}: {reason}. It holds things, certificates, topics and queues;"
            " to start without them, move the file away"
        )


class Unkeepable(OSError):
    """Something is in the surroundings that no checkpoint may hold."""


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: object) -> Any:
        if isinstance(obj, threading.Condition):
            return threading.Condition, ()
        if isinstance(obj, type | FunctionType) and not _may_name(obj.__module__, obj.__qualname__):
            # what could not be read back must not take the place of what can
            raise Unkeepable(f"{obj.__module__}.{obj.__qualname__} is in it, which no checkpoint may name")
        return NotImplemented


def _may_name(module: str, name: str) -> bool:
    return (module, name) in _OTHERS or (module in _MODULES and "." not in name)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _OTHERS:
            return super().find_class(module, name)
        if _may_name(module, name):
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module:
                return found
        raise pickle.UnpicklingError(f"it names {module}.{name}, which no checkpoint does")


def dump(state: Any, moto_version: str) -> bytes:
    """The bytes of a checkpoint; locks in it are left unlocked."""
    out = io.BytesIO(json.dumps({"moto": moto_version}).encode() + b"\n")
    out.seek(0, io.SEEK_END)
    _Pickler(out, pickle.HIGHEST_PROTOCOL).dump(state)
    return out.getvalue()


def load(path: Path) -> Any:
    """What was dumped, or None where no file is. Raises: CheckpointUnreadable."""
    try:
        head, _, body = path.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None
    _check_version(path, head)
    try:
        return _Unpickler(io.BytesIO(body)).load()
    except Exception as error:
        raise CheckpointUnreadable(path, str(error) or type(error).__name__) from error


def _check_version(path: Path, head: bytes) -> None:
    try:
        version = json.loads(head)["moto"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise CheckpointUnreadable(path, "it is not a checkpoint") from None
    if version not in READABLE:
        raise CheckpointUnreadable(
            path, f"it was written with moto {version!r}, and this release reads {', '.join(READABLE)}"
        )


def replace(path: Path, content: bytes) -> None:
    """Put a file in place as a whole, for its owner only; it and its name are on disk when this returns."""
    new = path.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


class Keeper:
    """Writes checkpoints: soon after a change, and never so often that writing is most of the work.

    Args:
        path: The file.
        snapshot: Gives its content; called with `lock` held.
        lock: Held by whoever changes what is in it.

    Attributes:
        hindrance: Why the file could not be written when that was tried last; empty where it could.
    """

    def __init__(self, path: Path, snapshot: Callable[[], bytes], lock: threading.Condition) -> None:
        self._path = path
        self._snapshot = snapshot
        self._lock = lock
        self._writing = threading.Lock()
        self.hindrance = ""
        self._changes = 0
        self._kept = 0
        self._cost_seconds = 0.0
        self._ended = float("-inf")
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)

    def start(self) -> None:
        """Write what changes from now on."""
        self._thread.start()

    def changed(self) -> None:
        """Something changed; called with `lock` held."""
        self._changes += 1
        self._wake.set()

    def now(self) -> None:
        """Return when all that changed before this call is on disk. Raises: OSError."""
        wanted = self._changes
        with self._writing:
            if self._kept < wanted:
                self._write()

    def if_cheap(self) -> None:
        """As `now`, where the last write was long enough ago for its cost, or failed; else the thread does it later.

        Raises: OSError, where it cannot be written; the thread tries again.
        """
        if self.hindrance or time.monotonic() - self._ended >= COST_SHARE * self._cost_seconds:
            try:
                self.now()
            except OSError:
                self._wake.set()
                raise

    def stop(self) -> None:
        """Write the last changes, and no more. Raises: OSError."""
        self._stop.set()
        self._wake.set()
        self._thread.join()
        self.now()

    def _write(self) -> None:
        begun = time.monotonic()
        try:
            with self._lock:
                changes, content = self._changes, self._snapshot()
            replace(self._path, content)
        except OSError as error:
            if not self.hindrance:
                log.error("%s cannot be written, and is tried again: %s", self._path, error)  # noqa: TRY400
            self.hindrance = str(error)
            raise
        self.hindrance = ""
        self._kept = changes
        self._ended = time.monotonic()
        self._cost_seconds = self._ended - begun

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait()
            self._wake.clear()
            interval = max(SHORTEST_INTERVAL_SECONDS, COST_SHARE * self._cost_seconds)
            if self._stop.wait(max(0.0, self._ended + interval - time.monotonic())):
                return
            try:
                self.now()
            except OSError:
                self._ended = time.monotonic()
                self._wake.set()
