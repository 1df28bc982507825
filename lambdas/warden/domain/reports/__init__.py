"""Device metrics reports: bytes from a device → values, or a rejection that says what is wrong."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from warden.domain.reports import from_cbor, from_json
from warden.domain.reports.report import Decoded

DECODERS: Mapping[str, Callable[[bytes], Decoded]] = MappingProxyType(
    {"json": from_json.decode_report, "cbor": from_cbor.decode_report},
)
"""The last level of a report's topic to its decoder; each raises ReportRejected and nothing else."""
