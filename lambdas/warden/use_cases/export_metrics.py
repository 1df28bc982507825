"""Datapoints that profiles export leave for their topics, many in one message."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable

from warden.domain.alarms.entry import Entry
from warden.domain.behaviors.catalogue import Catalogue
from warden.domain.behaviors.profile import MetricsExportConfig
from warden.domain.errors import InvalidRequest, NewerSchema, Unavailable
from warden.domain.exports.message import items, messages
from warden.storage.thing_log import Marked
from warden.use_cases.ingest_report import Catalogues

log = logging.getLogger(__name__)


class ExportMetrics:
    """Publishes what log entries have for export.

    An entry says which profiles exported it when it was written; where it goes, and what of it, their present version
    says. So an export that is switched off ends at once, with what waits in a batch.

    Args:
        catalogues: The profiles.
        publish: Publishes a message under a role to a topic; may raise Unavailable, or InvalidRequest where that will
            never do.
    """

    def __init__(self, catalogues: Catalogues, publish: Callable[[MetricsExportConfig, bytes], object]) -> None:
        self._catalogues = catalogues
        self._publish = publish

    def __call__(
        self, entries: Iterable[tuple[str, Entry]], *, now: int, done: set[MetricsExportConfig] | None = None
    ) -> int:
        """Export some entries: each datapoint once to each topic, whichever profiles name it.

        Args:
            entries: Name of the thing, and entry, in the order to export them.
            now: Epoch ms.
            done: Where an earlier try of the same entries has left nothing to do; this one adds to it.

        Returns: How many datapoints were given up, since their topic refuses them for ever; the log says why.

        Raises: Unavailable, where some could not be published now; all others were.
        """
        refused, unavailable = 0, None
        done = set() if done is None else done
        for to, found in self._leaving(list(entries), now).items():
            if to in done:
                continue
            try:
                for message in messages(found):
                    self._publish(to, message)
                done.add(to)
            except InvalidRequest as error:
                done.add(to)
                refused += len(found)
                log.error("%d datapoints cannot be exported to %s: %s", len(found), to.mqtt_topic, error)  # noqa: TRY400
            except Unavailable as error:
                unavailable = error
        if unavailable:
            raise unavailable
        return refused

    def _leaving(self, entries: list[tuple[str, Entry]], now: int) -> dict[MetricsExportConfig, dict[bytes, None]]:
        catalogue = self._catalogue(entries, now)
        leaving: dict[MetricsExportConfig, dict[bytes, None]] = defaultdict(dict)
        for thing, entry in entries:
            for profile in entry.exports:
                if export := catalogue.exports.get(profile):
                    leaving[export.to].update(dict.fromkeys(items(thing, entry, export)))
        return leaving

    def _catalogue(self, entries: list[tuple[str, Entry]], now: int) -> Catalogue:
        """The profiles, never older than those that an entry was written under."""
        catalogue = self._catalogues.current(now)
        if any(entry.state.epoch > catalogue.epoch for _, entry in entries):
            return self._catalogues.reload()
        return catalogue


def readable(marked: Iterable[Marked]) -> tuple[list[tuple[str, Entry]], int]:
    """Thing and entry of each that this release can read, and how many it cannot: those would be in the way of all
    that come after them, and are in the log for as long as ever."""
    found, unreadable = [], 0
    for each in marked:
        try:
            found.append((each.thing, each.logged().entry))
        except NewerSchema as error:
            unreadable += 1
            log.error("an entry of %s is not exported: %s", each.thing, error)  # noqa: TRY400
    return found, unreadable
