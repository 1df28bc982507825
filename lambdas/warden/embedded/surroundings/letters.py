"""What an e-mail or SMS subscription is sent, as Amazon SNS words it for a person.

Source: Amazon SNS Developer Guide, Email notifications; Mobile text messaging.
"""

SUBJECT = "AWS Notification Message"
"""Of a notification that was published without one."""

CONFIRMATION_SUBJECT = "AWS Notification - Subscription Confirmation"


def confirmation(topic_arn: str, link: str) -> str:
    """The body of the e-mail that asks for confirmation, with the link that confirms."""
    return (
        f"You have chosen to subscribe to the topic:\n{topic_arn}\n\n"
        f"To confirm this subscription, visit the link below (if this was in error no action is necessary):\n{link}\n"
    )


def notification(message: str, link: str) -> str:
    """The body of an e-mail that notifies: the message as it was published, and below it how to hear no more."""
    return (
        f"{message.rstrip()}\n\n--\n"
        f"If you wish to stop receiving notifications from this topic, visit the link below to unsubscribe:\n{link}\n"
    )
