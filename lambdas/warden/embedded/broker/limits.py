"""AWS IoT's quotas of what a connection, a client and all clients together may do in a second.

Source: AWS IoT Core quotas, message broker: publish requests and throughput per second per connection; connect requests
per second per client ID and per account; subscriptions per second per account.
"""

from collections import OrderedDict
from dataclasses import dataclass

from warden.adapters.token_bucket import TokenBucket


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients are held to; None for no limit.

    Attributes:
        publishes_per_second: Messages in and out of a connection; what is more is discarded.
        bytes_per_second: Bytes that come in by a connection; what is more is read later.
        connects_per_client: CONNECTs with one client id; what is more is refused.
        connects_per_second: CONNECTs of all clients; what is more is refused.
        subscribes_per_second: SUBSCRIBEs of all clients; what is more is refused.
    """

    publishes_per_second: int | None = None
    bytes_per_second: int | None = None
    connects_per_client: int | None = None
    connects_per_second: int | None = None
    subscribes_per_second: int | None = None


NO_LIMITS = Limits()
AWS_LIMITS = Limits(
    publishes_per_second=100,
    bytes_per_second=512 * 1024,
    connects_per_client=1,
    connects_per_second=500,
    subscribes_per_second=500,
)
CLIENTS_REMEMBERED = 50_000


class Meter:
    """One connection's use of its limits. Times are seconds of a clock that never goes back."""

    __slots__ = ("_bytes_per_second", "_due", "_publishes")

    def __init__(self, limits: Limits) -> None:
        self._publishes = _bucket(limits.publishes_per_second)
        self._bytes_per_second = limits.bytes_per_second
        self._due = 0.0  # when all that came in would have, at the allowed rate

    def may_publish(self, now: float) -> bool:
        """Whether one more message, in or out, is within the limit; it counts if so."""
        return _takes(self._publishes, now)

    def wait_seconds(self, size: int, now: float) -> float:
        """For how long nothing may be read after bytes that came: 0 while they are less than a second's worth."""
        if self._bytes_per_second is None:
            return 0.0
        self._due = max(self._due, now) + size / self._bytes_per_second
        return max(0.0, self._due - now - 1)


class Turnstile:
    """What all clients together use of the limits. Times are seconds of a clock that never goes back."""

    def __init__(self, limits: Limits) -> None:
        self._connects = _bucket(limits.connects_per_second)
        self._subscribes = _bucket(limits.subscribes_per_second)
        self._per_client = limits.connects_per_client
        self._clients: OrderedDict[str, TokenBucket] = OrderedDict()

    def may_connect(self, client_id: str, now: float) -> bool:
        """Whether one more CONNECT is within the limits; it counts if so."""
        return self._client_may_connect(client_id, now) and _takes(self._connects, now)

    def may_subscribe(self, now: float) -> bool:
        """Whether one more SUBSCRIBE is within the limit; it counts if so."""
        return _takes(self._subscribes, now)

    def _client_may_connect(self, client_id: str, now: float) -> bool:
        if self._per_client is None:
            return True
        bucket = self._clients.setdefault(client_id, TokenBucket(self._per_client, self._per_client))
        self._clients.move_to_end(client_id)
        if len(self._clients) > CLIENTS_REMEMBERED:
            self._clients.popitem(last=False)
        return _takes(bucket, now)


def _bucket(rate: int | None) -> TokenBucket | None:
    return None if rate is None else TokenBucket(rate, rate)


def _takes(bucket: TokenBucket | None, now: float) -> bool:
    return bucket is None or bucket.take(1, int(now * 1000))
