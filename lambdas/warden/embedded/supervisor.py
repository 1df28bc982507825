"""`warden serve`: starts the two planes, starts again the one that dies, stops both."""

import fcntl
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, TextIO

import msgspec

from warden.adapters.sqlite import SqliteTable, WrongSchema
from warden.domain.errors import Unavailable
from warden.embedded.options import (
    CONTROL_FILE,
    HOME_FILE,
    LOG_FILE,
    SERVER_CERTIFICATE_FILE,
    SERVER_KEY_FILE,
    ServeOptions,
)
from warden.embedded.plane import Hindered, Logs, PlaneSettings, Ready, now
from warden.storage import keys

log = logging.getLogger(__name__)

CONTROL, DATA = "control plane", "data plane"

COMMANDS: Mapping[str, Sequence[str]] = {
    CONTROL: (sys.executable, "-m", "warden.embedded.control_plane"),
    DATA: (sys.executable, "-m", "warden.embedded.data_plane"),
}

LOCK_SECONDS = 5.0
STOP_SECONDS: Mapping[str, float] = {DATA: 2.3, CONTROL: 4.6}
"""By when each plane must have ended, in the order in which they are told to: first no more reports, then what they
left to do. Below the five seconds that `warden serve` promises."""

RESTART_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)
"""Before the first, second, … restart in a row; a plane that lived for half a minute starts with the first again."""

LIVED_SECONDS = 30.0
LONGEST_SOCKET_NAME = 100  # bytes; a little less than what Linux and macOS take


class CannotServe(Exception):
    """`warden serve` cannot start; the message says why, and what to do."""


class Endpoints(msgspec.Struct, frozen=True):
    """Where everything listens; also written to `endpoints.json` in the data directory."""

    http: str
    mqtt: str
    mqtts: str


