"""What has to change for a home to be as documents say: found out, and shown, before anything is done."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from enum import Enum
from typing import Any

from rich.console import Console

from warden.cli.files.documents import Document
from warden.cli.files.kinds import KINDS, METRIC, PROFILE, TAGS, TARGETS, Kind
from warden.cli.files.there import Found, find, names, short
from warden.cli.files.yaml_write import as_yaml
from warden.cli.home import Home
from warden.cli.shown import safe, say


class Action(Enum):
    """What a change does, and what was done, in words."""

    CREATE = "created"
    UPDATE = "updated"
    DELETE = "deleted"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it shall be.

    Attributes:
        kind: Of what.
        name: Its name.
        found: What is there.
        before: The members of it that the document speaks of.
        after: The members that there shall be; None where it shall go.
        document: What says so.
    """

    kind: Kind
    name: str
    found: Found | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    document: Document | None = None

    @property
    def action(self) -> Action:
        """What it does."""
        if self.after is None:
            return Action.DELETE
        return Action.CREATE if self.before is None else Action.UPDATE

    @property
    def about(self) -> str:
        """Kind and name, for people."""
        return f"{self.kind.name} {safe(self.name)}"

    def told(self, *, done: bool) -> dict[str, Any]:
        """As JSON has it."""
        action = self.action.name.lower()
        return {"kind": self.kind.name, "name": self.name, "action": action, "diff": self.diff(), "done": done}

    def diff(self) -> list[str]:
        """The lines of a unified diff of what is there and what will be."""
        there = f"{self.about} (there)" if self.before is not None else "/dev/null"
        here = f"{self.about} ({self.document.place.at()})" if self.document else "/dev/null"
        lines = unified_diff(_lines(self.kind, self.before), _lines(self.kind, self.after), there, here, lineterm="")
        return [safe(line) for line in lines]


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes, in the order in which they can be made, and what keeps them from being made.

    Attributes:
        changes: What differs.
        same: How many documents say what is there.
        problems: What cannot be; each begins with its place.
    """

    changes: Sequence[Change]
    same: int
    problems: Sequence[str]


def plan(
    home: Home, documents: Iterable[Document], *, prune: bool = False, to_come: Iterable[str] = frozenset()
) -> Plan:
    """What has to change.

    Args:
        home: Where.
        documents: What there shall be; of each kind and name one.
        prune: Whether what no document names shall go.
        to_come: Custom metrics that others will make before.
    """
    documents = sorted(documents, key=lambda document: list(KINDS).index(document.kind.name))
    changes: list[Change] = []
    problems: list[str] = []
    for document in documents:
        change = _change(home, document)
        if change:
            changes.append(change)
            problems += _fixed(change)
    if not problems:
        problems += _judged(home, changes, {*to_come, *(change.name for change in changes if change.kind is METRIC)})
    same = len(documents) - len(changes)
    return Plan([*changes, *(_pruned(home, documents) if prune else ())], same, problems)


def _change(home: Home, document: Document) -> Change | None:
    found = find(home, document.kind, document.name)
    after = dict(document.body)
    if found is None:
        return Change(document.kind, document.name, None, None, after, document)
    if TARGETS in after:
        after[TARGETS] = sorted({short(target, found.arn) for target in after[TARGETS]})
    unsaid = {TARGETS, TAGS} - document.body.keys()
    before = {name: value for name, value in found.body.items() if name not in unsaid}
    return None if before == after else Change(document.kind, document.name, found, before, after, document)


def _fixed(change: Change) -> Iterator[str]:
    """Problems: what an update cannot change."""
    for member in change.kind.fixed if change.before and change.after else ():
        there, wanted = change.before[member], change.after[member]  # type: ignore[index]
        if there != wanted and change.document:
            place = change.document.place.at((member,))
            yield (
                f"{place}: {change.about}: {member}: {there} cannot become {wanted}; to make it anew, delete it first, "
                "and its data with it"
            )


def _judged(home: Home, changes: Sequence[Change], to_come: set[str]) -> Iterator[str]:
    """Problems: what the API finds wrong with behaviors. Those on a metric that is still to be made wait for it."""
    for change in changes:
        behaviors = change.after.get("behaviors", []) if change.kind is PROFILE and change.after else []
        if behaviors and change.document and not to_come & {behavior.get("metric") for behavior in behaviors}:
            for message in refused_behaviors(home, behaviors):
                yield f"{change.document.place.of(message)}: {change.about}: {safe(message)}"


def refused_behaviors(home: Home, behaviors: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the API finds wrong with behaviors; nothing where it takes them."""
    answer = home.call("validate_security_profile_behaviors", behaviors=behaviors)
    return [] if answer["valid"] else [each["errorMessage"] for each in answer["validationErrors"]]


def _pruned(home: Home, documents: Sequence[Document]) -> Iterator[Change]:
    """What no document names; profiles first, since they use the others."""
    named = {(document.kind.name, document.name) for document in documents}
    for kind in reversed(KINDS.values()):
        for name in names(home, kind):
            if (kind.name, name) not in named and (found := find(home, kind, name)):
                yield Change(kind, name, found, found.body, None)


def _lines(kind: Kind, body: Mapping[str, Any] | None) -> list[str]:
    return [] if body is None else as_yaml({"kind": kind.name, **body}).splitlines()


_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def show_diffs(console: Console, changes: Iterable[Change]) -> None:
    """The changes as people read them."""
    for change in changes:
        for position, line in enumerate(change.diff()):
            say(console, (line, "bold" if position < 2 else _STYLES.get(line[:1], "")))


def counted(found: Plan) -> str:
    """The plan in a line."""
    verbs = {Action.CREATE: "to create", Action.UPDATE: "to change", Action.DELETE: "to delete"}
    counts = [(sum(change.action is action for change in found.changes), verb) for action, verb in verbs.items()]
    said = [f"{count} {verb}" for count, verb in counts if count]
    return ", ".join([*said, f"{found.same} as it shall be"] if found.same else said) + "."
