"""What can happen to an account: the words in which a history is written down."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

Behavior = Mapping[str, Any]
"""A behavior as the API takes it."""

Body = Mapping[str, Any]
"""What a report says, beside its header: `metrics` and `custom_metrics`."""


@dataclass(frozen=True)
class Happening:
    """Something happens at `now`, epoch ms; whatever it calls for is done before anything else happens."""

    now: int

    def __str__(self) -> str:
        said = (f"{field.name}={getattr(self, field.name)!r}" for field in fields(self) if field.name != "now")
        return f"{type(self).__name__}({', '.join(said)})"


@dataclass(frozen=True)
class ProfilePut(Happening):
    """A profile is created, or says something else from now on."""

    profile: str
    behaviors: tuple[Behavior, ...]


@dataclass(frozen=True)
class ProfileDeleted(Happening):
    profile: str


@dataclass(frozen=True)
class Attached(Happening):
    """A profile is attached to a target: `all/things`, `thinggroup/NAME`."""

    profile: str
    target: str


@dataclass(frozen=True)
class Detached(Happening):
    profile: str
    target: str


@dataclass(frozen=True)
class MetricDefined(Happening):
    """A custom metric is created; deleted where it has no type."""

    metric: str
    type: str | None


@dataclass(frozen=True)
class ThingChanged(Happening):
    """The registry has a thing in some groups, or, without an id, does not have it any more. Nobody is told."""

    thing: str
    thing_id: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class GroupMoved(Happening):
    """A thing group has another parent, or none. Nobody is told."""

    group: str
    parent: str | None


@dataclass(frozen=True)
class Asked(Happening):
    """The registry is asked about a thing; its answer is on its way."""

    thing: str


@dataclass(frozen=True)
class Heard(Happening):
    """What the registry answered about a thing at `asked_at` is heard."""

    thing: str
    asked_at: int


@dataclass(frozen=True)
class Reported(Happening):
    """A report arrived at `at`, and is handed to an evaluator now.

    Attributes:
        again: Whether its sender says that it may have sent it before.
    """

    thing: str
    report_id: int
    body: Body
    at: int
    again: bool = False


@dataclass(frozen=True)
class Crossed(Happening):
    """Two evaluators have a report of one thing each. The second one appends its entry right before the first does; or
    afterwards, where the first has none to append."""

    first: Reported
    second: Reported


@dataclass(frozen=True)
class AtOnce(Happening):
    """Some things happen, one after the other, before anything is done that the first of them calls for."""

    all: tuple[Happening, ...]


@dataclass(frozen=True)
class Waited(Happening):
    """Time has passed until now.

    Attributes:
        swept: Whether the sweeper looks at what is due by now; else only after the next happening.
        expired: Whether the table drops what has expired.
    """

    swept: bool = True
    expired: bool = False
