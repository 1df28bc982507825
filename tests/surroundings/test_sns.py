"""Topics that really reach their subscribers: SQS and HTTP, by stock boto3."""

import json
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.surroundings.home import ACCOUNT, PATIENCE_SECONDS, REGION, Home, Subscriber, until


def topic_of(home: Home, name: str = "alerts") -> str:
    arn: str = home.client("sns").create_topic(Name=name)["TopicArn"]
    return arn


def queue_of(home: Home, topic: str, name: str = "inbox", **attributes: str) -> str:
    url: str = home.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    home.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}", Attributes=attributes
    )
    return url


def next_body(home: Home, queue: str) -> str:
    (message,) = home.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    home.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    body: str = message["Body"]
    return body


def confirmed(home: Home, topic: str, subscriber: Subscriber, **attributes: str) -> str:
    """Subscribe, and do what the message says."""
    arn: str = home.client("sns").subscribe(
        TopicArn=topic, Protocol="http", Endpoint=subscriber.url, Attributes=attributes, ReturnSubscriptionArn=True
    )["SubscriptionArn"]
    home.get(subscriber.next().json["SubscribeURL"])
    return arn


def test_a_queue_gets_the_envelope_without_what_was_not_given(home: Home) -> None:
    topic = topic_of(home)
    queue = queue_of(home, topic)
    sent = home.client("sns").publish(TopicArn=topic, Message='{"thingName":"pump"}')
    envelope = json.loads(next_body(home, queue))
    assert (envelope["Type"], envelope["TopicArn"], envelope["MessageId"]) == ("Notification", topic, sent["MessageId"])
    assert envelope["Message"] == '{"thingName":"pump"}'
    assert "Subject" not in envelope
    assert "MessageAttributes" not in envelope
    assert {"Timestamp", "SignatureVersion", "Signature", "SigningCertURL", "UnsubscribeURL"} <= envelope.keys()


def test_a_queue_gets_subject_and_attributes_where_there_are_any(home: Home) -> None:
    topic = topic_of(home)
    queue = queue_of(home, topic)
    kind = {"kind": {"DataType": "String", "StringValue": "alarm"}}
    home.client("sns").publish(TopicArn=topic, Subject="hot", Message="m", MessageAttributes=kind)
    envelope = json.loads(next_body(home, queue))
    assert envelope["Subject"] == "hot"
    assert envelope["MessageAttributes"] == {"kind": {"Type": "String", "Value": "alarm"}}


def test_raw_delivery_is_the_message_alone_until_it_is_switched_off(home: Home) -> None:
    topic = topic_of(home)
    queue = queue_of(home, topic, RawMessageDelivery="true")
    sns = home.client("sns")
    sns.publish(TopicArn=topic, Message="bare")
    assert next_body(home, queue) == "bare"
    (listed,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    sns.set_subscription_attributes(
        SubscriptionArn=listed["SubscriptionArn"], AttributeName="RawMessageDelivery", AttributeValue="false"
    )
    sns.publish(TopicArn=topic, Message="dressed")
    assert json.loads(next_body(home, queue))["Message"] == "dressed"


def test_a_message_for_each_protocol_gives_each_its_own_text(home: Home) -> None:
    topic = topic_of(home)
    queue = queue_of(home, topic)
    with Subscriber() as subscriber:
        confirmed(home, topic, subscriber)
        texts = {"default": "for others", "http": "for http"}
        home.client("sns").publish(TopicArn=topic, Message=json.dumps(texts), MessageStructure="json")
        assert subscriber.next().json["Message"] == "for http"
    assert json.loads(next_body(home, queue))["Message"] == "for others"


@pytest.mark.parametrize("message", ["not json", '{"sqs":"x"}', '"text"', "[" * 100_000])
def test_a_structure_without_a_default_is_refused_and_nobody_gets_it(home: Home, message: str) -> None:
    topic = topic_of(home)
    queue = queue_of(home, topic)
    with pytest.raises(ClientError, match="InvalidParameter"):
        home.client("sns").publish(TopicArn=topic, Message=message, MessageStructure="json")
    assert "Messages" not in home.client("sqs").receive_message(QueueUrl=queue)


def test_an_http_subscriber_gets_nothing_but_the_confirmation_until_it_confirms(home: Home) -> None:
    sns = home.client("sns")
    topic = topic_of(home)
    with Subscriber() as subscriber:
        answer = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url)
        assert answer["SubscriptionArn"] == "pending confirmation"
        sns.publish(TopicArn=topic, Message="too early")
        asked = subscriber.next()
        assert asked.headers["x-amz-sns-message-type"] == asked.json["Type"] == "SubscriptionConfirmation"
        assert asked.json["TopicArn"] == topic
        assert parse_qs(urlsplit(asked.json["SubscribeURL"]).query)["Token"] == [asked.json["Token"]]
        (listed,) = sns.list_subscriptions()["Subscriptions"]
        assert listed["SubscriptionArn"] == "PendingConfirmation"

        assert b"<SubscriptionArn>arn:aws:sns:" in home.get(asked.json["SubscribeURL"])
        sent = sns.publish(TopicArn=topic, Message="now", Subject="s")
        got = subscriber.next()
        assert (got.json["Message"], got.json["Subject"], got.json["MessageId"]) == ("now", "s", sent["MessageId"])
        assert got.headers["x-amz-sns-message-type"] == "Notification"
        assert got.headers["x-amz-sns-message-id"] == sent["MessageId"]
        assert got.headers["x-amz-sns-topic-arn"] == topic
        (listed,) = sns.list_subscriptions()["Subscriptions"]
        assert got.headers["x-amz-sns-subscription-arn"] == listed["SubscriptionArn"]
        assert got.headers["content-type"] == "text/plain; charset=UTF-8"


