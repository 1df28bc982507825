"""What comes back from the delivery rules is recorded: that an alert left, or what was in its way."""

import logging
from contextlib import suppress
from enum import StrEnum

from warden.domain.alarms.violation import Event
from warden.domain.alerts.receipt import Receipt, export_failure, parse
from warden.domain.alerts.rule import rule_prefix
from warden.domain.alerts.sending import Sending
from warden.domain.errors import Raced
from warden.storage.delivery_rules import Trials
from warden.storage.violations import Violations, event_key

ATTEMPTS = 10

log = logging.getLogger(__name__)


class Outcome(StrEnum):
    """What a message turned out to be; the values name metrics.

    An export that failed is logged: nothing repeats it. A stale one is of an attempt that is not the latest, of an
    event that nobody wants told any more, or repeated.
    """

    RECEIPT = "AlertReceipt"
    ERROR = "AlertError"
    STALE = "AlertReceiptStale"
    TRIAL = "AlertTrial"
    EXPORT = "ExportFailed"
    FOREIGN = "AlertReceiptForeign"


class RecordReceipt:
    """Records receipts and error messages, in whatever order they come.

    Args:
        violations: Events, and how far their alerts are.
        trials: Where answers to tests go.
        stage: The deployment's.
    """

    def __init__(self, violations: Violations, trials: Trials, *, stage: str) -> None:
        self._violations = violations
        self._trials = trials
        self._prefix = rule_prefix(stage)
        self._export_prefix = rule_prefix(stage, exports=True)

    def __call__(self, body: str, *, now: int) -> Outcome:
        """Record what a message says, if it says anything of an alert of ours.

        Args:
            body: The message, from whoever could send it.
            now: Epoch ms.

        Raises: Unavailable, where it has to be tried again.
        """
        receipt = parse(body, self._prefix)
        if receipt is None:
            return self._of_export(body)
        if receipt.is_test:
            self._trials.put(receipt.violation_id, receipt.error, now=now)
            return Outcome.TRIAL
        return self._record(receipt, now)

    def _of_export(self, body: str) -> Outcome:
        failed = export_failure(body, self._export_prefix)
        if failed is None:
            return Outcome.FOREIGN
        log.error("exported metrics did not leave: %s", failed)
        return Outcome.EXPORT

    def _record(self, receipt: Receipt, now: int) -> Outcome:
        key = event_key(receipt.violation_id, receipt.at, receipt.type)
        for _ in range(ATTEMPTS):
            stored = self._violations.event(key)
            if stored is None:
                return Outcome.FOREIGN
            said = _said(stored.record, receipt, now)
            if said is None:
                return Outcome.STALE
            with suppress(Raced):  # a publication of the same event, or another message of it
                self._violations.put_sending(stored, said)
                return Outcome.RECEIPT if receipt.error is None else Outcome.ERROR
        raise Raced(f"{receipt.violation_id}: others were at work {ATTEMPTS} times")


def _said(event: Event, receipt: Receipt, now: int) -> Sending | None:
    """What the message makes of the event's alert; None where it changes nothing."""
    before = event.sending
    if event.target is None:  # the fence took it
        return None
    after = (
        before.receipt(receipt.attempt)
        if receipt.error is None
        else before.failure(receipt.attempt, receipt.error, now=now)
    )
    return None if after == before else after
