"""What is wrong with a report, in words its device's developer can act on: where, what was expected, what was there.

Whatever the device wrote is cut before it is quoted, and quoted in ASCII, so that a message can always be sent.
"""

import json
import re
from typing import Any

_MAX_QUOTED = 100
_MAX_EXCERPT = 12
_MAX_KEY = 40
_MAX_PATH = 200
_MAX_WORDS = 160
_CONTAINERS = {dict: "an object", list: "an array", bytes: "a byte string"}
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Problem(ValueError):
    """One value of a report is not what it has to be.

    Args:
        expected: What it has to be, with its article.
        got: What it is, as `quoted` says it.
        path: Keys and list indexes that lead to it from where the problem was noticed.
    """

    def __init__(self, expected: str, got: str, *path: str) -> None:
        super().__init__(expected, got)
        self.expected = expected
        self.got = got
        self._path: list[str | int] = list(path)

    def under(self, part: str | int) -> None:
        """Note, on the way up, that the value lies in this key or at this index."""
        self._path.insert(0, part)

    def __str__(self) -> str:
        path = "".join(map(_step, self._path)).removeprefix(".") or "report"
        return f"{_cut(path, _MAX_PATH)}: expected {self.expected}, got {self.got}"


def quoted(value: Any) -> str:
    """A decoded value in at most about 100 characters of ASCII; containers by their size."""
    match value:
        case str():
            return json.dumps(_cut(value, _MAX_QUOTED))
        case int() if abs(value) >= 10**40:  # Python refuses to print one of more than 4,300 digits
            return "an integer of more than 40 digits"
        case None | bool() | int() | float():
            return json.dumps(value)
        case dict() | list() | bytes():
            return f"{_CONTAINERS[type(value)]} of {len(value)}"
        case _:
            return _cut(repr(value), _MAX_QUOTED)


def printable(text: str) -> str:
    """A decoder's own words, which may quote any key, cut and in ASCII."""
    return _cut(text, _MAX_WORDS).encode("ascii", "backslashreplace").decode()


def excerpt(payload: bytes, at: int) -> str:
    """What stands around a byte of what could not be decoded, as text in quotes."""
    return json.dumps(payload[max(at - _MAX_EXCERPT, 0) : at + _MAX_EXCERPT].decode(errors="replace"))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}..."


def _step(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    cut = _cut(part, _MAX_KEY)
    return f".{cut}" if _PLAIN_KEY.fullmatch(part) else f"[{json.dumps(cut)}]"
