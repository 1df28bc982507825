"""A history that is as short as can be, and still goes wrong."""

from collections.abc import Callable, Sequence

from tests.model.happenings import Happening

Fails = Callable[[Sequence[Happening]], bool]


def smallest(history: Sequence[Happening], fails: Fails) -> Sequence[Happening]:
    """What is left of a history that fails, when nothing more can be left out of it.

    Args:
        history: It fails.
        fails: Whether a history goes wrong in the same way; not where it cannot happen.
    """
    size = len(history) // 2
    while size:
        start = 0
        while start < len(history):
            shorter = [*history[:start], *history[start + size :]]
            if fails(shorter):
                history = shorter
            else:
                start += size
        size //= 2
    return history
