"""AWS IoT's quotas of what a connection may send and receive in a second.

Source: AWS IoT Core quotas, publish requests per second per connection, throughput per second per connection.
"""

from dataclasses import dataclass

from warden.adapters.token_bucket import TokenBucket


@dataclass(frozen=True, slots=True)
class Limits:
    """What each connection is held to; None for no limit.

    Attributes:
        publishes_per_second: Messages in and out; what is more is discarded.
        bytes_per_second: Bytes that come in; what is more is read later.
    """

    publishes_per_second: int | None = None
    bytes_per_second: int | None = None


NO_LIMITS = Limits()
AWS_LIMITS = Limits(publishes_per_second=100, bytes_per_second=512 * 1024)


class Meter:
    """One connection's use of its limits. Times are seconds of a clock that never goes back."""

    __slots__ = ("_bytes_per_second", "_due", "_publishes")

    def __init__(self, limits: Limits) -> None:
        rate = limits.publishes_per_second
        self._publishes = None if rate is None else TokenBucket(rate, rate)
        self._bytes_per_second = limits.bytes_per_second
        self._due = 0.0  # when all that came in would have, at the allowed rate

    def may_publish(self, now: float) -> bool:
        """Whether one more message, in or out, is within the limit; it counts if so."""
        return self._publishes is None or self._publishes.take(1, int(now * 1000))

    def wait_seconds(self, size: int, now: float) -> float:
        """For how long nothing may be read after bytes that came: 0 while they are less than a second's worth."""
        if self._bytes_per_second is None:
            return 0.0
        self._due = max(self._due, now) + size / self._bytes_per_second
        return max(0.0, self._due - now - 1)
