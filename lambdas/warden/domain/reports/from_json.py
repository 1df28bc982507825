"""A report's bytes on the topic `…/defender/metrics/json` → a Report."""

import json
import re
from typing import Any

import msgspec

from warden.domain.errors import ReportRejected
from warden.domain.reports.dialects import DIALECTS, checked, hosts
from warden.domain.reports.document import REPEATED, check_size, read
from warden.domain.reports.problems import excerpt
from warden.domain.reports.report import MAX_BYTES, MAX_DEPTH, Decoded, Report

_BOM = b"\xef\xbb\xbf"
_MAX_DIGITS = 400  # no double has as many before its point
_BEYOND = 10**_MAX_DIGITS
# An object whose first field is the header, the id anywhere in it.
_START = re.compile(
    rb'\s*\{\s*"(?:header|hed)"\s*:\s*\{[^{}]*?"(?:report_id|rid)"\s*:\s*([1-9][0-9]{0,18})\s*[,}]',
)
_BYTE = re.compile(r"\(byte ([0-9]+)\)")
_DECODERS = [msgspec.json.Decoder(dialect).decode for dialect in DIALECTS]
_SHORT = _DECODERS[1:]
_UNTYPED = msgspec.json.Decoder()
_encode_into = msgspec.json.Encoder().encode_into


def decode_report(payload: bytes) -> Decoded:
    """Decode and validate a report in UTF-8 JSON of at most 128 KB. Raises ReportRejected, which says what is wrong."""
    if len(payload) <= MAX_BYTES:
        # A report in short names need not fail as one in long names first.
        for decode in _SHORT if payload.startswith(b'{"hed"') else _DECODERS:
            try:
                report: Report = decode(payload)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
            decoded = checked(report)
            if decoded and _keys_are_unique(payload, report):
                return decoded
            break
    return _decode_slowly(payload)


def _decode_slowly(payload: bytes) -> Decoded:
    """Any other report: in other names or forms of numbers, or wrong."""
    check_size(payload)
    try:
        document = _UNTYPED.decode(payload)
        if not _keys_are_unique(payload, document):
            document = _with_repeated_keys_marked(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _rejection(payload, error) from None
    report = read(document)
    return Decoded(report, hosts(report))


def _keys_are_unique(payload: bytes, decoded: Any) -> bool:
    """Whether no key was lost to a later one of its name, which msgspec lets pass.

    It was not where the same bytes come out again, as they do for AWS's agents. Nor where as many colons come out as
    went in: a decoded pair gives one pair back, and text gives its own colons back, except where one was escaped.
    """
    encoded = bytearray(len(payload))  # of the right size as a rule, where `encode` would let one grow
    _encode_into(decoded, encoded)
    return encoded == payload or (b"\\" not in payload and encoded.count(b":") == payload.count(b":"))


def _with_repeated_keys_marked(payload: bytes) -> Any:
    return json.loads(payload.decode(), object_pairs_hook=_object, parse_int=_integer)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                result[key] = REPEATED
            seen.add(key)
    return result


def _integer(digits: str) -> int:
    return int(digits) if len(digits) <= _MAX_DIGITS else _BEYOND


def _rejection(payload: bytes, error: Exception) -> ReportRejected:
    """Why a payload that is no JSON is refused.

    Python's decoder takes NaN, Infinity and numbers beyond a double, and then it can be said where they are.
    """
    try:
        read(_with_repeated_keys_marked(payload))
    except ReportRejected as rejected:
        return rejected
    except (ValueError, RecursionError):
        pass
    return ReportRejected(_syntax(payload, error), report_id=_salvaged_id(payload))


def _syntax(payload: bytes, error: Exception) -> str:
    if payload.startswith(_BOM):
        return "report: expected UTF-8 without a byte order mark, got one"
    if isinstance(error, RecursionError):
        return f"report: expected at most {MAX_DEPTH} levels of objects and arrays, got more"
    try:
        payload.decode()
    except UnicodeDecodeError as undecodable:
        return f"report: expected UTF-8, got something else at byte {undecodable.start}"
    detail = str(error).removeprefix("JSON is malformed: ")
    if detail == "Input data was truncated":
        return "report: expected JSON, got only its beginning"
    if at := _BYTE.search(detail):
        detail += f", near {excerpt(payload, int(at[1]))}"
    return f"report: expected JSON, got {detail}"


def _salvaged_id(payload: bytes) -> int | None:
    """The id of a report that is no JSON, say because a client cut it, but begins as usual."""
    start = _START.match(payload, 0, 1024)
    return int(start[1]) if start else None
