"""`warden events`: what happened to violations, and, with --follow, what happens."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from rich.console import Console

from warden.cli.detect.violations import filter_options, filters, id_text
from warden.cli.home import Home, Where, home_option, opened
from warden.cli.screen import screen
from warden.cli.shown import Span, examples, say, say_json, show, value_text, when
from warden.control_api.http import REASONS_HEADER

POLL_SECONDS = 2.0

OVERLAP = timedelta(minutes=1)
"""How far each look goes back behind the one before: an event is listed a moment after its time."""

LONG_OVERLAP, LONG_EVERY = timedelta(hours=1), 30
"""How far every thirtieth look goes back: an alert path that was down catches up with events that are minutes old."""

AHEAD = timedelta(days=1)
"""Looked for beyond now: the home's clock need not be this machine's."""

COLOURS = {"in-alarm": "red", "alarm-cleared": "green", "alarm-invalidated": "yellow"}


@click.command(
    "events",
    epilog=examples(
        "warden events --since 24h --profile cameras",
        "warden events --follow",
        "warden events --follow --json | while read -r event; do ...; done",
    ),
)
@filter_options
@home_option
@click.option("--since", type=Span(), default="1h", show_default=True, help="How far to look back: 90s, 30m, 24h, 14d.")
@click.option("--follow", is_flag=True, help="Go on, and print each event as it comes; Ctrl-C ends it.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="As boto3 lists them, with eventId and reason; with --follow one a line, oldest first.",
)
def command(where: Where, since: timedelta, follow: bool, as_json: bool, **given: Any) -> None:
    """List violation events, newest first; with --follow, oldest first and then each new one.

    Exit codes: 0 done, 1 refused, 2 usage, 3 the home does not answer.
    """
    now = _now()
    start = now - min(since, timedelta(days=366))
    with opened(where) as home:
        if follow:
            _follow(home, start, filters(**given), _line(as_json=as_json))
            return
        found = list(_events(home, start, now + AHEAD, filters(**given)))
    if as_json:
        say_json({"violationEvents": found})
    else:
        _show(found)


def _now() -> datetime:
    return datetime.now(UTC)


def _events(home: Home, start: datetime, end: datetime, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """With `eventId`, as EventBridge is told of it, and `reason`, where the home says it."""
    for answer in home.pages("list_violation_events", "violationEvents", startTime=start, endTime=end, **given):
        events = answer["violationEvents"]
        reasons = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get(REASONS_HEADER, "").split(",")
        told = reasons if len(reasons) == len(events) else [""] * len(events)
        for event, reason in zip(events, told, strict=True):
            event_id = f"{event['violationId']}:{event['violationEventType']}"
            yield {**event, "eventId": event_id, **({"reason": reason} if reason else {})}


def followed(
    look: Callable[[datetime], list[dict[str, Any]]], start: datetime, now: Callable[[], datetime]
) -> Iterator[list[dict[str, Any]]]:
    """The events that come, each once, look after look, oldest first.

    The windows overlap, and who was seen is remembered for as long as the longest of them.

    Args:
        look: The events from a time on, newest first, as boto3 lists them.
        start: From when on.
        now: The time.
    """
    seen: dict[tuple[str, str, datetime], None] = {}
    begin, looks = start, 0
    while True:
        latest, looks = now(), looks + 1
        new = {_key(event): event for event in reversed(look(begin)) if _key(event) not in seen}
        seen.update(dict.fromkeys(new))
        yield list(new.values())
        back = LONG_OVERLAP if looks % LONG_EVERY == 0 else OVERLAP
        begin = max(start, latest - back)
        for key in [key for key in seen if key[2] < latest - LONG_OVERLAP - OVERLAP]:
            del seen[key]


def _key(event: dict[str, Any]) -> tuple[str, str, datetime]:
    return event["violationId"], event["violationEventType"], event["violationEventTime"]


def _follow(home: Home, start: datetime, given: dict[str, Any], line: Callable[[dict[str, Any]], None]) -> None:
    quiet = Home(home.iot, lambda _: None)

    def look(begin: datetime) -> list[dict[str, Any]]:
        return list(_events(quiet, begin, _now() + AHEAD, given))

    try:
        for new in followed(look, start, _now):
            for event in new:
                line(event)
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        return


def _line(*, as_json: bool) -> Callable[[dict[str, Any]], None]:
    console = screen()
    return say_json if as_json else lambda event: _print(event, console)


def _print(event: dict[str, Any], console: Console) -> None:
    kind = event["violationEventType"]
    value = value_text(event.get("metricValue"))
    about = f"{event['thingName']}: {event['securityProfileName']} / {event['behavior']['name']}"
    why = event.get("reason", "datapoint")
    more = f"{f', value {value}' if value else ''}{'' if why == 'datapoint' else f', {why}'}"
    more += f"  ({id_text(console, event['violationId'])})"
    say(console, f"{when(event['violationEventTime'])}  ", (f"{kind:<17}", COLOURS.get(kind, "")), f"  {about}{more}")


def _show(found: list[dict[str, Any]]) -> None:
    console = screen()
    rows = [
        (
            when(each["violationEventTime"]),
            each["violationEventType"],
            each["thingName"],
            each["securityProfileName"],
            each["behavior"]["name"],
            value_text(each.get("metricValue")),
            id_text(console, each["violationId"]),
        )
        for each in found
    ]
    columns = ["time (UTC)", "event", "thing", "profile", "behavior", "value", "violation"]
    if not show(console, columns, rows):
        click.echo("No event in this time; --since looks further back.")
