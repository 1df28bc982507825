"""JSON as it was received, broken into lines that fit and coloured, and otherwise untouched."""

import re
import textwrap
from collections.abc import Sequence

from rich.text import Text

_STRING = r'"(?:[^"\\]|\\.)*"'
_PART = re.compile(rf"{_STRING}|[\[\]{{}},]|[^\[\]{{}},\"]+")
_OPENING = re.compile(rf"(?:{_STRING}:)?[\[{{]")
_CLOSING = re.compile(r"[\]}],?$")
GOOD = ("ACCEPTED", "alarm-cleared")
_KEY = re.compile(rf"{_STRING}(?=:)")


def fold(text: str, width: int) -> list[str]:
    """Lines of a JSON text: what fits on one stays on one, and a string is broken only where it is too long itself."""
    lines = [""]
    _put(lines, text, width, indent=0, closes=0)
    return lines


def painted(line: str, marked: Sequence[str]) -> Text:
    """A line with its keys dimmed, and what is to be looked at in bold: green where all is well, red elsewhere."""
    text = Text(line)
    for key in _KEY.finditer(line):
        text.stylize("dim", *key.span())
    for word in marked:
        for found in re.finditer(rf"(?<![\w-]){re.escape(word)}(?![\w-])", line):
            text.stylize("bold green" if word in GOOD else "bold red", *found.span())
    return text


def _put(lines: list[str], member: str, width: int, *, indent: int, closes: int) -> None:
    """Add a member, after which `closes` brackets close."""
    if len(lines[-1]) + len(member) + closes <= width:
        lines[-1] += member
        return
    opening = _OPENING.match(member)
    fits = indent + len(member) + closes <= width
    if lines[-1].strip() and (fits or not (opening and lines[-1].endswith(("{", "[")))):
        lines.append(" " * indent)
    if fits:
        lines[-1] += member
    elif opening:
        _put_inside(lines, member, opening[0], width, indent=indent, closes=closes)
    else:
        lines[-1:] = _wrapped(member, lines[-1], width)


def _put_inside(lines: list[str], member: str, opening: str, width: int, *, indent: int, closes: int) -> None:
    closing = _CLOSING.search(member)
    end = closing[0] if closing else ""
    lines[-1] += opening
    held = _members(member[len(opening) : len(member) - len(end)])
    for position, each in enumerate(held, 1):
        last = len(end) + closes if position == len(held) else 0
        _put(lines, each, width, indent=indent + 1, closes=last)
    lines[-1] += end


def _wrapped(string: str, begun: str, width: int) -> list[str]:
    return textwrap.wrap(
        string,
        width,
        initial_indent=begun,
        subsequent_indent=" " * (len(begun) + 1),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _members(inside: str) -> list[str]:
    """What a container holds, each with the comma after it."""
    members, depth = [""], 0
    for part in _PART.findall(inside):
        members[-1] += part
        depth += part in ("{", "[")
        depth -= part in ("}", "]")
        if part == "," and depth == 0:
            members.append("")
    return members