def test_the_unsubscribe_link_of_a_message_ends_the_subscription(home: Home) -> None:
    topic = topic_of(home)
    with Subscriber() as subscriber:
        confirmed(home, topic, subscriber)
        home.client("sns").publish(TopicArn=topic, Message="m")
        home.get(subscriber.next().json["UnsubscribeURL"])
        assert home.client("sns").list_subscriptions()["Subscriptions"] == []


def test_a_token_that_was_not_sent_confirms_nothing(home: Home) -> None:
    sns = home.client("sns")
    topic = topic_of(home)
    with Subscriber() as subscriber:
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url)
        subscriber.next()
        with pytest.raises(sns.exceptions.InvalidParameterException):
            sns.confirm_subscription(TopicArn=topic, Token="0" * 128)
        assert sns.list_subscriptions()["Subscriptions"][0]["SubscriptionArn"] == "PendingConfirmation"


def test_a_subscription_confirmed_with_authenticate_on_unsubscribe_ends_by_a_signed_request_only(home: Home) -> None:
    sns = home.client("sns")
    topic = topic_of(home)
    with Subscriber() as subscriber:
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url)
        token = subscriber.next().json["Token"]
        arn = sns.confirm_subscription(TopicArn=topic, Token=token, AuthenticateOnUnsubscribe="true")["SubscriptionArn"]
        with pytest.raises(HTTPError):
            home.get(f"{home.url}/?Action=Unsubscribe&SubscriptionArn={arn}")
        assert len(sns.list_subscriptions()["Subscriptions"]) == 1
        sns.unsubscribe(SubscriptionArn=arn)
        assert sns.list_subscriptions()["Subscriptions"] == []


def test_raw_delivery_by_http_is_the_message_alone_and_says_so(home: Home) -> None:
    topic = topic_of(home)
    with Subscriber() as subscriber:
        confirmed(home, topic, subscriber, RawMessageDelivery="true")
        home.client("sns").publish(TopicArn=topic, Message="bare €")
        got = subscriber.next()
        assert got.body == "bare €"
        assert got.headers["x-amz-sns-rawdelivery"] == "true"


def test_a_filter_keeps_messages_from_an_http_subscriber(home: Home) -> None:
    topic = topic_of(home)
    with Subscriber() as subscriber:
        confirmed(home, topic, subscriber, FilterPolicy='{"kind":["alarm"]}')
        for kind in ("noise", "alarm"):
            home.client("sns").publish(
                TopicArn=topic, Message=kind, MessageAttributes={"kind": {"DataType": "String", "StringValue": kind}}
            )
        assert subscriber.next().json["Message"] == "alarm"


def test_a_dead_subscriber_and_a_lost_queue_keep_nothing_from_the_others(home: Home) -> None:
    sns = home.client("sns")
    topic = topic_of(home)
    lost = queue_of(home, topic, "lost")
    home.client("sqs").delete_queue(QueueUrl=lost)
    dead = Subscriber()
    with dead:
        confirmed(home, topic, dead)
    with Subscriber() as alive:
        confirmed(home, topic, alive)
        queue = queue_of(home, topic)
        sns.publish(TopicArn=topic, Message="m")
        assert alive.next().json["Message"] == "m"
        assert json.loads(next_body(home, queue))["Message"] == "m"


def test_more_than_a_hundred_subscribers_all_get_it(home: Home) -> None:
    topic = topic_of(home)
    sqs, sns = home.surroundings.client("sqs"), home.surroundings.client("sns")
    for number in range(103):
        sqs.create_queue(QueueName=f"q{number}")
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:q{number}")
    sns.publish(TopicArn=topic, Message="m")
    last = sqs.get_queue_url(QueueName="q102")["QueueUrl"]
    assert len(sqs.receive_message(QueueUrl=last)["Messages"]) == 1


def test_a_long_poll_holds_nobody_up_and_gets_what_comes(home: Home) -> None:
    topic = topic_of(home)
    queue = queue_of(home, topic)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(home.client("sqs").receive_message, QueueUrl=queue, WaitTimeSeconds=20)
        until(lambda: home.surroundings._waiting == 1)
        home.client("sns").publish(TopicArn=topic, Message="m")
        assert len(answer.result(PATIENCE_SECONDS)["Messages"]) == 1


def test_a_home_that_stops_answers_its_long_polls(home: Home) -> None:
    queue = queue_of(home, topic_of(home))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(home.client("sqs").receive_message, QueueUrl=queue, WaitTimeSeconds=20)
        until(lambda: home.surroundings._waiting == 1)
        home.surroundings.end_long_polls()
        assert "Messages" not in answer.result(PATIENCE_SECONDS)
