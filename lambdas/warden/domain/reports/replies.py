"""What a device is told of its report, in the format that it reported in.

Source: AWS IoT Device Defender Developer Guide, Device metrics document; keys are never shortened.
"""

from collections.abc import Mapping
from typing import Any

import cbor2
import msgspec

from warden.domain.errors import ReportRejected

Reply = Mapping[str, Any]


def accepted(thing: str, report_id: int, at: int) -> Reply:
    """The reply to a report that counts, also to one that counted before. `at` is epoch ms."""
    return {"thingName": thing, "reportId": report_id, "status": "ACCEPTED", "timestamp": at}


def rejected(thing: str, error: ReportRejected, at: int) -> Reply:
    """The reply to a report that does not count; its id is in it where it could be read."""
    known = {} if error.report_id is None else {"reportId": error.report_id}
    return {
        "thingName": thing,
        **known,
        "status": "REJECTED",
        "statusDetails": {"ErrorCode": error.code, "ErrorMessage": error.message},
        "timestamp": at,
    }


def encode(reply: Reply, fmt: str) -> bytes:
    """A reply in a report's format; in JSON where that is none that is known."""
    return cbor2.dumps(reply) if fmt == "cbor" else msgspec.json.encode(reply)
