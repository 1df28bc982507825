"""AWS's list prices in us-east-1, in USD before tax: the one place to change when AWS changes them.

Free tiers are left out. Where a price has steps, they are here; where the further ones are not known, the first goes
on. `confidence` says how a price was come by: "high" was read on or transcribed from AWS's page, "medium" on somebody
else's page that quotes it, "low" is remembered or derived. None was fetched from AWS's price list API.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

DATE: Final = "2026-11"
REGION: Final = "us-east-1"

Confidence = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class Price:
    """What a quantity of something costs.

    Attributes:
        usd: For `per` units.
        per: How many units that buys.
        unit: What is counted, in a month where it is a rate.
        source: Where the price was read.
        confidence: How sure it is.
        above: Cheaper steps: (from this many units a month on, USD for `per` units), ascending.
    """

    usd: Decimal
    per: int
    unit: str
    source: str
    confidence: Confidence
    above: tuple[tuple[int, Decimal], ...] = ()

    def of(self, quantity: Decimal) -> Decimal:
        """What a month's quantity costs, in USD; each step's price holds for what lies in that step."""
        cost, upper = Decimal(0), quantity
        for start, usd in reversed(((0, self.usd), *self.above)):
            if upper > start:
                cost += (upper - start) * usd / self.per
                upper = Decimal(start)
        return cost


_IOT = "aws.amazon.com/iot-core/pricing"
_LAMBDA = "aws.amazon.com/lambda/pricing"
_DYNAMODB = "aws.amazon.com/dynamodb/pricing"
_CLOUDWATCH = "aws.amazon.com/cloudwatch/pricing"
_DEFENDER = "aws.amazon.com/iot-device-defender/pricing"
_MILLION: Final = 1_000_000

MESSAGE: Final = Price(
    Decimal("1.00"),
    _MILLION,
    "message of at most 5 KB",
    _IOT,
    "high",
    above=((1_000 * _MILLION, Decimal("0.80")), (5_000 * _MILLION, Decimal("0.70"))),
)
RULE: Final = Price(Decimal("0.15"), _MILLION, "rule triggered, per 5 KB", _IOT, "low")
ACTION: Final = Price(Decimal("0.15"), _MILLION, "rule action, per 5 KB", _IOT, "low")

LAMBDA_REQUEST: Final = Price(Decimal("0.20"), _MILLION, "invocation", _LAMBDA, "high")
LAMBDA_TIME: Final = Price(Decimal("0.0000133334"), 1, "GB-second on arm64", _LAMBDA, "high")

WRITE: Final = Price(Decimal("0.625"), _MILLION, "write unit of 1 KB, on demand", _DYNAMODB, "medium")
READ: Final = Price(Decimal("0.125"), _MILLION, "read unit of 4 KB, on demand", _DYNAMODB, "medium")
WRITE_HOUR: Final = Price(Decimal("0.00065"), 1, "hour of one write unit a second, provisioned", _DYNAMODB, "medium")
READ_HOUR: Final = Price(Decimal("0.00013"), 1, "hour of one read unit a second, provisioned", _DYNAMODB, "medium")
STORAGE: Final = Price(Decimal("0.25"), 1, "GB-month", _DYNAMODB, "low")

QUEUE_REQUEST: Final = Price(
    Decimal("0.40"), _MILLION, "SQS request", "aws.amazon.com/sqs/pricing via cloudburn.io", "medium"
)
ALERT: Final = Price(Decimal("0.50"), _MILLION, "SNS publication", "aws.amazon.com/sns/pricing", "medium")
EVENT: Final = Price(Decimal("1.00"), _MILLION, "custom event", "aws.amazon.com/eventbridge/pricing", "low")
SCHEDULE: Final = Price(
    Decimal("1.00"), _MILLION, "scheduled invocation", "aws.amazon.com/eventbridge/pricing via cloudburn.io", "medium"
)
LOGS: Final = Price(Decimal("0.50"), 1, "GB of logs taken in", f"{_CLOUDWATCH} via c3x.dev", "medium")
METRIC: Final = Price(Decimal("0.30"), 1, "custom metric and month", f"{_CLOUDWATCH} via c3x.dev", "medium")
ALARM: Final = Price(Decimal("0.10"), 1, "alarm and month", _CLOUDWATCH, "low")
DASHBOARD: Final = Price(Decimal("3.00"), 1, "dashboard and month", _CLOUDWATCH, "low")

RULES_DETECT: Final = Price(
    Decimal("0.025"),
    100_000,
    "metric datapoint of AWS IoT Device Defender Rules Detect",
    f"{_DEFENDER} (transcribed 2026-09-20)",
    "medium",
    above=((10_000 * _MILLION, Decimal("0.02")),),
)
