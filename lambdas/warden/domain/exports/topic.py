"""Which MQTT topics metrics may be exported to."""

import re
from typing import Final

MOST_BYTES: Final = 256
MOST_SLASHES: Final = 7
"""Of a topic, behind the rule's name where it is a Basic Ingest one. Source: AWS General Reference, AWS IoT Core
message broker limits."""

BASIC_INGEST: Final = "$aws/rules/"
RULE_NAME: Final = re.compile("[a-zA-Z0-9_]{1,128}")
"""Source: AWS IoT API, CreateTopicRule."""


def topic_problem(topic: str) -> str | None:
    """What is expected of a topic, where it is not what one may publish to; None where it is.

    On AWS an IoT rule publishes to it, which takes `${...}` for an expression to evaluate, under the profile's role.
    """
    if not topic or topic.startswith("/"):
        return "a topic that begins with a character other than /"
    if any(wildcard in topic for wildcard in ("+", "#", "\0")):
        return "a topic without the wildcards + and #"
    if "${" in topic:
        return "a topic without ${, which AWS IoT rules take for an expression"
    behind = topic
    if topic.startswith(BASIC_INGEST):
        rule, _, behind = topic.removeprefix(BASIC_INGEST).partition("/")
        if not RULE_NAME.fullmatch(rule):
            return f"a topic with a rule's name behind {BASIC_INGEST}"
    if len(behind.encode()) > MOST_BYTES or behind.count("/") > MOST_SLASHES:
        return f"a topic of at most {MOST_BYTES} bytes and {MOST_SLASHES} slashes"
    return None
