"""Registry events: what they name is read again, and alarms that it leaves uncovered end."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.aws.account import QUEUE, Account
from tests.aws.conftest import MINUTE, SECOND
from tests.core.profiles import GOOD
from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.entry import Reason
from warden.domain.behaviors.target import ThingFacts
from warden.handlers.parts import Parts
from warden.handlers.registry import ENOUGH_MS, Registry
from warden.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    url = f"https://sqs.us-east-1.amazonaws.com/{settings.account}/{QUEUE}"
    return msgspec.structs.replace(settings, registry_queue_url=url)


@pytest.fixture
def account(parts: Parts) -> Iterator[Account]:
    parts.client("sqs").create_queue(QueueName=QUEUE)
    account = Account(parts)
    yield account
    account.close()


class Queue:
    """Hands messages to the function, and reads what it sends itself.

    Attributes:
        time_ms: How long an invocation may take.
    """

    def __init__(self, parts: Parts, *, time_ms: int = MINUTE) -> None:
        self.parts = parts
        self.time_ms = time_ms
        self.registry = Registry(parts, lambda seconds: self.passes(round(seconds * SECOND)))

    def passes(self, milliseconds: int) -> None:
        """Time does."""
        self.parts.clock.now += milliseconds  # type: ignore[attr-defined]

    def bring(self, *bodies: Any, sent_at: int | None = None) -> list[int]:
        """Bring a batch of messages. Returns the places of those that have to be brought again."""
        sent = str(self.parts.clock() if sent_at is None else sent_at)
        records = [
            {
                "messageId": str(n),
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"SentTimestamp": sent},
                "eventSource": "aws:sqs",
            }
            for n, body in enumerate(bodies)
        ]
        self.passes(100)
        over_at = self.parts.clock() + self.time_ms
        answer = self.registry({"Records": records}, lambda: over_at - self.parts.clock())
        return [int(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]

    def own(self) -> list[str]:
        """Messages that the function sent and that are due, now gone from the queue."""
        sqs, url = self.parts.client("sqs"), self.parts.settings.registry_queue_url
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in found]

    def delayed(self) -> int:
        sqs, url = self.parts.client("sqs"), self.parts.settings.registry_queue_url
        name = "ApproximateNumberOfMessagesDelayed"
        return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


@pytest.fixture
def queue(account: Account, parts: Parts) -> Queue:  # noqa: ARG001 (the account has the queue)
    return Queue(parts)


def created(thing: str) -> dict[str, str]:
    return {"topic": f"$aws/events/thing/{thing}/created"}


def deleted(thing: str) -> dict[str, str]:
    return {"topic": f"$aws/events/thing/{thing}/deleted"}


def removed(thing: str, group: str) -> dict[str, str]:
    return {"topic": f"$aws/events/thingGroupMembership/thingGroup/{group}/thing/{thing}/removed"}


def group_deleted(group: str) -> dict[str, str]:
    return {"topic": f"$aws/events/thingGroup/{group}/deleted"}


@pytest.fixture
def violator(account: Account, queue: Queue) -> str:
    """A thing in group Pumps that violates the group's profile."""
    account.watch("Pumps")
    account.create("pump-7", "Pumps")
    queue.bring(created("pump-7"))
    account.report("pump-7")
    assert account.ringing("pump-7")
    return "pump-7"


def test_a_new_things_id_and_groups_are_known_before_it_reports(account: Account, queue: Queue) -> None:
    thing_id = account.create("pump-7", "Pumps", "All:Things")

    assert queue.bring(created("pump-7")) == []

    facts = account.facts("pump-7")
    assert facts
    assert (facts.thing_id, facts.groups) == (thing_id, ("All:Things", "Pumps"))


def test_reports_of_a_known_thing_ask_the_registry_nothing(account: Account, queue: Queue) -> None:
    account.watch("Pumps")
    account.create("pump-7", "Pumps")
    queue.bring(created("pump-7"))
    account.calls.clear()

    for _ in range(3):
        account.report("pump-7", GOOD)

    assert account.calls == {}


def test_leaving_its_group_ends_a_things_violation(account: Account, queue: Queue, violator: str) -> None:
    account.leave(violator, "Pumps")

    assert queue.bring(removed(violator, "Pumps")) == []

    (end,) = account.last_transitions(violator)
    assert (end.type, end.reason) == (EventType.INVALIDATED, Reason.THING_LEFT)
    assert not account.ringing(violator)


def test_a_deleted_thing_is_known_as_such_and_its_violation_ends(account: Account, queue: Queue, violator: str) -> None:
    account.delete(violator)

    assert queue.bring(deleted(violator)) == []

    facts = account.facts(violator)
    assert facts
    assert not facts.registered
    (end,) = account.last_transitions(violator)
    assert (end.type, end.reason) == (EventType.INVALIDATED, Reason.THING_DELETED)


def test_events_that_lie_record_nothing_wrong(account: Account, queue: Queue, violator: str) -> None:
    """The thing was neither deleted nor moved, whatever a hostile device says."""
    lies = [deleted(violator), removed(violator, "Pumps"), group_deleted("Pumps")]
    account.calls.clear()

    assert queue.bring(*lies) == []

    assert account.groups(violator) == ("Pumps",)
    assert account.ringing(violator)
    assert account.calls["DescribeThing"] <= 2


