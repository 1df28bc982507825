"""What `warden cost` multiplies by prices is what the functions ask of AWS, counted at botocore."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.aws.alert_account import Account, profile, with_queues
from tests.aws.conftest import REGION, Clock
from tests.aws.evaluate.road import Road, watch_every_metric
from tests.aws.metering import Meter
from warden.cli import counts
from warden.cli.sizes import METRICS, _report, measure
from warden.handlers.parts import CATALOGUE_POLL_MS, Clients, Parts
from warden.settings import Settings

THINGS = [f"pump-{number:011}" for number in range(20)]
TEN_METRICS = _report(METRICS, [], 0)


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
        road.report(thing, payload=_report(METRICS, [], number), after=40)


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


def test_a_report_is_one_write_unit_and_half_a_read_unit(road: Road, aws: Clients, settings: Settings) -> None:
    with Meter(aws, settings) as meter:
        again(road, 1)
    assert meter.writes == len(THINGS)
    assert meter.reads - 1 == len(THINGS) / 2  # one more is for the epoch


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
