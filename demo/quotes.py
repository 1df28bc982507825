"""JSON as it was received, broken into lines that fit and coloured, and otherwise untouched."""

import re
import textwrap
from collections.abc import Iterator, Sequence

from rich.text import Text

_STRING = r'"(?:[^"\\]|\\.)*"'
_MEMBER = re.compile(rf'(?:{_STRING}|[^",])+,?')
_KEY = re.compile(rf"{_STRING}(?=:)")
_BRACKET = re.compile(rf"{_STRING}|(?P<open>[\[{{])|(?P<close>[\]}}])")


def fold(text: str, width: int) -> Iterator[str]:
    """Lines of a JSON text, broken after commas and indented by depth; inside a string only where one is too long."""
    line, depth = "", 0
    for member in _MEMBER.findall(text):
        if line.strip() and len(line) + len(member) > width:
            yield line
            line = " " * depth
        if len(line) + len(member) > width:
            *full, line = textwrap.wrap(
                line + member,
                width,
                subsequent_indent=" " * (depth + 1),
                drop_whitespace=True,
                break_long_words=False,
                break_on_hyphens=False,
            )
            yield from full
        else:
            line += member
        depth += _opened(member)
    yield line


def painted(line: str, marked: Sequence[str]) -> Text:
    """A line with its keys dimmed, and what is to be looked at in bold red."""
    text = Text(line)
    for key in _KEY.finditer(line):
        text.stylize("dim", *key.span())
    for word in marked:
        for found in re.finditer(rf"(?<![\w-]){re.escape(word)}(?![\w-])", line):
            text.stylize("bold red", *found.span())
    return text


def _opened(member: str) -> int:
    return sum((found["open"] is not None) - (found["close"] is not None) for found in _BRACKET.finditer(member))