class _Plane:
    """One plane's process.

    Attributes:
        said: What it said of itself; None where it has not, or died before.
    """

    def __init__(
        self, name: str, command: Sequence[str], settings: PlaneSettings, lock: int, ended: Callable[[str], None]
    ) -> None:
        self.name = name
        self.process = subprocess.Popen(  # noqa: S603 (our own command)
            [*command, msgspec.json.encode(settings).decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(lock,),  # the data directory is free when nobody holds it any more, not before
            start_new_session=True,  # Ctrl-C in the terminal is the supervisor's
        )
        self.started_at = time.monotonic()
        self.said: Ready | Hindered | None = None
        threading.Thread(target=self._wait, args=(ended,), name=name, daemon=True).start()

    def ports(self) -> tuple[int, ...]:
        """Where it listens, once it does. Raises CannotServe."""
        stdout: IO[bytes] = self.process.stdout  # type: ignore[assignment]
        line = stdout.readline()
        self.said = msgspec.json.decode(line, type=Ready | Hindered) if line else None
        match self.said:
            case Ready(ports):
                return ports
            case Hindered(why):
                raise CannotServe(why)
        raise CannotServe(f"the {self.name} did not start; the lines above say why")

    def _wait(self, ended: Callable[[str], None]) -> None:
        self.process.wait()
        ended(self.name)

    def stop(self, seconds: float) -> None:
        """Ask it to end, and end it where it does not. One that cannot serve is about to end by itself."""
        if not isinstance(self.said, Hindered):
            self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            log.warning("the %s did not end in time and was killed", self.name)
            self.process.kill()
            self.process.wait()


class Supervisor:
    """Runs the planes.

    Args:
        options: Of `warden serve`.
        commands: What starts a plane, by its name.
        logs: How the planes log.
    """

    def __init__(
        self, options: ServeOptions, *, commands: Mapping[str, Sequence[str]] = COMMANDS, logs: Logs | None = None
    ) -> None:
        self._options = options
        self._commands = commands
        self._logs = logs or Logs()
        self._news: SimpleQueue[str | None] = SimpleQueue()
        self._planes: dict[str, _Plane] = {}
        self._restarts: dict[str, int] = {}

    def run(self, serving: Callable[[Endpoints], None]) -> None:
        """Serve until SIGTERM or SIGINT.

        Args:
            serving: Told once, when reports are accepted.

        Raises: CannotServe.
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # under nohup, it stays ignored
                signal.signal(number, lambda *_: self._news.put(None))
        os.umask(0o077)
        directory = self._options.directory
        endpoints = directory / "endpoints.json"
        with _prepare(directory) as lock, _meeting_place(directory) as channel:
            self._lock = lock.fileno()
            _claim(directory / HOME_FILE, self._options)
            _certify(directory, self._options.host)
            endpoints.unlink(missing_ok=True)  # of one that was killed
            try:
                serving(self._start(channel, endpoints))
                self._watch()
            finally:
                self._stop()
                endpoints.unlink(missing_ok=True)

    def _start(self, channel: Path, file: Path) -> Endpoints:
        port = self._options.http_port or _free_port()  # subscribers are told of it before it is bound
        options = msgspec.structs.replace(self._options, http_port=port)
        self._settings = PlaneSettings(options=options, channel=str(channel), logs=self._logs)
        control, data = self._start_plane(CONTROL), self._start_plane(DATA)
        (http_port,), (mqtt_port, mqtts_port) = control.ports(), data.ports()
        options = msgspec.structs.replace(options, mqtt_port=mqtt_port, mqtts_port=mqtts_port)  # also after a restart
        self._settings = msgspec.structs.replace(self._settings, options=options)
        mqtts = f"mqtts://{_in_url(options.host)}:{mqtts_port}"
        endpoints = Endpoints(f"http://127.0.0.1:{http_port}", f"mqtt://127.0.0.1:{mqtt_port}", mqtts)
        written = file.with_suffix(".new")
        written.write_bytes(msgspec.json.encode(endpoints))
        written.replace(file)  # whoever sees it sees all of it
        return endpoints

    def _start_plane(self, name: str) -> _Plane:
        plane = self._planes[name] = _Plane(name, self._commands[name], self._settings, self._lock, self._news.put)
        return plane

    def _stop(self) -> None:
        begun = time.monotonic()
        for name, seconds in STOP_SECONDS.items():
            if name in self._planes:
                self._planes[name].stop(begun + seconds - time.monotonic())

    def _watch(self) -> None:
        while (name := self._news.get()) is not None:
            plane = self._planes[name]
            if time.monotonic() - plane.started_at > LIVED_SECONDS:
                self._restarts[name] = 0
            again = self._restarts.get(name, 0)
            self._restarts[name] = again + 1
            wait = RESTART_SECONDS[min(again, len(RESTART_SECONDS) - 1)]
            log.error("the %s ended (%s), it is started again in %s s", name, _how(plane.process), wait)
            if not self._still_wanted(wait):
                return
            try:
                self._start_plane(name).ports()
            except CannotServe as error:
                log.error("%s", error)  # noqa: TRY400 (a sentence for the user)

    def _still_wanted(self, seconds: float) -> bool:
        """Wait before a restart; False where the end was asked for meanwhile."""
        deadline = time.monotonic() + seconds
        put_back: list[str] = []
        while (left := deadline - time.monotonic()) > 0:
            try:
                news = self._news.get(timeout=left)
            except Empty:
                break
            if news is None:
                return False
            put_back.append(news)
        for news in put_back:
            self._news.put(news)
        return True


def _certify(directory: Path, host: str) -> None:
    """Make the certificate that this home shows to devices, and its key; a new one at each start.

    Raises: CannotServe.
    """
    from warden.embedded.surroundings.authority import Authority  # noqa: PLC0415 (of the extra `serve`)
    from warden.embedded.surroundings.checkpoint import replace  # noqa: PLC0415

    try:
        certificate, key = Authority.open(directory, now).issue_server(
            dict.fromkeys((host, socket.gethostname(), "localhost", "127.0.0.1", "::1"))
        )
        for name, text in ((SERVER_KEY_FILE, key), (SERVER_CERTIFICATE_FILE, certificate)):
            replace(directory / name, text.encode())
    except Unavailable as error:
        raise CannotServe(str(error)) from error
    except (OSError, ValueError) as error:
        raise CannotServe(f"the certificate for {host} cannot be made: {error}") from error


@contextmanager
def _meeting_place(directory: Path) -> Iterator[Path]:
    """Where the planes' channel is: in the data directory, unless that is too long a name for a socket's."""
    channel = directory / "channel"
    if len(os.fsencode(channel)) <= LONGEST_SOCKET_NAME:
        try:
            yield channel
        finally:
            channel.unlink(missing_ok=True)
    else:
        with tempfile.TemporaryDirectory(prefix="warden-") as meeting:
            yield Path(meeting) / "channel"


class _Home(msgspec.Struct, frozen=True):
    """Whose a data directory is: everything in it has these in its ARNs."""

    account: str
    region: str

    def __str__(self) -> str:
        return f"--account {self.account} --region {self.region}"


def _claim(file: Path, options: ServeOptions) -> None:
    """Note whose the data directory is, at the first start. Raises CannotServe, where it is another one's."""
    from warden.embedded.surroundings.checkpoint import replace  # noqa: PLC0415

    asked = _Home(options.account, options.region)
    try:
        if not file.exists():
            replace(file, msgspec.json.encode(asked))  # a crash leaves all of it, or nothing
        found = msgspec.json.decode(file.read_bytes(), type=_Home)
    except (OSError, msgspec.DecodeError) as error:
        raise CannotServe(f"{file} cannot be used: {error}; it says whose the data directory is") from error
    if found != asked:
        raise CannotServe(f"{file.parent} is of {found}, not of {asked}; give these, or another directory with --data")


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _how(process: subprocess.Popen[bytes]) -> str:
    code = process.returncode
    return f"signal {-code}, {signal.strsignal(-code)}" if code < 0 else f"exit code {code}"


def _prepare(directory: Path) -> TextIO:
    """Take the data directory, and make both tables, each of which one plane writes and the other one reads.

    Returns: The file whose holders, this process and those that inherit it, hold the directory.

    Raises: CannotServe.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = directory.stat()
        if about.st_uid != os.geteuid():
            owner = f"{directory} belongs to another user (uid {about.st_uid})"
            raise CannotServe(f"{owner}; give it to this one, or choose another one with --data")
        if about.st_mode & 0o022:
            what = f"{directory} is for other users to write to"
            raise CannotServe(f"{what}; chmod 700 it, or choose another one with --data")
        file = (directory / "lock").open("a+")
    except OSError as error:
        raise CannotServe(f"{directory} cannot be used ({error.strerror}); choose another one with --data") from error
    _lock(file, directory)
    _create(directory / LOG_FILE, keys.LOG)
    _create(directory / CONTROL_FILE, keys.CONTROL)
    return file


def _create(path: Path, design: keys.TableDesign) -> None:
    try:
        SqliteTable(path, design).close()
    except (WrongSchema, Unavailable) as error:
        raise CannotServe(f"{path}: {error}; choose another directory with --data, or another release") from error


def _lock(file: TextIO, directory: Path) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise CannotServe(_in_use(file, directory)) from None
            time.sleep(0.1)
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()


def _in_use(file: TextIO, directory: Path) -> str:
    file.seek(0)
    owner = file.read(20).strip() or "unknown"
    return f"{directory} is in use by process {owner}; stop it, or choose another directory with --data"
