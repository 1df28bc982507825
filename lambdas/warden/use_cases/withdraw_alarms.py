"""Alarms of a thing are put to rest without a datapoint: through its log, like everything that changes them."""

from collections.abc import Callable

from warden.domain.alarms.advance import withdraw
from warden.domain.alarms.alarm import Alarm
from warden.domain.alarms.entry import EntryKind, Reason
from warden.domain.behaviors.target import ThingFacts
from warden.domain.errors import Raced
from warden.ports import ThingLog

ATTEMPTS = 20


class WithdrawAlarms:
    """Appends the entry that puts alarms to rest.

    Args:
        log: The things' logs.
        keep: Milliseconds that entries count for.
    """

    def __init__(self, log: ThingLog, *, keep: int) -> None:
        self._log = log
        self._keep = keep

    def __call__(
        self, thing: str, ends: Callable[[Alarm, ThingFacts], bool], *, kind: EntryKind, reason: Reason, now: int
    ) -> bool:
        """Put the alarms of a thing that `ends` names, given what the registry says of the thing now, to rest; and
        those of a void state, which end for their own reason.

        Returns: Whether there were any.
        """
        for _ in range(ATTEMPTS):
            known = self._log.load(thing, consistent=True)
            if known.newest is None:
                return False
            facts = known.facts or ThingFacts("")
            resting = frozenset(alarm for alarm in known.newest.entry.state.alarms if ends(alarm, facts))
            entry = withdraw(
                known.newest, facts, kind=kind, reason=reason, ends=resting.__contains__, now=now, keep=self._keep
            )
            if entry is None:
                return False
            try:
                self._log.append(thing, entry, after=known.newest.seq)
            except Raced:
                continue
            return True
        raise Raced(f"{thing}: others wrote first {ATTEMPTS} times")
