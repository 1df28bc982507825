"""Counts of what one container did, told in few lines: a line for each report would cost a tenth of all the rest."""

from collections import Counter
from typing import Final

TOLD_EVERY_MS: Final = 60_000


class Tally:
    """Counts by metric. What happens now and then is told at once, what happens all the time once a minute."""

    def __init__(self) -> None:
        self._counts = Counter[str]()
        self._told_at: dict[str, int] = {}

    def add(self, name: str, count: int = 1) -> None:
        """Count something."""
        self._counts[name] += count

    def due(self, now: int) -> Counter[str]:
        """What is to be told at epoch ms `now`; it is not told again."""
        if all(0 <= now - self._told_at.get(name, -TOLD_EVERY_MS) < TOLD_EVERY_MS for name in self._counts):
            return Counter()
        due, self._counts = self._counts, Counter()
        self._told_at.update(dict.fromkeys(due, now))
        return due
