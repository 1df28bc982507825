"""Where SNS messages leave: POSTs into the table of deliveries, e-mails and SMS into the outbox."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlencode

from warden.embedded.surroundings.deliveries import Deliveries
from warden.embedded.surroundings.outbox import Letter, Outbox

POSTED = ("http", "https")
EMAILED = ("email", "email-json")

CONFIRM = (*POSTED, *EMAILED)
"""Protocols of endpoints whose owner must confirm the subscription."""

CONFIRMATION, NOTIFICATION = "SubscriptionConfirmation", "Notification"


class Recipient(Protocol):
    """A subscription, as far as a message needs it."""

    arn: str
    endpoint: str
    protocol: str

    @property
    def topic_arn(self) -> str:
        """The topic's."""
        ...


@dataclass(frozen=True, slots=True)
class Outlet:
    """What leaves this process.

    Attributes:
        deliveries: Takes what is to be posted.
        outbox: Keeps what would be sent by e-mail and SMS.
        base_url: Where subscribers find us, without a slash at its end.
        clock: Epoch milliseconds.
    """

    deliveries: Deliveries
    outbox: Outbox
    base_url: str
    clock: Callable[[], int]

    def envelope(self, kind: str, topic_arn: str, message_id: str, message: str) -> dict[str, Any]:
        """The members that every message of SNS has."""
        at = datetime.fromtimestamp(self.clock() / 1000, UTC)
        return {
            "Type": kind,
            "MessageId": message_id,
            "TopicArn": topic_arn,
            "Message": message,
            "Timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z",
            "SignatureVersion": "1",
            "Signature": "",
            "SigningCertURL": "",
        }

    def link(self, **parameters: str) -> str:
        """A URL that calls an SNS action without a signature."""
        return f"{self.base_url}/?{urlencode(parameters)}"

    def send(self, to: Recipient, kind: str, message_id: str, body: str, *, subject: str = "") -> None:
        """Hand over a message in the form of its protocol; `subject` is an e-mail's."""
        if to.protocol in POSTED:
            self.post(to, kind, message_id, body)
        else:
            self.keep(to.protocol, to.endpoint, kind, message_id, body, topic_arn=to.topic_arn, subject=subject)

    def post(self, to: Recipient, kind: str, message_id: str, body: str, *, raw: bool = False) -> None:
        """Hand a message to the table. Source: Amazon SNS Developer Guide, HTTP/HTTPS headers."""
        headers = {
            "Content-Type": "text/plain; charset=UTF-8",
            "User-Agent": "Amazon Simple Notification Service Agent",
            "x-amz-sns-message-type": kind,
            "x-amz-sns-message-id": message_id,
            "x-amz-sns-topic-arn": to.topic_arn,
        }
        if kind == NOTIFICATION:
            headers["x-amz-sns-subscription-arn"] = to.arn
        if raw:
            headers["x-amz-sns-rawdelivery"] = "true"
        self.deliveries.put(to.arn, to.endpoint, headers, body.encode(), now=self.clock())

    def keep(
        self,
        protocol: str,
        endpoint: str,
        kind: str,
        message_id: str,
        body: str,
        *,
        topic_arn: str = "",
        subject: str = "",
    ) -> None:
        """Put an e-mail or an SMS into the outbox."""
        letter = Letter(
            at=self.clock(),
            protocol=protocol,
            endpoint=endpoint,
            kind=kind,
            topic_arn=topic_arn,
            message_id=message_id,
            subject=subject,
            body=body,
        )
        self.outbox.put(letter)
