"""What the account's quotas carry: reports a second, and so devices."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from botocore.exceptions import ClientError

from warden.cli import counts
from warden.cli.doctor.finding import Finding, Patient, State


@dataclass(frozen=True, slots=True)
class Quota:
    """A quota that reports use up.

    Attributes:
        name: Service Quotas' name of it.
        service: Its service's code.
        code: Its own code; AWS's public list of quotas, read 2026-11.
        default: AWS's default in large Regions. Source: AWS General Reference, AWS IoT Core and Lambda quotas.
        a_report: What one report uses of it.
        used_by: What of a report uses it, in words.
    """

    name: str
    service: str
    code: str
    default: int
    a_report: Decimal
    used_by: str


QUOTAS: Final = (
    Quota("Rule evaluations per second per AWS account", "iotcore", "L-5E9B88DA", 20_000, Decimal(1), "one each"),
    Quota(
        "Inbound publish requests per second per account",
        "iotcore",
        "L-4B33E451",
        20_000,
        Decimal(2),
        "the report on a normal topic, and its reply",
    ),
    Quota(
        "Concurrent executions",
        "lambda",
        "L-B99A9384",
        1_000,
        counts.EVALUATOR_MS / 1000,
        f"assumed {counts.EVALUATOR_MS} ms each",
    ),
)

ON_DEMAND_WRITES: Final = 4_000
"""Writes a second that an on-demand table takes from its first minute on; it doubles within half an hour. Source:
Amazon DynamoDB Developer Guide, On-demand capacity mode."""


def quotas(patient: Patient) -> Iterator[Finding]:
    """Each quota with the fleet that it carries; less than AWS's default is worth a warning, as new accounts have."""
    client = patient.client("service-quotas")
    for quota in QUOTAS:
        call = f"servicequotas:GetServiceQuota {quota.service} {quota.code}"
        value = _value(client, quota)
        known = quota.default if value is None else value
        answer = f"{quota.name}: {known:,.0f}, {quota.used_by}: {_carries(Decimal(known) / quota.a_report, patient)}"
        if value is None:
            yield Finding("quota", State.OK, call, f"Service Quotas has none; AWS documents {answer}")
        elif value < quota.default:
            then = (
                f"aws service-quotas request-service-quota-increase --service-code {quota.service} "
                f"--quota-code {quota.code} --desired-value {quota.default}"
            )
            yield Finding("quota", State.WARN, call, f"{answer}; AWS's default is {quota.default:,}", then)
        else:
            yield Finding("quota", State.OK, call, answer)
    yield from _table(patient)


def _value(client: Any, quota: Quota) -> float | None:
    """What is in force: the account's own value, else AWS's default, None where Service Quotas knows neither."""
    for ask in (client.get_service_quota, client.get_aws_default_service_quota):
        try:
            return float(ask(ServiceCode=quota.service, QuotaCode=quota.code)["Quota"]["Value"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchResourceException":
                raise
    return None


def _table(patient: Patient) -> Iterator[Finding]:
    name = patient.stage.log_table
    table = patient.client("dynamodb").describe_table(TableName=name)["Table"]
    call = f"dynamodb:DescribeTable {name}"
    if table.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST":
        writes = table.get("WarmThroughput", {}).get("WriteUnitsPerSecond", ON_DEMAND_WRITES)
        answer = f"on demand, at once {writes:,} writes a second, one each: {_carries(Decimal(writes), patient)}"
        yield Finding("table log", State.OK, call, answer)
    else:
        writes = table["ProvisionedThroughput"]["WriteCapacityUnits"]
        answer = f"provisioned, now {writes:,} writes a second, one each: {_carries(Decimal(writes), patient)}"
        yield Finding("table log", State.OK, call, answer)


def _carries(reports: Decimal, patient: Patient) -> str:
    devices = reports * patient.interval
    return f"{reports:,.0f} reports a second, {devices:,.0f} devices at {patient.interval} s"
