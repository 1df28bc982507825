"""Hypothesis strategies for what a shape of the service model allows, made without the code under test."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from hypothesis import strategies as st

_TEXT = st.characters(exclude_categories=["Cs"])

# One of each of the model's patterns; a new one needs a line here
_ALPHABETS = {
    r"[a-zA-Z0-9:_-]+": "azAZ09:_-",
    r"[a-zA-Z0-9_-]+": "azAZ09_-",
    r"[a-zA-Z0-9\-]+": "azAZ09-",
    r"(0x)?[a-fA-F0-9]+": "afAF09",
    r"[\w+=,.@-]+": "azAZ09_+=,.@-",
    r"[0-9]+": "0123456789",
    r"[\p{Graph}\x20]*": "azAZ09~!/\\\"' ",
    r"[a-fA-F0-9:]+": "afAF09:",
    r"^[a-zA-Z0-9-_]+$": "azAZ09-_",
    r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$": "aZ9é中٣Ⅷ\u00a0\u2028 _.:/=+-@",
    r"[a-fA-F0-9:\.\/]+": "afAF09:./",
    r"[^\p{Cntrl}]*": "a ~é中\u0085\U0001f600",
}
_CHOICES = {
    r"^([1-9]|[12][0-9]|3[01])$|^LAST$": ["1", "9", "10", "29", "31", "LAST"],
    r"(p0|p0\.1|p0\.01|p1|p10|p50|p90|p99|p99\.9|p99\.99|p100)": ["p0", "p0.01", "p99.99", "p100"],
}


@cache
def values(shape: Shape) -> st.SearchStrategy[Any]:
    """Values that boto3 takes and gives for a shape, and that the shape's constraints allow."""
    match shape:
        case StructureShape():
            required = {name: values(shape.members[name]) for name in shape.required_members}
            optional = {name: values(member) for name, member in shape.members.items() if name not in required}
            return st.fixed_dictionaries(required, optional=optional)
        case ListShape():
            low = shape.metadata.get("min", 0)
            return st.lists(values(shape.member), min_size=low, max_size=max(low, 2))
        case MapShape():
            return st.dictionaries(values(shape.key), values(shape.value), max_size=2)
    return _scalar(shape)


def _scalar(shape: Shape) -> st.SearchStrategy[Any]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    match shape.type_name:
        case "string":
            return _string(shape, low or 0, high)
        case "integer":
            return st.integers(-(2**31) if low is None else int(low), 2**31 - 1 if high is None else int(high))
        case "long":
            return st.integers(-(2**63) if low is None else int(low), 2**63 - 1 if high is None else int(high))
        case "double":
            return st.floats(low, high, allow_nan=False, allow_infinity=False)
        case "boolean":
            return st.booleans()
        case "timestamp":
            return st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
    raise LookupError(shape.type_name)


def _string(shape: Shape, low: int, high: int | None) -> st.SearchStrategy[str]:
    pattern = shape.metadata.get("pattern")
    if "enum" in shape.metadata:
        return st.sampled_from(shape.metadata["enum"])
    if pattern in _CHOICES:
        return st.sampled_from(_CHOICES[pattern])
    low = max(low, 1) if pattern and pattern.endswith(("+", "+$")) else low
    high = low + 5 if high is None else min(high, low + 5)
    return st.text(_ALPHABETS[pattern] if pattern else _TEXT, min_size=low, max_size=high)