def test_a_name_that_never_was_a_thing_is_not_stored(account: Account, queue: Queue) -> None:
    assert queue.bring(created("invented"), deleted("invented-too")) == []

    assert account.facts("invented") is None
    assert account.facts("invented-too") is None


def test_what_is_no_event_is_dropped_and_counted(
    account: Account, queue: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    assert queue.bring({"topic": "$aws/events/thing/+/deleted"}, "not JSON", {"other": 1}) == []

    assert account.calls == {}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [sum(line["RegistryEventsDropped"]) for line in lines if "RegistryEventsDropped" in line] == [3]


def test_one_batch_asks_about_a_thing_once(account: Account, queue: Queue) -> None:
    account.create("pump-7", "Pumps")

    assert queue.bring(*[created("pump-7"), removed("pump-7", "Pumps")] * 5) == []

    assert account.calls == {"DescribeThing": 1, "ListThingGroupsForThing": 1, "DescribeThingGroup": 1}


def test_an_event_from_before_the_stored_answer_asks_nothing(account: Account, queue: Queue) -> None:
    account.create("pump-7", "Pumps")
    sent_at = queue.parts.clock()
    queue.parts.clock.now += MINUTE  # type: ignore[attr-defined]
    queue.bring(created("pump-7"))
    account.calls.clear()

    assert queue.bring(removed("pump-7", "Pumps"), sent_at=sent_at) == []

    assert account.calls == {}


def test_an_event_from_just_before_the_stored_answer_asks_again(account: Account, queue: Queue) -> None:
    """The clocks that stamp messages and answers are not one clock."""
    account.create("pump-7", "Pumps")
    sent_at = queue.parts.clock()
    queue.parts.clock.now += SECOND // 2  # type: ignore[attr-defined]
    queue.bring(created("pump-7"))
    account.leave("pump-7", "Pumps")

    queue.bring(removed("pump-7", "Pumps"), sent_at=sent_at)

    assert account.groups("pump-7") == ()


def test_a_violation_ends_whose_function_died_between_the_answer_and_its_end(
    account: Account, queue: Queue, violator: str
) -> None:
    account.leave(violator, "Pumps")
    sent_at = queue.parts.clock()
    queue.parts.clock.now += MINUTE  # type: ignore[attr-defined]
    answer = queue.parts.things.ask(violator, now=queue.parts.clock())
    queue.parts.thing_log.record_facts(violator, answer)  # and then it died

    assert queue.bring(removed(violator, "Pumps"), sent_at=sent_at) == []

    assert not account.ringing(violator)


def test_an_answer_to_an_older_question_overrides_nothing(account: Account, queue: Queue) -> None:
    """C12: what was asked before the thing moved is stored last."""
    account.create("pump-7", "Pumps")
    later = queue.parts.clock() + MINUTE
    queue.parts.thing_log.record_facts("pump-7", ThingFacts("id", ("Fans",), answered_at=later))

    queue.bring(created("pump-7"), sent_at=later + MINUTE)

    assert account.groups("pump-7") == ("Fans",)


def test_a_batch_waits_for_its_share_of_the_quota(account: Account, parts: Parts, settings: Settings) -> None:
    parts.settings = msgspec.structs.replace(settings, registry_calls_per_second=4.0)
    queue = Queue(parts)
    things = [f"pump-{n}" for n in range(20)]
    for thing in things:
        account.create(thing, "Pumps")
    began = parts.clock()

    assert queue.bring(*map(created, things)) == []

    assert [account.groups(thing) for thing in things] == [("Pumps",)] * 20
    assert 9 * SECOND <= parts.clock() - began <= 10 * SECOND, "40 calls, 4 at once and 4 a second"


def test_a_slow_registry_returns_what_is_left_and_not_what_was_done(account: Account, queue: Queue) -> None:
    things = [f"pump-{n}" for n in range(20)]
    for thing in things:
        account.create(thing, "Pumps")
    began, asked = queue.parts.clock(), (queue.time_ms - ENOUGH_MS) // (3 * SECOND)

    def slow(**_: Any) -> None:
        queue.passes(3 * SECOND)

    account.iot.meta.events.register("before-call.iot.DescribeThing", slow, unique_id="slow")
    try:
        returned = queue.bring(*map(created, things))
    finally:
        account.iot.meta.events.unregister("before-call.iot.DescribeThing", unique_id="slow")

    assert 0 < asked < 20
    assert returned == list(range(asked, 20))
    assert account.calls["DescribeThing"] == asked
    assert queue.parts.clock() - began <= queue.time_ms - ENOUGH_MS + 4 * SECOND
    assert queue.bring(*(created(things[n]) for n in returned)) == []
    assert account.groups(things[-1]) == ("Pumps",)


def test_without_time_a_batch_begins_nothing(account: Account, queue: Queue, violator: str) -> None:
    account.leave(violator, "Pumps")
    queue.time_ms = ENOUGH_MS
    walk = {"walk": {"group": "Pumps", "since": 0}}

    assert queue.bring(removed(violator, "Pumps"), group_deleted("Pumps"), walk, "not JSON") == [0, 1, 2]

    assert account.calls == {}
    assert (queue.delayed(), queue.own()) == (0, [])
    assert account.ringing(violator)


def test_a_registry_that_fails_returns_only_its_own_events(account: Account, queue: Queue) -> None:
    account.create("pump-7", "Pumps")

    def fail(params: dict[str, Any], **_: Any) -> None:
        if "broken" in params["url_path"]:
            raise ConnectionResetError("the registry hung up")

    account.iot.meta.events.register("before-call.iot.DescribeThing", fail, unique_id="fail")
    try:
        assert queue.bring(created("broken"), created("pump-7")) == [0]
    finally:
        account.iot.meta.events.unregister("before-call.iot.DescribeThing", unique_id="fail")

    assert account.groups("pump-7") == ("Pumps",)
    assert account.facts("broken") is None


# Groups


@pytest.mark.parametrize(
    "topic",
    [
        "$aws/events/thingGroup/Pumps/deleted",
        "$aws/events/thingGroupHierarchy/thingGroup/Pumps/childThingGroup/Any/removed",
    ],
    ids=["deleted", "hierarchy changed"],
)
def test_violations_end_of_things_whose_group_is_gone(
    account: Account, queue: Queue, violator: str, topic: str
) -> None:
    """No membership event came."""
    account.delete_group("Pumps")

    assert queue.bring({"topic": topic}) == []

    assert account.groups(violator) == ()
    assert not account.ringing(violator)


def test_a_violation_that_is_recorded_after_the_walk_is_found_by_a_second_one(
    account: Account, queue: Queue, violator: str
) -> None:
    account.delete_group("Pumps")

    queue.bring(group_deleted("Pumps"))

    assert queue.delayed() == 1
    assert queue.own() == []
    late = {"walk": {"group": "Pumps", "since": queue.parts.clock()}}
    account.join(violator, "Pumps")  # as the first walk did not find it
    queue.bring(created(violator))
    account.report(violator)
    account.delete_group("Pumps")
    queue.parts.clock.now += 15 * MINUTE  # type: ignore[attr-defined]
    assert queue.bring(late) == []
    assert not account.ringing(violator)
    assert queue.delayed() == 1, "a second walk calls for no third one"


def test_a_group_without_a_profile_calls_for_no_walk(account: Account, queue: Queue) -> None:
    assert queue.bring(group_deleted("Fans")) == []

    assert (queue.delayed(), queue.own(), account.calls) == (0, [], {"DescribeThingGroup": 1})


def test_a_walk_that_cannot_wait_for_its_share_goes_on_where_it_stopped(
    account: Account, parts: Parts, settings: Settings, queue: Queue
) -> None:
    account.watch("Pumps")
    things = [f"pump-{n}" for n in range(5)]
    for thing in things:
        account.create(thing, "Pumps")
    assert queue.bring(*map(created, things)) == []
    for thing in things:
        account.report(thing)
    account.delete_group("Pumps")
    account.calls.clear()
    parts.settings = msgspec.structs.replace(settings, registry_calls_per_second=4.0)
    queue = Queue(parts, time_ms=ENOUGH_MS + SECOND // 5)

    assert queue.bring(group_deleted("Pumps")) == []

    assert account.calls["DescribeThing"] == 2
    rounds = 0
    while bodies := queue.own():
        rounds += 1
        parts.clock.now += SECOND  # type: ignore[attr-defined]
        assert queue.bring(*bodies) == []
    assert rounds == 2
    assert [thing for thing in things if account.ringing(thing)] == []
    assert account.calls["DescribeThing"] == 5, "each thing is asked about once"


def test_a_walk_that_gets_nowhere_returns_to_the_queue(
    account: Account, parts: Parts, settings: Settings, queue: Queue, violator: str
) -> None:
    parts.settings = msgspec.structs.replace(settings, registry_calls_per_second=2.0)
    queue = Queue(parts, time_ms=ENOUGH_MS + SECOND // 5)
    walk = {"walk": {"group": "Pumps", "since": parts.clock() + MINUTE}}

    assert queue.bring(created("another"), walk) == [1]

    assert queue.own() == []
    assert account.ringing(violator)


def test_a_walk_that_asks_nothing_looks_at_its_time_too(account: Account, parts: Parts, queue: Queue) -> None:
    account.watch("Pumps")
    things = [f"pump-{n}" for n in range(5)]
    for thing in things:
        account.create(thing, "Pumps")
    queue.bring(*map(created, things))
    for thing in things:
        account.report(thing)

    def slow(**_: Any) -> None:
        queue.passes(6 * SECOND)

    table = parts.client("dynamodb").meta.events
    table.register("before-call.dynamodb.Query", slow, unique_id="slow")
    try:
        assert queue.bring({"walk": {"group": "Pumps", "since": 0}}) == []
    finally:
        table.unregister("before-call.dynamodb.Query", unique_id="slow")

    (rest,) = queue.own()
    assert json.loads(rest)["walk"]["behind"]
