"""A report's bytes on the topic `…/defender/metrics/cbor` → a Report."""

import re
from io import BytesIO
from typing import Any, NoReturn

import cbor2
import msgspec

from warden.domain.errors import ReportRejected
from warden.domain.reports.dialects import DIALECTS, checked, hosts
from warden.domain.reports.document import check_size, read
from warden.domain.reports.problems import printable
from warden.domain.reports.report import MAX_DEPTH, Decoded, Report

# A map whose first pair is the header, whose first pair is the id, in any length of unsigned integer.
_START = re.compile(
    rb"[\xa1-\xb7\xbf](?:\x66header|\x63hed)[\xa1-\xb7\xbf](?:\x69report_id|\x63rid)"
    rb"([\x01-\x17]|\x18.|\x19..|\x1a.{4}|\x1b.{8})",
    re.DOTALL,
)


class _NoTags(dict[int, Any]):
    """In place of cbor2's decoders of tags: there is none, not for any number.

    Tags bring types that JSON has not, integers of any length, and references that turn a tree into a cycle.
    """

    def __missing__(self, tag: int) -> NoReturn:
        raise cbor2.CBORDecodeError(f"tag {tag}, although no tag is allowed")


_NO_TAGS = _NoTags()


def decode_report(payload: bytes) -> Decoded:
    """Decode and validate a report in CBOR of at most 128 KB. Raises ReportRejected, which says what is wrong.

    Lengths may be indefinite and floats of any width; keys are text. Tags, byte strings and bytes that follow the
    report are refused.
    """
    check_size(payload)
    try:
        document = _document(payload)
    except (cbor2.CBORDecodeError, RecursionError) as error:
        raise ReportRejected(_syntax(error), report_id=_salvaged_id(payload)) from None
    if decoded := _strict(document):
        return decoded
    report = read(document)
    return Decoded(report, hosts(report))


def _document(payload: bytes) -> Any:
    stream = BytesIO(payload)
    document = cbor2.CBORDecoder(
        stream,
        semantic_decoders=_NO_TAGS,
        max_depth=MAX_DEPTH,
        allow_duplicate_keys=False,
        strict_hashable_types=True,
    ).decode()
    if behind := len(payload) - stream.tell():
        raise cbor2.CBORDecodeError(f"{behind} bytes too many behind its end")
    return document


def _strict(document: Any) -> Decoded | None:
    for dialect in DIALECTS:
        try:
            report: Report = msgspec.convert(document, dialect)
        except msgspec.ValidationError:
            continue
        return checked(report)
    return None


def _syntax(error: Exception) -> str:
    cause = f": {error.__cause__}" if error.__cause__ else ""
    return f"report: expected CBOR, got {printable(f'{error}{cause}'.removeprefix('error decoding semantic tag: '))}"


def _salvaged_id(payload: bytes) -> int | None:
    """The id of a report that is no CBOR, say because a client cut it, but begins as usual."""
    start = _START.match(payload)
    return cbor2.loads(start[1]) or None if start else None
