"""What the account's quotas carry: reports a second, and so devices."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from botocore.exceptions import ClientError

from warden.adapters.aws_iot import CALLS_TO_ASK
from warden.cli import counts
from warden.cli.doctor.finding import Finding, Patient, State
from warden.settings import PREFIX


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

    @property
    def call(self) -> str:
        """What Service Quotas is asked."""
        return f"servicequotas:GetServiceQuota {self.service} {self.code}"

    def request(self, value: int) -> str:
        """The command that asks AWS for more."""
        return (
            f"aws service-quotas request-service-quota-increase --service-code {self.service} "
            f"--quota-code {self.code} --desired-value {value}"
        )


CONCURRENCY: Final = Quota(
    "Concurrent executions",
    "lambda",
    "L-B99A9384",
    1_000,
    counts.EVALUATOR_MS / 1000,
    f"assumed {counts.EVALUATOR_MS} ms each",
)

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
    CONCURRENCY,
)

REGISTRY_QUOTAS: Final = (
    Quota("DescribeThing API TPS", "iotcore", "L-0EF0F5EE", 350, Decimal(0), ""),
    Quota("ListThingGroupsForThing API TPS", "iotcore", "L-75F129AD", 100, Decimal(0), ""),
)
"""A report of a thing that is known uses none of them; asking about a thing is one request of each."""

QUEUE_CONTAINERS: Final = 2
SCHEDULED_CONTAINERS: Final = 2
"""Containers that ask by themselves at once: of `registry` as many as its queue may invoke, of `reconcile` one for
each of its schedules; `tests/infra` counts them in the template. Of `evaluate` there are as many as reports need."""

ON_DEMAND_WRITES: Final = 4_000
"""Writes a second that an on-demand table takes from its first minute on; it doubles within half an hour. Source:
Amazon DynamoDB Developer Guide, On-demand capacity mode."""


def quotas(patient: Patient) -> Iterator[Finding]:
    """Each quota with the fleet that it carries; less than AWS's default is worth a warning, as new accounts have."""
    client = patient.client("service-quotas")
    containers = CONCURRENCY.default
    for quota in QUOTAS:
        value = _value(client, quota)
        known = quota.default if value is None else value
        containers = int(known) if quota is CONCURRENCY else containers
        answer = f"{quota.name}: {known:,.0f}, {quota.used_by}: {_carries(Decimal(known) / quota.a_report, patient)}"
        if value is None:
            answer = f"Service Quotas has none; AWS documents {answer}"
            yield Finding("quota", State.OK, quota.call, answer)
        elif value < quota.default:
            answer = f"{answer}; AWS's default is {quota.default:,}"
            yield Finding("quota", State.WARN, quota.call, answer, quota.request(quota.default))
        else:
            yield Finding("quota", State.OK, quota.call, answer)
    yield from _table(patient)
    yield from _registry(patient, client, containers)


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


def _registry(patient: Patient, client: Any, containers: int) -> Iterator[Finding]:
    """What the functions together may ask of the registry: `registry_calls_per_second` is what one container may, and
    of `evaluate` Lambda allows so many."""
    function = patient.stage.evaluate_function
    environment = patient.client("lambda").get_function_configuration(FunctionName=function).get("Environment", {})
    if error := environment.get("Error"):
        call, then = f"lambda:GetFunctionConfiguration {function}", "allow yourself kms:Decrypt with the stage's key"
        yield Finding("registry quota", State.UNKNOWN, call, f"its environment: {error['Message']}", then)
        return
    rate = float(environment["Variables"][f"{PREFIX}REGISTRY_CALLS_PER_SECOND"])
    for quota in REGISTRY_QUOTAS:
        value = _value(client, quota)
        yield _asked(patient, quota, quota.default if value is None else int(value), rate, containers)


def _asked(patient: Patient, quota: Quota, known: int, rate: float, containers: int) -> Finding:
    """One quota of the registry, and what may be asked of it each second. AWS's refusals are tried again up to twice,
    which is left out."""
    by_themselves = QUEUE_CONTAINERS + SCHEDULED_CONTAINERS
    each = rate / CALLS_TO_ASK
    always = by_themselves * each
    answer = (
        f"{quota.name}: {known:,}, registry and reconcile use up to {always:,.10g} ({by_themselves} containers, "
        f"registry_calls_per_second {rate:g} in each, one in {CALLS_TO_ASK} of this call)"
    )
    if always > known:
        most = known * CALLS_TO_ASK / by_themselves
        then = (
            f"in cdk.json, registry_calls_per_second of {most:g} at most, and: make deploy; "
            f"or {quota.request(math.ceil(always))}"
        )
        return Finding("registry quota", State.WARN, quota.call, answer, then)
    answer += f", evaluate {each:,.10g} more in each container that asks about new things: "
    everybody = f"all {containers:,} that Lambda allows make it {always + containers * each:,.10g}"
    if always + containers * each > known:
        beside = int((known - always) / each)
        answer += f"{beside:,} containers fit, {_carries(beside / CONCURRENCY.a_report, patient)}; "
    return Finding("registry quota", State.OK, quota.call, answer + everybody)


def _carries(reports: Decimal, patient: Patient) -> str:
    devices = reports * patient.interval
    return f"{reports:,.0f} reports a second, {devices:,.0f} devices at {patient.interval} s"
