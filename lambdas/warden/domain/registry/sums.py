"""Memberships summed up, so that two sets of any size can be compared part by part in constant memory.

A membership is a thing and one of its groups, or a thing and no group for its registration. Each is a number of 64
bits, and each part of a fleet keeps the sum of its own. Equal sums are equal sets but for one case in 2^64; a
membership that is counted twice shows as a difference, which costs a question and does no harm.
"""

from array import array
from collections.abc import Iterator
from hashlib import blake2b
from typing import Self

_SIZE = 8
_MASK = 2 ** (8 * _SIZE) - 1


def number(thing: str, group: str = "") -> int:
    """A membership as a number; names hold no line break."""
    return int.from_bytes(blake2b(f"{thing}\n{group}".encode(), digest_size=_SIZE).digest(), "little")


class Sums:
    """A sum for each part of a fleet.

    Args:
        parts: How many there are.
    """

    def __init__(self, parts: int) -> None:
        self._sums = array("Q", bytes(_SIZE * parts))

    @classmethod
    def from_bytes(cls, kept: bytes) -> Self:
        """What `to_bytes` gave, on a machine of the same byte order."""
        sums = cls(0)
        sums._sums.frombytes(kept)
        return sums

    def to_bytes(self) -> bytes:
        """Eight bytes a part."""
        return self._sums.tobytes()

    def add(self, part: int, membership: int) -> None:
        """Count a membership in a part."""
        self._sums[part] = (self._sums[part] + membership) & _MASK

    def subtract(self, part: int, membership: int) -> None:
        """Count a membership out of a part."""
        self._sums[part] = (self._sums[part] - membership) & _MASK

    def differing(self, other: Self | None = None, *, first: int = 0) -> Iterator[int]:
        """The parts from `first` on whose sum is not the other's; not 0, where there is no other."""
        for part in range(first, len(self._sums)):
            if self._sums[part] != (other.of(part) if other else 0):
                yield part

    def of(self, part: int) -> int:
        """A part's sum."""
        return self._sums[part]
