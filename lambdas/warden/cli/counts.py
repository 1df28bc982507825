"""How often AWS is asked for what, once for each report, for each transition, and in any case.

`tests/aws/test_counts.py` counts these at botocore while the functions' handlers run; what cannot be counted without
AWS is said to be assumed.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

REPORT_REQUESTS: Final[Mapping[str, int]] = {"dynamodb:Query": 1, "dynamodb:PutItem": 1}
"""Of the evaluator, for a report that is accepted, in the steady state; none goes to the registry."""

REPLY_REQUESTS: Final[Mapping[str, int]] = {"iot-data:Publish": 1}
"""Beside these, where the report is answered."""

POLL_SECONDS: Final = 5
"""How often at most an evaluator's container asks for the catalogue's epoch: one consistent read of one item."""

TOLD_SECONDS: Final = 60
TOLD_BYTES: Final = 360
"""How often an evaluator's container writes a line of metrics, and how long that is at most, the 26 bytes included
that CloudWatch adds to each."""

EVALUATOR_MB: Final = 256
EVALUATOR_MS: Final = Decimal(30)
"""Assumed: billed milliseconds of one report at that memory, two requests to DynamoDB included. `--lambda-ms` says
another one; the function's own is metric AWS/Lambda Duration."""

SECONDS_A_MONTH: Final = 30 * 86_400
HOURS_A_MONTH: Final = 720

ITEM_OVERHEAD: Final = 100
"""Bytes that DynamoDB bills for storing any item, beside its own."""

DATAPOINT_DAYS: Final = 14
"""How long an entry is kept; the option's default."""

UTILISATION: Final = Decimal("0.7")
"""Of provisioned capacity: what auto scaling aims at."""

METERED_BYTES: Final = 5 * 1024
"""AWS IoT meters messages, rules and actions for each started 5 KB."""

LAMBDA_EVENT_BYTES: Final = 320
"""What the rule's output has beside the payload's base64: names, topic, client, principal, time."""


# In any case, however few devices there are.

SWEEPS: Final = SECONDS_A_MONTH // 60
SWEEP_READ_UNITS: Final = Decimal(8)
"""Of one sweep that finds nothing: two indexes of eight partitions, eventually consistent."""

RECONCILES: Final = SECONDS_A_MONTH // 900 + 30
SCHEDULED_MB: Final = 512
SCHEDULED_MS: Final = Decimal(300)
"""Assumed: of a scheduled function that finds nothing to do."""

POLLED_QUEUES: Final = 2
"""Queues with a function behind them: registry and receipts."""
POLLS_A_QUEUE: Final = 5 * SECONDS_A_MONTH // 20
"""Of an empty one: Lambda keeps five long polls of 20 s under way."""

ALARMS: Final = 20
DASHBOARDS: Final = 1
CUSTOM_METRICS: Final = 12
"""Assumed: of those that functions can tell of, as many as have a value in a usual month; others cost nothing."""


# For an alarm that is raised or cleared, its alert and its receipt.

TRANSITION_WRITE_UNITS: Final = Decimal(21)
TRANSITION_READ_UNITS: Final = Decimal("16.5")
TRANSITION_INVOCATIONS: Final = 2
"""Dispatch, and the receipt's; fewer where several come at once."""
TRANSITION_MS: Final = Decimal(200)
"""Assumed: of these together."""
TRANSITION_ACTIONS: Final = 2
"""Of the alert role's rule: the SNS topic, and the receipt."""
TRANSITION_QUEUE_REQUESTS: Final = 3
