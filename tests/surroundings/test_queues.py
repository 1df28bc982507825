"""SQS queues: how many messages they hold is told right, and is not counted where nobody asks."""

from typing import Any

import pytest

from tests.surroundings.home import ACCOUNT, REGION, Home, until

COUNTS = {
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
}


@pytest.fixture
def sqs(home: Home) -> Any:
    return home.client("sqs")


def attributes(sqs: Any, url: str, *names: str) -> dict[str, str]:
    found: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names)).get("Attributes", {})
    return found


def test_messages_are_counted_by_what_they_wait_for(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    for delay in (0, 0, 0, 600):
        sqs.send_message(QueueUrl=url, MessageBody="m", DelaySeconds=delay)
    until(lambda: attributes(sqs, url, "ApproximateNumberOfMessages") == {"ApproximateNumberOfMessages": "3"})
    sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)

    counted = {name: value for name, value in attributes(sqs, url, "All").items() if name in COUNTS}
    assert counted == {
        "ApproximateNumberOfMessages": "2",
        "ApproximateNumberOfMessagesDelayed": "1",
        "ApproximateNumberOfMessagesNotVisible": "1",
    }


def test_all_attributes_are_those_of_aws_and_each_can_be_asked_for_alone(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="q", Attributes={"DelaySeconds": "7"})["QueueUrl"]
    everything = attributes(sqs, url, "All")
    assert everything["QueueArn"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
    assert everything.keys() >= COUNTS
    for name, value in everything.items():
        assert attributes(sqs, url, name) == {name: value}
    assert attributes(sqs, url, "ApproximateNumberOfMessages", "DelaySeconds") == {
        "ApproximateNumberOfMessages": "0",
        "DelaySeconds": "7",
    }


def test_an_attribute_that_is_none_is_refused(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    with pytest.raises(sqs.exceptions.InvalidAttributeName):
        attributes(sqs, url, "ApproximateNumberOfMessages", "Colour")


def test_a_queue_that_is_created_again_with_the_same_attributes_is_the_same(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="q", Attributes={"DelaySeconds": "7"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m")
    assert sqs.create_queue(QueueName="q", Attributes={"DelaySeconds": "7"})["QueueUrl"] == url
    with pytest.raises(sqs.exceptions.QueueNameExists):
        sqs.create_queue(QueueName="q", Attributes={"DelaySeconds": "8"})


def test_neither_a_message_nor_an_alert_on_its_way_in_looks_at_those_that_wait(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs, sns = home.client("sqs"), home.client("sns")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=attributes(sqs, url, "QueueArn")["QueueArn"])
    sqs.send_message(QueueUrl=url, MessageBody="waits")
    looks: list[str] = []
    look = property(lambda message: looks.append(message.body) or True)
    monkeypatch.setattr("moto.sqs.models.Message.visible", look)
    monkeypatch.setattr("moto.sqs.models.Message.delayed", property(lambda message: not looks.append(message.body)))

    sqs.send_message(QueueUrl=url, MessageBody="m")
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "m"}])
    sns.publish(TopicArn=topic, Message="alert")
    assert looks == []
    attributes(sqs, url, "ApproximateNumberOfMessages")
    assert "waits" in looks
