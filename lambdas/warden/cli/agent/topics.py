"""Where an agent's reports go, and where it hears what became of them.

Source: AWS IoT Developer Guide, Reserved topics and Basic Ingest.
"""

import re
from typing import NamedTuple, Self

from warden.domain.reports.topics import RESERVED_PREFIX, name_problem

END = "/{thing}/defender/metrics/{format}"
BASIC_INGEST = re.compile(r"\$aws/rules/[^/]+/(.+)")
"""A message on such a topic goes to that rule only, as if it were on the topic behind it, where the replies are."""

MAX_BYTES = 256


class Topics(NamedTuple):
    """An agent's topics.

    Attributes:
        report: Where it publishes.
        replies: Where it subscribes: accepted, rejected.
    """

    report: str
    replies: tuple[str, str]

    @classmethod
    def of(cls, where: str, *, prefix: str, thing: str, fmt: str) -> Self:
        """The topics of a thing's reports.

        Args:
            where: `reserved` for AWS's, `own` for Thingwarden's own, or a template that ends in END.
            prefix: First level of the own ones.
            thing: Its name.
            fmt: `json` or `cbor`.

        Raises: ValueError, with what is wrong and what was expected.
        """
        if problem := name_problem(thing):
            raise ValueError(problem)
        if {"/", "+", "#"} & set(thing):
            raise ValueError(f"thing name: expected one level of a topic, without / + #, got {thing!r}")
        known = {"reserved": f"{RESERVED_PREFIX}/things{END}", "own": f"{prefix}/things{END}"}
        template = known.get(where, where)
        if not template.endswith(END):
            raise ValueError(f"topic: expected reserved, own, or a template that ends in …{END}, got {where!r}")
        topic = template.replace("{thing}", thing).replace("{format}", fmt)
        base = match[1] if (match := BASIC_INGEST.fullmatch(topic)) else topic
        replies = f"{base}/accepted", f"{base}/rejected"
        if {"+", "#", "\0"} & set(topic):
            raise ValueError(f"topic: expected no wildcards, got {topic!r}")
        if len(replies[0].encode()) > MAX_BYTES:
            raise ValueError(f"topic: expected at most {MAX_BYTES} bytes with its replies, got {replies[0]!r}")
        return cls(topic, replies)
