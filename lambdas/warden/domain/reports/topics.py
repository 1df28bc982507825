"""The topics of metrics reports, and of their replies.

Source: AWS IoT Device Defender Developer Guide, Sending device metrics. A device's identity is the thing name in the
topic: neither its client id nor its payload counts.
"""

from typing import NamedTuple, Self

RESERVED_PREFIX = "$aws"

NAME_BYTES = 128


class MetricsTopic(NamedTuple):
    """A metrics topic, taken apart.

    Attributes:
        topic: All of it; replies go to `/accepted` and `/rejected` below it.
        thing: The thing name.
        format: What the payload is said to be; `json` and `cbor` are known.
    """

    topic: str
    thing: str
    format: str

    @classmethod
    def parse(cls, topic: str, prefixes: tuple[str, ...] = (RESERVED_PREFIX,)) -> Self | None:
        """The parts of `PREFIX/things/THING/defender/metrics/FORMAT`; None where the topic is another."""
        parts = topic.split("/")
        match parts:
            case [prefix, "things", thing, "defender", "metrics", fmt] if prefix in prefixes:
                return cls(topic, thing, fmt)
        return None


def name_problem(thing: str) -> str | None:
    """What is wrong with a thing's name, if anything. Source: Device metrics document, limits."""
    try:
        size = len(thing.encode())
    except UnicodeEncodeError:
        return "thing name: expected UTF-8"
    if not 1 <= size <= NAME_BYTES:
        return f"thing name: expected 1 to {NAME_BYTES} bytes of UTF-8, got {size}"
    if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in thing):
        return f"thing name: expected no control characters, got {thing!r}"
    return None
