"""The registry is asked about a thing again, and what it says is acted on."""

from collections.abc import Callable

from warden.domain.behaviors.target import ThingFacts
from warden.ports import Things
from warden.storage.registered_things import RegisteredThings
from warden.use_cases.record_registry_answer import RecordRegistryAnswer

CLOCKS_DIFFER_MS = 1_000
"""How far the clock that stamps an answer and the one that stamps a message may be apart."""


class RefreshThing:
    """Asks the registry about things.

    Args:
        things: The registry; within a share of its quota.
        known: What it said before.
        answered: Stores what it says.
    """

    def __init__(self, things: Things, known: RegisteredThings, answered: RecordRegistryAnswer) -> None:
        self._things = things
        self._known = known
        self._answered = answered

    def __call__(self, thing: str, *, now: int) -> None:
        """Ask about a thing and store the answer, unless it is about a name that never was a thing: such names would
        fill the table.

        Args:
            thing: Its name.
            now: Epoch ms, before the question.

        Raises: Unavailable, Throttled: it could not be asked now.
        """
        self._ask(thing, lambda: self._facts(thing) is not None, now)

    def since(self, moment: int, thing: str, *, now: int) -> None:
        """The same; an answer to a question that was asked after epoch ms `moment` is good enough.

        What follows from it is done again all the same: whoever stored it may have been interrupted there.
        """
        known = self._facts(thing)
        if known and known.answered_at > moment + CLOCKS_DIFFER_MS:
            self._answered.withdraw(thing, now=now)
        else:
            self._ask(thing, lambda: known is not None, now)

    def finish(self, thing: str, *, now: int) -> None:
        """Do what follows from the stored answer, in case nobody came to it."""
        self._answered.withdraw(thing, now=now)

    def _facts(self, thing: str) -> ThingFacts | None:
        return self._known.facts([thing], consistent=True).get(thing)

    def _ask(self, thing: str, is_known: Callable[[], bool], now: int) -> None:
        answer = self._things.ask(thing, now=now)
        if answer.registered or is_known():
            self._answered(thing, answer, now=now)
