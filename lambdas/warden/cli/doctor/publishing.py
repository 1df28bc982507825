"""Whether an AWS IoT policy lets a device publish into topic rules whose names nobody should know.

Any device that may publish to `$aws/rules/*` can invoke every rule of the account whose name it learns, with a topic
and a payload of its choice. Source: AWS IoT Developer Guide, Basic Ingest, and Publish/Subscribe policy examples.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from warden.domain.alerts.policy import listed, statements
from warden.domain.alerts.target import Home

PUBLISH: Final = "iot:publish"

_VARIABLE: Final = re.compile(r"\$\{[^}]*\}")


def reaches(document: Any, home: Home, rule: str) -> str | None:
    """The resource pattern by which a policy may let a device publish to `$aws/rules/RULE/…`, None where there is none.

    Args:
        document: The policy, or its JSON. One that cannot be read lets nobody publish.
        home: Where the rule is.
        rule: Its name.

    A policy variable may stand for anything; a Deny helps only where it surely covers what is allowed.
    """
    policy = _decoded(document)
    topics = home.iot_arn(f"topic/$aws/rules/{rule}/*")
    denied = list(_patterns(policy, "Deny"))  # as they stand: a variable in one covers nothing
    for pattern in _patterns(policy, "Allow"):
        allowed = _plain(pattern)
        if intersect(allowed, topics) and not any(covers(each, topics) or covers(each, allowed) for each in denied):
            return pattern
    return None


def _decoded(document: Any) -> Any:
    if not isinstance(document, str):
        return document
    try:
        return json.loads(document)
    except ValueError:
        return None


def _patterns(policy: Any, effect: str) -> Iterator[str]:
    """The resources of the statements of an effect that are about publishing."""
    for statement in statements(policy):
        if statement.get("Effect") == effect and _is_about_publishing(statement):
            yield from (str(resource) for resource in listed(statement.get("Resource", ())))


def _is_about_publishing(statement: Mapping[str, Any]) -> bool:
    return any(covers(str(action).lower(), PUBLISH) for action in listed(statement.get("Action", ())))


def _plain(pattern: str) -> str:
    """A pattern in which a variable may be anything, and `${$}` is what it says."""
    return _VARIABLE.sub("*", pattern.replace("${$}", "$"))


def covers(pattern: str, text: str) -> bool:
    """Whether a pattern matches everything that a text stands for; a wildcard in the text is a character like any."""
    return re.fullmatch("".join(_PARTS.get(each, re.escape(each)) for each in pattern), text, re.DOTALL) is not None


_PARTS: Final = {"*": ".*", "?": "."}


def intersect(one: str, other: str) -> bool:
    """Whether some text matches both of two patterns of `*`, any characters, and `?`, any one."""

    @cache
    def meet(i: int, j: int) -> bool:
        if i == len(one):
            return set(other[j:]) <= {"*"}
        if j == len(other):
            return set(one[i:]) <= {"*"}
        if one[i] == "*":
            return meet(i + 1, j) or (other[j] == "*" and meet(i, j + 1)) or (other[j] != "*" and meet(i, j + 1))
        if other[j] == "*":
            return meet(i, j + 1) or meet(i + 1, j)
        return (one[i] == other[j] or "?" in (one[i], other[j])) and meet(i + 1, j + 1)

    return meet(0, 0)
