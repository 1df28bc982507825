"""What the policies of a connection say of an action on a resource.

Source: AWS IoT Core Developer Guide, AWS IoT Core policies; IAM User Guide, Policy evaluation logic.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache, partial
from typing import Final

from warden.domain.access.document import Document, Effect, Statement
from warden.domain.access.patterns import PLACE_PARTS, Matcher, matcher
from warden.domain.access.variables import Context

REMEMBERED: Final = 128
"""Decisions that are kept of one connection."""


class Decision(IntEnum):
    """What policies say, in TestAuthorization's words; the greater of two is what both together say."""

    ALLOWED = 0
    IMPLICIT_DENY = 1
    EXPLICIT_DENY = 2

    @property
    def is_allowed(self) -> bool:
        """Whether the action may be done."""
        return self is Decision.ALLOWED


@dataclass(frozen=True, slots=True)
class _Rule:
    """A statement on one connection: its conditions hold and its variables are put in."""

    actions: tuple[Matcher, ...]
    resources: tuple[tuple[tuple[Matcher, ...], Matcher], ...]

    def is_about(self, action: str, place: Sequence[str], name: str) -> bool:
        return any(matches(action) for matches in self.actions) and any(
            matches(name) and _is_in(place, where) for where, matches in self.resources
        )


def _is_in(place: Sequence[str], where: Sequence[Matcher]) -> bool:
    """Whether an ARN's beginning is where a resource is; without any matchers, it is everywhere."""
    return not where or (len(place) == len(where) and all(fits(part) for fits, part in zip(where, place, strict=True)))


class Policies:
    """The policies of one connection, filled in once.

    Args:
        documents: The default versions of all that are attached to the certificate, and to the static groups and
            their parents of the thing that the connection is tied to.
        context: Who is behind the connection. Where it changes, other Policies are needed.
    """

    __slots__ = ("_remembered",)

    def __init__(self, documents: Iterable[Document], context: Context) -> None:
        rules: dict[Effect, list[_Rule]] = {Effect.ALLOW: [], Effect.DENY: []}
        for document in documents:
            for statement in document.statements:
                rule = _rule(statement, context)
                if rule is not None:
                    rules[statement.effect].append(rule)
        decide = partial(_decide, tuple(rules[Effect.DENY]), tuple(rules[Effect.ALLOW]))
        self._remembered = lru_cache(REMEMBERED)(decide)

    def decide(self, action: str, resource: str) -> Decision:
        """Whether an action may be done: any Deny that fits wins over any Allow, and without an Allow it may not.

        Args:
            action: As `iot:Publish`, in any case.
            resource: A whole ARN, with no wildcard in it; case counts.
        """
        return self._remembered(action, resource)


def _decide(denials: tuple[_Rule, ...], permissions: tuple[_Rule, ...], action: str, resource: str) -> Decision:
    *place, name = resource.split(":", PLACE_PARTS)
    asked = action.lower()
    if any(rule.is_about(asked, place, name) for rule in denials):
        return Decision.EXPLICIT_DENY
    if any(rule.is_about(asked, place, name) for rule in permissions):
        return Decision.ALLOWED
    return Decision.IMPLICIT_DENY


def _rule(statement: Statement, context: Context) -> _Rule | None:
    """What a statement says on a connection, where its conditions hold; unresolved resources are left out."""
    if not all(condition.holds(context) for condition in statement.conditions):
        return None
    filled = [(resource.place, resource.name.pattern(context)) for resource in statement.resources]
    resources = tuple((place, matcher(pattern)) for place, pattern in filled if pattern is not None)
    return _Rule(statement.actions, resources)
