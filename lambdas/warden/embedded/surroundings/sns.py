"""SNS: moto's, with subscribers that are really reached.

SQS stays moto's. HTTP(S) subscribers get a SubscriptionConfirmation, and once they confirmed, notifications, by way
of the table of deliveries. Other protocols can be subscribed and are sent nothing. One subscriber's failure is
logged and never another's.

Messages are not signed (`Signature` is empty): a key of ours could not be AWS's, and a subscriber on this machine
would have nobody to check it against.
"""

import json
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from moto.core.responses import ActionResult
from moto.core.utils import ensure_boolean
from moto.sns import models
from moto.sns.exceptions import InvalidParameterValue, SNSException, SNSInvalidParameter, TopicNotFound
from moto.sns.responses import SNSResponse

from warden.embedded.surroundings.deliveries import Deliveries

log = logging.getLogger(__name__)

POSTED = ("http", "https")
LONGEST_ENDPOINT = 2048


class AuthorizationError(SNSException):
    """The subscription may be ended by a signed request only."""

    code = "AuthorizationError"
    message = "This subscription was confirmed with AuthenticateOnUnsubscribe; sign the request"


@dataclass(frozen=True, slots=True)
class Outlet:
    """What leaves this process.

    Attributes:
        deliveries: Takes what is to be posted.
        base_url: Where subscribers find us, without a slash at its end.
        clock: Epoch milliseconds.
    """

    deliveries: Deliveries
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

    def post(self, subscription: "Subscription", kind: str, message_id: str, body: str, *, raw: bool = False) -> None:
        """Hand a message to the table. Source: Amazon SNS Developer Guide, HTTP/HTTPS headers."""
        headers = {
            "Content-Type": "text/plain; charset=UTF-8",
            "User-Agent": "Amazon Simple Notification Service Agent",
            "x-amz-sns-message-type": kind,
            "x-amz-sns-message-id": message_id,
            "x-amz-sns-topic-arn": subscription.topic.arn,
        }
        if kind == "Notification":
            headers["x-amz-sns-subscription-arn"] = subscription.arn
        if raw:
            headers["x-amz-sns-rawdelivery"] = "true"
        self.deliveries.put(subscription.arn, subscription.endpoint, headers, body.encode(), now=self.clock())


class Topic(models.Topic):
    """A topic that keeps no copy of what it sent, and goes on where a subscriber fails."""

    def publish(  # noqa: PLR0917 (moto's signature)
        self,
        message: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        message_structure: str | None = None,
    ) -> str:
        """Give a message to every subscriber. Returns: Its id."""
        if message_structure == "json":
            _check_structure(message)
        message_id = str(uuid4())
        for subscription in [each for each in self.sns_backend.subscriptions.values() if each.topic is self]:
            try:
                subscription.publish(
                    message, message_id, subject, message_attributes, group_id, deduplication_id, message_structure
                )
            except Exception:
                log.exception("%s could not be given message %s", subscription.arn, message_id)
        return message_id


