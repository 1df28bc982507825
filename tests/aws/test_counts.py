"""What `warden cost` multiplies by prices is what the functions ask of AWS, counted at botocore."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Self

import pytest

from tests.aws.account import Account as Registry
from tests.aws.alert_account import Account, profile, with_queues
from tests.aws.conftest import DAY, REGION, Clock, Context
from tests.aws.evaluate.road import Road, watch_every_metric
from tests.aws.metering import Meter
from warden.cli import counts
from warden.cli.sizes import METRICS, measure, sample_report
from warden.handlers.alert_path import clean_delivery_rules, publish_alerts
from warden.handlers.parts import CATALOGUE_POLL_MS, Clients, Parts
from warden.handlers.reconcile import Reconcile
from warden.handlers.sweep import Sweep
from warden.handlers.tally import TOLD_EVERY_MS
from warden.settings import Settings

THINGS = [f"pump-{number:011}" for number in range(20)]
TEN_METRICS = sample_report(METRICS, [], 0)


class Asked:
    """What AWS was asked meanwhile, by service and operation, and how many reads had to be consistent."""

    def __init__(self, clients: Clients, *services: str) -> None:
        self.counted = Counter[str]()
        self.consistent = 0
        self._events = [clients(service).meta.events for service in services]

    def __enter__(self) -> Self:
        for events in self._events:
            events.register("before-call", self._count, unique_id="asked")
        return self

    def __exit__(self, *_: object) -> None:
        for events in self._events:
            events.unregister("before-call", unique_id="asked")

    def _count(self, model: Any, params: dict[str, Any], **_: Any) -> None:
        service = model.service_model.service_name
        self.counted[f"{service}:{model.name}"] += 1
        self.consistent += service == "dynamodb" and bool(json.loads(params["body"]).get("ConsistentRead"))


@pytest.fixture
def road(parts: Parts, aws: Clients) -> Iterator[Road]:
    """Twenty things with a log, watched by a profile with a behavior for each metric."""
    road = Road(parts, aws)
    watch_every_metric(parts)
    road.register(*THINGS)
    for thing in THINGS:
        road.report(thing, payload=TEN_METRICS, after=1000)  # newcomers are asked for one by one
    road.connect()
    yield road
    road.disconnect()


def again(road: Road, number: int) -> None:
    """Each thing reports once more, five minutes later, all within a second."""
    road.clock.now += 300_000
    for thing in THINGS:
        road.report(thing, payload=sample_report(METRICS, [], number), after=40)


def test_reports_ask_for_what_is_paid_for_and_the_registry_for_nothing(road: Road) -> None:
    again(road, 1)
    requests = Counter(operation for operation, _ in road.requests)
    asked_for_epoch = requests.pop("dynamodb:GetItem")
    assert {name: count / len(THINGS) for name, count in requests.items()} == {
        **counts.REPORT_REQUESTS,
        **counts.REPLY_REQUESTS,
    }
    assert asked_for_epoch == 1


def test_the_catalogue_is_asked_for_as_often_as_is_paid_for() -> None:
    assert counts.POLL_SECONDS * 1000 == CATALOGUE_POLL_MS


def test_metrics_are_told_of_as_often_as_is_paid_for() -> None:
    assert counts.TOLD_SECONDS * 1000 == TOLD_EVERY_MS


def test_a_rule_hands_on_as_much_beside_the_payload_as_is_paid_for(road: Road) -> None:
    event = road.report(THINGS[0], payload=TEN_METRICS, client_id=THINGS[0])
    assert len(json.dumps(event)) - len(event["payload"]) == counts.LAMBDA_EVENT_BYTES


def test_a_report_is_one_write_unit_and_half_a_read_unit(road: Road, aws: Clients, settings: Settings) -> None:
    with Meter(aws, settings) as meter:
        again(road, 1)
    assert meter.writes == len(THINGS)
    assert meter.reads - 1 == len(THINGS) / 2  # one more is for the epoch


@pytest.mark.unmeasured
def test_what_is_kept_of_a_report_has_the_size_that_is_paid_for(road: Road, aws: Clients, settings: Settings) -> None:
    for number in range(1, 20):
        again(road, number)
    known = road.parts.thing_log.load(THINGS[0])
    assert known.newest
    key = {"pk": {"S": f"T#{THINGS[0]}"}, "sk": {"S": f"LOG#{known.newest.seq:012}"}}
    item = aws("dynamodb").get_item(TableName=settings.log_table, Key=key)["Item"]
    size = sum(len(name) + _size(value) for name, value in item.items())
    assert size == pytest.approx(measure(10, 300).entry, rel=0.03)


def _size(value: dict[str, str | bytes]) -> int:
    [(kind, content)] = value.items()
    return (len(content) + 1) // 2 + 1 if kind == "N" else len(content)


def test_metrics_are_told_of_as_seldom_and_as_briefly_as_is_paid_for(
    road: Road, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(1, 4):
        capsys.readouterr()
        again(road, number)
        [line] = capsys.readouterr().out.splitlines()
        assert len(line.encode()) + 26 <= counts.TOLD_BYTES


@pytest.fixture
def account(aws: Clients, settings: Settings, clock: Clock) -> Account:
    """A thing whose alert role has its rule already."""
    account = Account(Parts(with_queues(settings), region=REGION, clients=aws, clock=clock), aws, clock)
    account.fleet.watch("pump", as_=profile("pump"))
    for turn in (account.violate, account.conform):
        turn("pump")
        account.go()
    return account


def test_a_transition_costs_what_is_said(account: Account, aws: Clients, settings: Settings) -> None:
    with Meter(aws, settings) as meter:
        writes, reads = [], []
        for turn in (account.violate, account.conform):
            meter.units.clear()
            turn("pump")
            account.go()
            writes.append(meter.writes - 1)  # less the report's own
            reads.append(meter.reads - 0.5)
    assert writes == [counts.TRANSITION_WRITE_UNITS] * 2
    assert sum(reads) / 2 == counts.TRANSITION_READ_UNITS


def test_a_transition_is_told_in_as_many_requests_as_is_said(account: Account, aws: Clients) -> None:
    account.fleet.stream.read()
    with Asked(aws, "iot-data", "sns", "sqs", "events") as asked:
        for turn in (account.violate, account.conform):
            asked.counted.clear()
            turn("pump")
            account.engine.run()
            sent = dict(asked.counted)
            records, receipts = len(account.fleet.stream.read()["Records"]), account.feed()
            assert sent == {
                "iot-data:Publish": 1,
                "sns:Publish": 1,
                "sqs:SendMessage": counts.TRANSITION_SENDS,
                "events:PutEvents": counts.TRANSITION_EVENTS,
            }
            assert sent["sns:Publish"] + sent["sqs:SendMessage"] == counts.TRANSITION_ACTIONS
            assert records + receipts == counts.TRANSITION_INVOCATIONS


# In any case


def test_a_sweep_that_finds_nothing_reads_what_is_said(account: Account, aws: Clients) -> None:
    parts = account.parts
    sweep = Sweep(parts, publish_alerts(parts), clean_delivery_rules(parts))
    sweep(lambda: 60_000)  # which also looks for rules to clean up, as once an hour
    with Asked(aws, "dynamodb", "iot", "iot-data", "sqs") as asked:
        sweep(lambda: 60_000)
    assert asked.consistent == 0
    assert asked.counted == {"dynamodb:Query": counts.SWEEP_READ_UNITS * 2}


@pytest.fixture
def registry(parts: Parts) -> Iterator[Registry]:
    registry = Registry(parts)
    yield registry
    registry.close()


def units(registry: Registry, context: Context, groups: str) -> tuple[float, int]:
    """Read and write units of a pass a day later, when nothing has changed."""
    parts, clock = registry.parts, registry.parts.clock

    def wait(seconds: float) -> None:
        clock.now += round(seconds * 1000)  # type: ignore[attr-defined]

    context.remaining_ms = 900_000
    Reconcile(parts, wait)({"groups": groups}, context)
    clock.now += DAY  # type: ignore[attr-defined]
    with Meter(parts.client, parts.settings) as meter:
        Reconcile(parts, wait)({"groups": groups}, context)
    return meter.reads, meter.writes


def test_a_nightly_comparison_costs_what_is_said(registry: Registry, context: Context) -> None:
    nights = []
    for numbers in (range(10), range(10, 30)):
        for number in numbers:
            registry.create(f"pump-{number}", "Pumps")
        nights.append(units(registry, context, "all"))
    (few, writes), (many, _) = nights
    assert (many - few) / 20 == counts.NIGHT_READ_UNITS_A_THING
    assert few - 10 * float(counts.NIGHT_READ_UNITS_A_THING) == counts.NIGHT_READ_UNITS
    assert {written for _, written in nights} == {writes} == {counts.NIGHT_WRITE_UNITS}


def test_a_comparison_of_no_dynamic_groups_costs_what_is_said(registry: Registry, context: Context) -> None:
    assert units(registry, context, "dynamic") == (counts.DYNAMIC_READ_UNITS, counts.DYNAMIC_WRITE_UNITS)
