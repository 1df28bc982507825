"""How often AWS is asked for what, once for each report, for each transition, and in any case.

`tests/aws/test_counts.py` counts these at botocore while the functions' handlers run, `tests/infra` in the template.
What is said to be assumed only AWS can tell.
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

LOG_INDEXES: Final = 2
"""Of table `log`; each has provisioned capacity of its own, and keeps the table's minimum of it."""

SCALING_ALARMS: Final = 4 * 2 * (1 + LOG_INDEXES)
"""Of CloudWatch, that auto scaling makes for the reads and for the writes of each: AlarmHigh, AlarmLow,
ProvisionedCapacityHigh and ProvisionedCapacityLow."""

REPORT_INDEX_WRITES: Final = 0
"""Rows that a report without a transition writes in these: `outbox` has entries with transitions, and `things` what
the registry says."""

TRANSITION_INDEX_WRITES: Final = 2
"""Rows of `outbox` for an entry with transitions: it is marked, and dispatch takes the mark away."""

BURST_SECONDS: Final = 300
"""For how long unused provisioned capacity is kept. Source: Amazon DynamoDB Developer Guide, Burst capacity."""

METERED_BYTES: Final = 5 * 1024
"""AWS IoT meters messages, rules and actions for each started 5 KB."""

LAMBDA_EVENT_BYTES: Final = 215
"""What the rule's output has beside the payload's base64: names, topic, client, principal, time; of a thing whose name
has 16 characters, and is its client id."""


# In any case, however few devices there are.

SWEEPS: Final = SECONDS_A_MONTH // 60
SWEEP_READ_UNITS: Final = Decimal("8.5")
"""Of one sweep that finds nothing: seventeen partitions of indexes, eventually consistent. Once an hour it looks for
alert rules to clean up, too; that is left out."""
SWEEP_OUTBOX_READ_UNITS: Final = Decimal("4.5")
"""Of these, those of index `outbox` of table `log`."""

NIGHTS: Final = 30
NIGHT_READ_UNITS_A_THING: Final = Decimal("1.5")
"""Of the nightly comparison with the registry, for a thing in one group: looked up as a thing, as a member and as what
we believe. Half a unit more for each further group; the lists' own pages, some hundredths, are left out."""
NIGHT_READ_UNITS: Final = Decimal(7)
NIGHT_WRITE_UNITS: Final = Decimal(133)
"""Of that comparison in any case: where it is, and its sums of 128 KB. A fleet for which it takes minutes pays that
once a minute."""

DYNAMIC_PASSES: Final = SECONDS_A_MONTH // 900
DYNAMIC_READ_UNITS: Final = Decimal(4)
DYNAMIC_WRITE_UNITS: Final = Decimal(5)
"""Of a comparison of dynamic groups that finds none that is watched."""

RECONCILES: Final = DYNAMIC_PASSES + NIGHTS
SCHEDULED_MB: Final = 512
SCHEDULED_MS: Final = Decimal(300)
"""Assumed: of a scheduled function that finds nothing to do."""

POLLED_QUEUES: Final = 2
"""Queues with a function behind them: registry and receipts."""
POLLS_A_QUEUE: Final = 5 * SECONDS_A_MONTH // 20
"""Assumed, of an empty one: Lambda keeps five long polls of 20 s under way."""

ALARMS: Final = 23
DASHBOARDS: Final = 1
CUSTOM_METRICS: Final = 12
"""Assumed: of those that functions can tell of, as many as have a value in a usual month; others cost nothing."""


# For an alarm that is raised or cleared, its alert and its receipt.

TRANSITION_WRITE_UNITS: Final = Decimal(24)
TRANSITION_READ_UNITS: Final = Decimal("17.5")
TRANSITION_INVOCATIONS: Final = 2
"""Of dispatch for its stream record, and for its receipt's message; fewer where several come at once."""
TRANSITION_MS: Final = Decimal(200)
"""Assumed: of these together."""
TRANSITION_ACTIONS: Final = 2
"""Of the alert role's rule, which is triggered once: one publication to the SNS topic, and the receipt."""
TRANSITION_EVENTS: Final = 1
"""Put on the account's event bus."""
TRANSITION_SENDS: Final = 1
TRANSITION_TAKES: Final = 2
"""Assumed: Lambda receives the receipt, and deletes it."""
