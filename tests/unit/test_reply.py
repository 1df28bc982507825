"""What a device is told of its report.

Source: AWS IoT Device Defender Developer Guide, Sending device metrics; keys are the same in JSON and CBOR.
"""

import json
from collections.abc import Callable
from typing import Any

import cbor2
import pytest

from warden.domain.errors import ReportRejected
from warden.domain.reports.replies import accepted, encode, rejected

AT = 1_790_000_900_412
BOTH = pytest.mark.parametrize(("fmt", "read"), [("json", json.loads), ("cbor", cbor2.loads)], ids=["json", "cbor"])
Read = Callable[[bytes], Any]


@BOTH
@pytest.mark.parametrize("report_id", [1, 1_790_000_900, 2**64 - 1])
def test_an_accepted_report_is_told_its_id(fmt: str, read: Read, report_id: int) -> None:
    assert read(encode(accepted("camera-3", report_id, AT), fmt)) == {
        "thingName": "camera-3",
        "reportId": report_id,
        "status": "ACCEPTED",
        "timestamp": AT,
    }


@BOTH
def test_a_rejected_report_is_told_why(fmt: str, read: Read) -> None:
    error = ReportRejected("header.version: expected a string, got 1", report_id=7)
    assert read(encode(rejected("camera-3", error, AT), fmt)) == {
        "thingName": "camera-3",
        "reportId": 7,
        "status": "REJECTED",
        "statusDetails": {
            "ErrorCode": "InvalidPayload",
            "ErrorMessage": "header.version: expected a string, got 1",
        },
        "timestamp": AT,
    }


@BOTH
def test_a_rejected_report_whose_id_could_not_be_read_is_told_none(fmt: str, read: Read) -> None:
    reply = read(encode(rejected("camera-3", ReportRejected("report: expected JSON"), AT), fmt))
    assert "reportId" not in reply


@BOTH
def test_a_report_that_came_too_soon_is_throttled(fmt: str, read: Read) -> None:
    error = ReportRejected("reports are accepted every 300 s", code="Throttled", report_id=7)
    assert read(encode(rejected("camera-3", error, AT), fmt))["statusDetails"]["ErrorCode"] == "Throttled"


@BOTH
def test_any_name_and_message_can_be_said(fmt: str, read: Read) -> None:
    error = ReportRejected('Pumpe "Ü"\\\x1f Not a Thing')
    reply = read(encode(rejected('Pumpe "Ü"', error, AT), fmt))
    assert (reply["thingName"], reply["statusDetails"]["ErrorMessage"]) == ('Pumpe "Ü"', error.message)


def test_a_report_in_a_format_that_nobody_knows_is_answered_in_json() -> None:
    reply = encode(rejected("camera-3", ReportRejected("format 'xml': expected json or cbor"), AT), "xml")
    assert json.loads(reply)["status"] == "REJECTED"
