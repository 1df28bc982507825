"""Documents: what a file says there shall be, each with the places that messages name."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from botocore.model import ServiceModel

from warden.cli.files.kinds import KINDS, TARGETS, Kind, canonical, members_of, shape_of
from warden.cli.files.yaml_read import Unreadable, Where, parse
from warden.cli.shown import safe
from warden.control_api.validation import Enough, Problems, Readers, quote
from warden.domain.behaviors.target import ALL_THINGS, ARN, GROUP_NAME, GROUP_PREFIX, REGISTERED, UNREGISTERED

TARGET_FORMS = f"an ARN, {GROUP_PREFIX}NAME, {ALL_THINGS}, {REGISTERED} or {UNREGISTERED}"
_SEGMENT = re.compile(r"\.?([A-Za-z0-9]+)|\[(\d{1,4})\]")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document is.

    Attributes:
        file: Its file.
        lines: The line of each value, by what leads to it; empty where there are no lines.
    """

    file: str
    lines: Mapping[Where, int] = field(default_factory=dict)

    def at(self, where: Where = ()) -> str:
        """`FILE:LINE` of a value, or of the nearest thing around it."""
        while where and where not in self.lines:
            where = where[:-1]
        line = self.lines.get(where)
        return safe(self.file) + (f":{line}" if line else "")

    def of(self, message: str) -> str:
        """`FILE:LINE` of the value that a message of the API begins with: `behaviors[0].criteria.value: …`."""
        path = message.split(":", 1)[0]
        found = list(_SEGMENT.finditer(path))
        if "".join(match[0] for match in found) != path:
            return self.at()
        return self.at(tuple(match[1] or int(match[2]) for match in found))


@dataclass(frozen=True, slots=True)
class Document:
    """What there shall be.

    Attributes:
        kind: Which kind.
        name: Its name.
        body: Its members, canonical; with `targets` and `tags` where something is said of them.
        place: Where it is.
    """

    kind: Kind
    name: str
    body: Mapping[str, Any]
    place: Place

    def __str__(self) -> str:
        return f"{self.kind.name} {safe(self.name)}"


class Reader:
    """Reads documents.

    Args:
        model: boto3's of `iot`, which says what a document has.
    """

    def __init__(self, model: ServiceModel) -> None:
        self._model = model
        readers = Readers()
        self._readers = {
            name: readers.of_members(members_of(kind, model), shape_of(kind, model).required_members)
            for name, kind in KINDS.items()
        }

    def file(self, name: str, data: bytes) -> tuple[list[Document], list[str]]:
        """The documents of a file, and what is wrong with it; each problem begins with its place."""
        try:
            parsed = parse(data)
        except Unreadable as error:
            return [], [f"{safe(name)}:{error.line}: {safe(error.why)}"]
        documents, problems = [], []
        for each in parsed:
            document, found = self.document(each.value, Place(name, each.lines))
            documents += [document] if document else []
            problems += found
        return documents, problems

    def document(self, value: Any, place: Place) -> tuple[Document | None, list[str]]:
        """A document as its value says it, with `kind`, and what is wrong with it."""
        if not isinstance(value, dict):
            return None, [f"{place.at()}: expected a document with `kind`, got {quote(value)}"]
        kind = KINDS.get(value["kind"]) if isinstance(value.get("kind"), str) else None
        if kind is None:
            return None, [f"{place.at(('kind',))}: kind: expected {_one_of(KINDS, value.get('kind'))}"]
        body = {name: each for name, each in value.items() if name != "kind"}
        problems = Problems()
        try:
            read = self._readers[kind.name].read(body, (), problems)
            _check_targets(read.get(TARGETS), problems)
        except Enough:
            read = {}
        told = [f"{place.at(each.where)}: {safe(each)}" for each in problems]
        if told:
            return None, told
        return Document(kind, read[kind.member], canonical(kind, read, self._model), place), []


def twice(documents: Iterable[Document]) -> Iterator[str]:
    """Problems: the documents of which there is one already."""
    first: dict[tuple[str, str], Document] = {}
    for document in documents:
        other = first.setdefault((document.kind.name, document.name), document)
        if other is not document:
            yield f"{document.place.at()}: {document} is in {other.place.at()} already"


def _one_of(names: Iterable[str], given: object) -> str:
    near = get_close_matches(given[:100], names, n=1) if isinstance(given, str) else []
    got = "nothing" if given is None else quote(given)
    return f"{', '.join(names)}, got {got}" + (f" (nearest: {near[0]})" if near else "")


def _check_targets(targets: object, problems: Problems) -> None:
    for position, target in enumerate(targets if isinstance(targets, list) else ()):
        if isinstance(target, str) and not _is_target(target):
            problems.add((TARGETS, position), TARGET_FORMS, quote(target))


def _is_target(text: str) -> bool:
    match = ARN.fullmatch(text)
    resource = match["resource"] if match else text
    if resource in (ALL_THINGS, REGISTERED, UNREGISTERED):
        return True
    return resource.startswith(GROUP_PREFIX) and bool(GROUP_NAME.fullmatch(resource.removeprefix(GROUP_PREFIX)))
