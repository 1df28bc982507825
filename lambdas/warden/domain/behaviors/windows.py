"""Sums over the last seconds, kept as a few slots instead of every datapoint.

A window of d ends at the datapoint's time t and is (t - d + s, t] with s = min(30 s, d / 10): without the slack a
device that reports every 299.7 s would have now one report, now two in its 300 s.
"""

Ring = tuple[int, ...]
"""The slots of one window, oldest first: time of the slot's first datapoint, sum, time, sum, …"""

MOST = 2**64 - 1
"""Sums stop here: AWS's counts are unsigned 64-bit, and so are msgpack's."""

SLOTS_PER_WINDOW = 16
"""How finely a window is cut: reports denser than a sixteenth of it share a slot, and leave together."""


def slack(duration: int) -> int:
    """How many milliseconds too early a datapoint of a window of `duration` ms still counts as on time."""
    return min(30_000, duration // 10)


def add(ring: Ring, at: int, value: int, duration: int) -> tuple[Ring, int]:
    """Add a datapoint that is not older than any in the ring.

    Args:
        ring: The slots so far; empty at first.
        at: The datapoint's time, epoch ms.
        value: 0 to 2^64 - 1.
        duration: The window, in ms.

    Returns: The ring afterwards, without what left the window, and the sum of the window that ends at `at`. It is
        exact where datapoints are a sixteenth of the window apart or more, else a slot leaves up to that much early.
    """
    horizon = at - duration + slack(duration)
    if not ring or ring[-2] <= horizon:
        return (at, value), value
    oldest = 0
    while ring[oldest] <= horizon:
        oldest += 2
    ring = ring[oldest:]
    if at - ring[-2] < duration // SLOTS_PER_WINDOW:
        ring = (*ring[:-1], min(ring[-1] + value, MOST))
    else:
        ring = (*ring, at, value)
    return ring, total(ring)


def total(ring: Ring) -> int:
    """The sum of the window that ends at a ring's newest datapoint."""
    return min(sum(ring[1::2]), MOST)


def add_late(ring: Ring, at: int, value: int, duration: int) -> Ring:
    """Add a datapoint that newer ones overtook: it counts where its time is still in the window.

    The slot that it joins may be a sixteenth of the window older or newer; one that is newer takes it along for as
    much longer. So slots stay a sixteenth apart in whatever order datapoints come, and a ring has at most 16.
    """
    if not ring or at >= ring[-2]:
        return add(ring, at, value, duration)[0]
    if at <= ring[-2] - duration + slack(duration):
        return ring
    later = len(ring) - 2
    while later and ring[later - 2] > at:
        later -= 2
    for slot in (later - 2, later):
        if slot >= 0 and abs(at - ring[slot]) < duration // SLOTS_PER_WINDOW:
            return (*ring[: slot + 1], min(ring[slot + 1] + value, MOST), *ring[slot + 2 :])
    return (*ring[:later], at, value, *ring[later:])
