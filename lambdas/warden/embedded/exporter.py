"""Exported metrics in the embedded home: from the log's feed to the broker."""

import asyncio
import logging
from collections.abc import Callable

from warden.adapters.sqlite import SqliteTable
from warden.domain.behaviors.profile import MetricsExportConfig
from warden.storage import keys
from warden.storage.thing_log import Marked
from warden.use_cases.export_metrics import ExportMetrics, readable
from warden.use_cases.ingest_report import Catalogues

log = logging.getLogger(__name__)

EVERY_SECONDS = 5.0
AT_ONCE = 200
"""Entries of one batch: reports wait meanwhile."""


class Exporter:
    """Exports what the feed holds, and forgets it: a crash in between exports it again.

    Args:
        table: Table `log`.
        catalogues: The profiles.
        publish: The broker's: topic, payload, quality of service. Roles are nobody's here.
        clock: Now, epoch ms.
    """

    def __init__(
        self,
        table: SqliteTable,
        catalogues: Catalogues,
        publish: Callable[[str, bytes, int], object],
        clock: Callable[[], int],
    ) -> None:
        self._table = table
        self._publish = publish
        self._export = ExportMetrics(catalogues, self._send)
        self._clock = clock

    async def run(self) -> None:
        """Export from time to time, for ever."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                while self.export_some():
                    await asyncio.sleep(0)
            except Exception:
                log.exception("metrics could not be exported now")

    def export_some(self) -> bool:
        """Export one batch. Returns whether there was any."""
        rows = self._table.read_stream(0, AT_ONCE, feed=keys.EXPORT)
        if not rows:
            return False
        items = self._table.get_many(key for _, key in rows)  # an entry may have been forgotten since
        entries, _ = readable(Marked(items[key]) for _, key in rows if key in items)
        self._export(entries, now=self._clock())
        self._table.prune_stream(rows[-1][0], feed=keys.EXPORT)
        return True

    def _send(self, to: MetricsExportConfig, message: bytes) -> None:
        self._publish(to.mqtt_topic, message, 1)
