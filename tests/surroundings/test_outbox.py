"""E-mails and SMS of topics, which are kept to be read: by stock boto3, and the table on a clock of its own."""

import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.exceptions import ClientError

from tests.surroundings.home import ACCOUNT, REGION, Home, Subscriber, ask
from tests.surroundings.test_sns import confirmed, next_body, queue_of, topic_of
from warden.adapters.sqlite import WrongSchema
from warden.embedded.surroundings.outbox import KEEP_MS, MOST_LETTERS, Letter, Outbox

ME, NUMBER = "me@example.org", "+15555550100"
DAY = 86_400_000


def letters(home: Home, **wanted: object) -> list[dict[str, Any]]:
    """Those of the outbox, newest first, as `warden outbox` asks for them, each whole."""
    listed = json.loads(home.get(f"{home.url}/thingwarden/outbox?{urlencode(wanted)}"))["letters"]
    return [json.loads(home.get(f"{home.url}/thingwarden/outbox/{each['id']}")) for each in listed]


def link(body: str) -> str:
    (found,) = re.findall(r"http://\S+", body)
    return str(found)


def subscribed(home: Home, topic: str, protocol: str = "email", endpoint: str = ME) -> None:
    """Subscribe an e-mail address, and do what the e-mail says."""
    home.client("sns").subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
    body = letters(home)[0]["body"]
    home.get(link(body) if protocol == "email" else json.loads(body)["SubscribeURL"])


# By boto3


def test_an_email_address_gets_nothing_but_the_confirmation_until_it_is_confirmed_by_its_link(home: Home) -> None:
    sns, topic = home.client("sns"), topic_of(home)
    answer = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=ME)
    assert answer["SubscriptionArn"] == "pending confirmation"
    sns.publish(TopicArn=topic, Message="too early")
    assert sns.list_subscriptions()["Subscriptions"][0]["SubscriptionArn"] == "PendingConfirmation"
    (asked,) = letters(home)
    assert (asked["kind"], asked["protocol"], asked["endpoint"]) == ("SubscriptionConfirmation", "email", ME)
    assert (asked["topicArn"], asked["subject"]) == (topic, "AWS Notification - Subscription Confirmation")

    assert b"<SubscriptionArn>arn:aws:sns:" in home.get(link(asked["body"]))
    sent = sns.publish(TopicArn=topic, Subject="hot", Message="the pump is hot")
    (listed,) = sns.list_subscriptions()["Subscriptions"]
    assert (listed["Protocol"], listed["Endpoint"]) == ("email", ME)
    assert listed["SubscriptionArn"].startswith(topic)
    got = letters(home)[0]
    assert (got["kind"], got["subject"], got["messageId"]) == ("Notification", "hot", sent["MessageId"])
    assert got["body"].startswith("the pump is hot\n\n--\n")


def test_an_email_says_how_to_hear_no_more(home: Home) -> None:
    topic = topic_of(home)
    subscribed(home, topic)
    home.client("sns").publish(TopicArn=topic, Message="m")
    got = letters(home)[0]
    assert got["subject"] == "AWS Notification Message"
    home.get(link(got["body"]))
    assert home.client("sns").list_subscriptions()["Subscriptions"] == []


def test_an_email_in_json_is_the_envelope_that_http_subscribers_get(home: Home) -> None:
    topic = topic_of(home)
    subscribed(home, topic, "email-json")
    sent = home.client("sns").publish(TopicArn=topic, Message="m", Subject="s")
    envelope = json.loads(letters(home)[0]["body"])
    assert (envelope["Type"], envelope["Message"], envelope["Subject"]) == ("Notification", "m", "s")
    assert (envelope["MessageId"], envelope["TopicArn"]) == (sent["MessageId"], topic)


def test_a_subscription_that_is_asked_for_again_is_asked_to_confirm_again(home: Home) -> None:
    topic = topic_of(home)
    for _ in range(2):
        home.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint=ME)
    assert [each["kind"] for each in letters(home)] == ["SubscriptionConfirmation"] * 2
    assert len(home.client("sns").list_subscriptions()["Subscriptions"]) == 1


