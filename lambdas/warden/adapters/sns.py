"""Alerts to SNS topics, by a caller that may publish to them itself."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from warden.domain.behaviors.profile import AlertTarget
from warden.domain.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class SnsAlerts:
    """Port Alerts.

    Args:
        client: A boto3 client.
        settle: Returns once all that the topics took is durable.
    """

    def __init__(self, client: "SNSClient", settle: Callable[[], None]) -> None:
        self._client = client
        self._settle = settle

    def publish(self, target: AlertTarget, message: str) -> None:
        """See Alerts."""
        try:
            self._client.publish(TopicArn=target.alert_target_arn, Message=message, MessageStructure="json")
        except (ClientError, BotoCoreError) as error:
            raise Unavailable(f"{target.alert_target_arn}: {error}") from error

    def settle(self) -> None:
        """See Alerts."""
        self._settle()
