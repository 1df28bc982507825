"""Texts of a policy in which variables stand.

Source: AWS IoT Core Developer Guide, AWS IoT Core policy variables; IAM User Guide, Policy variables.
"""

import re
from collections.abc import Iterator

from warden.domain.access.patterns import literal, live
from warden.domain.access.variables import KNOWN, Context, Variable, variable

_REFERENCE = re.compile(r"\$\{([^{}]*)(\}?)")
_ESCAPES = frozenset("*?$")


class Misunderstood(ValueError):
    """A text that says what policies cannot say; the message says what was expected and what was there."""


class _Plain(str):
    """What an escape stands for: never a wildcard."""

    __slots__ = ()


class Template:
    """A text with its variables yet to be put in.

    Args:
        text: As the policy has it.
        has_variables: Whether `${...}` means anything in it; else it is plain text.

    Raises: Misunderstood, where it names a variable that there is not, or one that has several values at once.
    """

    __slots__ = ("_parts", "is_constant")

    def __init__(self, text: str, *, has_variables: bool) -> None:
        self._parts: tuple[str | Variable, ...] = tuple(_parts(text)) if has_variables else (text,)
        self.is_constant = not any(isinstance(part, Variable) for part in self._parts)

    def text(self, context: Context) -> str | None:
        """The text where nothing is a wildcard; None where a variable is unresolved."""
        return self._joined(context, as_pattern=False)

    def pattern(self, context: Context) -> str | None:
        """The pattern, as `matcher` takes it; None where a variable is unresolved.

        Only what the policy's author wrote holds wildcards; what comes from a variable is plain text.
        """
        return self._joined(context, as_pattern=True)

    def _joined(self, context: Context, *, as_pattern: bool) -> str | None:
        joined: list[str] = []
        for part in self._parts:
            if isinstance(part, Variable):
                value = part.text(context)
                if value is None:
                    return None
                joined.append(literal(value) if as_pattern else value)
            elif as_pattern:
                joined.append(literal(part) if isinstance(part, _Plain) else live(part))
            else:
                joined.append(part)
        return "".join(joined)


def _parts(text: str) -> Iterator[str | Variable]:
    end = 0
    for reference in _REFERENCE.finditer(text):
        if reference.start() > end:
            yield text[end : reference.start()]
        end = reference.end()
        yield _meant(reference)
    if end < len(text):
        yield text[end:]


def _meant(reference: re.Match[str]) -> str | Variable:
    name = reference[1]
    if not reference[2]:
        raise Misunderstood("expected } after ${")
    if name in _ESCAPES:
        return _Plain(name)
    found = variable(name)
    if found is None:
        raise Misunderstood(f"expected a variable out of {KNOWN}, or ${{*}}, ${{?}}, ${{$}}")
    if found.is_set:
        raise Misunderstood("expected a variable of one value: of several at once only conditions can speak")
    return found