def test_a_telephone_number_needs_no_confirmation_and_gets_the_text_alone(home: Home) -> None:
    sns, topic = home.client("sns"), topic_of(home)
    arn = sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=NUMBER)["SubscriptionArn"]
    assert arn.startswith(f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts:")
    sns.publish(TopicArn=topic, Message="the pump is hot", Subject="hot")
    (got,) = letters(home)
    assert (got["protocol"], got["endpoint"], got["subject"]) == ("sms", NUMBER, "")
    assert got["body"] == "the pump is hot"


def test_an_sms_can_be_published_to_a_number_itself(home: Home) -> None:
    sent = home.client("sns").publish(PhoneNumber=NUMBER, Message="hello")
    (got,) = letters(home)
    assert (got["endpoint"], got["body"], got["topicArn"]) == (NUMBER, "hello", "")
    assert got["messageId"] == sent["MessageId"]


def test_each_protocol_gets_its_own_text_of_one_publication(home: Home) -> None:
    topic = topic_of(home)
    subscribed(home, topic)
    home.client("sns").subscribe(TopicArn=topic, Protocol="sms", Endpoint=NUMBER)
    queue = queue_of(home, topic)
    texts = {"default": "for machines", "email": "for letters", "sms": "for telephones", "attempt": 1}
    with Subscriber() as posted:
        confirmed(home, topic, posted)
        home.client("sns").publish(TopicArn=topic, Message=json.dumps(texts), MessageStructure="json")
        assert posted.next().json["Message"] == "for machines"
    assert json.loads(next_body(home, queue))["Message"] == "for machines"
    assert letters(home, protocol="sms")[0]["body"] == "for telephones"
    assert letters(home, protocol="email")[0]["body"].startswith("for letters\n")


def test_a_filter_keeps_messages_from_a_telephone(home: Home) -> None:
    topic = topic_of(home)
    policy = {"FilterPolicy": '{"kind":["alarm"]}'}
    home.client("sns").subscribe(TopicArn=topic, Protocol="sms", Endpoint=NUMBER, Attributes=policy)
    for kind in ("noise", "alarm"):
        home.client("sns").publish(
            TopicArn=topic, Message=kind, MessageAttributes={"kind": {"DataType": "String", "StringValue": kind}}
        )
    assert [each["body"] for each in letters(home)] == ["alarm"]


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [
        ("email", "nobody"),
        ("email", "a@b"),
        ("email", "a b@example.org"),
        ("email", "a" * 65 + "@example.org"),
        ("email-json", "a@example.org\r\nBcc: b@c.d"),
        ("sms", "me@example.org"),
    ],
)
def test_an_address_that_is_none_is_refused(home: Home, protocol: str, endpoint: str) -> None:
    sns, topic = home.client("sns"), topic_of(home)
    with pytest.raises(sns.exceptions.InvalidParameterException):
        sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
    assert letters(home) == []


def test_what_was_kept_and_confirmed_outlives_the_home(tmp_path: Path) -> None:
    with Home(tmp_path) as home:
        topic = topic_of(home)
        subscribed(home, topic)
        home.client("sns").publish(TopicArn=topic, Message="before")
    with Home(tmp_path) as home:
        home.client("sns").publish(TopicArn=topic, Message="after")
        assert [each["body"].split("\n")[0] for each in letters(home)[:2]] == ["after", "before"]


def test_letters_are_listed_newest_first_page_by_page_and_by_whom_they_are_for(home: Home) -> None:
    sns, topic = home.client("sns"), topic_of(home)
    sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=NUMBER)
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=ME)
    for text in ("one", "two", "three"):
        sns.publish(TopicArn=topic, Message=text)
    newest = letters(home, protocol="sms", limit=2)
    assert [each["body"] for each in newest] == ["three", "two"]
    assert [each["body"] for each in letters(home, protocol="sms", before=newest[-1]["id"])] == ["one"]
    assert [each["body"] for each in letters(home, after=newest[-1]["id"])] == ["three"]
    assert [each["kind"] for each in letters(home, endpoint=ME)] == ["SubscriptionConfirmation"]


