"""SQS: moto's, with long polls that hold nobody else up, and queues that do not slow down as they fill."""

import time
from collections.abc import Callable
from typing import Any

from moto.core.utils import camelcase_to_underscores
from moto.sqs import models
from moto.sqs.models import Message, SQSBackend

COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)
"""The attributes of a queue that take a look at each of its messages."""


class Queues(SQSBackend):
    """moto's SQS backend, called with the lock around moto held.

    Attributes:
        pause: Gives the lock away until something changed, at most for so many seconds; False where nobody
            may wait now.
    """

    pause: Callable[[float], bool]

    def receive_message(
        self,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> list[Message]:
        """At most `count` messages; waits for the first one up to `wait_seconds_timeout`, 0 to 20."""
        end = time.monotonic() + wait_seconds_timeout
        while True:
            messages = super().receive_message(queue_name, count, 0, visibility_timeout, message_attribute_names)
            left = end - time.monotonic()
            if messages or left <= 0 or not self.pause(left):
                return messages

    def get_queue_attributes(self, queue_name: str, attribute_names: list[str]) -> dict[str, Any]:
        """The attributes of some names, or of all."""
        others = [name for name in attribute_names if name not in COUNTS]
        counts = COUNTS if "All" in attribute_names else [name for name in attribute_names if name in COUNTS]
        queue = self.get_queue(queue_name)
        return super().get_queue_attributes(queue_name, others) | {
            name: getattr(queue, camelcase_to_underscores(name)) for name in counts
        }

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "pause"}


def install() -> Callable[[], None]:
    """Make moto count a queue's messages only where somebody asks for their number. Returns: What undoes it.

    moto reads all attributes of a queue to look at one of them, at each send and for each message that is received:
    with 10,000 messages in the queue, a send took a quarter of a second.
    """
    before = models.Queue.BASE_ATTRIBUTES
    models.Queue.BASE_ATTRIBUTES = [name for name in before if name not in COUNTS]

    def undo() -> None:
        models.Queue.BASE_ATTRIBUTES = before

    return undo
