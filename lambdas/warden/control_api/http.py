"""An HTTP request and its answer, as the control API sees them, whatever server or function took them in."""

from collections.abc import Mapping
from dataclasses import dataclass, field

REASONS_HEADER = "x-thingwarden-reasons"
"""Of ListViolationEvents' answer: why each event happened, in the list's order, separated by commas. AWS's API does
not say it."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request, nothing of it decoded yet.

    Attributes:
        method: Upper case.
        path: As sent, percent-encoded, without the query.
        query: As sent, without the question mark; empty where there was none.
        headers: Names in lower case.
        body: As sent.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer. Header names are in the case they are sent in."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
