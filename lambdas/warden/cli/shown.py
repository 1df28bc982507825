"""How values of the API are shown to people, and as JSON; what devices and people named cannot act on a terminal."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from warden.cli.screen import table

SHOWN_ELEMENTS = 6
"""Of a list, in a table; JSON has them all."""

NEVER_BROKEN = ("id", "violation", "event", "protocol")
"""Headers of columns whose cells stay on one line, as times do."""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def safe(text: object) -> str:
    """A text on one line, in which what a terminal would obey or hide is written as an escape."""
    plain = str(text)
    if plain.isprintable():
        return plain
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in plain)


def when(time: datetime | None) -> str:
    """A time, in UTC, to the second."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if time else ""


def value_text(value: Mapping[str, Any] | None) -> str:
    """A MetricValue, without the name of its member."""
    return "; ".join(_elements(each) for each in (value or {}).values())


def _elements(value: object) -> str:
    if not isinstance(value, list):
        return safe(f"{value:.12g}" if isinstance(value, float) else value)
    more = f", … ({len(value)})" if len(value) > SHOWN_ELEMENTS else ""
    return (", ".join(_elements(each) for each in value[:SHOWN_ELEMENTS]) or "none") + more


def criteria_text(behavior: Mapping[str, Any]) -> str:
    """What a behavior says is normal, in AWS's words."""
    criteria = behavior.get("criteria")
    if criteria is None:
        return "kept, not judged"
    words = [criteria.get("comparisonOperator", ""), value_text(criteria.get("value"))]
    if model := criteria.get("mlDetectionConfig"):
        words = ["ML", model.get("confidenceLevel", "")]
    elif threshold := criteria.get("statisticalThreshold"):
        words.append(threshold.get("statistic", ""))
    if seconds := criteria.get("durationSeconds"):
        words.append(f"in {seconds} s")
    for member, verb in (("consecutiveDatapointsToAlarm", "alarm"), ("consecutiveDatapointsToClear", "clear")):
        if criteria.get(member, 1) != 1:
            words.append(f"({verb} after {criteria[member]})")
    return safe(" ".join(filter(None, words)))


def show(console: Console, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Print a table; on a terminal, what does not fit goes on in the next line of its cell. Never what people copy or
    look for: times, ids, the kind of an event.

    Returns: How many rows it has.
    """
    lines = table(console, *columns)
    for column in lines.columns:
        header = str(column.header)
        column.no_wrap, column.overflow = "(UTC)" in header or header in NEVER_BROKEN, "fold"
        column.min_width = max(map(len, header.split()), default=0)
    for row in rows:
        lines.add_row(*(Text(safe(cell)) for cell in row))
    if lines.row_count:
        console.print(lines, soft_wrap=not console.is_terminal)
    return lines.row_count


def say(console: Console, *parts: str | tuple[str, str]) -> None:
    """Print one line of parts, each as it is or with a style."""
    pairs = [(part, "") if isinstance(part, str) else part for part in parts]
    console.print(Text.assemble(*((safe(text), style) for text, style in pairs)), soft_wrap=True)


def say_json(value: object) -> None:
    """Print a value as one line of JSON."""
    click.echo(as_json(value))


def as_json(value: object, *, indent: int | None = None) -> str:
    """A value as JSON in ASCII; times in ISO 8601."""
    return json.dumps(value, default=_moment, indent=indent)


def _moment(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    raise TypeError(f"no JSON for a {type(value).__name__}")


def examples(*lines: str) -> str:
    """A command's epilog that shows how it is used."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


class Span(click.ParamType[timedelta]):
    """How long ago: `90s`, `30m`, `24h`, `14d`."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """See click."""
        if isinstance(value, timedelta):
            return value
        match = re.fullmatch(r"(\d{1,6})([smhd])", value, re.ASCII)
        if match is None:
            self.fail(f"expected a number with s, m, h or d, such as 30m or 14d, got {value!r}", param, ctx)
        return timedelta(**{_UNITS[match[2]]: int(match[1])})
