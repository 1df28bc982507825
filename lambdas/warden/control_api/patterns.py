r"""The service model's patterns, which are regular expressions of Java's, as matchers.

They differ from Python's in two ways that matter here: `\w` and its like mean ASCII, and there is `\p{…}`. Of that,
POSIX classes are ASCII, too (Java's `Pattern`, "POSIX character classes"), and general categories are Unicode's. `re`
has no categories, so before a text is matched, each character beyond ASCII is replaced by one that stands for its
category; that keeps the class small and the answer exact.
"""

import re
from collections.abc import Callable
from functools import cache
from unicodedata import category

_LETTER, _NUMBER, _SEPARATOR, _OTHER = "\ue000", "\ue001", "\ue002", "\ue003"
_STAND_INS = {"L": _LETTER, "N": _NUMBER, "Z": _SEPARATOR}
_CLASSES = {
    "Graph": r"\x21-\x7e",
    "Cntrl": r"\x00-\x1f\x7f",
    "L": rf"A-Za-z{_LETTER}",
    "N": rf"0-9{_NUMBER}",
    "Z": rf"\x20{_SEPARATOR}",
}


@cache
def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether the whole of a text matches a pattern; in linear time as long as the pattern repeats no group.

    Raises:
        ValueError: The pattern uses something that has no translation here.
    """
    if not pattern.isascii():
        raise ValueError(f"pattern {pattern!r}: expected ASCII")
    fullmatch = re.compile(re.sub(r"\\([pP])\{(\w+)\}", _translate, pattern), re.ASCII).fullmatch
    return lambda text: fullmatch(text if text.isascii() else _fold(text)) is not None


def _translate(found: re.Match[str]) -> str:
    before = found.string[: found.start()]
    in_brackets = before.rfind("[") > before.rfind("]")
    if found[1] == "P" or found[2] not in _CLASSES or not in_brackets:
        raise ValueError(f"pattern {found.string!r}: no translation of {found[0]}")
    return _CLASSES[found[2]]


def _fold(text: str) -> str:
    return "".join(char if char.isascii() else _STAND_INS.get(category(char)[0], _OTHER) for char in text)
