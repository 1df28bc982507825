"""A dead alert is published again, for another day."""

from contextlib import suppress
from enum import StrEnum

from warden.domain.alerts.letter import read_letter
from warden.domain.errors import Raced
from warden.storage.violations import Violations, event_key

ATTEMPTS = 10


class Redriven(StrEnum):
    """What became of a dead letter, in words for people."""

    AGAIN = "is published again"
    UNDER_WAY = "is under way already, or has left"
    UNWANTED = "is wanted by nobody any more"
    GONE = "is of an event that is not kept any more"


def redrive_alert(violations: Violations, letter: str, *, now: int) -> Redriven:
    """Make the event of a dead letter due at once. The letter may be removed afterwards, whatever is returned.

    Args:
        violations: Where the event is.
        letter: The queue's message.
        now: Epoch ms.

    Raises: InvalidRequest, where it is no dead alert; Unavailable.
    """
    read = read_letter(letter)
    key = event_key(read.violation_id, read.violation_event_time, read.violation_event_type)
    for _ in range(ATTEMPTS):
        stored = violations.event(key)
        if stored is None:
            return Redriven.GONE
        if stored.record.target is None:
            return Redriven.UNWANTED
        sending = stored.record.sending
        if sending.delivered:
            return Redriven.UNDER_WAY
        with suppress(Raced):  # a receipt of it, or whoever is writing this very letter
            # One that is not given up yet is written as it was: giving it up now would then fail, and not lose it.
            violations.put_sending(stored, sending.redriven().postponed(now) if sending.given_up else sending)
            return Redriven.AGAIN if sending.given_up else Redriven.UNDER_WAY
    raise Raced(f"{read.violation_id}: others were at work {ATTEMPTS} times")
