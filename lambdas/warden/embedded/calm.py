"""A log that strangers cannot flood: of lines of one kind, so many at once, and then one a second."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from warden.adapters.token_bucket import TokenBucket

AT_ONCE, A_SECOND = 100, 1.0
KINDS = 1_000
_KIND_CHARACTERS = 60


class Calm(logging.Filter):
    """Lets the lines of one kind through as far as its bucket goes; the next one that gets through counts the others.

    A line's kind is where it is said and how its text begins, before anything is put in. Lines below INFO are the
    business of who asked for them: all get through.

    Args:
        clock: Epoch milliseconds.
    """

    def __init__(self, clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.RLock()
        self._kinds: OrderedDict[tuple[str, str], tuple[TokenBucket, list[int]]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging.Filter."""
        if record.levelno < logging.INFO:
            return True
        with self._lock:  # logging asks its filters before it takes its own
            return self._lets_through(record)

    def _lets_through(self, record: logging.LogRecord) -> bool:
        kind = record.name, str(record.msg)[:_KIND_CHARACTERS]
        bucket, held_back = self._kinds.setdefault(kind, (TokenBucket(A_SECOND, AT_ONCE), [0]))
        self._kinds.move_to_end(kind)
        if len(self._kinds) > KINDS:
            self._kinds.popitem(last=False)
        if not bucket.take(1, self._clock()):
            held_back[0] += 1
            return False
        if held_back[0]:
            record.msg = f"{record.getMessage()} (and {held_back[0]} like it, not shown)"
            record.args = None
            held_back[0] = 0
        return True
