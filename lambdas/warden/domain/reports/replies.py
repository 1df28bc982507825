"""What a device is told of its report, in the format that it reported in.

Source: AWS IoT Device Defender Developer Guide, Device metrics document; keys are never shortened.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import cbor2
import msgspec

from warden.domain.errors import ReportRejected
from warden.domain.reports.report import Dropped

Reply = Mapping[str, Any]


MOST_DROPPED, MOST_DROPPED_BYTES = 5, 512
"""What is told at most of custom metrics that were dropped, in JSON: agents have small buffers."""


def accepted(thing: str, report_id: int, at: int, dropped: Sequence[Dropped] = ()) -> Reply:
    """The reply to a report that counts, also to one that counted before.

    Args:
        thing: The thing's name.
        report_id: The report's.
        at: Epoch ms.
        dropped: Custom metrics that could not be used; AWS does not say so, and its clients ignore what they do not
            know.
    """
    reply = {"thingName": thing, "reportId": report_id, "status": "ACCEPTED", "timestamp": at}
    return {**reply, "dropped": _told(dropped), "droppedCount": len(dropped)} if dropped else reply


def _told(dropped: Sequence[Dropped]) -> list[dict[str, str]]:
    told: list[dict[str, str]] = []
    for each in dropped[:MOST_DROPPED]:
        more = [*told, msgspec.to_builtins(each)]
        if len(msgspec.json.encode(more)) > MOST_DROPPED_BYTES:
            break
        told = more
    return told


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