def test_a_list_has_no_bodies_but_of_sms_which_are_nothing_else(home: Home) -> None:
    topic = topic_of(home)
    home.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint=ME)
    home.client("sns").publish(PhoneNumber=NUMBER, Message="hello")
    sms, email = json.loads(home.get(f"{home.url}/thingwarden/outbox"))["letters"]
    assert sms["body"] == "hello"
    assert "body" not in email


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/1", 404, "there is no letter 1"),
        ("/x", 400, "id: expected a number, got 'x'"),
        ("/99999999999999999999", 400, "id: expected a number"),
        ("?limit=-1", 400, "limit: expected a number, got '-1'"),
        ("?protcol=sms", 400, "got protcol"),
        ("?limit=1&limit=2", 400, "each at most once, got limit"),
        ("?" + "a=1&" * 30, 400, "query: "),
    ],
)
def test_a_question_that_has_no_answer_is_told_what_is_wrong(home: Home, path: str, status: int, said: str) -> None:
    answered, _, body = ask(home, "GET", f"/thingwarden/outbox{path}")
    assert answered == status
    assert said in json.loads(body)["message"]


def test_no_web_page_reads_the_outbox(home: Home) -> None:
    assert ask(home, "GET", "/thingwarden/outbox", {"Origin": "http://example.org"})[0] == 403


def test_a_message_that_could_not_be_kept_for_all_is_refused_and_the_others_have_it(home: Home, tmp_path: Path) -> None:
    topic = topic_of(home)
    home.client("sns").subscribe(TopicArn=topic, Protocol="sms", Endpoint=NUMBER)
    queue = queue_of(home, topic)
    other = sqlite3.connect(tmp_path / "deliveries.db", isolation_level=None)
    other.execute("ALTER TABLE letter RENAME TO hidden")
    with pytest.raises(ClientError, match="InternalFailure"):
        home.client("sns").publish(TopicArn=topic, Message="m")
    assert json.loads(next_body(home, queue))["Message"] == "m"
    other.execute("ALTER TABLE hidden RENAME TO letter")
    other.close()
    home.client("sns").publish(TopicArn=topic, Message="again")
    assert [each["body"] for each in letters(home)] == ["again"]


# The table


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    made = Outbox(tmp_path / "deliveries.db")
    yield made
    made.close()


def letter(at: int, body: str = "m") -> Letter:
    return Letter(
        at=at,
        protocol="sms",
        endpoint=NUMBER,
        kind="Notification",
        topic_arn="",
        message_id="i",
        subject="",
        body=body,
    )


def test_a_letter_is_shown_for_thirty_days_and_gone_with_the_next_one(outbox: Outbox) -> None:
    put = outbox.put(letter(0))
    assert outbox.get(put, now=30 * DAY - 1) is not None
    assert outbox.get(put, now=30 * DAY) is None
    assert outbox.newest(now=30 * DAY) == outbox.after(0, now=30 * DAY) == []
    outbox.put(letter(30 * DAY))
    assert [each.at for each in outbox.newest(now=0)] == [30 * DAY]
    assert KEEP_MS == 30 * DAY


def test_there_are_never_more_letters_than_may_be_and_the_oldest_go(tmp_path: Path) -> None:
    assert MOST_LETTERS == 10_000
    outbox = Outbox(tmp_path / "deliveries.db", most=3)
    for number in range(5):
        outbox.put(letter(0, str(number)))
    assert [each.body for each in outbox.newest(now=0)] == ["4", "3", "2"]
    outbox.close()


def test_an_id_is_never_given_again(tmp_path: Path) -> None:
    one = Outbox(tmp_path / "deliveries.db")
    first = one.put(letter(0))
    one.put(letter(31 * DAY))  # which lets go of the first
    one.close()
    two = Outbox(tmp_path / "deliveries.db")
    assert two.put(letter(62 * DAY)) == first + 2
    two.close()


def test_letters_that_come_at_once_are_all_kept(outbox: Outbox) -> None:
    together = threading.Barrier(4)

    def put(_: int) -> None:
        together.wait()
        for _ in range(25):
            outbox.put(letter(0))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(4)))
    assert len(outbox.newest(now=0)) == 100


def test_a_file_of_a_newer_release_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "deliveries.db"
    Outbox(path).close()
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 2")
    with pytest.raises(WrongSchema, match="has schema version 2, this release knows 1"):
        Outbox(path)
