"""Sums over the last seconds, as the documents have them: with a slack, and in slots of a sixteenth of the window."""

MOST = 2**64 - 1
"""Sums stop here."""

Slots = tuple[tuple[int, int], ...]
"""Time of the first datapoint and sum, oldest first."""


def total(slots: Slots) -> int:
    return min(sum(each for _, each in slots), MOST)


def slack(duration: int) -> int:
    return min(30_000, duration // 10)


def summed(slots: Slots, at: int, value: int, duration: int) -> Slots:
    """A window's slots after one more datapoint."""
    slots = tuple(slot for slot in slots if slot[0] > at - duration + slack(duration))
    if slots and at - slots[-1][0] < duration // 16:
        return (*slots[:-1], (slots[-1][0], slots[-1][1] + value))
    return (*slots, (at, value))


def summed_late(slots: Slots, at: int, value: int, duration: int) -> Slots:
    """The same, where newer datapoints are there already: it counts in a slot nearby, the older one first."""
    newest = slots[-1][0]
    if at >= newest:
        return summed(slots, at, value, duration)
    if at <= newest - duration + slack(duration):
        return slots
    near = [slot for slot in slots if abs(at - slot[0]) < duration // 16]
    if not near:
        return tuple(sorted([*slots, (at, value)]))
    older = [slot for slot in near if slot[0] <= at]
    joined = older[-1] if older else near[0]
    return tuple((slot[0], slot[1] + value) if slot is joined else slot for slot in slots)