class Subscription(models.Subscription):
    """A subscription.

    Attributes:
        token: Confirms it; nobody but its endpoint is told.
        protected: Whether only a signed request may end it.
    """

    topic: Topic

    def __init__(self, account_id: str, topic: models.Topic, endpoint: str, protocol: str) -> None:
        super().__init__(account_id, topic, endpoint, protocol)
        self.token = secrets.token_hex(64)
        self.protected = False
        self.confirmed = protocol not in POSTED

    @property
    def subscription_arn(self) -> str:
        """What lists show."""
        return self.arn if self.confirmed else "PendingConfirmation"

    @property
    def outlet(self) -> Outlet:
        """Where messages leave."""
        backend = self.topic.sns_backend
        assert isinstance(backend, Notifications)
        return backend.outlet

    def publish(  # noqa: PLR0917 (moto's signature)
        self,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        message_structure: str | None = None,
    ) -> None:
        """Give a message to this subscriber, where its filter lets it through."""
        if self.protocol == "sqs":
            super().publish(
                message, message_id, subject, message_attributes, group_id, deduplication_id, message_structure
            )
        elif self.protocol in POSTED and self.confirmed and self._wants(message, message_attributes):
            text = self._parse_message_structure(message, self.protocol) if message_structure == "json" else message
            if self.attributes.get("RawMessageDelivery"):
                self.outlet.post(self, "Notification", message_id, text, raw=True)
            else:
                envelope = self.get_post_data(text, message_id, subject, message_attributes)
                self.outlet.post(self, "Notification", message_id, json.dumps(envelope, indent=2))

    def get_post_data(
        self,
        message: str,
        message_id: str,
        subject: str | None,
        message_attributes: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The JSON of a notification; Subject and MessageAttributes only where there are any."""
        envelope = self.outlet.envelope("Notification", self.topic.arn, message_id, message)
        envelope["UnsubscribeURL"] = self.outlet.link(Action="Unsubscribe", SubscriptionArn=self.arn)
        if subject:
            envelope["Subject"] = subject
        if message_attributes:
            envelope["MessageAttributes"] = message_attributes
        return envelope

    def ask(self) -> None:
        """Send the SubscriptionConfirmation, again where it was sent before."""
        message_id = str(uuid4())
        text = (
            f"You have chosen to subscribe to the topic {self.topic.arn}.\n"
            "To confirm the subscription, visit the SubscribeURL included in this message."
        )
        envelope = self.outlet.envelope("SubscriptionConfirmation", self.topic.arn, message_id, text)
        envelope["Token"] = self.token
        envelope["SubscribeURL"] = self.outlet.link(
            Action="ConfirmSubscription", TopicArn=self.topic.arn, Token=self.token
        )
        self.outlet.post(self, "SubscriptionConfirmation", message_id, json.dumps(envelope, indent=2))

    def is_confirmed_by(self, topic_arn: str, token: str) -> bool:
        """Whether `token` was sent to this subscription's endpoint, for this topic."""
        return self.topic.arn == topic_arn and secrets.compare_digest(self.token.encode(), token.encode())

    def _wants(self, message: str, attributes: dict[str, Any] | None) -> bool:
        matcher = self._filter_policy_matcher
        return matcher is None or matcher.matches(attributes, message)


class Notifications(models.SNSBackend):
    """moto's SNS backend. `install` makes moto use `Topic` and `Subscription` of this module in it.

    Attributes:
        outlet: Set by who owns this backend, also after it was read from a checkpoint.
    """

    SERVICE_NAMESPACE = "sns"
    outlet: Outlet

    def subscribe(self, topic_arn: str, endpoint: str, protocol: str) -> models.Subscription:
        """Subscribe an endpoint; one that must confirm is asked to, each time until it does."""
        if protocol in POSTED:
            _check_url(endpoint, protocol)
        elif protocol == "sqs":
            self._check_queue(endpoint)
        else:
            raise SNSInvalidParameter(
                f"Invalid parameter: Protocol: expected sqs, http or https, {protocol} is not done here yet"
            )
        subscription = super().subscribe(topic_arn, endpoint, protocol)
        if isinstance(subscription, Subscription) and not subscription.confirmed:
            subscription.attributes |= {"PendingConfirmation": True, "ConfirmationWasAuthenticated": False}
            subscription.ask()
        return subscription

    def confirm(self, topic_arn: str, token: str, *, signed: bool, protect: bool) -> models.Subscription:
        """Confirm the subscription that a token was sent to; doing so again is no error.

        Raises: TopicNotFound; SNSInvalidParameter, where the token is none of this topic's.
        """
        if topic_arn not in self.topics:
            raise TopicNotFound
        for subscription in self.subscriptions.values():
            if isinstance(subscription, Subscription) and subscription.is_confirmed_by(topic_arn, token):
                subscription.confirmed = True
                subscription.protected = signed and protect
                subscription.attributes |= {
                    "PendingConfirmation": False,
                    "ConfirmationWasAuthenticated": subscription.protected,
                }
                return subscription
        raise SNSInvalidParameter("Invalid parameter: Token")

    def unsubscribe(self, subscription_arn: str) -> None:
        """End a subscription, and what waits for it; a missing one is no error."""
        super().unsubscribe(subscription_arn)
        self.outlet.deliveries.forget(subscription_arn)

    def delete_topic_subscriptions(self, topic: models.Topic) -> None:
        """End every subscription of a topic."""
        for subscription in [each for each in self.subscriptions.values() if each.topic is topic]:
            self.unsubscribe(subscription.arn)

    def publish(self, message: str, arn: str | None, phone_number: str | None = None, *rest: Any, **more: Any) -> str:
        """Publish to a topic; a message to a telephone number is refused, since nobody would get it."""
        if phone_number:
            raise SNSInvalidParameter("Invalid parameter: PhoneNumber: the embedded home sends no SMS yet")
        message_id = super().publish(message, arn, phone_number, *rest, **more)
        self.sms_messages.clear()
        self.sms_message_objects.clear()
        return message_id

    def _check_queue(self, arn: str) -> None:
        if not arn.startswith(home := f"arn:{self.partition}:sqs:{self.region_name}:{self.account_id}:"):
            raise SNSInvalidParameter(f"Invalid parameter: SQS endpoint ARN: expected {home}NAME")

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "outlet"}


