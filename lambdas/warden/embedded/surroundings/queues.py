"""SQS: moto's, with long polls that do not hold everyone else up."""

import time
from collections.abc import Callable
from typing import Any

from moto.sqs.models import Message, SQSBackend


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

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "pause"}
