"""What the audience sees: numbered steps, and under each of them what clients sent and received."""

import io
import json
import sys
import textwrap
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import TypeVar

from rich.console import Console
from rich.text import Text

from quotes import fold, painted

SPINNER_AFTER_SECONDS, LINE_AFTER_SECONDS = 0.5, 2.0
"""How long a wait has to be to be shown, on a terminal and elsewhere."""

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

    Args:
        patience: Seconds to wait for what a client should receive.

    Attributes:
        number: Of the step that is shown, from 1.
        title: Its title.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # where the locale has no arrows
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

    def note(self, text: str) -> None:
        """The demo's own words about what a client sends."""
        self._lines(["  " + line for line in self._wrapped(text, room=2)], "dim")

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
        """A line to copy: never broken."""
        self._lines([line], style)

    def excerpt(self, line: str) -> None:
        """A line of a log, as much of it as there is room for."""
        self._lines([line if len(line) <= self._room else line[: self._room - 1] + "…"], "dim")

    def until(
        self,
        look: Callable[[], Seen | None],
        what: str,
        seen: Callable[[], str],
        *,
        seconds: float = 0,
    ) -> Seen:
        """What `look` finds, as soon as it finds something; that it is being waited for is shown where it takes long.

        Args:
            look: Called until it returns something that is true.
            what: What is waited for, in words.
            seen: What to say was seen, where nothing is found.
            seconds: How long to wait at most, where that is not as long as ever.

        Raises: StepFailed.
        """
        began, seconds = time.monotonic(), seconds or self._patience
        with ExitStack() as shown:
            show_after = SPINNER_AFTER_SECONDS if self._spins else LINE_AFTER_SECONDS
            while not (found := look()):
                waited = time.monotonic() - began
                if waited > seconds:
                    raise StepFailed(f"{what}, within {seconds:.0f} s", seen())
                if waited > show_after:
                    shown.enter_context(self._waiting(what))
                    show_after = seconds
                time.sleep(0.05)
        return found

    def _waiting(self, what: str) -> AbstractContextManager[object]:
        if self._spins:
            return self._console.status(Text(f"waiting for {what}", "dim"), spinner="dots")
        self.say(f"… waiting for {what}")
        return nullcontext()

    @property
    def _room(self) -> int:
        return max(self._console.width - len(INDENT), 40)

    @property
    def _spins(self) -> bool:
        return self._console.is_terminal and not self._console.is_dumb_terminal

    def _wrapped(self, text: str, room: int = 0) -> list[str]:
        return textwrap.wrap(text, self._room - room, break_long_words=False, break_on_hyphens=False) or [""]

    def _lines(self, lines: list[str], style: str) -> None:
        for line in lines:
            self._print(Text.assemble(INDENT, (line, style)))

    def _print(self, line: Text) -> None:
        self._console.print(line, no_wrap=True, overflow="ignore", crop=False)
