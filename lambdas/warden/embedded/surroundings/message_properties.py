"""What MQTT 5 adds to a message, as iot-data's Publish is given it.

Source: AWS IoT API, iot-data Publish; MQTT 5, section 3.3.2.3.
"""

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from warden.control_api.validation import Problems, invalid, quote
from warden.embedded.broker.properties import Properties

MAX_BYTES = 8 * 1024
"""Of all together: what a client's PUBLISH may have beside its payload."""

MAX_EXPIRY_SECONDS = 2**32 - 1
_OVERHEAD = 3  # of each text: its length, and its part of the property's identifier
FORMATS = {"UNSPECIFIED_BYTES": 0, "UTF8_DATA": 1}


def message_properties(given: Mapping[str, Any]) -> Properties:
    """A message's properties.

    Args:
        given: Publish's members in the types of its model, those of headers as they were sent.

    Raises: InvalidRequest, which names all that cannot be.
    """
    problems = Problems()

    def read(name: str, expected: str, parse: Callable[[Any], Any]) -> Any:
        if name not in given:
            return None
        try:
            return parse(given[name])
        except (ValueError, RecursionError):
            problems.add((name,), expected, quote(given[name]))
            return None

    found = Properties(
        payload_format=FORMATS.get(given.get("payloadFormatIndicator", "")),
        message_expiry=read("messageExpiry", f"0 to {MAX_EXPIRY_SECONDS} seconds", _expiry),
        content_type=read("contentType", "text without null characters", _text),
        response_topic=read("responseTopic", "a topic without wildcards and null characters", _topic),
        correlation_data=read("correlationData", "base64", _binary),
        user=read("userProperties", 'base64 of a JSON array such as [{"name": "value"}]', _pairs) or (),
    )
    if (size := _size(found)) > MAX_BYTES:
        problems.add(("userProperties",), f"at most {MAX_BYTES} bytes with what else MQTT 5 adds", f"{size}")
    if problems:
        raise invalid(tuple(problems))
    return found


def _size(properties: Properties) -> int:
    """About the bytes that properties take in a packet."""
    texts = [properties.content_type or "", properties.response_topic or "", *chain.from_iterable(properties.user)]
    return len(properties.correlation_data or b"") + sum(len(text.encode()) + _OVERHEAD for text in texts)


def _expiry(seconds: int) -> int:
    if not 0 <= seconds <= MAX_EXPIRY_SECONDS:
        raise ValueError
    return seconds


def _text(text: str) -> str:
    if "\0" in text:
        raise ValueError
    return text


def _topic(topic: str) -> str:
    if not topic or "+" in topic or "#" in topic:
        raise ValueError
    return _text(topic)


def _binary(text: str) -> bytes:
    return b64decode(text, validate=True)


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    listed = json.loads(_binary(text))
    if isinstance(listed, str):  # some clients are given JSON, and write that as JSON once more
        listed = json.loads(listed)
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise ValueError
    pairs = tuple(pair for each in listed for pair in each.items())
    if not all(isinstance(value, str) for _, value in pairs):
        raise ValueError
    for pair in pairs:
        for part in pair:
            _text(part).encode()  # half a surrogate pair, which JSON can write, is no text
    return pairs
