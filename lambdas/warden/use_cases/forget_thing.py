"""All that is kept about a thing is erased: what it reported, and every violation of it."""

from dataclasses import dataclass

from warden.ports import ThingLog
from warden.storage.violations import Violations


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much was erased.

    Attributes:
        entries: Entries of the thing's log; with what the registry said of it, that is one more.
        violations: Violations, with their events.
    """

    entries: int
    violations: int


def forget_thing(log: ThingLog, violations: Violations, thing: str) -> Forgotten:
    """Erase a thing's data; done again, it erases what came meanwhile.

    Violations go first: those that were never told are in no list, and only the thing's log names them. Nobody is
    told of the end of one that is active. What is under way is not stopped: an event of a report that was just taken
    may be recorded afterwards, and a thing that is still registered reports again as if for the first time.

    Args:
        log: The things' logs.
        violations: Episodes and events.
        thing: Its name.

    Raises: Unavailable; what was not erased then is, when it is done again.
    """
    named = set(violations.ids_of(thing))
    for logged in log.since(thing, 0):
        named.update(transition.violation_id for transition in logged.entry.transitions)
    found = sum(violations.forget(violation_id) for violation_id in sorted(named))
    return Forgotten(log.forget(thing), found)
