"""The command as a user runs it: in this process, on a terminal of 100 columns, or as a process that goes on."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, Queue
from typing import Any

from click.testing import CliRunner, Result

from tests.home import PATIENCE
from warden.cli.main import main

COLOUR = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def warden(*arguments: str, stdin: str | bytes | None = None) -> Result:
    """Exit code and output, in a pipe; what is raised is raised."""
    result = CliRunner().invoke(main, arguments, input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def rows(output: str) -> list[list[str]]:
    """The cells of a table in a pipe, without its headings."""
    return [re.split(r" {2,}", line.strip()) for line in output.splitlines()[1:]]


def on_terminal(*arguments: str, typed: str = "") -> tuple[int, str]:
    """Exit code and what is on the screen, 100 columns wide, with its colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "warden", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"},
    )
    os.close(theirs)
    os.write(ours, typed.encode())
    screen = b""
    with suppress(OSError):  # Linux's way of saying that the other end is closed
        while seen := os.read(ours, 65536):
            screen += seen
    os.close(ours)
    return process.wait(PATIENCE), screen.decode()


class Following:
    """A command that goes on until it is interrupted."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "warden", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._lines: Queue[str] = Queue()
        for stream in (self.process.stdout, self.process.stderr):
            threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: Any) -> None:
        for line in stream:
            self._lines.put(line.rstrip("\n"))

    def line(self) -> str:
        """The next line that it prints."""
        try:
            return self._lines.get(timeout=PATIENCE)
        except Empty:
            raise AssertionError("nothing more was printed") from None

    def interrupt(self) -> int:
        """Ctrl-C. Returns its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)

    def rest(self) -> list[str]:
        """What it printed besides, once it has ended."""
        found = []
        while not self._lines.empty():
            found.append(self._lines.get())
        return found


@contextmanager
def following(*arguments: str) -> Iterator[Following]:
    """A command that goes on, ended with the block."""
    running = Following(*arguments)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
        running.process.wait(PATIENCE)
        for stream in (running.process.stdout, running.process.stderr):
            assert stream
            stream.close()
