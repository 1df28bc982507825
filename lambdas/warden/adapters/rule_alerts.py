"""Publications into delivery rules, and what becomes of alerts that did not leave."""

from typing import TYPE_CHECKING

from warden.adapters.refusals import answers

if TYPE_CHECKING:
    from mypy_boto3_iot_data import IoTDataPlaneClient
    from mypy_boto3_sqs import SQSClient


class IotRulePublisher:
    """Port RulePublisher.

    Args:
        client: boto3's, of service `iot-data`.
    """

    def __init__(self, client: "IoTDataPlaneClient") -> None:
        self._client = client

    def publish(self, topic: str, payload: bytes) -> None:
        """See RulePublisher."""
        with answers("publishing into a delivery rule", secrets=tuple(topic.split("/")[2:4])):
            self._client.publish(topic=topic, qos=1, payload=payload)


class SqsDeadAlerts:
    """Port DeadAlerts.

    Args:
        client: boto3's, of service `sqs`.
        queue_url: The queue's.
    """

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def put(self, letter: str) -> None:
        """See DeadAlerts."""
        with answers("keeping an alert that did not leave"):
            self._client.send_message(QueueUrl=self._queue_url, MessageBody=letter)
