"""A page of the registry's names is looked up, and the registry is asked about those that we know otherwise."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from warden.domain.behaviors.target import ThingFacts
from warden.domain.errors import Throttled
from warden.storage.registered_things import RegisteredThings
from warden.use_cases.refresh_thing import RefreshThing

T = TypeVar("T")


class OutOfTime(Exception):
    """The work has to be gone on with later; nothing failed."""


class ComparePage:
    """Compares, and asks where it has to.

    Args:
        known: What we believe.
        refresh: Asks about a thing.
        clock: Now, epoch ms.
        until: When nothing more may be begun, epoch ms.

    Attributes:
        asked: How many things it has asked about.
    """

    def __init__(self, known: RegisteredThings, refresh: RefreshThing, clock: Callable[[], int], *, until: int) -> None:
        self._known = known
        self._refresh = refresh
        self._clock = clock
        self._until = until
        self._unfinished = range(0)
        self.asked = 0

    def finish(self, since: int, until: int) -> None:
        """From now on, do again what follows from answers to questions of these moments, epoch ms: whoever stored
        them may have been interrupted before that."""
        self._unfinished = range(since, until + 1)

    def check_time(self) -> None:
        """Raises OutOfTime where nothing more may be begun."""
        if self._clock() >= self._until:
            raise OutOfTime

    def patiently(self, question: Callable[[], T]) -> T:
        """The registry's answer, asked for again where it is too busy. Raises OutOfTime."""
        while True:
            self.check_time()
            with suppress(Throttled):
                return question()

    def __call__(self, things: Sequence[str], agrees: Callable[[ThingFacts], bool]) -> dict[str, ThingFacts]:
        """Look things up, and ask about those that we do not know or whose facts do not agree.

        Returns: What we believed, by thing.

        Raises: OutOfTime, Unavailable: those that were asked about agree when they are looked up again.
        """
        believed = self._known.facts(things)
        for thing in things:
            facts = believed.get(thing)
            if facts is None or not agrees(facts):
                self.patiently(lambda thing=thing: self._refresh(thing, now=self._clock()))  # type: ignore[misc]
                self.asked += 1
            elif facts.answered_at in self._unfinished:
                self._refresh.finish(thing, now=self._clock())
        return believed
