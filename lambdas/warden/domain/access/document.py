"""A policy document's text → statements, and what is wrong with it.

A document is stored once and asked for ever, so reading it raises nothing, whatever the text is; and what cannot be
understood never opens a door. An Allow with anything in it that is not understood grants nothing. A Deny is read as
the widest that it may mean: an Action, Resource or Condition that is not understood is taken as if it were not there,
so that the Deny covers all actions, all resources, all connections. What says neither Allow nor Deny may be a Deny. A
document that is no policy outside of its statements denies everything.

Source: AWS IoT Core Developer Guide, AWS IoT Core policies; what of IAM's language they have beside Effect, Action,
Resource and Condition is not documented, so nothing else is understood.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, NoReturn, TypeVar

from warden.domain.access.conditions import Condition, condition, operator
from warden.domain.access.patterns import ANYTHING, PLACE_PARTS, Matcher, live, matcher
from warden.domain.access.templates import Misunderstood, Template
from warden.domain.reports.problems import quoted

MAX_CHARACTERS: Final = 2048
"""Of a document that is created, white space apart."""

WITH_VARIABLES: Final = "2012-10-17"
WITHOUT_VARIABLES: Final = "2008-10-17"
"""The Version of a document that names none."""

Read = TypeVar("Read")

_MOST_PROBLEMS = 10
_MEMBERS = ("Version", "Id", "Statement")
_STATEMENT_MEMBERS = ("Sid", "Effect", "Action", "Resource", "Condition")
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_RESOURCE = re.compile(r"arn(?::[^:$]*){4}:(.+)", re.DOTALL)


class Effect(Enum):
    """What a statement does."""

    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True, slots=True)
class Resource:
    """The resources that a statement is about.

    Attributes:
        place: What matches an ARN's parts up to the account, one by one; empty for those of any place.
        name: What follows the account.
    """

    place: tuple[Matcher, ...]
    name: Template


@dataclass(frozen=True, slots=True)
class Statement:
    """One of a document.

    Attributes:
        effect: What it does where all of the others fit.
        actions: What matches an action in lower case; any of them has to.
        resources: Any of which has to fit.
        conditions: All of which have to hold.
    """

    effect: Effect
    actions: tuple[Matcher, ...]
    resources: tuple[Resource, ...]
    conditions: tuple[Condition, ...] = ()


EVERY_RESOURCE: Final = (Resource((), Template(ANYTHING, has_variables=False)),)
EVERY_ACTION: Final = (matcher(ANYTHING),)
DENY_EVERYTHING: Final = Statement(Effect.DENY, EVERY_ACTION, EVERY_RESOURCE)


@dataclass(frozen=True, slots=True)
class Document:
    """A document as far as it could be understood.

    Attributes:
        statements: Those that do something.
        problems: What is wrong, each with the member's path, what was expected and what was there.
    """

    statements: tuple[Statement, ...]
    problems: tuple[str, ...] = ()


def problems(text: str) -> tuple[str, ...]:
    """Why a document cannot be created, each with the member's path, the value and what is allowed; at most ten.

    What is stored may be longer than what can be created.
    """
    characters = sum(map(len, text.split()))
    if characters > MAX_CHARACTERS:
        return (f"policyDocument: expected at most {MAX_CHARACTERS} characters without white space, got {characters}",)
    found = read(text)
    return found.problems or (() if found.statements else ("Statement: expected at least one statement, got none",))


def read(text: str) -> Document:
    """Read a document of any length, whatever it is."""
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
    except RecursionError:
        return _unreadable("policyDocument: expected a few levels of objects and arrays, got more")
    except ValueError as error:
        return _unreadable(f"policyDocument: expected JSON, got {str(error)[:160]}")
    if not isinstance(document, dict):
        return _unreadable(f"policyDocument: expected an object, got {quoted(document)}")
    if wrong := [*_document_problems(document)]:
        return Document((DENY_EVERYTHING,), tuple(wrong[:_MOST_PROBLEMS]))
    has_variables = document.get("Version") == WITH_VARIABLES
    statements: list[Statement] = []
    found: list[str] = []
    for index, given in enumerate(listed(document["Statement"])):
        reader = _StatementReader(f"Statement[{index}]", has_variables=has_variables)
        statement = reader.read(given)
        if statement is not None:
            statements.append(statement)
        found += reader.problems[: _MOST_PROBLEMS - len(found)]
    return Document(tuple(statements), tuple(found))


def listed(given: Any) -> list[Any]:
    """What a policy gives as one value or as several."""
    return given if isinstance(given, list) else [given]


def _unreadable(problem: str) -> Document:
    return Document((DENY_EVERYTHING,), (problem,))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key that is there more than once")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant}, which JSON has not")


def _document_problems(document: Mapping[str, Any]) -> list[str]:
    found = [_unknown("", name, _MEMBERS) for name in document if name not in _MEMBERS]
    version = document.get("Version", WITHOUT_VARIABLES)
    if version not in (WITH_VARIABLES, WITHOUT_VARIABLES):
        found.append(f"Version: expected {WITH_VARIABLES} or {WITHOUT_VARIABLES}, got {quoted(version)}")
    if "Statement" not in document:
        found.append("Statement: expected one statement or several, got nothing")
    return found


def _unknown(path: str, name: str, known: tuple[str, ...]) -> str:
    return f"{path}{quoted(name)}: expected a member out of {', '.join(known)}, got another one"


class _StatementReader:
    """Reads one statement.

    Attributes:
        problems: What was wrong with it.
    """

    def __init__(self, path: str, *, has_variables: bool) -> None:
        self.problems: list[str] = []
        self._path = path
        self._has_variables = has_variables

    def read(self, given: Any) -> Statement | None:
        """The statement, a Deny as wide as it may be meant; None for what grants nothing."""
        if not isinstance(given, dict):
            self._wrong("", "an object", given)
            return DENY_EVERYTHING
        self.problems += [
            _unknown(f"{self._path}.", name, _STATEMENT_MEMBERS) for name in given if name not in _STATEMENT_MEMBERS
        ]
        if not isinstance(given.get("Sid", ""), str):
            self._wrong(".Sid", "text", given["Sid"])
        actions = self._each(given, "Action", _action)
        resources = self._each(given, "Resource", self._resource)
        conditions = self._conditions(given.get("Condition", {}))
        if given.get("Effect") not in ("Allow", "Deny"):
            self._wrong(".Effect", "Allow or Deny", given.get("Effect"))
        if given.get("Effect") == "Allow":
            return None if self.problems else Statement(Effect.ALLOW, actions, resources, conditions)
        return Statement(Effect.DENY, actions or EVERY_ACTION, resources or EVERY_RESOURCE, conditions)

    def _wrong(self, path: str, expected: str, got: Any) -> None:
        self.problems.append(f"{self._path}{path}: expected {expected}, got {quoted(got)}")

    def _each(self, given: Mapping[str, Any], member: str, read: Callable[[str], Read]) -> tuple[Read, ...]:
        """A member's patterns; none at all where one of them is not understood."""
        found: list[Read] = []
        texts = listed(given.get(member))
        for text in texts:
            try:
                found.append(read(_text(text)))
            except Misunderstood as error:
                self.problems.append(f"{self._path}.{member}: {error}, got {quoted(text)}")
        if not texts:
            self._wrong(f".{member}", "at least one", texts)
        return tuple(found) if len(found) == len(texts) else ()

    def _resource(self, text: str) -> Resource:
        if text == ANYTHING:
            return EVERY_RESOURCE[0]
        parts = _RESOURCE.fullmatch(text)
        if parts is None:
            raise Misunderstood("expected * or an ARN, arn:PARTITION:iot:REGION:ACCOUNT:RESOURCE")
        place = tuple(matcher(live(part)) for part in text.split(":", PLACE_PARTS)[:PLACE_PARTS])
        return Resource(place, Template(parts[1], has_variables=self._has_variables))

    def _conditions(self, given: Any) -> tuple[Condition, ...]:
        """Those that are understood."""
        if not isinstance(given, dict):
            self._wrong(".Condition", "an object", given)
            return ()
        found: list[Condition] = []
        for name, tests in given.items():
            if not isinstance(tests, dict) or not tests:
                self._wrong(f".Condition[{quoted(name)}]", "an object of keys and their values", tests)
                continue
            for key, values in tests.items():
                try:
                    texts = [*map(_value, listed(values))]
                    found.append(condition(operator(name), key, texts, has_variables=self._has_variables))
                except Misunderstood as error:
                    self.problems.append(f"{self._path}.Condition: {error}, got {quoted(name)}: {quoted(key)}: …")
        return tuple(found)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Misunderstood("expected text")
    return value


def _value(value: Any) -> str:
    """A condition's value as text; numbers and booleans as JSON writes them."""
    if isinstance(value, str):
        return value
    if not isinstance(value, bool | int | float):
        raise Misunderstood("expected texts, numbers or booleans as values")
    return json.dumps(value)


def _action(text: str) -> Matcher:
    if not _ACTION.fullmatch(text):
        raise Misunderstood("expected *, or a service and an action such as iot:Publish")
    return matcher(text.lower())
