"""Traffic that no network carried: what an agent sends when a counter was set back, or on its first report.

A delta is what a device's counter grew by since its last report. AWS's agents get it wrong in two ways: an unsigned
difference of a counter that was set back is nearly 2^64, and old agents report the whole counter as the first delta.
Such a datapoint is kept and listed, flagged, and judged by nothing: it neither raises nor clears an alarm, and counts
in no sum. The bounds are our choice; AWS is not known to tell such datapoints apart.
"""

from collections.abc import Mapping
from typing import Final

from warden.domain.behaviors.metrics import Datapoints

WRAPPED: Final = 2**63
"""A delta from here on is a counter's that went back."""

SILENT_MS: Final = 3_600_000
"""After so long without a report an agent may have been started anew; as long as the longest window."""

JUMP: Final = 100
"""Times the delta before the silence: less than that is a busy device."""

PLAUSIBLE: Final[Mapping[str, int]] = {"bi": 2**32, "bo": 2**32, "pi": 2**22, "po": 2**22}
"""By metric code, bytes or packets: up to here a delta is believed whatever came before."""


def implausible(points: Datapoints, before: Datapoints, *, silent: bool) -> tuple[str, ...]:
    """Codes of the datapoints that are a counter's fault.

    Args:
        points: What a report says.
        before: What was kept of the report before it; empty where nothing is known.
        silent: Whether there was none within `SILENT_MS`.
    """
    found: list[str] = []
    for code, plausible in PLAUSIBLE.items():
        delta = points.get(code)
        if isinstance(delta, int) and delta > plausible:
            known = before.get(code)
            jumps = silent and not (isinstance(known, int) and delta <= JUMP * known)
            if delta >= WRAPPED or jumps:
                found.append(code)
    return tuple(found)
