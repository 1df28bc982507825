"""An SNS topic with an SQS queue subscribed to it: where the demo's alerts arrive."""

import json
from dataclasses import dataclass
from typing import Any

from serve import Serve

ROLE = "arn:aws:iam::000000000000:role/demo-alerts"
"""On AWS, the role that AWS IoT assumes to publish; here a name is enough."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert.

    Attributes:
        text: The SNS message, as the queue's subscriber reads it.
        content: What it says.
    """

    text: str
    content: dict[str, Any]

    def is_about(self, behavior: str, event: str) -> bool:
        """Whether it reports such an event of a behavior."""
        return (self.content["behavior"]["name"], self.content["violationEventType"]) == (behavior, event)


class Inbox:
    """What subscribers of a new topic get.

    Attributes:
        topic: The topic's ARN.
        queue: The queue's ARN.
        unread: Alerts that came, and that nobody asked for yet.
    """

    def __init__(self, serve: Serve, name: str) -> None:
        sns, self._sqs = serve.client("sns"), serve.client("sqs")
        self.topic: str = sns.create_topic(Name=name)["TopicArn"]
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]
        self.queue: str = attributes["QueueArn"]
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=self.queue)
        self.unread: list[Alert] = []

    @property
    def target(self) -> dict[str, Any]:
        """As a security profile's `alertTargets`."""
        return {"SNS": {"alertTargetArn": self.topic, "roleArn": ROLE}}

    def take(self, behavior: str, event: str) -> Alert | None:
        """The first alert of such an event, if it is there."""
        self._receive()
        for alert in self.unread:
            if alert.is_about(behavior, event):
                self.unread.remove(alert)
                return alert
        return None

    def describe(self) -> str:
        """What is there, in words; empty where nothing is."""
        kinds = [
            f"{alert.content['violationEventType']} of {alert.content['behavior']['name']!r}" for alert in self.unread
        ]
        return f"the queue has {', '.join(kinds)}" if kinds else ""

    def _receive(self) -> None:
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            text = json.loads(message["Body"])["Message"]
            self.unread.append(Alert(text, json.loads(text)))
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
