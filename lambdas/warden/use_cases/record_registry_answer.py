"""What the registry says of a thing is stored, and alarms that no longer concern the thing are put to rest."""

from functools import cache

from warden.domain.alarms.entry import EntryKind, Reason
from warden.domain.behaviors.target import ThingFacts
from warden.ports import Registrations, ThingLog
from warden.use_cases.ingest_report import Catalogues
from warden.use_cases.withdraw_alarms import WithdrawAlarms


class RecordRegistryAnswer:
    """Stores an answer of the registry.

    A registry event only names what to ask about again: events are not ordered, come twice, and can be forged.

    Args:
        log: The things' logs.
        registrations: What the registry last said of the things.
        catalogues: The profiles.
        keep: Milliseconds that log entries count for.
    """

    def __init__(self, log: ThingLog, registrations: Registrations, catalogues: Catalogues, *, keep: int) -> None:
        self._registrations = registrations
        self._catalogues = catalogues
        self._withdraw = WithdrawAlarms(log, keep=keep)

    def __call__(self, thing: str, answer: ThingFacts, *, now: int) -> None:
        """Store an answer, unless a later one is there, then withdraw the alarms of behaviors that do not cover the
        thing any more, or that were another thing's of the same name.

        Args:
            thing: The thing's name.
            answer: What the registry said.
            now: Epoch ms.
        """
        self._registrations.record_facts(thing, answer)
        self.withdraw(thing, now=now)

    def withdraw(self, thing: str, *, now: int) -> None:
        """Withdraw what the stored answer leaves uncovered: its second half, for where the first was interrupted."""
        catalogue = cache(self._catalogues.reload)  # only where there is an alarm to ask about
        self._withdraw(
            thing,
            lambda alarm, facts: catalogue().covers(alarm.uid, facts) is False,
            kind=EntryKind.LEFT,
            reason=Reason.THING_LEFT,
            now=now,
        )
