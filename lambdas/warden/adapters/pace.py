"""Two ways to keep to a share of a quota: to refuse what is too much, and to wait."""

import time
from collections.abc import Callable

from warden.adapters.token_bucket import TokenBucket
from warden.domain.errors import Throttled

Pace = Callable[[int], None]
"""Called with the number of requests that are about to be made."""

LOOKED_AGAIN_SECONDS = 0.05


def refusing(bucket: TokenBucket, clock: Callable[[], int]) -> Pace:
    """Raises Throttled where the share is used up."""

    def take(n: int) -> None:
        if not bucket.take(n, clock()):
            raise Throttled("this function's share of the registry's quota is used up")

    return take


def waiting(bucket: TokenBucket, clock: Callable[[], int], sleep: Callable[[float], None] = time.sleep) -> Pace:
    """Waits until the share allows it; the bucket must hold as many as are asked for at once."""

    def take(n: int) -> None:
        while not bucket.take(n, clock()):
            sleep(LOOKED_AGAIN_SECONDS)

    return take
