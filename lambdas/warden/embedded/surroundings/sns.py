"""SNS: moto's, with subscribers that are really reached.

SQS stays moto's. HTTP(S) subscribers get a SubscriptionConfirmation, and once they confirmed, notifications, by way
of the table of deliveries. E-mails and SMS are not sent, but kept in the outbox, the confirmation of an e-mail address
among them. Other protocols are refused. One subscriber's failure is logged and never another's.

Messages are not signed (`Signature` is empty): a key of ours could not be AWS's, and a subscriber on this machine
would have nobody to check it against.
"""

import json
import logging
import re
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from moto.core.responses import ActionResult
from moto.core.utils import ensure_boolean
from moto.sns import models
from moto.sns.exceptions import InvalidParameterValue, SNSException, SNSInvalidParameter, TopicNotFound
from moto.sns.responses import SNSResponse

from warden.embedded.surroundings import letters
from warden.embedded.surroundings.outlet import CONFIRM, CONFIRMATION, EMAILED, NOTIFICATION, POSTED, Outlet

log = logging.getLogger(__name__)

PROTOCOLS = ("sqs", *POSTED, *EMAILED, "sms")
LONGEST_ENDPOINT = 2048
ADDRESS = re.compile(r"[^\s@<>()\[\],;:\\\"]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")


class AuthorizationError(SNSException):
    """The subscription may be ended by a signed request only."""

    code = "AuthorizationError"
    message = "This subscription was confirmed with AuthenticateOnUnsubscribe; sign the request"


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
        """Give a message to every subscriber. Returns: Its id.

        Raises: sqlite3.Error, where it could not be kept for all of them: whoever published it is to do so again.
        """
        if message_structure == "json":
            _check_structure(message)
        message_id = str(uuid4())
        unkept: sqlite3.Error | None = None
        for subscription in [each for each in self.sns_backend.subscriptions.values() if each.topic is self]:
            try:
                subscription.publish(
                    message, message_id, subject, message_attributes, group_id, deduplication_id, message_structure
                )
            except sqlite3.Error as error:
                unkept = error
            except Exception:
                log.exception("%s could not be given message %s", subscription.arn, message_id)
        if unkept:
            raise unkept
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
        self.confirmed = protocol not in CONFIRM

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
        elif self.confirmed and self._wants(message, message_attributes):
            text = self._parse_message_structure(message, self.protocol) if message_structure == "json" else message
            self._notify(text, message_id, subject, message_attributes)

    def _notify(self, text: str, message_id: str, subject: str | None, attributes: dict[str, Any] | None) -> None:
        outlet = self.outlet
        if self.protocol in POSTED and self.attributes.get("RawMessageDelivery"):
            outlet.post(self, NOTIFICATION, message_id, text, raw=True)
            return
        match self.protocol:
            case "sms":
                outlet.send(self, NOTIFICATION, message_id, text)
                return
            case "email":
                body = letters.notification(text, self._unsubscribe_link())
            case _:
                body = json.dumps(self.get_post_data(text, message_id, subject, attributes), indent=2)
        outlet.send(self, NOTIFICATION, message_id, body, subject=subject or letters.SUBJECT)

    def _unsubscribe_link(self) -> str:
        return self.outlet.link(Action="Unsubscribe", SubscriptionArn=self.arn)

    def get_post_data(
        self,
        message: str,
        message_id: str,
        subject: str | None,
        message_attributes: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The JSON of a notification; Subject and MessageAttributes only where there are any."""
        envelope = self.outlet.envelope(NOTIFICATION, self.topic.arn, message_id, message)
        envelope["UnsubscribeURL"] = self._unsubscribe_link()
        if subject:
            envelope["Subject"] = subject
        if message_attributes:
            envelope["MessageAttributes"] = message_attributes
        return envelope

    def ask(self) -> None:
        """Send the SubscriptionConfirmation, again where it was sent before."""
        message_id = str(uuid4())
        link = self.outlet.link(Action="ConfirmSubscription", TopicArn=self.topic.arn, Token=self.token)
        body = letters.confirmation(self.topic.arn, link)
        if self.protocol != "email":
            text = (
                f"You have chosen to subscribe to the topic {self.topic.arn}.\n"
                "To confirm the subscription, visit the SubscribeURL included in this message."
            )
            envelope = self.outlet.envelope(CONFIRMATION, self.topic.arn, message_id, text)
            body = json.dumps(envelope | {"Token": self.token, "SubscribeURL": link}, indent=2)
        self.outlet.send(self, CONFIRMATION, message_id, body, subject=letters.CONFIRMATION_SUBJECT)

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
        elif protocol in EMAILED:
            _check_address(endpoint)
        elif protocol == "sqs":
            self._check_queue(endpoint)
        elif protocol != "sms":  # a telephone number is checked by moto
            raise SNSInvalidParameter(
                f"Invalid parameter: Protocol: expected one of {', '.join(PROTOCOLS)}, {protocol} is not done here"
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
        """Publish to a topic, or to a telephone number, whose SMS is kept in the outbox."""
        message_id = super().publish(message, arn, phone_number, *rest, **more)
        if phone_number:
            self.outlet.keep("sms", phone_number, NOTIFICATION, message_id, message)
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


def _check_address(endpoint: str) -> None:
    if len(endpoint) > LONGEST_ENDPOINT or not endpoint.isprintable() or not ADDRESS.fullmatch(endpoint):
        raise SNSInvalidParameter("Invalid parameter: Email address")


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
