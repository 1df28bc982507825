"""Page tokens: where a list goes on, told to the caller and given back by it.

A token is signed together with the operation and its filters, so that nobody can make one up or carry it from one
list to another. It is not encrypted: put no secret in a position.
"""

import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest, digest
from typing import Any

from warden.control_api.validation import Problem, invalid, quote

DEFAULT_PAGE_SIZE = 25
"""Items of a page where the request says nothing (AWS IoT API Reference, e.g. ListMitigationActions)."""

LONGEST_TOKEN = 6_000
"""Characters; with it a request's first line still fits what an API Gateway takes (10,240 bytes with all headers)."""

_SIGNATURE_BYTES = 32
_NOT_FILTERS = {"nextToken", "maxResults"}


class Pager:
    """Makes and reads page tokens.

    Args:
        key: At least 16 random bytes that every instance of the service shares; tokens die with it.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < 16:
            raise ValueError(f"key: expected at least 16 bytes, got {len(key)}")
        self._key = key

    def token(self, operation: str, filters: Mapping[str, Any], position: Any) -> str:
        """A token for the page that begins at a position.

        Args:
            operation: The operation's name.
            filters: The request's members. maxResults and nextToken do not bind a token, all others do.
            position: Any JSON value; a tuple comes back as a list.
        """
        told = _json(position)
        token = urlsafe_b64encode(self._sign(operation, filters, told) + told).decode()
        if len(token) > LONGEST_TOKEN:
            raise ValueError(f"position: its token would have {len(token)} characters, {LONGEST_TOKEN} are allowed")
        return token

    def position(self, operation: str, filters: Mapping[str, Any], token: str) -> Any:
        """The position in a token. Raises InvalidRequest where it was not made for this operation and filters."""
        told = self._verified(operation, filters, token)
        if told is None:
            expected = "a token that this operation gave for the same filters"
            raise invalid([Problem(("nextToken",), quote(token), expected)])
        return json.loads(told)

    def _verified(self, operation: str, filters: Mapping[str, Any], token: str) -> bytes | None:
        try:
            signed = b64decode(token[:LONGEST_TOKEN], altchars=b"-_", validate=True)
        except ValueError:  # not base64, or not ASCII
            return None
        signature, told = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
        whole = urlsafe_b64encode(signed).decode() == token  # Python's reader takes padding that nobody wrote
        return told if whole and compare_digest(signature, self._sign(operation, filters, told)) else None

    def _sign(self, operation: str, filters: Mapping[str, Any], told: bytes) -> bytes:
        binding = {name: value for name, value in filters.items() if name not in _NOT_FILTERS}
        return digest(self._key, _json([operation, binding]) + b"\n" + told, sha256)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, allow_nan=False, default=_moment).encode()


def _moment(value: object) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"no JSON for a {type(value).__name__}")
