"""What coverage is not measured of."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from coverage import Coverage


@contextmanager
def unmeasured() -> Iterator[None]:
    """A block in which no coverage is measured, neither of this process nor of those that it starts.

    Measuring doubles the time of what passes the same lines thousands of times, or other people's lines alone. It
    brings modules of its own into a process, and counts the files of a copy of the tree as other files than the tree's.
    """
    measuring = Coverage.current()
    inherited = {name: os.environ.pop(name) for name in [*os.environ] if name.startswith(("COVERAGE_", "COV_"))}
    if measuring:
        measuring.stop()
    try:
        yield
    finally:
        os.environ.update(inherited)
        if measuring:
            measuring.start()
