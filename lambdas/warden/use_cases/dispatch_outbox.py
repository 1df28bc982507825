"""Marked entries are dispatched: each as the table's stream brings it, and whatever the stream has left behind."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from warden.ports import Key
from warden.storage.thing_log import Marked, Outbox

log = logging.getLogger(__name__)

LEFT_BEHIND_MS = 600_000
"""After how long a mark is no longer left to the stream."""

AGAIN_MS, AGAIN_MOST_MS = 300_000, 3_600_000
"""After how long an entry is tried again that dispatch failed at: twice as long each time, up to the second."""

AT_ONCE = 100
"""How many entries one look takes."""


class Deliver(Protocol):
    """Tells subscribers of events: `DeliverAlerts`, or `PublishAlerts`."""

    def __call__(self, events: Iterable[Key], *, now: int) -> int:
        """Send the alerts of some events, at epoch ms `now`. Returns how many were sent."""
        ...


@dataclass(frozen=True, slots=True)
class DispatchOutbox:
    """Deals with marked entries, at least once each.

    Attributes:
        outbox: Has them.
        dispatch: `DispatchTransitions`.
        deliver: Tells subscribers.
        failed: Told of each entry that it failed at.
        at_once: How many entries one look takes.
    """

    outbox: Outbox
    dispatch: Callable[..., list[Key]]
    deliver: Deliver
    failed: Callable[[], object] = lambda: None
    at_once: int = AT_ONCE

    def entry(self, marked: Marked, *, now: int) -> list[Key]:
        """Deal with one entry; its mark goes when all its transitions are dealt with.

        Returns: Where the events are whose alerts may still have to be sent; their own due times see to it, too.
        """
        events = self.dispatch(marked.thing, marked.logged(), now=now)
        self.outbox.unmark(marked)
        return events

    def __call__(self, *, now: int, may_go_on: Callable[[], bool] = lambda: True) -> int:
        """Deal with some entries that have been marked for ten minutes at epoch ms `now`, the oldest first.

        Args:
            now: Epoch ms.
            may_go_on: Asked before each.

        Returns: How many are out of the way: dealt with, or set aside since they failed, whoever's fault it was.
        """
        gone = 0
        for marked in self.outbox.waiting(before=now - LEFT_BEHIND_MS, now=now, limit=self.at_once):
            if not may_go_on():
                break
            try:
                events = self.entry(marked, now=now)
            except Exception:
                wait = min(AGAIN_MS << marked.set_aside_times, AGAIN_MOST_MS)
                log.exception("entry %d of %s failed; again in %d s", marked.seq, marked.thing, wait // 1000)
                self.failed()
                self.outbox.try_again(marked, at=now + wait)
            else:
                self._tell(events, now)
            gone += 1
        return gone

    def _tell(self, events: list[Key], now: int) -> None:
        try:
            self.deliver(events, now=now)
        except Exception:
            log.exception("alerts were not delivered; they are found by their events' due times")
