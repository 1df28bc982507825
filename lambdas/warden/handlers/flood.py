"""What one container remembers of those who report too much, so that they cost as little as they can.

Times are epoch ms.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

from warden.domain.alarms.arrival import Arrival, too_soon
from warden.domain.errors import ReportRejected, TooSoon

NAMES: Final = 100_000
"""How many names are remembered of each kind, those of the latest; some 30 MB."""

SHORTEST_WINDOW_MS: Final = 60_000

FLOOD: Final = 20
"""Refused reports of one name in a window that make a flood of it."""

NEW_NAMES: Final = 20
"""Names nobody knows that one principal may report for in an hour; and how often for each."""

HOUR_MS: Final = 3_600_000

V = TypeVar("V")


class Latest(Generic[V]):
    """A mapping that forgets the name that was set the longest ago."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[str, V] = OrderedDict()

    def get(self, name: str) -> V | None:
        """What was set, if it is not forgotten."""
        return self._values.get(name)

    def set(self, name: str, value: V) -> V:
        """Remember."""
        self._values[name] = value
        self._values.move_to_end(name)
        if len(self._values) > self._most:
            self._values.popitem(last=False)
        return value


class LastWritten:
    """The last report of each thing that this container wrote: another one too soon after it needs no look at the log.

    The log would say the same of it, but where the thing was deleted and created again meanwhile, or its client sends
    an older report once more.

    Args:
        min_interval: Milliseconds that a thing's reports have to be apart, 0 for no minimum.
        names: Of how many things.
    """

    def __init__(self, *, min_interval: int, names: int = NAMES) -> None:
        self._min_interval = min_interval
        self._last: Latest[tuple[int, int, bytes]] = Latest(names)

    def check(self, arrival: Arrival) -> None:
        """Raise TooSoon for another report than the last, not before it and too soon after it. The same one passes:
        its answer may have been lost (C8)."""
        last = self._last.get(arrival.thing)
        if last is None:
            return
        at, *known_as = last
        if arrival.at < at or known_as == [arrival.report_id, arrival.digest]:
            return
        if too_soon(arrival.at, at, min_interval=self._min_interval):
            raise TooSoon(arrival.at - at, min_interval=self._min_interval, report_id=arrival.report_id)

    def wrote(self, arrival: Arrival) -> None:
        """Remember a report that has been written as its thing's newest; never before."""
        if self._min_interval:
            self._last.set(arrival.thing, (arrival.at, arrival.report_id, arrival.digest))


class Refused(NamedTuple):
    """One more refused report.

    Attributes:
        answer: Whether it is answered and logged.
        number: The how-manieth in its window it is.
        since: When the window began.
    """

    answer: bool
    number: int
    since: int


@dataclass(slots=True)
class _Window:
    since: int
    count: int = 0
    too_soon: int = 0


class Refusals:
    """Refused reports by who sent them, in windows of one minimum interval, a minute at least.

    One that came too soon is answered once in a window, any other one until it is a flood.

    Args:
        min_interval: Milliseconds that a thing's reports have to be apart, 0 for no minimum.
        names: How many senders are remembered.
    """

    def __init__(self, *, min_interval: int, names: int = NAMES) -> None:
        self._length = max(min_interval, SHORTEST_WINDOW_MS)
        self._windows: Latest[_Window] = Latest(names)

    def add(self, name: str, error: ReportRejected | None, now: int) -> Refused:
        """Count one, at `now`."""
        window = self._windows.get(name)
        if window is None or not 0 <= now - window.since < self._length:
            window = self._windows.set(name, _Window(now))
        window.count += 1
        if isinstance(error, TooSoon):
            window.too_soon += 1
            return Refused(window.too_soon == 1, window.count, window.since)
        return Refused(window.count <= FLOOD, window.count, window.since)


class TooManyNames(ReportRejected):
    """A report for yet another name that nobody knows."""


class NewNames:
    """Names that turned out not to be registered, by the principal who brought them up and by the hour.

    So a principal that makes names up costs a bounded number of questions to the registry, and of items. A name that
    the registry has, or whose item says that it does not have it, is none of these.

    Args:
        principals: How many are remembered.
    """

    def __init__(self, *, principals: int = NAMES // NEW_NAMES) -> None:
        self._hours: Latest[tuple[int, dict[str, int]]] = Latest(principals)

    def check(self, principal: str, arrival: Arrival, now: int) -> None:
        """Raise TooManyNames where a report's thing, of which nothing is known, is not to be asked for."""
        names = self._names(principal, now)
        spent = names.get(arrival.thing)
        if (len(names) if spent is None else spent) >= NEW_NAMES:
            raise TooManyNames(
                f"{NEW_NAMES} names that are not registered are looked up in an hour for one principal, and as often "
                "for each; this one was not",
                code="Throttled",
                report_id=arrival.report_id,
            )

    def add(self, principal: str, thing: str, now: int) -> None:
        """The registry did not have a thing."""
        names = self._names(principal, now)
        names[thing] = names.get(thing, 0) + 1

    def _names(self, principal: str, now: int) -> dict[str, int]:
        hour = self._hours.get(principal)
        if hour is None or not 0 <= now - hour[0] < HOUR_MS:
            hour = self._hours.set(principal, (now, {}))
        return hour[1]
