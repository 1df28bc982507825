"""Patterns of IoT policies: `*` stands for any characters (`/` too, or none), `?` for any one; `+` and `#` are plain.

A pattern's text is fnmatch's, where a character in brackets is only itself. Whatever stands between two stars is
committed to the first place where it fits, here as in fnmatch: no way to spread the stars is tried twice.
Source: AWS IoT Core Developer Guide, Using wildcard characters in MQTT and AWS IoT Core policies.
"""

import re
from collections.abc import Callable
from fnmatch import translate
from functools import lru_cache, partial
from typing import Final

Matcher = Callable[[str], object]
"""Tells, by what is true, whether a text has a pattern's form."""

ANYTHING: Final = "*"
PLACE_PARTS: Final = 5
"""An ARN's parts before the resource: `arn`, partition, service, Region, account."""

_SPECIAL = re.compile(r"[*?\[]")


def literal(text: str) -> str:
    """The pattern that this text alone has."""
    return _SPECIAL.sub(r"[\g<0>]", text)


def live(text: str) -> str:
    """The pattern that a policy's text is, without variables."""
    return text.replace("[", "[[]")


def matcher(pattern: str) -> Matcher:
    """What matches a pattern.

    Client IDs make other patterns of a policy for each connection, and to compile one as a regular expression takes
    longer than all else that a connection costs. So only what holds `?` is one; the others are found piece by piece.
    """
    if not _SPECIAL.search(pattern):
        return pattern.__eq__
    return _compiled(pattern) if "?" in pattern or "[" in pattern else partial(_has_in_order, pattern.split(ANYTHING))


@lru_cache(1024)
def _compiled(pattern: str) -> Matcher:
    return re.compile(translate(pattern)).match


def _has_in_order(pieces: list[str], text: str) -> bool:
    """Whether a text begins with the first piece, ends with the last one, and has the others in between, in order."""
    first, *between, last = pieces
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for piece in between:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def is_like(text: str, pattern: str) -> bool:
    """Whether a text has a pattern's form."""
    return bool(matcher(pattern)(text))


def is_arn_like(arn: str, pattern: str) -> bool:
    """Whether each of an ARN's six parts has the form of the pattern's; a star reaches no further than its part."""
    parts, patterns = arn.split(":", PLACE_PARTS), pattern.split(":", PLACE_PARTS)
    return len(parts) == len(patterns) and all(map(is_like, parts, patterns))
