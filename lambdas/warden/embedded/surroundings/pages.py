"""Pages of a list: markers that say where the next one begins. They hold nothing that the list does not show."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from typing import TypeVar

from moto.iot.exceptions import InvalidRequestException

DEFAULT_SIZE = 25

T = TypeVar("T")


def page(
    items: Iterable[T], order: Callable[[T], str], *, marker: str | None, size: int | None, ascending: bool = True
) -> tuple[list[T], str | None]:
    """One page, which what comes and goes between two requests moves nothing on.

    Args:
        items: All there are, in any order.
        order: What they are sorted by; no two alike.
        marker: What the last page came with; None for the first one.
        size: Of a page, at most.
        ascending: The order.

    Returns: The page, and the marker of the next one or None.

    Raises: InvalidRequestException, where `marker` is none.
    """
    found = sorted(items, key=order, reverse=not ascending)
    if marker is not None:
        last = _position(marker)
        found = [each for each in found if (order(each) > last if ascending else order(each) < last)]
    size = size or DEFAULT_SIZE
    more = b64encode(order(found[size - 1]).encode()).decode() if len(found) > size else None
    return found[:size], more


def _position(marker: str) -> str:
    try:
        return b64decode(marker, validate=True).decode()
    except ValueError:
        raise InvalidRequestException("expected a marker that the page before came with") from None
