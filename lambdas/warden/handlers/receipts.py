"""What comes back from the alert rules: receipts, and what their error actions say."""

from collections import Counter
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from warden.handlers.parts import Parts
from warden.handlers.telemetry import metrics
from warden.storage.delivery_rules import Trials
from warden.use_cases.record_receipt import Outcome, RecordReceipt

log = Logger()


class Receipts:
    """Records what the messages of queue `receipts` say; what is none of ours is dropped, and counted."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._record = RecordReceipt(parts.violations, Trials(parts.control_table), stage=parts.settings.stage)

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        """Record a batch. Returns the messages to bring again, as `batchItemFailures`: those that failed for a fault
        of ours."""
        counts = Counter[str]()
        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        with metrics(self._parts.settings.stage) as told:
            answer = process_partial_response(event, lambda record: self._one(record, counts), processor)
            counts["ReceiptFailed"] = len(answer["batchItemFailures"])
            for name, count in counts.items():
                if count:
                    told.add_metric(name, MetricUnit.Count, count)
        return dict(answer)

    def _one(self, record: SQSRecord, counts: Counter[str]) -> None:
        try:
            outcome = self._record(record.body, now=self._parts.clock())
        except Exception:
            log.exception("a receipt was not recorded", message_id=record.message_id)
            raise
        counts[outcome.value] += 1
        if outcome is Outcome.FOREIGN:
            log.warning("a message on the receipts' queue is none of ours", message_id=record.message_id)


@cache
def _receipts() -> Receipts:
    return Receipts(Parts.from_env())


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Entry point of the function that queue `receipts` feeds."""
    return _receipts()(event)
