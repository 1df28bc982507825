"""Keeping to a share of a quota, by waiting."""

import time
from collections.abc import Callable

from warden.adapters.token_bucket import TokenBucket
from warden.domain.errors import Throttled

Pace = Callable[[int], None]
"""Called with the number of requests that are about to be made."""

LOOKED_AGAIN_SECONDS = 0.05


def waiting(
    bucket: TokenBucket,
    clock: Callable[[], int],
    sleep: Callable[[float], None] = time.sleep,
    has_time: Callable[[], bool] = lambda: True,
) -> Pace:
    """Waits until the share allows it; the bucket must hold as many as are asked for at once.

    Raises Throttled where no time is left, neither to wait nor for the requests: `has_time` is asked before each.
    """

    def take(n: int) -> None:
        while has_time():
            if bucket.take(n, clock()):
                return
            sleep(LOOKED_AGAIN_SECONDS)
        raise Throttled("no time is left to ask the registry within this function's share of its quota")

    return take
