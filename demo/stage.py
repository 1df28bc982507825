"""What the audience sees: numbered steps, and under each of them what clients sent and received."""

import json
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from quotes import fold, painted
from rich.console import Console
from rich.text import Text

PATIENCE_SECONDS = 10.0
QUIET_SECONDS = 2.0
"""After this long, a wait is announced where no spinner can show it."""

INDENT = "    "
Seen = TypeVar("Seen")


class StepFailed(Exception):
    """A step did not happen.

    Args:
        expected: What should have been seen.
        seen: What was seen instead.
    """

    def __init__(self, expected: str, seen: str) -> None:
        super().__init__(expected, seen)
        self.expected = expected
        self.seen = seen


class Stage:
    """Prints: in colour on a terminal, plain everywhere else, never wider than there is room.

    Attributes:
        number: Of the step that is shown, from 1.
        title: Its title.
    """

    def __init__(self) -> None:
        self._console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
        self.number = 0
        self.title = ""

    def step(self, title: str) -> None:
        """Begin the next step."""
        self.number += 1
        self.title = title
        self._print(Text(""))
        self._print(Text.assemble((f" {self.number} ", "bold white on blue"), " ", (title, "bold")))

    def say(self, text: str, style: str = "") -> None:
        """The demo's own words, wrapped between words."""
        self._lines(self._wrapped(text), style)

    def call(self, text: str) -> None:
        """What a client does, before what it received."""
        first, *more = self._wrapped(text, room=2)
        self._print(Text.assemble(INDENT, ("→ ", "bold cyan"), (first, "cyan")))
        self._lines(["  " + line for line in more], "cyan")

    def received(self, payload: str, *marked: object) -> None:
        """A JSON text that a client received, character for character; line breaks after commas are the demo's.

        Args:
            payload: The text.
            marked: What in it the audience should look at.
        """
        words = tuple(map(str, marked))
        for number, line in enumerate(fold(payload, self._room - 2)):
            arrow = ("← ", "bold green") if number == 0 else "  "
            self._print(Text.assemble(INDENT, arrow, painted(line, words)))

    def answered(self, answer: object, *marked: object) -> None:
        """What boto3 received, as JSON; times in ISO 8601."""
        self.received(json.dumps(answer, separators=(",", ":"), default=lambda time: time.isoformat()), *marked)

    def checked(self, text: str) -> None:
        """What was just seen to be true."""
        first, *more = self._wrapped(text, room=2)
        self._print(Text.assemble(INDENT, ("✓ ", "bold green"), (first, "green")))
        self._lines(["  " + line for line in more], "green")

    def heading(self, text: str, style: str = "bold") -> None:
        """A line at the margin."""
        for line in textwrap.wrap(text, self._console.width):
            self._print(Text(line, style))

    def blank(self) -> None:
        """An empty line."""
        self._print(Text(""))

    def verbatim(self, line: str, style: str = "") -> None:
        """A line to copy, or of a log: never broken."""
        self._lines([line], style)

    def until(self, look: Callable[[], Seen | None], what: str, seen: Callable[[], str], **limits: float) -> Seen:
        """What `look` finds, as soon as it finds something.

        Args:
            look: Called until it returns something that is true.
            what: What is waited for, in words.
            seen: What to say was seen, where nothing is found.
            limits: `seconds`, how long to wait at most.

        Raises: StepFailed.
        """
        seconds = limits.get("seconds", PATIENCE_SECONDS)
        end = time.monotonic() + seconds
        with self.waiting(what):
            while not (found := look()):
                if time.monotonic() > end:
                    raise StepFailed(f"{what}, within {seconds:.0f} s", seen())
                time.sleep(0.05)
        return found

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Show that something is being waited for: at once on a terminal, elsewhere only if it takes long."""
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            with self._console.status(Text(f"waiting for {what}", "dim"), spinner="dots"):
                yield
            return
        announced = threading.Timer(QUIET_SECONDS, self.say, [f"… waiting for {what}"])
        announced.daemon = True
        announced.start()
        try:
            yield
        finally:
            announced.cancel()

    @property
    def _room(self) -> int:
        return max(self._console.width - len(INDENT) - 1, 40)

    def _wrapped(self, text: str, room: int = 0) -> list[str]:
        return textwrap.wrap(text, self._room - room, break_long_words=False, break_on_hyphens=False) or [""]

    def _lines(self, lines: list[str], style: str) -> None:
        for line in lines:
            self._print(Text.assemble(INDENT, (line, style)))

    def _print(self, line: Text) -> None:
        self._console.print(line, no_wrap=True, overflow="ignore", crop=False)
