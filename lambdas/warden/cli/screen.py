"""How the commands speak: tables and colours to people, plain lines to a pipe, progress where it takes a while."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from rich.status import Status

PIPE_WIDTH = 400
"""Of a line in a pipe, where nobody's window breaks it."""

PATIENCE_SECONDS = 2.0


def screen(*, stderr: bool = False) -> Console:
    """Standard output, or standard error."""
    console = Console(stderr=stderr, highlight=False, soft_wrap=True)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, soft_wrap=True, width=PIPE_WIDTH)


def table(console: Console, *columns: str) -> Table:
    """An empty table; a column whose name begins with > is to the right."""
    lines = Table(box=None, pad_edge=False, header_style="bold")
    if console.is_terminal:  # its box puts a space between columns already: most terminals have 80 characters
        lines.box, lines.padding = SIMPLE_HEAD, (0, 1, 0, 0)
    for column in columns:
        lines.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left")
    return lines


class Progress(AbstractContextManager["Progress"]):
    """Says on a terminal what is being done, once it has taken two seconds.

    Args:
        console: Of standard error; where that is no terminal, nothing is said.
        clock: Seconds, never going back.
    """

    def __init__(self, console: Console | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console or screen(stderr=True)
        self._clock = clock
        self._started = clock()
        self._status: Status | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()

    def __call__(self, doing: str) -> None:
        """Say what is being done now."""
        if not self._console.is_terminal:
            return
        if self._status:
            self._status.update(doing)
        elif self._clock() - self._started >= PATIENCE_SECONDS:
            self._status = self._console.status(doing)
            self._status.start()