class NotificationsResponse(SNSResponse):
    """moto's SNS actions, with confirmation as AWS has it."""

    def subscribe(self) -> ActionResult:
        """Subscribe; the ARN of what must be confirmed is withheld unless asked for."""
        result: Any = super().subscribe()
        arn = result.result["SubscriptionArn"]
        wanted = ensure_boolean(self._get_param("ReturnSubscriptionArn"))
        if not wanted and not self.backend.subscriptions[arn].confirmed:
            result = ActionResult({"SubscriptionArn": "pending confirmation"})
        return result  # type: ignore[no-any-return]

    def confirm_subscription(self) -> ActionResult:
        """ConfirmSubscription, signed or not."""
        protect = ensure_boolean(self._get_param("AuthenticateOnUnsubscribe"))
        subscription = self._notifications.confirm(
            self._get_param("TopicArn"), self._get_param("Token"), signed=self._signed, protect=protect
        )
        return ActionResult({"SubscriptionArn": subscription.arn})

    def unsubscribe(self) -> ActionResult:
        """Unsubscribe, signed or not."""
        subscription = self.backend.subscriptions.get(self._get_param("SubscriptionArn"))
        if isinstance(subscription, Subscription) and subscription.protected and not self._signed:
            raise AuthorizationError
        return super().unsubscribe()

    @property
    def _signed(self) -> bool:
        return "Authorization" in self.headers

    @property
    def _notifications(self) -> Notifications:
        backend = self.backend
        assert isinstance(backend, Notifications)
        return backend


def install() -> Callable[[], None]:
    """Make moto create topics and subscriptions of ours. Returns: What undoes it."""
    before: Mapping[str, type] = {"Topic": models.Topic, "Subscription": models.Subscription}
    vars(models).update(Topic=Topic, Subscription=Subscription)
    return lambda: vars(models).update(before)


def _check_structure(message: str) -> None:
    try:
        texts = json.loads(message)
    except (ValueError, RecursionError):
        raise InvalidParameterValue(
            "Invalid parameter: Message Structure - JSON message body failed to parse"
        ) from None
    if not isinstance(texts, dict) or not isinstance(texts.get("default"), str):
        raise InvalidParameterValue("Invalid parameter: Message Structure - No default entry in JSON message body")


def _check_url(endpoint: str, protocol: str) -> None:
    try:
        url = urlsplit(endpoint)
        usable = url.scheme == protocol and bool(url.hostname) and url.port != 0
    except ValueError:
        usable = False
    if not usable or not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint:
        raise SNSInvalidParameter("Invalid parameter: Endpoint must match the specified protocol")
    if len(endpoint) > LONGEST_ENDPOINT:
        raise SNSInvalidParameter(f"Invalid parameter: Endpoint is longer than {LONGEST_ENDPOINT} characters")
