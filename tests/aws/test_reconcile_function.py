"""The function that compares with the registry: AWS IoT's pages, its pace, its metrics, its next invocation."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import msgspec
import pytest
from botocore.stub import Stubber

from tests.aws.account import Account
from tests.aws.conftest import HOUR, REGION, SECOND, Clock, Context, Nap
from tests.aws.invocations import Invocations, new_client
from warden.adapters.aws_iot import IotRegistryPages
from warden.domain.errors import Throttled, Unavailable
from warden.handlers.parts import Clients, Parts
from warden.handlers.reconcile import ENOUGH_MS, Reconcile
from warden.settings import Settings
from warden.use_cases.registry_pages import StaleToken


@pytest.fixture
def parts(aws: Clients, settings: Settings, clock: Clock, lambda_: Invocations) -> Parts:
    return Parts(
        settings, region=REGION, clients=lambda name: lambda_.client if name == "lambda" else aws(name), clock=clock
    )


@pytest.fixture
def account(parts: Parts) -> Iterator[Account]:
    account = Account(parts)
    yield account
    account.close()


@pytest.fixture
def nap(clock: Clock) -> Nap:
    return Nap(clock)


def printed(capsys: pytest.CaptureFixture[str], name: str) -> list[float]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    return [value for line in lines for value in line.get(name, [])]


def test_a_fleet_is_seeded_within_the_share_of_the_quota(
    account: Account, parts: Parts, nap: Nap, context: Context, lambda_: Invocations
) -> None:
    for n in range(12):
        account.create(f"pump-{n}", "Pumps")
    context.remaining_ms = 15 * 60 * SECOND
    began = parts.clock()

    Reconcile(parts, nap)({"groups": "all"}, context)

    assert all(account.groups(f"pump-{n}") == ("Pumps",) for n in range(12))
    assert account.calls == {
        "DescribeThing": 12,
        "ListThingGroupsForThing": 12,
        "ListThings": 1,
        "ListThingGroups": 1,
        "ListThingsInThingGroup": 1,
        "DescribeThingGroup": 2,
    }
    seconds = (parts.clock() - began) / 1000
    assert 1.8 <= seconds <= 2.1, "28 calls within the share, 10 at once and 10 a second"
    assert lambda_.events == []


def test_a_pass_that_runs_out_of_time_has_itself_invoked_to_go_on(
    account: Account, parts: Parts, nap: Nap, context: Context, lambda_: Invocations
) -> None:
    for n in range(30):
        account.create(f"pump-{n}", "Pumps")
    context.remaining_ms = ENOUGH_MS + 2 * SECOND
    event: dict[str, Any] = {"groups": "all"}
    invocations = 0

    while event:
        invocations += 1
        Reconcile(parts, nap)(event, context)
        called = lambda_.events.pop() if lambda_.events else None
        assert called is None or called[0] == context.invoked_function_arn
        event = called[1] if called else {}

    assert 2 < invocations < 10
    assert all(account.groups(f"pump-{n}") == ("Pumps",) for n in range(30))
    assert account.calls["DescribeThing"] == 30, "nothing is asked twice"


def test_an_event_of_a_pass_that_is_over_does_nothing(
    account: Account, parts: Parts, nap: Nap, context: Context, lambda_: Invocations
) -> None:
    account.create("pump-7")
    Reconcile(parts, nap)({"groups": "all", "resume": 7}, context)

    assert (account.calls, lambda_.events) == ({}, [])


@pytest.mark.parametrize("groups", ["all", "dynamic"])
def test_the_age_of_the_last_full_pass_is_told_every_time(
    parts: Parts, nap: Nap, context: Context, capsys: pytest.CaptureFixture[str], groups: str
) -> None:
    reconcile = Reconcile(parts, nap)
    context.remaining_ms = 15 * 60 * SECOND
    reconcile({"groups": "dynamic"}, context)
    assert printed(capsys, "ReconcileAge") == [], "there was none"
    reconcile({"groups": "all"}, context)
    parts.clock.now += 26 * HOUR  # type: ignore[attr-defined]
    capsys.readouterr()

    reconcile({"groups": groups}, context)

    (age,) = printed(capsys, "ReconcileAge")
    assert age == pytest.approx(0 if groups == "all" else 26 * 3600, abs=5)


def test_a_first_pass_that_does_not_end_gets_old(
    account: Account, parts: Parts, nap: Nap, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    account.create("pump-7")
    context.remaining_ms = 0
    Reconcile(parts, nap)({"groups": "all"}, context)
    parts.clock.now += HOUR // 2  # type: ignore[attr-defined]
    capsys.readouterr()

    Reconcile(parts, nap)({"groups": "dynamic"}, context)

    assert printed(capsys, "ReconcileAge") == [pytest.approx(1800, abs=5)]


def test_who_left_a_dynamic_group_that_is_watched_is_found(
    account: Account, parts: Parts, nap: Nap, context: Context
) -> None:
    account.watch("Hot")
    account.watch("Static")
    account.query("Hot")
    for n in range(3):
        account.create(f"pump-{n}", "Hot", "Static")
    context.remaining_ms = 15 * 60 * SECOND
    reconcile = Reconcile(parts, nap)
    reconcile({"groups": "all"}, context)
    parts.clock.now += HOUR  # type: ignore[attr-defined]
    account.leave("pump-1", "Hot")

    reconcile({"groups": "dynamic"}, context)

    assert [account.groups(f"pump-{n}") for n in range(3)] == [("Hot", "Static"), ("Static",), ("Hot", "Static")]
    assert account.calls == {
        "DescribeThingGroup": 3,
        "ListThingsInThingGroup": 1,
        "DescribeThing": 1,
        "ListThingGroupsForThing": 1,
    }


def test_other_groups_are_no_event_of_ours(account: Account, parts: Parts, nap: Nap, context: Context) -> None:  # noqa: ARG001
    with pytest.raises(ValueError, match="expected all or dynamic, got 'static'"):
        Reconcile(parts, nap)({"groups": "static"}, context)


# AWS IoT's lists: moto has no pages of groups and members, and no dynamic groups


class Iot:
    """AWS IoT, giving the answers that the test puts into it, to the requests that it names."""

    def __init__(self) -> None:
        self.client = new_client("iot")
        self.stub = Stubber(self.client)
        self.stub.activate()
        self.paced: list[int] = []
        self.pages = IotRegistryPages(lambda: self.client, self.paced.append)


@pytest.fixture
def iot() -> Iterator[Iot]:
    iot = Iot()
    with closing(iot.client):
        yield iot
        iot.stub.assert_no_pending_responses()


def test_things_are_listed_250_a_page(iot: Iot) -> None:
    iot.stub.add_response("list_things", {"things": [{"thingName": "a"}], "nextToken": "t"}, {"maxResults": 250})
    iot.stub.add_response("list_things", {"things": [{"thingName": "b"}]}, {"maxResults": 250, "nextToken": "t"})

    assert iot.pages.things(None) == (["a"], "t")
    assert iot.pages.things("t") == (["b"], None)
    assert iot.paced == [1, 1]


def test_groups_are_listed_250_a_page(iot: Iot) -> None:
    page = {"thingGroups": [{"groupName": "A", "groupArn": "arn"}], "nextToken": "t"}
    iot.stub.add_response("list_thing_groups", page, {"maxResults": 250})
    iot.stub.add_response("list_thing_groups", {"thingGroups": []}, {"maxResults": 250, "nextToken": "t"})

    assert iot.pages.groups(None) == (["A"], "t")
    assert iot.pages.groups("t") == ([], None)


def test_direct_members_are_listed_250_a_page(iot: Iot) -> None:
    asked = {"thingGroupName": "A", "maxResults": 250, "recursive": False}
    iot.stub.add_response("list_things_in_thing_group", {"things": ["a"], "nextToken": "t"}, asked)
    iot.stub.add_response("list_things_in_thing_group", {"things": ["b"]}, {**asked, "nextToken": "t"})

    assert iot.pages.members("A", None) == (["a"], "t")
    assert iot.pages.members("A", "t") == (["b"], None)


def test_a_group_that_was_deleted_since_it_was_listed_has_no_members(iot: Iot) -> None:
    iot.stub.add_client_error("list_things_in_thing_group", "ResourceNotFoundException", http_status_code=404)

    assert iot.pages.members("A", None) == ([], None)


def test_a_group_with_a_query_is_dynamic_and_that_is_asked_once(iot: Iot) -> None:
    query = {"thingGroupName": "D", "queryString": "attributes.kind:pump", "indexName": "AWS_Things"}
    iot.stub.add_response("describe_thing_group", query, {"thingGroupName": "D"})
    iot.stub.add_response("describe_thing_group", {"thingGroupName": "S"}, {"thingGroupName": "S"})

    assert [iot.pages.is_dynamic(name) for name in "DSDS"] == [True, False, True, False]
    assert iot.paced == [1, 1]


def test_a_group_that_is_not_there_is_not_dynamic_and_is_asked_about_again(iot: Iot) -> None:
    iot.stub.add_client_error("describe_thing_group", "ResourceNotFoundException", http_status_code=404)
    iot.stub.add_response("describe_thing_group", {"thingGroupName": "D", "queryString": "thingName:*"})

    assert [iot.pages.is_dynamic("D") for _ in range(2)] == [False, True]


@pytest.mark.parametrize(
    ("code", "token", "error"),
    [
        ("InvalidRequestException", "old", StaleToken),
        ("InvalidRequestException", None, Unavailable),
        ("ThrottlingException", "old", Throttled),
        ("InternalFailureException", "old", Unavailable),
    ],
)
def test_refusals_are_told_apart(iot: Iot, code: str, token: str | None, error: type[Exception]) -> None:
    iot.stub.add_client_error("list_things", code, http_status_code=400)

    with pytest.raises(error) as raised:
        iot.pages.things(token)
    assert type(raised.value) is error


def test_the_slowest_share_of_the_quota_still_asks(
    account: Account, parts: Parts, settings: Settings, nap: Nap, context: Context
) -> None:
    parts.settings = msgspec.structs.replace(settings, registry_calls_per_second=0.5)
    account.create("pump-7", "Pumps")
    context.remaining_ms = 15 * 60 * SECOND

    Reconcile(parts, nap)({"groups": "all"}, context)

    assert account.groups("pump-7") == ("Pumps",)
